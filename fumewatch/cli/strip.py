"""A series as a line of blocks, for a terminal, and a mark under the window a rule looked at."""

from typing import Final

import numpy as np

from fumewatch.core.arrays import Numbers

WIDTH: Final = 72
"""Columns; of a longer series each stands for several values: for their mean."""

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_MISSING: Final = "·"


def draw(values: Numbers, bounds: tuple[float, float] | None = None) -> str:
    """From the lowest block for the smallest value (or bound) to the highest; · is no value.

    >>> draw(np.array([0.4, 0.4, np.nan, 0.8, 1.2]))
    '▁▁·▅█'
    """
    means = _columns(values)
    known = means[~np.isnan(means)]
    low, high = bounds or (known.min(initial=np.inf), known.max(initial=-np.inf))
    span = high - low if high > low else np.inf
    return "".join(_MISSING if np.isnan(mean) else _block((mean - low) / span) for mean in means)


def mark(first: int, last: int, k: int) -> str:
    """Under the values first to last of k, both included.

    >>> mark(1, 4, 5)
    ' └──┘'
    """
    size = _size(k)
    left, right = max(first, 0) // size, min(last, k - 1) // size
    if right <= left:
        return " " * left + "┴"
    return " " * left + "└" + "─" * (right - left - 1) + "┘"


def _block(share: float) -> str:
    return _BLOCKS[round(share * (len(_BLOCKS) - 1))]


def _size(k: int) -> int:
    """Values a column."""
    return max(1, -(-k // WIDTH))


def _columns(values: Numbers) -> Numbers:
    size = _size(len(values))
    padded = np.append(values, np.full(-len(values) % size, np.nan)).reshape(-1, size)
    known = ~np.isnan(padded)
    total = np.where(known, padded, 0).sum(axis=1)
    count = known.sum(axis=1)
    means: Numbers = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return means
