"""Sums and extremes of windows that end at k neighbouring instants, of n monitors at once.

`rows` are the w - 1 + k minutes that the k windows of w minutes cover together.
"""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, count_true

T = TypeVar("T", bound=np.generic)


def sums(rows: NDArray[Any], window: int) -> NDArray[Any]:
    """[k, n] of whole numbers [w - 1 + k, n], in the type of `running`."""
    if len(rows) == window:
        total: NDArray[Any] = rows.sum(axis=0, dtype=np.int64)
        return total[None, :]
    return differences(running(rows), window)


def counts(rows: Mask, window: int) -> NDArray[np.int16]:
    """int16 [k, n]: how many of each window are true."""
    if len(rows) == window:
        return count_true(rows)[None, :]
    return differences(_running(rows.view(np.uint8), np.dtype(np.int16)), window)


def highest(rows: NDArray[Any], window: int) -> NDArray[Any]:
    """[k, n]: the largest of each window, by doubling."""
    if len(rows) == window:
        top: NDArray[Any] = rows.max(axis=0)
        return top[None, :]
    have, width = rows, 1
    while width < window:
        step = min(width, window - width)
        have = np.maximum(have[:-step], have[step:])
        width += step
    return have


def running(rows: NDArray[Any]) -> NDArray[Any]:
    """[w + k, n]: the sum of all rows before each, and of all.

    int32 if that holds the sums, which halves what is moved through memory; else int64.
    """
    largest = max(int(rows.max(initial=0)), -int(rows.min(initial=0)))
    is_small = largest * len(rows) < 2**31
    return _running(rows, np.dtype(np.int32 if is_small else np.int64))


def differences(total: NDArray[T], window: int) -> NDArray[T]:
    """What `sums` gives, of what `running` gave."""
    found: NDArray[T] = np.subtract(total[window:], total[:-window])
    return found


def last(value: Mask, known: Mask) -> Mask:
    """[t, n]: the value of the last row that is known; False before there is one."""
    found = np.empty_like(value)
    have = np.zeros(value.shape[1], np.bool_)
    for row, is_known, now in zip(value, known, found, strict=True):
        np.copyto(have, row, where=is_known)
        now[:] = have
    return found


def _running(rows: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Row by row, which takes half the time of `cumsum` down the columns."""
    total = np.empty((len(rows) + 1, rows.shape[1]), dtype)
    total[0] = 0
    for before, row, after in zip(total, rows, total[1:], strict=False):
        np.add(before, row, out=after)
    return total
