"""What no single table can know: names that must be one of a kind, or must exist elsewhere.

Checks run on every item that is right in itself, whatever is wrong with the others, so that all
faults are told at once.
"""

from collections.abc import Iterator
from datetime import date
from typing import Final

from pydantic import ValidationError

from fumewatch.config import doubts, routing_checks
from fumewatch.config.profiles import ProfileSettings
from fumewatch.config.source import Source, closest
from fumewatch.config.tree import LoginSettings, WebSettings
from fumewatch.core.decode.profile import Match, Profile
from fumewatch.core.limit import LimitProfile
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import PatternRule, Rule
from fumewatch.core.rules.terms import Level
from fumewatch.core.topic import Pattern, fill
from fumewatch.mqtt import MqttSettings

_NAME_KEYS: Final = {
    "profile": "name",
    "limit": "name",
    "class": "name",
    "rule": "id",
    "receiver": "name",
    "escalation": "name",
    "digest": "name",
}
_PAIRS: Final = (
    ("clear_below", "above", 1),
    ("clear_below", "reaches", 1),
    ("clear_above", "below", -1),
)
"""(where a firing alert clears, where it fires, on which side clearing must not lie)"""


def check(source: Source, today: date | None = None) -> None:
    """`today`: None where neither what time has made doubtful matters, nor what is only advised."""
    for section, key in _NAME_KEYS.items():
        _one_of_a_kind(source, section, key)
    _answers_go_elsewhere(source)
    _every_profile_is_reached(source)
    doubts.check(source, today)
    _rules_can_fire_and_clear(source)
    _patterns_read_what_there_is(source)
    routing_checks.check(source, advise=today is not None)
    _strangers_stay_out(source)
    _something_is_done(source)


def _names(source: Source, section: str) -> list[tuple[int, str]]:
    key = _NAME_KEYS[section]
    return [
        (index, item[key])
        for index, item in enumerate(source.items(section))
        if isinstance(item, dict) and isinstance(item.get(key), str)
    ]


def _one_of_a_kind(source: Source, section: str, key: str) -> None:
    first: dict[str, int] = {}
    for index, name in _names(source, section):
        if name in first:
            before = source.where((section, first[name], key)).rpartition(":")[2]
            source.fault((section, index, key), f"{name!r} is taken by line {before} already")
        first.setdefault(name, index)


def _answers_go_elsewhere(source: Source) -> None:
    """Nobody is answered where we ourselves read."""
    mqtt = source.values.get("mqtt")
    common = mqtt.get("topic") if isinstance(mqtt, dict) else None
    for index, profile in source.valid("profile", ProfileSettings):
        topics = (profile.topic, common if isinstance(common, str) else MqttSettings().topic)
        if profile.downlink and any(_takes(topic, profile.downlink) for topic in topics if topic):
            what = f"{profile.downlink!r} is a topic that we read ourselves; answers need another"
            source.fault(("profile", index, "downlink"), what)


def _takes(topic: str, downlink: str) -> bool:
    try:
        pattern = Pattern.parse(topic, names_monitor=False)
    except ValueError:
        return False  # told already
    return pattern.match(fill(downlink, "district", "monitor") or "") is not None


def _every_profile_is_reached(source: Source) -> None:
    """An earlier one of the same topic takes all that the later one would, or just the same."""
    before: list[tuple[int, Profile]] = []
    for index, profile in source.valid("profile", ProfileSettings):
        for earlier, other in before:
            if other.topic == profile.topic and other.match in (Match(), profile.match):
                line = source.where(("profile", earlier)).rpartition(":")[2]
                what = f"never reached: the profile in line {line} takes all that it would"
                source.warn(("profile", index), what)
                break
        before.append((index, profile))


