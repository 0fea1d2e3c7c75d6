"""Does a series rise steadily, or did it jump once? A jump has a cause of its own, and a date."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.stats.line import off, pair_slopes
from fumewatch.core.stats.order import count_known, median, parts

SIDE: Final = 3
"""Values on either side of a step: fewer could be days out of the way."""
_PENALTY: Final = 3.0
_FAR: Final = 3 * 1.4826
"""Three robust standard deviations, in median absolute deviations."""


class Shape(IntEnum):
    """What explains a series best."""

    LEVEL = 0
    LINE = 1
    STEP = 2
    STEP_AND_LINE = 3


_FITTED: Final = {Shape.LEVEL: 1, Shape.LINE: 2, Shape.STEP: 2, Shape.STEP_AND_LINE: 3}
"""The levels and slopes that are fitted: they use up values."""
_FREE: Final = {Shape.LEVEL: 0, Shape.LINE: 1, Shape.STEP: 2, Shape.STEP_AND_LINE: 3}
"""What each has besides a level: a slope; the size and the place of a step."""


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """All [n]; where there is no step, `row` is 0 and the numbers are NaN.

    shape          int8, a Shape
    row            intp: the first row after the step
    before, after  the level on either side of it
    gain           by how much the step explains the series better than none, beyond its penalty
    """

    shape: NDArray[np.int8]
    row: NDArray[np.intp]
    before: Numbers
    after: Numbers
    gain: Numbers

    @property
    def found(self) -> Mask:
        step: Mask = self.row > 0
        return step


def find_step(at: Numbers, values: Numbers, penalty: float = _PENALTY) -> Step:
    """Of values [d, n] at `at` [d], ascending: the step of each series, if it has one.

    1. Values more than three robust standard deviations off count as that far off.
    2. The place: where the standardised CUSUM is largest, of the values and of what a line leaves
       of them (its square is what a step there takes from the sum of squares).
    3. Level, line, step and step with line are fitted by medians: level by the median, line by
       Theil-Sen, with a step by the slopes of the pairs on one side of it.
    4. The best has the least n log(sum of absolute residuals / degrees of freedom) + `penalty` for
       each free number: an information criterion for Laplace noise, a slope and a step's size and
       place all weighing the same. At 3, a step is found in 2 % of series without one, and in 98 %
       of those of 28 days with one of five standard deviations, 4 days ago or 14.
    """
    found = [_search(at, values[:, some], penalty) for some in parts(values.shape[1])]
    names = ("shape", "row", "before", "after", "gain")
    if not found:
        return _search(at, values, penalty)
    return Step(*(np.concatenate([getattr(step, name) for step in found]) for name in names))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """What is left of the values [d, n]; the step's row [n], and the levels on its sides."""

    left: Numbers
    row: NDArray[np.intp]
    before: Numbers
    after: Numbers


def _search(at: Numbers, values: Numbers, penalty: float) -> Step:
    near = _drawn_in(values)
    flat, sloped = _places(at, near)
    slopes = pair_slopes(at, near)
    steady = off(at, near, median(slopes))
    step = _with_step(at, near, values, flat, np.zeros(values.shape[1]))
    both = _with_step(at, near, values, sloped, _slope_beside(slopes, sloped, len(at)))
    left = (near - median(near), steady - median(steady), step.left, both.left)
    score = np.stack([_score(left[0], left[shape], shape, penalty) for shape in Shape])
    score[Shape.STEP, flat == 0] = np.inf
    score[Shape.STEP_AND_LINE, sloped == 0] = np.inf
    shape = np.where(count_known(values) > 2 * SIDE, score.argmin(axis=0), Shape.LEVEL)
    return _chosen(shape.astype(np.int8), step, both, score)


def _chosen(shape: NDArray[np.int8], step: _Fit, both: _Fit, score: Numbers) -> Step:
    is_step = shape >= Shape.STEP
    has_line = shape == Shape.STEP_AND_LINE

    def of(name: str) -> Numbers:
        value = np.where(has_line, getattr(both, name), getattr(step, name))
        return np.where(is_step, value, np.nan)

    gain = score[: Shape.STEP].min(axis=0) - score[Shape.STEP :].min(axis=0)
    row = np.where(is_step, np.where(has_line, both.row, step.row), 0)
    return Step(shape, row, of("before"), of("after"), np.where(is_step, gain, np.nan))


