"""The life of one alert over many instants: what `advance` does at each of them, in jumps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, Finding, RuleFacts, State, Step, Verdict, advance


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What one rule says of one monitor at k instants, [k] each (core.judgement).

    `at(j)`: when instant j is. `evidence(j)`: what the verdict rests on then.
    """

    monitor: int
    opens: NDArray[np.int8]
    stays: NDArray[np.int8]
    value: NDArray[np.float64]
    limit: NDArray[np.float64]
    at: Callable[[int], datetime]
    evidence: Callable[[int], dict[str, Any]]


def live(alert: Alert | None, course: Course, rule: RuleFacts) -> Iterator[Step]:
    """The steps that changed something, in order; the last one's alert is how it stands then.

    The same as `advance` at every instant, but for the steps in the middle of a firing alert's
    unbroken breach: of those only the last is told.
    """
    j, k = 0, len(course.opens)
    breaches = np.flatnonzero(course.opens == Verdict.BREACH)
    while j < k:
        if alert is None or alert.state is State.RESOLVED:
            later = breaches[np.searchsorted(breaches, j) :]
            if not len(later):
                return
            j = int(later[0])
        step, j = _next(alert, course, j, rule)
        alert = step.alert
        if step.changed:
            yield step


def _next(alert: Alert | None, course: Course, j: int, rule: RuleFacts) -> tuple[Step, int]:
    """One step, and the instant after it."""
    if alert is None or alert.state is not State.FIRING:
        return advance(alert, _finding(course, course.opens, j), course.at(j), rule), j + 1
    if course.stays[j] != Verdict.BREACH:
        return advance(alert, _finding(course, course.stays, j), course.at(j), rule), j + 1
    end = _end_of_breach(course.stays, j)
    for worst in _extremes(course.value, j, end - 1):
        alert = advance(alert, _finding(course, course.stays, worst), course.at(worst), rule).alert
    last = end - 1
    return advance(alert, _finding(course, course.stays, last), course.at(last), rule), end


def _end_of_breach(stays: NDArray[np.int8], j: int) -> int:
    others = np.flatnonzero(stays[j:] != Verdict.BREACH)
    return j + int(others[0]) if len(others) else len(stays)


def _extremes(value: NDArray[np.float64], start: int, end: int) -> list[int]:
    """Where the smallest and the largest of some values are, in order of time."""
    if end <= start or not np.isfinite(value[start:end]).any():
        return []
    part = value[start:end]
    return sorted({start + int(np.nanargmin(part)), start + int(np.nanargmax(part))})


def _finding(course: Course, verdicts: NDArray[np.int8], j: int) -> Finding:
    return Finding(
        monitor=course.monitor,
        verdict=Verdict(verdicts[j]),
        value=float(course.value[j]),
        limit=float(course.limit[j]),
        evidence=lambda: course.evidence(j),
    )
