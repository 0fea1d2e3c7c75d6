"""The Mann-Kendall test for a trend, which asks nothing of the distribution but independence."""

from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Numbers
from fumewatch.core.stats.order import count_known, tied


@dataclass(frozen=True, slots=True, eq=False)
class Kendall:
    """All [n]; NaN where there are fewer than two values.

    s         pairs that rise less pairs that fall, in the order of the rows
    variance  of s without a trend
    tau       s by the number of pairs, -1 to 1
    z         s - sign(s), standardised; 0 where all values are the same
    p         two-sided
    """

    s: Numbers
    variance: Numbers
    tau: Numbers
    z: Numbers
    p: Numbers


def kendall(values: Numbers, inflation: Numbers | float = 1.0) -> Kendall:
    """Mann (1945), Kendall (1975), with the variance of ties; gaps [NaN] are left out.

    `inflation`: what the variance is multiplied by, see `persistence`.
    """
    size = count_known(values)
    known = size >= 2
    s = np.where(known, _score(values), np.nan)
    variance = np.where(known, variance_of(values, size) * inflation, np.nan)
    pairs = np.maximum(size * (size - 1) / 2, 1)
    z = (s - np.sign(s)) / np.sqrt(np.where(variance > 0, variance, 1.0))
    return Kendall(s, variance, s / pairs, z, two_sided(z))


def variance_of(values: Numbers, size: NDArray[np.int64]) -> Numbers:
    """[n]: of the score of `size` values, less what ties take from it (Kendall 1975)."""
    variance: Numbers = (size * (size - 1) * (2 * size + 5) - tied(values)) / 18
    return variance


def two_sided(z: Numbers) -> Numbers:
    """[n]: the probability of a standard normal at least as far from 0; NaN of NaN."""
    flat = [erfc(abs(number) / sqrt(2)) for number in z.tolist()]
    return np.array(flat, np.float64)


def _score(values: Numbers) -> NDArray[np.int64]:
    score = np.zeros(values.shape[1], np.int64)
    for i, row in enumerate(values[:-1]):
        score += np.count_nonzero(values[i + 1 :] > row, axis=0)
        score -= np.count_nonzero(values[i + 1 :] < row, axis=0)
    return score
