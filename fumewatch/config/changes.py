"""What differs between two configurations, and which of it takes effect at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from fumewatch.config.tree import Config
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.duration import show
from fumewatch.core.phrases import one_line

RESTART: Final = ("zone", "mqtt", "database", "ingest", "web.listen", "web.trusted_proxies")
"""What a running daemon cannot change: its day, its connections, its inbox, its port; and that a
login is required: until then others than the new configuration says may reach the pages."""
LONGEST_VALUE: Final = 80
_NAMES: Final = ("id", "name")


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: rule "exceedance": above, or [mqtt] url. `how`: 1 * limit → 0.9 * limit, or added."""

    what: str
    how: str

    def __str__(self) -> str:
        return f"{self.what} {self.how}"


def between(old: Config, new: Config) -> tuple[Change, ...]:
    """In the order of the options; none where both say the same. No secret is shown."""
    return tuple(
        change
        for name, field in Config.model_fields.items()
        for change in _of_section(field.alias or name, getattr(old, name), getattr(new, name))
    )


def applicable(now: Config, wanted: Config) -> Config:
    """`wanted`, but for what takes effect only after a restart: there it says what `now` does."""
    web = {"listen": now.web.listen, "trusted_proxies": now.web.trusted_proxies}
    login = {"required": now.login.required or wanted.login.required}
    hours = BusinessHours(wanted.business_hours.spans, now.business_hours.zone)
    kept = {name: getattr(now, name) for name in RESTART if "." not in name}
    return wanted.model_copy(
        update=kept
        | {
            "web": wanted.web.model_copy(update=web),
            "login": wanted.login.model_copy(update=login),
            "business_hours": hours,
        }
    )


def _of_section(section: str, old: Any, new: Any) -> Iterator[Change]:
    items = [item for side in (old, new) if isinstance(side, tuple) for item in side]
    if items and all(isinstance(item, BaseModel) for item in items):
        yield from (_of_named if _name(items[0]) else _of_unnamed)(section, old, new)
    elif isinstance(old, BaseModel):
        yield from _fields(old, new, f"[{section}] ")
    else:
        yield from _value(old, new, section)


def _of_named(section: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    """Of [[rule]] and the like: by name, wherever it stands."""
    before = {_name(item): item for item in old}
    after = {_name(item): item for item in new}
    for name in {**before, **after}:
        label = f'{section} "{name}"'
        if name not in after:
            yield Change(label, "removed")
        elif name not in before:
            yield Change(label, "added")
        else:
            yield from _fields(before[name], after[name], f"{label}: ")
    yield from _reordered(section, list(before), list(after))


def _of_unnamed(section: str, old: Sequence[Any], new: Sequence[Any]) -> Iterator[Change]:
    """Of [[route]]: an item that is not just the same is another one."""
    for items, others, how in ((old, new, "removed"), (new, old, "added")):
        for place, item in enumerate(items, 1):
            if item not in others:
                yield Change(f"{section} {place}", f"{how}: {_table(item)}")
    yield from _reordered(section, list(old), list(new))


def _reordered(section: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    """The first that fits may win, so their order is part of what they say."""
    if [item for item in old if item in new] != [item for item in new if item in old]:
        yield Change(section, "in another order")


def _fields(old: Any, new: Any, prefix: str) -> Iterator[Change]:
    """Of two tables, `prefix` before each key; of another kind, they have little in common."""
    if type(old) is not type(new):
        yield Change(f"{prefix}kind", f"{old.kind} → {new.kind}")
        return
    for key, field in type(old).model_fields.items():
        name = f"{prefix}{field.alias or key}"
        if field.repr:
            yield from _value(getattr(old, key), getattr(new, key), name)
        elif getattr(old, key) != getattr(new, key):
            yield Change(name, "changed")


def _value(old: Any, new: Any, name: str) -> Iterator[Change]:
    """A change for each value that differs, down to those that are no tables."""
    if old == new or (isinstance(old, BusinessHours) and old.spans == new.spans):
        return  # the hours know the zone, which has a line of its own
    if isinstance(old, BaseModel) and isinstance(new, BaseModel):
        yield from _fields(old, new, f"{name}.")
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _value(old.get(key), new.get(key), f"{name}.{key}")
    else:
        yield Change(name, _from_to(old, new))


def _from_to(old: Any, new: Any) -> str:
    if isinstance(old, SecretStr) or isinstance(new, SecretStr):
        return "changed"
    if isinstance(old, BaseModel) or isinstance(new, BaseModel):
        return "added" if old is None else "removed"
    return f"{_shown(old)} → {_shown(new)}"


def _table(item: BaseModel) -> str:
    """What is given of it, as TOML has it in one line."""
    given = item.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return ", ".join(f"{key} = {_shown(value)}" for key, value in given.items())


def _shown(value: Any) -> str:
    match value:
        case None:
            return "unset"
        case bool():
            return str(value).lower()
        case float():
            return repr(value).removesuffix(".0")
        case timedelta():
            return show(value)
        case str():
            return one_line(value, LONGEST_VALUE) if value else '""'
        case dict():
            return f"{{ {', '.join(f'{key} = {_shown(each)}' for key, each in value.items())} }}"
        case tuple() | list():
            return one_line(f"[{', '.join(map(_shown, value))}]", LONGEST_VALUE)
        case _:
            return one_line(str(value), LONGEST_VALUE)


def _name(item: BaseModel) -> str:
    return next((str(getattr(item, key)) for key in _NAMES if key in type(item).model_fields), "")
