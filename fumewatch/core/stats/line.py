"""The Theil-Sen line: its slope is the median of the slopes of all pairs."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Numbers
from fumewatch.core.stats.kendall import variance_of
from fumewatch.core.stats.order import ascending, count_known, median, middle, parts, pick


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """All [n]; NaN where there are fewer than two values. `low`, `high`: bounds of the slope."""

    slope: Numbers
    intercept: Numbers
    low: Numbers
    high: Numbers

    def at(self, at: float) -> Numbers:
        """[n]: its value there."""
        return self.intercept + self.slope * at


def theil_sen(
    at: Numbers, values: Numbers, confidence: float = 0.95, inflation: Numbers | float = 1.0
) -> Line:
    """Through the values at `at` [d], ascending; gaps are left out.

    Slope and bounds after Sen (1968), equation 2.6, as scipy.stats.theilslopes has them. The
    intercept is its "joint" one, the median of value - slope * at, so that as many values lie above
    the line as below it. `inflation` widens the bounds: of the score's variance, see `persistence`.
    """
    z = z_of(confidence)
    inflation = np.broadcast_to(np.asarray(inflation, np.float64), values.shape[1:])
    lines = []
    for some in parts(values.shape[1]):
        rows = ascending(pair_slopes(at, values[:, some]))
        lines.append(line_through(at, values[:, some], rows, z * np.sqrt(inflation[some])))
    return joined(lines)


def z_of(confidence: float) -> float:
    """How many standard deviations on either side hold this share of a normal distribution."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def pair_slopes(at: Numbers, values: Numbers) -> Numbers:
    """[d (d - 1) / 2, n]: of all pairs, by the earlier one; NaN where one of them is missing."""
    first, second = np.triu_indices(len(values), 1)
    slopes: Numbers = (values[second] - values[first]) / (at[second] - at[first])[:, None]
    return slopes


def line_through(at: Numbers, values: Numbers, rows: Numbers, z: Numbers) -> Line:
    """By its ascending slopes `rows` [n, pairs]; its bounds are `z` [n] standard deviations off."""
    size = count_known(values)
    pairs = size * (size - 1) // 2
    slope, reach = middle(rows, pairs), z * np.sqrt(variance_of(values, size))
    last = np.maximum(pairs - 1, 0)
    low, high = _rank((pairs - reach) / 2) - 1, _rank((pairs + reach) / 2)
    return Line(
        slope,
        median(off(at, values, slope)),
        pick(rows, np.clip(low, 0, last)),
        pick(rows, np.clip(high, 0, last)),
    )


def off(at: Numbers, values: Numbers, slope: Numbers) -> Numbers:
    """[d, n]: the values with the slope taken away."""
    return values - slope * at[:, None]


def joined(lines: list[Line]) -> Line:
    """The columns of them all."""
    names = ("slope", "intercept", "low", "high")
    empty = [np.empty(0)]
    return Line(*(np.concatenate([getattr(line, n) for line in lines] or empty) for n in names))


def _rank(number: Numbers) -> NDArray[np.int64]:
    return np.rint(number).astype(np.int64)
