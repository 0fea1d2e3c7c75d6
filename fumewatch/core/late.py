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
        if column.flags.writeable:
            column[rows, who] = np.where(covered, blank[0, 0], column[rows, who])


def trail_before(kept: Cells, first: int, base: Trail, began_at: NDArray[np.int32]) -> Trail:
    """How a channel stood before minute `first`, from the minutes [t, m] before it that are kept.

    `base`: how it stood before those. What it tells of a later time does not count; of a monitor
    that had begun by then (`began_at`), the value is then not known any more.
    """
    rows = len(kept.count)
    own: Mask = np.logical_and(kept.count > 0, ~kept.covered)
    found: Mask = np.logical_or.reduce(own, axis=0)
    is_earlier = base.seen_at < first
    elsewhere = np.where(began_at >= first, np.int32(MISSING), np.int32(UNKNOWN))
    value = np.where(is_earlier, base.value, elsewhere)
    changed_at = np.where(is_earlier, base.changed_at, np.int32(NO_MINUTE))
    seen_at = np.where(is_earlier, base.seen_at, np.int32(NO_MINUTE))
    if rows and found.any():
        last = rows - 1 - own[::-1].argmax(axis=0)
        count, total, top, age = (
            np.take_along_axis(column, last[None, :], axis=0)[0]
            for column in (kept.count, kept.total, kept.top, kept.age)
        )
        one_value = total == count * top.astype(np.int64)
        value = np.where(found, np.where(one_value, top, np.int32(MISSING)), value)
        seen_at = np.where(found, first - rows + last, seen_at).astype(np.int32)
        changed_at = np.where(found, seen_at - age, changed_at).astype(np.int32)
    return Trail(value, changed_at, seen_at, began_at)
