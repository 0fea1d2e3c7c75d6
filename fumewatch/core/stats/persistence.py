"""Days resemble the day before, and the Mann-Kendall test takes that for a trend.

Of series without a trend whose lag-1 autocorrelation is 0.5, it calls one in five to one in three
significant at 5 %. The remedy is the effective sample size: the variance of the score is inflated
by what the autocorrelation takes from n.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Numbers
from fumewatch.core.stats.order import both_known, closed_up, count_known, ranks

_MOST: Final = 0.95
"""Beyond it a short series tells nothing of a trend."""


def persistence(residuals: Numbers) -> Numbers:
    """[n]: lag-1 autocorrelation of what is left when the line is taken away, 0 to 0.95.

    1. Of ranks, as Hamed and Rao (1998) do, so that one day out of the way does not decide.
    2. From each value to the next that is known: the test, too, knows only their order.
    3. Without the bias of short series with a trend taken away, which is -(2 + 4 r) / n (Kendall
       1954, Marriott and Pope 1954, for a mean; Tanaka 1984 for a trend): of 14 days with 0.5 one
       finds 0.2, and would inflate by a third of what is needed.

    Negative values count as 0: they would make the test more eager.
    """
    rank = ranks(closed_up(residuals))
    size = count_known(rank)
    off = np.where(np.isnan(rank), 0.0, rank - (size + 1) / 2)
    spread = (off * off).sum(axis=0)
    shared = np.where(both_known(rank), off[1:] * off[:-1], 0.0).sum(axis=0)
    found = shared / np.where(spread > 0, spread, 1.0)
    unbiased = (size * found + 2) / np.maximum(size - 4, 1)
    return np.where(spread > 0, np.clip(unbiased, 0.0, _MOST), 0.0)


def inflation(r: Numbers, size: NDArray[np.int64]) -> Numbers:
    """[n]: n by the effective sample size of `size` values with lag-1 autocorrelation r < 1.

    1 + 2 * sum over k from 1 to n - 1 of (1 - k / n) r^k (Bayley and Hammersley 1946; Yue and Wang
    2004 for this test).
    """
    n = np.maximum(size, 1)
    total = r / (1 - r) - r * (1 - r**n) / (n * (1 - r) ** 2)
    found: Numbers = 1 + 2 * total
    return found
