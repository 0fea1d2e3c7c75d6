"""Order: medians, signs, ranks, ties."""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers

AT_ONCE: Final = 1024
"""Columns whose pairs are held at a time: 28 days of them are 3 MB, which stays in the cache."""


def parts(n: int) -> Iterator[slice]:
    """n columns, some at a time."""
    return (slice(start, start + AT_ONCE) for start in range(0, n, AT_ONCE))


def count_known(values: Numbers) -> NDArray[np.int64]:
    """[n]"""
    counts: NDArray[np.int64] = np.count_nonzero(~np.isnan(values), axis=0)
    return counts


def ascending(values: Numbers) -> Numbers:
    """[n, d], each row in ascending order with NaN last: rows sort twice as fast as columns."""
    rows = np.array(values.T, order="C")  # a copy, also of a single column
    rows.sort(axis=1)
    return rows


def middle(rows: Numbers, size: NDArray[np.int64]) -> Numbers:
    """[n]: the medians of the first `size` of each ascending row; NaN where there is none."""
    low = np.maximum(size - 1, 0) // 2
    both = pick(rows, low) + pick(rows, np.minimum(size // 2, np.maximum(size - 1, 0)))
    return np.where(size > 0, both / 2, np.nan)


def pick(rows: Numbers, at: NDArray[np.int64]) -> Numbers:
    """[n]: of each row the entry `at` [n]; NaN of empty rows."""
    if not rows.shape[1]:
        return np.full(len(rows), np.nan)
    found: Numbers = np.take_along_axis(rows, at[:, None], axis=1)[:, 0]
    return found


def median(values: Numbers) -> Numbers:
    """[n]: of [d, n], NaN left out; NaN where all are."""
    return middle(ascending(values), count_known(values))


def closed_up(values: Numbers) -> Numbers:
    """[d, n]: the same without gaps, in their order; NaN are last."""
    order = np.argsort(np.isnan(values), axis=0, kind="stable")
    moved: Numbers = np.take_along_axis(values, order, axis=0)
    return moved


def ranks(values: Numbers) -> Numbers:
    """[d, n]: 1 is the smallest, ties share the mean of theirs; NaN stay NaN."""
    balance = np.zeros(values.shape)
    for row in values:
        balance += np.greater(values, row)
        balance -= np.less(values, row)
    found: Numbers = (balance + count_known(values) + 1) / 2
    return np.where(np.isnan(values), np.nan, found)


def tied(values: Numbers) -> NDArray[np.int64]:
    """[n]: the sum of t(t - 1)(2t + 5) over the groups of t equal values."""
    total = np.zeros(values.shape[1], np.int64)
    for row in values:
        t = np.count_nonzero(values == row, axis=0)
        total += np.where(t > 0, (t - 1) * (2 * t + 5), 0)  # each of the t adds its share
    return total


def both_known(values: Numbers) -> Mask:
    """[d - 1, n]: the value and the one after it are known."""
    known = ~np.isnan(values)
    found: Mask = known[1:] & known[:-1]
    return found
