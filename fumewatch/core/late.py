"""What of settled minutes must be taken back before late readings land in them."""

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.fresh import NO_MINUTE, UNKNOWN, Cells, Trail
from fumewatch.core.reading import MISSING


def uncover(cells: Cells, rows: slice, who: NDArray[np.int32]) -> None:
    """Take back what stood in for missing values."""
    covered = cells.covered[rows, who]
    for column, blank in zip(cells.columns()[:4], Cells.empty(1, 1).columns(), strict=False):
        column[rows, who] = np.where(covered, blank[0, 0], column[rows, who])


def trail_before(before: Cells, first: int, after: Trail) -> Trail:
    """How a channel stood before minute `first`, from the minutes [t, n] before it that are kept.

    `after`: how it stands now; a value that was seen before those minutes is not known any more.
    """
    kept = len(before.count)
    own: Mask = np.logical_and(before.count > 0, ~before.covered)
    found: Mask = np.logical_or.reduce(own, axis=0)
    last = kept - 1 - own[::-1].argmax(axis=0) if kept else np.zeros(found.shape, np.intp)
    elsewhere = np.where(after.began_at >= first, np.int32(MISSING), np.int32(UNKNOWN))
    value, changed_at = elsewhere, np.full(found.shape, NO_MINUTE, np.int32)
    seen_at = changed_at.copy()
    if kept:
        at = last[None, :]
        count, total, top, age = (
            np.take_along_axis(column, at, axis=0)[0]
            for column in (before.count, before.total, before.top, before.age)
        )
        one_value = total == count * top.astype(np.int64)
        value = np.where(found, np.where(one_value, top, np.int32(MISSING)), elsewhere)
        seen_at = np.where(found, first - kept + last, NO_MINUTE).astype(np.int32)
        changed_at = np.where(found, seen_at - age, NO_MINUTE).astype(np.int32)
    return Trail(value.astype(np.int32), changed_at, seen_at, after.began_at)
