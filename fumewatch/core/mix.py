"""Derived channels: fume that a device reckons from its other channels is no second witness.

One real monitor's fume was 0.20 * nmhc + 0.80 * pm to the last digit (README, "Derived channels").
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask

LEAST: Final = 30
"""Different triples of values that must be seen: two or three points lie on a plane by chance."""
ROUNDING: Final = 1.5
"""Thousandths: as much as writing three numbers with three digits may add up to."""
SHARE: Final = 0.99
"""Of the minutes that must fit: a device may switch its filter in between."""


def find_mixes(
    fume: NDArray[np.int32], pm: NDArray[np.int32], nmhc: NDArray[np.int32], there: Mask
) -> Mapping[int, str]:
    """Of monitors [t, n] in thousandths: which have a fume that is a mix of the others, and which.

    there: all three were measured in that minute. By column, as people write it.
    """
    found = {}
    for column in np.flatnonzero(there.sum(axis=0) >= LEAST).tolist():
        rows = there[:, column]
        told = _mix(fume[rows, column], pm[rows, column], nmhc[rows, column])
        if told:
            found[column] = told
    return found


def _mix(fume: NDArray[np.int32], pm: NDArray[np.int32], nmhc: NDArray[np.int32]) -> str:
    triples = np.unique(np.stack([fume, pm, nmhc]), axis=1).astype(np.float64)
    if triples.shape[1] < LEAST or np.ptp(triples[0]) < 4 * ROUNDING:
        return ""
    terms = np.stack([triples[1], triples[2], np.ones(triples.shape[1])])
    weights = np.linalg.lstsq(terms.T, triples[0], rcond=None)[0]
    misses = np.abs(weights @ terms - triples[0])
    if (misses <= ROUNDING).mean() < SHARE:
        return ""
    return _shown(*weights.tolist())


def _shown(pm: float, nmhc: float, offset: float) -> str:
    """fume = 0.80 * pm + 0.20 * nmhc"""
    parts = [f"{w:.2f} * {name}" for w, name in ((pm, "pm"), (nmhc, "nmhc")) if abs(w) >= 0.005]
    if abs(offset) >= ROUNDING:
        parts.append(f"{offset / 1000:.3f}")
    return "fume = " + " + ".join(parts or ["0"])