def _score(level: Numbers, left: Numbers, shape: Shape, penalty: float) -> Numbers:
    """[n]. Residuals below a millionth of the values' own spread are as good as none."""
    n = count_known(left)
    floor = 1e-6 * np.nansum(np.abs(level), axis=0)
    total = np.nansum(np.abs(left), axis=0) + floor
    rest = total / np.maximum(n - _FITTED[shape], 1)
    logs: Numbers = np.log(np.where(rest > 0, rest, 1.0), dtype=np.float64)
    return n * logs + penalty * _FREE[shape]


def _drawn_in(values: Numbers) -> Numbers:
    """[d, n]: two days far out of the way shall not make a step with a third."""
    middle = median(values)
    spread = median(np.abs(values - middle)) * _FAR
    far = np.where(spread > 0, spread, np.inf)
    return np.clip(values, middle - far, middle + far)


def _places(at: Numbers, values: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """[n]: where a step best parts the values, and where it does beside a line; 0: nowhere."""
    known = ~np.isnan(values)
    n = np.maximum(known.sum(axis=0), 1)
    y = _centred(values, known, n)
    t = _centred(np.where(known, at[:, None], np.nan), known, n)
    square = np.maximum((t * t).sum(axis=0), 1e-12)
    after = _from_here(known.astype(np.float64))
    t_after = _from_here(t)
    room = after * (n - after) / n
    beside = room - t_after**2 / square
    allowed = known & (after >= SIDE) & (n - after >= SIDE)
    slope = (t * y).sum(axis=0) / square
    flat = _largest(_from_here(y) ** 2, room, allowed)
    return flat, _largest(_from_here(y - slope * t) ** 2, beside, allowed)


def _centred(values: Numbers, known: Mask, n: NDArray[np.intp]) -> Numbers:
    """[d, n], 0 where nothing is known."""
    zeroed = np.where(known, values, 0.0)
    centred: Numbers = np.where(known, zeroed - zeroed.sum(axis=0) / n, 0.0)
    return centred


def _from_here(values: Numbers) -> Numbers:
    """[d, n]: the sum of each row and those after it."""
    total: Numbers = values[::-1].cumsum(axis=0)[::-1]
    return total


def _largest(square: Numbers, room: Numbers, allowed: Mask) -> NDArray[np.intp]:
    gain = np.where(allowed & (room > 1e-9), square / np.maximum(room, 1e-9), -1.0)
    best = gain.argmax(axis=0)
    return np.where(gain.max(axis=0) >= 0, best, 0)


def _slope_beside(slopes: Numbers, row: NDArray[np.intp], d: int) -> Numbers:
    """[n]: the median slope of the pairs that have the step not between them."""
    first, second = np.triu_indices(d, 1)
    between = (first[:, None] < row) & (second[:, None] >= row)
    return median(np.where(between, np.nan, slopes))


def _with_step(
    at: Numbers, near: Numbers, values: Numbers, row: NDArray[np.intp], slope: Numbers
) -> _Fit:
    """Levels on either side of `row` with the slope in between.

    Fitted to the values drawn in, but told of the values, and as they are at the step.
    """
    flat = off(at, near, slope)
    before, after = _sides(flat, row)
    left = flat - np.where(_is_after(row, len(at)), after, before)
    at_step = slope * at[row]
    before, after = _sides(off(at, values, slope), row)
    return _Fit(left, row, before + at_step, after + at_step)


def _sides(values: Numbers, row: NDArray[np.intp]) -> tuple[Numbers, Numbers]:
    """[n]: the medians before and after."""
    is_after = _is_after(row, len(values))
    before, after = np.where(is_after, np.nan, values), np.where(is_after, values, np.nan)
    return median(before), median(after)


def _is_after(row: NDArray[np.intp], d: int) -> Mask:
    """[d, n]"""
    is_after: Mask = np.arange(d)[:, None] >= row
    return is_after
