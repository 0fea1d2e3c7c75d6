"""What alerts are not as a trial expects them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from fumewatch.core.alert import Alert, State, Transition, Verdict
from fumewatch.core.trial import Expected, Trial

TOLERANCE: Final = 0.0005
"""Of an expected value: alerts show thousandths."""

Key = tuple[str, int]
"""A rule and a monitor."""


@dataclass(frozen=True, slots=True)
class Saying:
    """What a rule says of a monitor at one instant; in its unit, NaN where there is no number.

    held: of a rule that counts fresh minutes only, the others in its window.
    """

    verdict: Verdict
    value: float
    limit: float
    held: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """How it stands at one instant. alerts: those that are open, or else the last ones."""

    alerts: Mapping[Key, Alert]
    said: Mapping[Key, Saying]


@dataclass(frozen=True, slots=True)
class Difference:
    """Of what was expected and what came. Values are in the rule's unit.

    number: of the expectation, from 0; None where `only` was expected, and another rule fired.
    at: where the two differ. said: what the rule says then, of a state that is not as expected.
    """

    number: int | None
    what: Literal["state", "value", "severity", "never", "only"]
    rule: str
    monitor: int
    at: datetime
    expected: str | float
    actual: str | float
    said: Saying | None = None


def compare(
    trial: Trial, transitions: Sequence[Transition], seen: Mapping[datetime, Seen]
) -> list[Difference]:
    """In the order of the expectations; then what `only` does not allow.

    `seen`: of each instant at which an expectation looks.
    """
    found: list[Difference] = []
    for number, expected in enumerate(trial.expected):
        if expected.at is None:
            found += _fired(number, expected, transitions)
        else:
            found += _at_instant(number, expected, expected.at, seen[expected.at])
    return [*found, *(_others(trial, transitions) if trial.only else ())]


def _at_instant(number: int, expected: Expected, at: datetime, seen: Seen) -> Iterator[Difference]:
    """A wrong state says it all: value and severity are compared where that is right."""
    key = expected.rule, expected.monitor
    alert = seen.alerts.get(key)
    state = _named(alert.state if alert else None)
    if state != _named(expected.state):
        said = seen.said.get(key)
        yield Difference(number, "state", *key, at, _named(expected.state), state, said)
    elif alert:
        if expected.value is not None and not abs(alert.value - expected.value) <= TOLERANCE:
            yield Difference(number, "value", *key, at, expected.value, alert.value)
        if expected.severity not in (None, alert.severity):
            severity = str(expected.severity), str(alert.severity)
            yield Difference(number, "severity", *key, at, *severity)


def _named(state: State | None) -> str:
    return state.value if state else "none"


def _fired(
    number: int, expected: Expected, transitions: Sequence[Transition]
) -> Iterator[Difference]:
    """The first time it fired, where it never was to."""
    key = (expected.rule, expected.monitor)
    fired = _first_fired(transitions).get(key)
    if fired:
        yield Difference(number, "never", *key, fired.at, "never firing", "firing")


def _others(trial: Trial, transitions: Sequence[Transition]) -> Iterator[Difference]:
    known = {expected.rule for expected in trial.expected}
    for (rule, monitor), fired in _first_fired(transitions).items():
        if rule not in known:
            yield Difference(None, "only", rule, monitor, fired.at, "no other rule", "firing")


def _first_fired(transitions: Sequence[Transition]) -> dict[Key, Transition]:
    """By rule and monitor."""
    found: dict[Key, Transition] = {}
    for each in transitions:
        if each.alert.state is State.FIRING:
            found.setdefault((each.alert.rule, each.alert.monitor), each)
    return found
