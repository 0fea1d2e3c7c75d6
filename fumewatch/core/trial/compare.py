"""What alerts are not as a trial expects them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from fumewatch.core.alert import Alert, State, Transition
from fumewatch.core.trial import Expected, Trial

TOLERANCE: Final = 0.0005
"""Of an expected value: alerts show thousandths."""

Actual = dict[tuple[str, int], Alert]
"""By rule and monitor: the alert that is open, or else the last one."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Of what was expected and what came. Values are in the rule's unit.

    number: of the expectation, from 0; None where `only` was expected, and another rule fired.
    at: where the two differ.
    """

    number: int | None
    what: Literal["state", "value", "severity", "never", "only"]
    rule: str
    monitor: int
    at: datetime
    expected: str | float
    actual: str | float


def compare(
    trial: Trial, transitions: Sequence[Transition], seen: Mapping[datetime, Actual]
) -> list[Difference]:
    """In the order of the expectations; then what `only` does not allow.

    `seen`: the alerts at each instant at which an expectation looks.
    """
    found: list[Difference] = []
    for number, expected in enumerate(trial.expected):
        if expected.at is None:
            found += _fired(number, expected, transitions)
        else:
            alert = seen[expected.at].get((expected.rule, expected.monitor))
            found += _at_instant(number, expected, expected.at, alert)
    return [*found, *(_others(trial, transitions) if trial.only else ())]


def _at_instant(
    number: int, expected: Expected, at: datetime, alert: Alert | None
) -> Iterator[Difference]:
    """A wrong state says it all: value and severity are compared where that is right."""
    pairs: list[tuple[Literal["state", "value", "severity"], str | float, str | float]] = []
    state = _named(alert.state if alert else None)
    if state != _named(expected.state):
        pairs.append(("state", _named(expected.state), state))
    elif alert:
        if expected.value is not None and not abs(alert.value - expected.value) <= TOLERANCE:
            pairs.append(("value", expected.value, alert.value))
        if expected.severity not in (None, alert.severity):
            pairs.append(("severity", str(expected.severity), str(alert.severity)))
    for what, wanted, got in pairs:
        yield Difference(number, what, expected.rule, expected.monitor, at, wanted, got)


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


def _first_fired(transitions: Sequence[Transition]) -> dict[tuple[str, int], Transition]:
    """By rule and monitor."""
    found: dict[tuple[str, int], Transition] = {}
    for each in transitions:
        if each.alert.state is State.FIRING:
            found.setdefault((each.alert.rule, each.alert.monitor), each)
    return found
