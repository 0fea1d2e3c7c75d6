"""A rule's judgement and the open alerts into steps: the whole decision of an evaluation."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, RuleFacts, Step, Verdict
from fumewatch.core.judgement import Judgement
from fumewatch.core.life import Course, live

Evidence = Callable[[int, int], dict[str, Any]]
"""(instant, row) → what the verdict there rests on."""


def steps(
    rule: RuleFacts,
    judgement: Judgement,
    ids: NDArray[np.int32],
    instants: NDArray[np.int64],
    open_alerts: Mapping[int, Alert],
    evidence: Evidence,
) -> Iterator[Step]:
    """What one rule's judgement [k, n] of monitors `ids` [n] at `instants` [k] (µs UTC) does.

    `open_alerts`: this rule's, by monitor; monitors that are not in `ids` are left alone.
    """
    at = partial(_moment, instants.tolist())
    breached = np.flatnonzero((judgement.opens == Verdict.BREACH).any(axis=0))
    for row in _rows(ids, breached.tolist(), open_alerts):
        course = Course(
            monitor=int(ids[row]),
            opens=judgement.opens[:, row],
            stays=judgement.stays[:, row],
            value=judgement.value[:, row],
            limit=judgement.limit[:, row],
            at=at,
            evidence=lambda instant, row=row: evidence(instant, row),  # type: ignore[misc]
        )
        yield from live(open_alerts.get(course.monitor), course, rule)


def _rows(ids: NDArray[np.int32], breached: list[int], open_alerts: Iterable[int]) -> Sequence[int]:
    monitors = np.fromiter(open_alerts, np.int32)
    return sorted({*breached, *np.flatnonzero(np.isin(ids, monitors)).tolist()})


def _moment(instants: list[int], instant: int) -> datetime:
    return datetime.fromtimestamp(instants[instant] / 1e6, UTC)
