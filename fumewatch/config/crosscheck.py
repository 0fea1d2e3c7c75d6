"""What no single table can know: names that must be one of a kind, or must exist elsewhere.

Checks run on every item that is right in itself, whatever is wrong with the others, so that all
faults are told at once.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from fumewatch.config.source import Source, closest
from fumewatch.core.limit import LimitProfile
from fumewatch.core.rules import Rule

_NAME_KEYS: Final = {"limit": "name", "rule": "id", "receiver": "name"}


def check(source: Source) -> None:
    for section, key in _NAME_KEYS.items():
        _one_of_a_kind(source, section, key)
    _rules_have_limits(source)
    _routes_lead_somewhere(source)


def _names(source: Source, section: str) -> list[tuple[int, str]]:
    key = _NAME_KEYS[section]
    return [
        (index, item[key])
        for index, item in enumerate(_items(source, section))
        if isinstance(item, dict) and isinstance(item.get(key), str)
    ]


def _items(source: Source, section: str) -> list[Any]:
    items = source.values.get(section)
    return items if isinstance(items, list) else []


def _valid(source: Source, section: str, shape: Any) -> Iterator[tuple[int, Any]]:
    adapter: TypeAdapter[Any] = TypeAdapter(shape)
    for index, item in enumerate(_items(source, section)):
        try:
            yield index, adapter.validate_python(item)
        except ValidationError:
            continue  # told already


def _one_of_a_kind(source: Source, section: str, key: str) -> None:
    first: dict[str, int] = {}
    for index, name in _names(source, section):
        if name in first:
            before = source.where((section, first[name], key)).rpartition(":")[2]
            source.fault((section, index, key), f"{name!r} is taken by line {before} already")
        first.setdefault(name, index)


def _rules_have_limits(source: Source) -> None:
    profiles = [profile for _, profile in _valid(source, "limit", LimitProfile)]
    for index, rule in _valid(source, "rule", Rule):
        for key, channel in _limits_used(rule, source.at(("rule", index))):
            if not any(profile.of(channel) is not None for profile in profiles):
                source.fault(
                    ("rule", index, key),
                    f"no [[limit]] has a limit for {channel}; add one or write a number",
                )


def _limits_used(rule: Any, raw: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(key, channel) for every value of a rule that is written with "limit"."""
    channel = getattr(rule, "channel", None)
    if channel is None:
        return
    for key, value in raw.items():
        if key not in ("id", "kind", "title") and isinstance(value, str) and "limit" in value:
            yield key, str(channel)


def _routes_lead_somewhere(source: Source) -> None:
    receivers = [name for _, name in _names(source, "receiver")]
    rules = [name for _, name in _names(source, "rule")]
    for index, route in enumerate(_items(source, "route")):
        if not isinstance(route, dict):
            continue
        name = route.get("receiver")
        if isinstance(name, str) and name not in receivers:
            hint = closest(name, receivers) or "; add a [[receiver]]"
            source.fault(("route", index, "receiver"), f"no receiver {name!r}{hint}")
        match = route.get("match")
        _rules_exist(source, index, match.get("rule") if isinstance(match, dict) else None, rules)


def _rules_exist(source: Source, index: int, wanted: Any, rules: list[str]) -> None:
    for rule in [wanted] if isinstance(wanted, str) else wanted if isinstance(wanted, list) else []:
        if isinstance(rule, str) and rule not in rules:
            source.fault(
                ("route", index, "match", "rule"), f"no rule {rule!r}{closest(rule, rules)}"
            )
