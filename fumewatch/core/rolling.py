"""Sums and extremes of windows that end at k neighbouring instants, of n monitors at once.

`rows` are the w - 1 + k minutes that the k windows of w minutes cover together.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, count_true


def sums(rows: NDArray[Any], window: int) -> NDArray[np.int64]:
    """int64 [k, n] of whole numbers [w - 1 + k, n]."""
    if len(rows) == window:
        total: NDArray[np.int64] = rows.sum(axis=0, dtype=np.int64)
        return total[None, :]
    return differences(running(rows), window)


def counts(rows: Mask, window: int) -> NDArray[np.int16]:
    """int16 [k, n]: how many of each window are true."""
    if len(rows) == window:
        return count_true(rows)[None, :]
    total = np.zeros((len(rows) + 1, rows.shape[1]), np.int16)
    np.cumsum(rows, axis=0, dtype=np.int16, out=total[1:])
    found: NDArray[np.int16] = total[window:] - total[:-window]
    return found


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


def running(rows: NDArray[Any]) -> NDArray[np.int64]:
    """int64 [w + k, n]: the sum of all rows before each, and of all."""
    total = np.zeros((len(rows) + 1, rows.shape[1]), np.int64)
    np.cumsum(rows, axis=0, dtype=np.int64, out=total[1:])
    return total


def differences(total: NDArray[np.int64], window: int) -> NDArray[np.int64]:
    """What `sums` gives, of what `running` gave."""
    found: NDArray[np.int64] = total[window:] - total[:-window]
    return found
