"""The life of one alert over many minutes: what `advance` does at each of them, in jumps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import (
    Alert,
    Finding,
    RuleFacts,
    State,
    Step,
    Verdict,
    advance,
    seen_again,
)

_MINUTE: Final = timedelta(minutes=1)
_BREACH: Final = bytes([Verdict.BREACH])
_NO_DATA: Final = bytes([Verdict.NO_DATA])


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What one rule says of one monitor at k instants, a minute apart (core.judgement).

    opens, stays: one byte an instant. value, limit [k]. `at(j)`: when instant j is. `evidence(j)`:
    what the verdict rests on then.
    """

    monitor: int
    opens: bytes
    stays: bytes
    value: NDArray[np.float64]
    limit: NDArray[np.float64]
    at: Callable[[int], datetime]
    evidence: Callable[[int], dict[str, Any]]


def live(alert: Alert | None, course: Course, rule: RuleFacts) -> Iterator[Step]:
    """The transitions in order, and at the end how the alert stands, where that is not the last.

    The same as `advance` at every instant, without the steps in between that moved only
    `breached_at`, `clear_since` or `value`.
    """
    untold: Step | None = None
    j, k = _next(alert, course, 0), len(course.opens)
    while j < k:
        step, after = _take(alert, course, j, rule)
        alert = step.alert
        if step.transition:
            yield step
            untold = None
        elif step.changed:
            untold = step
        j = _next(alert, course, after)
    if untold:
        yield untold


def _next(alert: Alert | None, course: Course, j: int) -> int:
    """The first instant from j on at which something may happen; k: none."""
    if alert is None or alert.state is State.RESOLVED:
        found = course.opens.find(_BREACH, j)
        return found if found >= 0 else len(course.opens)
    return _end(_verdicts(alert, course), j, _NO_DATA)


def _verdicts(alert: Alert | None, course: Course) -> bytes:
    return course.stays if alert and alert.state is State.FIRING else course.opens


def _end(verdicts: bytes, j: int, verdict: bytes) -> int:
    """The first instant from j on with another verdict than this; k: none."""
    return len(verdicts) - len(verdicts[j:].lstrip(verdict))


def _take(alert: Alert | None, course: Course, j: int, rule: RuleFacts) -> tuple[Step, int]:
    """What happens from instant j on, and the instant from which on more may happen."""
    verdicts, at = _verdicts(alert, course), course.at(j)
    if alert and alert.state is State.FIRING and verdicts[j] == Verdict.BREACH:
        end = _end(verdicts, j, _BREACH)
        return Step(_seen(alert, course, j, end), changed=True), end
    step = advance(alert, _finding(course, verdicts, j), at, rule)
    if step.transition or not step.alert:
        return step, j + 1
    if step.alert.state is State.PENDING:
        return _hold(step.alert, course, j, rule)
    since = step.alert.clear_since or at
    clear = j + max(1, -((at - since - rule.policy.keep_firing_for) // _MINUTE))
    breach = verdicts.find(_BREACH, j)
    return step, clear if breach < 0 else min(clear, breach)


def _hold(alert: Alert, course: Course, j: int, rule: RuleFacts) -> tuple[Step, int]:
    """A pending alert that saw a breach at j: to the end of the breach, or until it fires."""
    end = _end(course.opens, j, _BREACH)
    fires = j - (course.at(j) - alert.opened_at - rule.policy.hold) // _MINUTE
    seen = _seen(alert, course, j + 1, min(fires, end))
    if fires >= end:
        return Step(seen, changed=True), end
    finding = _finding(course, course.opens, fires)
    return advance(seen, finding, course.at(fires), rule), fires + 1


def _seen(alert: Alert, course: Course, start: int, end: int) -> Alert:
    """The alert after breaches from start up to end, none of which changed its state."""
    if start >= end:
        return alert
    values, limits = course.value[start:end], course.limit[start:end]
    telling = [*_telling(values), end - 1 - start] if end - start > 1 else [0]
    numbers = [(float(values[j]), float(limits[j])) for j in telling]
    return seen_again(alert, numbers, course.at(end - 1))


def _telling(value: NDArray[np.float64]) -> list[int]:
    """Where the first number, the smallest and the largest are, in order of time."""
    low, high = int(value.argmin()), int(value.argmax())  # NaN counts as both
    first = 0
    if not (np.isfinite(value[low]) and np.isfinite(value[high])):
        numbers = np.flatnonzero(np.isfinite(value))
        if not len(numbers):
            return []
        first, part = int(numbers[0]), value[numbers]
        low, high = int(numbers[part.argmin()]), int(numbers[part.argmax()])
    return sorted({first, low, high})


def _finding(course: Course, verdicts: bytes, j: int) -> Finding:
    return Finding(
        monitor=course.monitor,
        verdict=Verdict(verdicts[j]),
        value=float(course.value[j]),
        limit=float(course.limit[j]),
        evidence=lambda: course.evidence(j),
    )