def _rules_can_fire_and_clear(source: Source) -> None:
    profiles = [profile for _, profile in source.valid("limit", LimitProfile)]
    for index, rule in source.valid("rule", Rule):
        found = {name: getattr(rule, name) for name in type(rule).model_fields}
        levels = {name: level for name, level in found.items() if isinstance(level, Level)}
        limits = [profile.of(getattr(rule, "channel", "")) for profile in profiles]
        known = [limit for limit in limits if limit is not None]
        for name, what in (
            *_without_a_limit(rule, levels, known),
            *_never_reached(rule, levels, known),
            *_never_clear(levels, known),
        ):
            source.fault(("rule", index, name), what)


def _without_a_limit(
    rule: Rule, levels: dict[str, Level], limits: list[float]
) -> Iterator[tuple[str, str]]:
    for name, level in levels.items():
        if level.of_limit and not limits:
            channel = getattr(rule, "channel", "")
            yield name, f"no [[limit]] has a limit for {channel}; add one or write a number"


def _never_reached(
    rule: Rule, levels: dict[str, Level], limits: list[float]
) -> Iterator[tuple[str, str]]:
    """Values beyond a channel's plausible range are not judged, and a share is at most 1."""
    if "channel" not in type(rule).model_fields:
        return
    channel = CHANNELS[INDEX[getattr(rule, "channel", "")]]
    for name in ("above", "share_above", "reaches"):
        is_share = name == "above" and "share_above" in levels
        most = 1.0 if is_share else channel.high
        of = "a share" if is_share else channel.name
        if name in levels and _number(levels[name], min(limits, default=0.0)) >= most:
            yield name, f"is never passed: {of} is judged up to {most:g}"
    if "below" in levels and _number(levels["below"], max(limits, default=1e9)) <= channel.low:
        yield "below", f"is never passed: {channel.name} is judged from {channel.low:g} on"


def _never_clear(levels: dict[str, Level], limits: list[float]) -> Iterator[tuple[str, str]]:
    """Levels at which a firing alert would clear while its breach goes on."""
    for clear, fires, sign in _PAIRS:
        if clear not in levels or fires not in levels:
            continue
        is_mixed = levels[clear].of_limit != levels[fires].of_limit
        for limit in limits or [1.0]:
            if (_number(levels[clear], limit) - _number(levels[fires], limit)) * sign > 0:
                side = "above" if sign > 0 else "below"
                where = f" where the limit is {limit:g}" if is_mixed else ""
                yield clear, f"{levels[clear]} lies {side} `{fires}` = {levels[fires]}{where}"
                break


def _patterns_read_what_there_is(source: Source) -> None:
    """Rules whose alerts a rule reads: they exist, and do not themselves read alerts."""
    names = [name for _, name in _names(source, "rule")]
    rules = dict(source.valid("rule", Rule))
    patterns = {rule.id for rule in rules.values() if isinstance(rule, PatternRule)}
    for index, rule in rules.items():
        for name in rule.named if isinstance(rule, PatternRule) else ():
            if name not in names:
                hint = closest(name, names) or "; add a [[rule]]"
                source.fault(("rule", index, "rules"), f"no rule is named {name!r}{hint}")
            elif name in patterns:
                what = f"{name!r} reads alerts itself; name rules that read readings or days"
                source.fault(("rule", index, "rules"), what)


def _number(level: Level, limit: float) -> float:
    return level.number * limit if level.of_limit else level.number


def _strangers_stay_out(source: Source) -> None:
    """Without a login everybody may read who reaches the pages."""
    try:
        login = LoginSettings.model_validate(source.values.get("login", {}))
        web = WebSettings.model_validate(source.values.get("web", {}))
    except ValidationError:
        return  # told already
    if not login.required and not web.is_of_this_machine:
        what = (
            "false is only for pages that nobody else reaches: listen and public_url must be of"
            " 127.0.0.1, ::1 or localhost; make users with `fumewatch user add` instead"
        )
        source.fault(("login", "required"), what)


def _something_is_done(source: Source) -> None:
    if not source.items("rule"):
        source.warn((), "no [[rule]]: readings are stored, and nothing is ever warned of")
    elif not source.items("route"):
        source.warn((), "no [[route]]: alerts show on the page, and nobody is sent any")
