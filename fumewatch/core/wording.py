"""Wording: what a notification says, in Chinese and English, to act on without opening anything.

A text is made of templates over facts that are already words. A fact that is not known is absent,
and a template that needs it is passed over: the next headline is taken, or the line is left out.
Online values are early warnings, never proof, and no text here says otherwise.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Protocol
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Reason, Transition
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.site import Place
from fumewatch.core.words import EN, ZH, Language, Words

Facts = dict[str, str]

MOST_EVIDENCE: Final = 8192
"""Bytes of JSON that a notification's evidence may take; the store keeps all of it."""
LONGEST_NAME: Final = 80
_MINUTE: Final = timedelta(minutes=1)
_DAY_MINUTES: Final = 24 * 60


class SpokenRule(Protocol):
    """What a rule says of itself."""

    def title(self, language: Language) -> str: ...

    def checks(self, language: Language) -> Sequence[str]:
        """What to look at on site."""
        ...


def message(
    transition: Transition,
    place: Place,
    *,
    rule: SpokenRule | None,
    base_url: str,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """The body of the contract, but for "key" and "transition", which the outbox's writer adds.

    `rule`: None where it is no longer in force. `zone`: for sites that have none of their own.
    The first line of each text is its headline.
    """
    alert = transition.alert
    case = _Case(transition, place, rule, _link(base_url, alert), _zone(place, zone))
    return {
        "id": str(alert.id),
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "state": alert.state.value,
        "reason": transition.reason.value,
        "monitor": one_line(place.code),
        "district": one_line(place.district),
        "site": one_line(place.site),
        "street": one_line(place.street),
        "address": one_line(place.address),
        "value": _finite(alert.value),
        "limit": _finite(alert.limit),
        "opened_at": alert.opened_at.isoformat(),
        "at": transition.at.isoformat(),
        "evidence": trim(alert.evidence),
        "link": case.link,
        "text": {"zh": _text(case, ZH), "en": _text(case, EN)},
    }


@dataclass(frozen=True, slots=True)
class _Case:
    transition: Transition
    place: Place
    rule: SpokenRule | None
    link: str
    zone: ZoneInfo

    @property
    def alert(self) -> Alert:
        return self.transition.alert

    @property
    def stage(self) -> str:
        """What the words are chosen by: the state, or how it came to its end."""
        match self.transition.reason:
            case Reason.RULE_REMOVED:
                return "removed"
            case Reason.CLEARED_EARLY:
                return "unfired"
            case _:
                return self.alert.state.value


def _text(case: _Case, words: Words) -> str:
    facts = _facts(case, words)
    stage = case.stage
    tag = words.tags[case.alert.severity.value if stage == "firing" else stage]
    said = (_name(case, facts), _first(words.headlines(case.alert.kind, stage), facts))
    lines = [_first(templates, facts) for templates in words.lines[stage]]
    told = words.comma.join(filter(None, said))
    headline = words.headline.format(tag=tag, who=facts["who"], said=told)
    return "\n".join([headline, *filter(None, lines)])


def _name(case: _Case, facts: Facts) -> str:
    """What the rule is called, where a value above a level does not say what it is a sign of."""
    says_more = case.alert.kind == "threshold" and _level(case.alert) == "level"
    says_it_anyway = case.stage in ("unfired", "removed") or "channel" not in facts
    return facts.get("title", "") if says_more and not says_it_anyway else ""


def _first(templates: Iterable[str], facts: Facts) -> str:
    """The first that can be said with these facts, or nothing."""
    for template in templates:
        try:
            return template.format_map(facts)
        except KeyError:
            continue
    return ""


def _facts(case: _Case, words: Words) -> Facts:
    facts = {
        "rule": one_line(case.alert.rule),
        "title": one_line(case.rule.title(words.code)) if case.rule else "",
        "link": case.link,
        **_place(case, words),
        **_times(case, words),
        **_measured(case.alert, words),
        **_kind(case, words),
        "skipped": _channels(case.alert.evidence.get("skipped"), words),
        "checks": _listed(case.rule.checks(words.code), words) if case.rule else "",
    }
    return {name: fact for name, fact in facts.items() if fact}


def _place(case: _Case, words: Words) -> Facts:
    place = case.place
    monitor = one_line(place.code)
    if not place.is_assigned:
        who = words.stray.format(monitor=monitor)
        return {"who": who, "monitor": monitor, "district": one_line(place.district) or "-"}
    street = " ".join(filter(None, map(one_line, (place.street, place.address))))
    others = [site for site in place.sites if site != place.site]
    return {
        "who": one_line(place.site) or monitor,
        "monitor": monitor,
        "where": words.comma.join(filter(None, (street, one_line(place.outlet)))) or "-",
        "others": _listed(others, words),
    }


def _times(case: _Case, words: Words) -> Facts:
    """To when the breach was last seen: before an alert is over, values may have been missing."""
    alert = case.alert
    end = case.transition.at if alert.is_open else alert.breached_at
    lasted = end - alert.opened_at
    return {
        "since": _clock(alert.opened_at, end, case.zone),
        "until": _clock(end, alert.opened_at, case.zone, is_later=True),
        "lasted": words.duration(lasted) if case.stage != "firing" or lasted >= _MINUTE else "",
    }


def _measured(alert: Alert, words: Words) -> Facts:
    """The value against its bound, in the channel's unit; a share in per cent."""
    evidence = alert.evidence
    unit = _unit(evidence.get("channel"))
    peak = _number(evidence.get("peak"))
    facts = {
        "channel": _channels([evidence.get("channel")], words),
        "statistic": words.statistics.get(str(evidence.get("statistic")), ""),
        "window": _window(evidence.get("window"), words),
        "bound": words.bounds[_level(alert)],
        "beyond": words.beyond["below" if alert.value < alert.limit else "above"],
    }
    if evidence.get("statistic") == "share":
        return facts | {
            "share": _percent(alert.value),
            "share_limit": _percent(alert.limit),
            "share_peak": _percent(peak),
            "share_above": show_number(_number(evidence.get("share_above")), unit),
        }
    value, limit = show_pair(alert.value if alert.is_open else peak, alert.limit, unit)
    return facts | {"value": value, "limit": limit, "peak": value}


def _window(window: Any, words: Words) -> str:
    """From the start of its first minute to now, in whole minutes."""
    if not isinstance(window, Mapping):
        return ""
    start, end = _instant(window.get("from")), _instant(window.get("to"))
    return words.duration(-((start - end) // _MINUTE) * _MINUTE) if start and end else ""


def _level(alert: Alert) -> Literal["limit", "level"]:
    """Whether the value was held against the profile's limit itself or a level of the rule's."""
    sides = ("below", "above") if alert.value < alert.limit else ("above", "below")
    found = filter(None, map(alert.evidence.get, (*sides, "reaches")))
    return "limit" if next(found, "limit") in ("limit", "1 * limit") else "level"


def _kind(case: _Case, words: Words) -> Facts:
    """What only one kind of rule has to say."""
    match case.alert.kind:
        case "linkage":
            return _of_linkage(case.alert, words)
        case "absence":
            return _of_absence(case, words)
        case "trend":
            return _of_trend(case, words)
        case _:
            return {}


def _of_linkage(alert: Alert, words: Words) -> Facts:
    return {
        "minutes_off": _minutes(alert.value, words),
        "peak_off": _minutes(_number(alert.evidence.get("peak")), words),
    }


def _of_absence(case: _Case, words: Words) -> Facts:
    """The silence up to now; where the monitor is back, the longest that was seen."""
    alert, at = case.alert, case.transition.at
    names = ("last_measured", "last_heartbeat", "last_will")
    last, beat, will = (_instant(alert.evidence.get(name)) for name in names)
    alive = max(filter(None, (last, beat)), default=None)
    longest = _number(alert.evidence.get("peak")) if case.stage == "resolved" else alert.value
    silent = _minutes(longest, words)
    return {
        "last_reading": _clock(last, at, case.zone) if last else "",
        "last_heartbeat": _clock(beat, at, case.zone) if beat else "",
        "last_will": _clock(will, at, case.zone) if will and (not alive or will > alive) else "",
        "silent": silent,
        "silent_till_beat": silent if _only_beats(alert) else "",
        "vendor": one_line(case.place.vendor),
    }


def _only_beats(alert: Alert) -> bool:
    """A heartbeat ended the silence: no reading has come since."""
    cleared = alert.evidence.get("cleared")
    if not isinstance(cleared, Mapping) or not _instant(cleared.get("last_heartbeat")):
        return False
    return cleared.get("last_measured") == alert.evidence.get("last_measured")


def _of_trend(case: _Case, words: Words) -> Facts:
    evidence, at = case.alert.evidence, case.transition.at
    unit = _unit(evidence.get("channel"))
    minutes = _number(evidence.get("minutes_to_limit"))
    ahead = timedelta(minutes=max(minutes, 1)) if 0 <= minutes < _DAY_MINUTES else None
    return {
        "now": show_number(_number(evidence.get("now")), unit),
        "slope": show_number(_number(evidence.get("slope_per_hour")), unit),
        "reaches_at": _clock(at + ahead, at, case.zone, is_later=True) if ahead is not None else "",
        "reaches_in": words.duration(ahead) if ahead is not None else "",
    }


def _listed(parts: Iterable[str], words: Words) -> str:
    return one_line(words.list_comma.join(map(one_line, parts)), 4 * LONGEST_NAME)


def _channels(names: Any, words: Words) -> str:
    known = [CHANNELS[INDEX[str(name)]] for name in names or () if str(name) in INDEX]
    return words.list_comma.join(c.zh if words is ZH else c.en for c in known)


def _unit(channel: Any) -> str:
    return CHANNELS[INDEX[str(channel)]].unit if str(channel) in INDEX else ""


def _link(base_url: str, alert: Alert) -> str:
    return f"{base_url.rstrip('/')}/alerts/{alert.id}" if base_url else ""


def _zone(place: Place, otherwise: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(place.hours.zone) if place.hours else otherwise


def _clock(at: datetime, other: datetime, zone: ZoneInfo, *, is_later: bool = False) -> str:
    """11-23 12:05 on the site's clock; with the year where it differs from the other time's.

    The end of a span on the day of its beginning is 12:40 only.
    """
    local, beside = at.astimezone(zone), other.astimezone(zone)
    if local.year != beside.year:
        return f"{local:%Y-%m-%d %H:%M}"
    if is_later and local.date() == beside.date():
        return f"{local:%H:%M}"
    return f"{local:%m-%d %H:%M}"


def _instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def _number(value: Any) -> float:
    """NaN for what is not a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _minutes(value: float, words: Words) -> str:
    return words.duration(timedelta(minutes=value)) if math.isfinite(value) else ""


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%" if math.isfinite(share) else ""


def show_number(value: float, unit: str, decimals: int | None = None) -> str:
    """0.82 mg/m³, 12.3 A, 250 °C; nothing for what is not a number."""
    if not math.isfinite(value):
        return ""
    if decimals is None:
        decimals = _decimals(value)
    return f"{value:.{decimals}f} {unit}".strip()


def show_pair(value: float, limit: float, unit: str) -> tuple[str, str]:
    """Both to the same place, and to as many as tell them apart: 1.004 against 1.000."""
    if not (math.isfinite(value) and math.isfinite(limit)):
        return show_number(value, unit), show_number(limit, unit)
    least = min(_decimals(value), _decimals(limit))
    for decimals in range(least, least + 3):
        shown = show_number(value, unit, decimals), show_number(limit, unit, decimals)
        if shown[0] != shown[1]:
            break
    return shown


def _decimals(value: float) -> int:
    return 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0


def one_line(text: str, longest: int = LONGEST_NAME) -> str:
    """Made fit for a line of a text, a page, a log or a header: no control characters in it."""
    if len(text) <= longest and text.isprintable():
        return " ".join(text.split())
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * longest]).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def trim(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Evidence as JSON of at most MOST_EVIDENCE bytes: of long lists the last, newest entries."""
    for longest in (120, 30, 5):
        trimmed: dict[str, Any] = _plain(evidence, longest, depth=4)
        if len(json.dumps(trimmed, ensure_ascii=False).encode()) <= MOST_EVIDENCE:
            return trimmed
    return {"cut": f"more than {MOST_EVIDENCE} bytes; see the alert's page"}


def _plain(value: Any, longest: int, depth: int) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return one_line(value, 200)
    if isinstance(value, float):
        return _finite(value)
    if value is None or isinstance(value, bool | int):
        return value
    if depth and isinstance(value, Mapping):
        some = list(value.items())[:longest]
        return {one_line(str(k)): _plain(v, longest, depth - 1) for k, v in some}
    if depth and isinstance(value, list | tuple):
        return [_plain(item, longest, depth - 1) for item in value[-longest:]]
    return one_line(str(value), 200)
