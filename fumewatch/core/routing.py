"""Routing: which receivers a transition goes to, by its labels, and how alerts are grouped."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from fumewatch.core.alert import Alert, Severity, State, Transition
from fumewatch.core.duration import Duration
from fumewatch.core.site import Place

_Item = TypeVar("_Item")

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-6f7574626f78")


class Label(StrEnum):
    """What a route can match on."""

    SEVERITY = "severity"
    RULE = "rule"
    KIND = "kind"
    STATE = "state"
    MONITOR = "monitor"
    DISTRICT = "district"
    STREET = "street"
    SITE = "site"
    VENDOR = "vendor"
    TAG = "tag"


Labels = Mapping[Label, tuple[str, ...]]
"""The values of each label: one, but for `tag` of which a site may have none or several. A label
that an unassigned monitor has no value for is the empty string."""

_CLOSED: Final[Mapping[Label, type[StrEnum]]] = {Label.SEVERITY: Severity, Label.STATE: State}
"""Labels whose values are known beforehand, so that a misspelt one can be refused."""


def listed(value: Any) -> Any:
    """One string is a list of one."""
    return [value] if isinstance(value, str) else value


Strings = Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)]
"""One string or a list of them, in TOML."""


@lru_cache(maxsize=1000)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


class Matchers(BaseModel):
    """Which alerts are meant: every label that is named must fit. Without any: all of them.

    match: one of these values. match_re: a whole value fits one of these patterns. match_not: none
    of these values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: dict[Label, Strings] = Field(default_factory=dict)
    match_re: dict[Label, Strings] = Field(default_factory=dict)
    match_not: dict[Label, Strings] = Field(default_factory=dict)

    @field_validator("match", "match_not")
    @classmethod
    def _values_exist(cls, match: dict[Label, tuple[str, ...]]) -> dict[Label, tuple[str, ...]]:
        for label, known in _CLOSED.items():
            if wrong := set(match.get(label, ())) - set(known):
                listed = ", ".join(known)
                raise ValueError(f"no {label} is called {min(wrong)!r}; there are {listed}")
        return match

    @field_validator("match_re")
    @classmethod
    def _are_patterns(cls, match: dict[Label, tuple[str, ...]]) -> dict[Label, tuple[str, ...]]:
        for label, texts in match.items():
            for text in texts:
                try:
                    _pattern(text)
                except re.error as error:
                    raise ValueError(f"{label}: {text!r} is not a pattern: {error}") from None
        return match

    @property
    def take_all(self) -> bool:
        return not (self.match or self.match_re or self.match_not)

    def take(self, labels: Labels) -> bool:
        return self.mismatch(labels) is None

    def mismatch(self, labels: Labels) -> Label | None:
        """The first label that does not fit; None: all do."""
        for label, wanted in self.match.items():
            if not _any_of(labels[label], wanted):
                return label
        for label, texts in self.match_re.items():
            if not any(
                _pattern(text).fullmatch(value) for text in texts for value in labels[label]
            ):
                return label
        for label, unwanted in self.match_not.items():
            if _any_of(labels[label], unwanted):
                return label
        return None


def _any_of(values: tuple[str, ...], wanted: tuple[str, ...]) -> bool:
    for value in values:  # noqa: SIM110 - a generator takes three times as long
        if value in wanted:
            return True
    return False


_FEWEST_FIRST: Final = (
    Label.MONITOR,
    Label.SITE,
    Label.TAG,
    Label.STREET,
    Label.VENDOR,
    Label.RULE,
    Label.KIND,
    Label.DISTRICT,
    Label.SEVERITY,
    Label.STATE,
)
"""By how few alerts have one value of them in common."""


