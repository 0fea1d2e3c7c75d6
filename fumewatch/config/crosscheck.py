"""What no single table can know: names that must be one of a kind, or must exist elsewhere.

Checks run on every item that is right in itself, whatever is wrong with the others, so that all
faults are told at once.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from fumewatch.config.positions import Path
from fumewatch.config.source import Source, closest
from fumewatch.core.limit import LimitProfile
from fumewatch.core.rules import Rule

_NAME_KEYS: Final = {"limit": "name", "rule": "id", "receiver": "name"}


def check(source: Source) -> None:
    for section, key in _NAME_KEYS.items():
        _one_of_a_kind(source, section, key)
    _rules_have_limits(source)
    _routes_lead_somewhere(source)
    _something_is_done(source)


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
    known = {section: [name for _, name in _names(source, section)] for section in _NAME_KEYS}
    for index, route in enumerate(_items(source, "route")):
        if not isinstance(route, dict):
            continue
        match = route.get("match")
        rules = match.get("rule") if isinstance(match, dict) else None
        _exist(source, ("route", index, "receiver"), route.get("receiver"), known["receiver"])
        _exist(source, ("route", index, "match", "rule"), rules, known["rule"])
    _every_route_is_reached(source)


def _exist(source: Source, path: Path, wanted: Any, known: list[str]) -> None:
    """`wanted` is a name or a list of names of what the last key of the path calls it."""
    for name in wanted if isinstance(wanted, list) else [wanted]:
        if isinstance(name, str) and name not in known:
            hint = closest(name, known) or f"; add a [[{path[-1]}]]"
            source.fault(path, f"no {path[-1]} is named {name!r}{hint}")


def _every_route_is_reached(source: Source) -> None:
    taken_by = None
    for index, route in enumerate(_items(source, "route")):
        if taken_by is not None:
            line = source.where(("route", taken_by)).rpartition(":")[2]
            source.warn(("route", index), f"never reached: the route in line {line} takes all")
        elif isinstance(route, dict) and not route.get("match") and not route.get("continue"):
            taken_by = index


def _something_is_done(source: Source) -> None:
    if not _items(source, "rule"):
        source.warn((), "no [[rule]]: readings are stored, and nothing is ever warned of")
    elif not _items(source, "route"):
        source.warn((), "no [[route]]: alerts show on the page, and nobody is sent any")
