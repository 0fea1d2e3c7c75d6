"""What a rule says of n monitors at k instants, for the life cycle of alerts to act on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Mask, Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """All [k, n].

    opens   int8     verdict where no alert fires: may one open?
    stays   int8     verdict where one fires: may it clear? Differs from `opens` by the clear level.
    value   float64  in the rule's unit; NaN where there is no number
    limit   float64  what the value is compared with; NaN where there is none
    """

    opens: NDArray[np.int8]
    stays: NDArray[np.int8]
    value: Numbers
    limit: Numbers


def decide(
    opens: Mask, stays: Mask, known: Mask, value: Numbers, limit: Numbers | float
) -> Judgement:
    """Breach where `opens` (`stays`, where the alert fires), else clear; no data unless `known`.

    All [k, n], or what broadcasts to it.
    """
    shape = np.broadcast_shapes(opens.shape, stays.shape, known.shape, value.shape)
    return Judgement(
        _verdicts(opens, known, shape),
        _verdicts(opens | stays, known, shape),
        np.broadcast_to(value, shape),
        np.broadcast_to(np.asarray(limit, np.float64), shape),
    )


def nothing(k: int, n: int) -> Judgement:
    """No data of any monitor."""
    verdict = np.full((k, n), Verdict.NO_DATA, np.int8)
    unknown = np.full((k, n), np.nan)
    return Judgement(verdict, verdict, unknown, unknown)


def _verdicts(breach: Mask, known: Mask, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """Their numbers follow each other: no data, clear, breach."""
    verdict = breach.view(np.int8) + np.int8(Verdict.CLEAR)
    verdict = verdict * known.view(np.int8)
    return np.broadcast_to(verdict, shape)
