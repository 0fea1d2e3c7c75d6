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
    breached = np.flatnonzero((judgement.opens == Verdict.BREACH).any(axis=0))
    rows = _rows(ids, breached.tolist(), open_alerts)
    if not rows:
        return
    moments = [datetime.fromtimestamp(at / 1e6, UTC) for at in instants.tolist()]
    opens, stays = (_by_row(x, rows) for x in (judgement.opens, judgement.stays))
    value, limit = judgement.value.T[rows], judgement.limit.T[rows]
    for i, row in enumerate(rows):
        course = Course(
            monitor=int(ids[row]),
            opens=opens[i],
            stays=stays[i],
            value=value[i],
            limit=limit[i],
            at=moments.__getitem__,
            evidence=partial(_evidence, evidence, row),
        )
        yield from live(open_alerts.get(course.monitor), course, rule)


def _evidence(evidence: Evidence, row: int, instant: int) -> dict[str, Any]:
    return evidence(instant, row)


def _by_row(verdicts: NDArray[np.int8], rows: Sequence[int]) -> list[bytes]:
    return [column.tobytes() for column in verdicts.T[rows]]


def _rows(ids: NDArray[np.int32], breached: list[int], open_alerts: Iterable[int]) -> Sequence[int]:
    monitors = np.fromiter(open_alerts, np.int32)
    return sorted({*breached, *np.flatnonzero(np.isin(ids, monitors)).tolist()})