class Sieve(Generic[_Item]):
    """Which of many take an alert, in their order: they are known by a value that they ask for, so
    that a street's silences are asked of its own alerts only."""

    def __init__(self, items: Iterable[_Item], matchers: Callable[[_Item], Matchers]) -> None:
        self._items = [(item, matchers(item)) for item in items]
        self._others: list[int] = []
        self._by: dict[Label, dict[str, list[int]]] = {}
        for position, (_, each) in enumerate(self._items):
            self._learn(position, each.match)

    def _learn(self, position: int, match: Mapping[Label, tuple[str, ...]]) -> None:
        label = next((each for each in _FEWEST_FIRST if each in match), None)
        if label is None:
            self._others.append(position)
            return
        for value in dict.fromkeys(match[label]):
            self._by.setdefault(label, {}).setdefault(value, []).append(position)

    def taking(self, labels: Labels) -> Iterator[_Item]:
        positions = set(self._others)
        for label, by_value in self._by.items():
            for value in labels[label]:
                positions.update(by_value.get(value, ()))
        for position in sorted(positions):
            item, matchers = self._items[position]
            if matchers.take(labels):
                yield item


GroupBy = Literal[
    "alert", "severity", "rule", "kind", "monitor", "district", "street", "site", "vendor"
]


class Route(Matchers):
    """One [[route]]: labels it matches → receivers. Without `match` it takes everything.

    The rest is for receivers whose people read groups (`takes = "groups"`), as in Alertmanager.
    group_by: alerts that have these labels in common are one group; "alert": each is its own.
    group_wait: a new group waits for others to come. group_interval: the least between two messages
    of a group. repeat_interval: what goes on is told again; 0: never.
    """

    receiver: Strings
    goes_on: bool = Field(False, alias="continue")
    group_by: Annotated[tuple[GroupBy, ...], BeforeValidator(listed)] = ("alert",)
    group_wait: Duration = Field(timedelta(0), ge=timedelta(0), le=timedelta(hours=1))
    group_interval: Duration = Field(timedelta(minutes=5), ge=timedelta(0), le=timedelta(days=1))
    repeat_interval: Duration = Field(timedelta(0), ge=timedelta(0), le=timedelta(days=30))


def taken_by(routes: Iterable[Route], labels: Labels) -> Iterable[Route]:
    """The routes that take it, in order: the first, and after one with `continue` the next."""
    for candidate in routes:
        if candidate.take(labels):
            yield candidate
            if not candidate.goes_on:
                return


def route(routes: Iterable[Route], labels: Labels) -> tuple[str, ...]:
    """The receivers' names, each once, in the order of the routes."""
    taken = taken_by(routes, labels)
    return tuple(dict.fromkeys(name for each in taken for name in each.receiver))


def labels_of(alert: Alert, place: Place) -> dict[Label, tuple[str, ...]]:
    return {
        Label.SEVERITY: (alert.severity.value,),
        Label.RULE: (alert.rule,),
        Label.KIND: (alert.kind,),
        Label.STATE: (alert.state.value,),
        Label.MONITOR: (place.code,),
        Label.DISTRICT: (place.district,),
        Label.STREET: (place.street,),
        Label.SITE: (place.site,),
        Label.VENDOR: (place.vendor,),
        Label.TAG: place.tags,
    }


class Listener(Protocol):
    """Whoever can be told: a receiver as it is configured."""

    def is_told(self, before: State | None, after: State) -> bool:
        """Whether a transition goes there."""
        ...


def told(
    routes: Iterable[Route], listeners: Mapping[str, Listener], transition: Transition, place: Place
) -> tuple[str, ...]:
    """The names of the listeners that are told of this transition, in the order of the routes.

    A receiver that is no listener is told otherwise, or not at all. Nobody is told of what is part
    of an incident: of that, they are.
    """
    if transition.alert.is_part:
        return ()
    return tuple(
        name
        for name in route(routes, labels_of(transition.alert, place))
        if name in listeners and listeners[name].is_told(transition.before, transition.alert.state)
    )


def notification_key(transition: Transition, receiver: str) -> uuid.UUID:
    """The same transition has the same key at a receiver, however often it is written or sent."""
    alert = transition.alert
    return uuid.uuid5(
        _NAMESPACE, f"{alert.id}/{alert.state}/{transition.at.isoformat()}/{receiver}"
    )
