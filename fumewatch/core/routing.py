"""Routing: which receivers a transition goes to, by its labels."""

import uuid
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from fumewatch.core.alert import Severity, State, Transition
from fumewatch.core.site import Place

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


_CLOSED: Final[Mapping[Label, type[StrEnum]]] = {Label.SEVERITY: Severity, Label.STATE: State}
"""Labels whose values are known beforehand, so that a misspelt one can be refused."""


def listed(value: Any) -> Any:
    """One string is a list of one."""
    return [value] if isinstance(value, str) else value


Strings = Annotated[tuple[str, ...], BeforeValidator(listed), Field(min_length=1)]
"""One string or a list of them, in TOML."""


class Route(BaseModel):
    """One [[route]]: labels it matches → receivers. Without `match` it takes everything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    receiver: Strings
    match: dict[Label, Strings] = Field(default_factory=dict)
    goes_on: bool = Field(False, alias="continue")

    @field_validator("match")
    @classmethod
    def _values_exist(cls, match: dict[Label, tuple[str, ...]]) -> dict[Label, tuple[str, ...]]:
        for label, known in _CLOSED.items():
            if wrong := set(match.get(label, ())) - set(known):
                listed = ", ".join(known)
                raise ValueError(f"no {label} is called {min(wrong)!r}; there are {listed}")
        return match

    def takes(self, labels: Mapping[Label, str]) -> bool:
        return all(labels[label] in wanted for label, wanted in self.match.items())


def route(routes: Iterable[Route], labels: Mapping[Label, str]) -> tuple[str, ...]:
    """The receivers' names, each once, in the order of the routes.

    The first route that takes the labels wins, and those after it are not asked unless it says
    `continue = true`.
    """
    found: dict[str, None] = {}
    for candidate in routes:
        if candidate.takes(labels):
            found.update(dict.fromkeys(candidate.receiver))
            if not candidate.goes_on:
                break
    return tuple(found)


def labels_of(transition: Transition, place: Place) -> dict[Label, str]:
    """A label that an unassigned monitor has no value for is the empty string."""
    alert = transition.alert
    return {
        Label.SEVERITY: alert.severity.value,
        Label.RULE: alert.rule,
        Label.KIND: alert.kind,
        Label.STATE: alert.state.value,
        Label.MONITOR: place.code,
        Label.DISTRICT: place.district,
        Label.STREET: place.street,
        Label.SITE: place.site,
        Label.VENDOR: place.vendor,
    }


class Listener(Protocol):
    """Whoever can be told: a receiver as it is configured."""

    def is_told(self, before: State | None, after: State) -> bool:
        """Whether a transition goes there."""
        ...


def told(
    routes: Iterable[Route], listeners: Mapping[str, Listener], transition: Transition, place: Place
) -> tuple[str, ...]:
    """The names of the receivers that get a notification of it, in the order of the routes.

    Nobody is told of what is part of an incident: of that, they are.
    """
    if transition.alert.is_part:
        return ()
    return tuple(
        name
        for name in route(routes, labels_of(transition, place))
        if listeners[name].is_told(transition.before, transition.alert.state)
    )


def notification_key(transition: Transition, receiver: str) -> uuid.UUID:
    """The same transition has the same key at a receiver, however often it is written or sent."""
    alert = transition.alert
    return uuid.uuid5(
        _NAMESPACE, f"{alert.id}/{alert.state}/{transition.at.isoformat()}/{receiver}"
    )
