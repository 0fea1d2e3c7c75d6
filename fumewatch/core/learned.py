"""What was learned of monitors, as it is kept between two runs of the daemon."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.reading import MEASURED, MISSING

GAPS: Final = 61
"""Gaps of 0 to 60 minutes are counted."""
QUARTERS: Final = 96
"""Quarter-hours of a local day."""
NO_MINUTE: Final = -(2**30)
"""The minute of what has not happened; so is any before 1970."""


_BY_CHANNEL: Final = ("period", "is_learned", "gaps", "value", "changed_at", "seen_at")
_BY_MONITOR: Final = ("interval", "presence_gaps", "sampling", "days", "today")


@dataclass(frozen=True, slots=True, eq=False)
class Learned:
    """Of c channels (core.reading.MEASURED) and m monitors, by monitor id.

    period         int16 [c, m]       refresh period, minutes; 0: nothing was seen
    is_learned     bool [c, m]        else the period is the default
    gaps           uint16 [c, m, 61]  how many gaps of 0 to 60 minutes between changes
    value          int32 [c, m]       the last, in thousandths of the unit; MISSING: none
    changed_at     int64 [c, m]       minute since 1970 of the last change; NO_MINUTE: never
    seen_at        int64 [c, m]       of the last value
    interval       int16 [m]          minutes from reading to reading; 0: nothing was seen
    presence_gaps  uint16 [m, 61]     how many gaps of 0 to 60 minutes between readings
    sampling       uint8 [m, 96]      by quarter-hour: share of days with a change, of 255
    days           uint8 [m]          days that `sampling` rests on
    today          bool [m, 96]       by quarter-hour: a change today, which no day has counted yet
    """

    period: NDArray[np.int16]
    is_learned: Mask
    gaps: NDArray[np.uint16]
    value: NDArray[np.int32]
    changed_at: NDArray[np.int64]
    seen_at: NDArray[np.int64]
    interval: NDArray[np.int16]
    presence_gaps: NDArray[np.uint16]
    sampling: NDArray[np.uint8]
    days: NDArray[np.uint8]
    today: Mask

    def __len__(self) -> int:
        return len(self.interval)

    def take(self, ids: NDArray[np.int32]) -> "Learned":
        """Of these monitors, numbered anew from 0; of those that are not known, nothing."""
        known = ids[ids < len(self)]
        taken = Learned.nothing(len(ids))
        at = np.flatnonzero(ids < len(self))
        for name in _BY_CHANNEL:
            getattr(taken, name)[:, at] = getattr(self, name)[:, known]
        for name in _BY_MONITOR:
            getattr(taken, name)[at] = getattr(self, name)[known]
        return taken

    @staticmethod
    def nothing(monitors: int) -> "Learned":
        shape = (len(MEASURED), monitors)
        return Learned(
            period=np.zeros(shape, np.int16),
            is_learned=np.zeros(shape, np.bool_),
            gaps=np.zeros((*shape, GAPS), np.uint16),
            value=np.full(shape, MISSING, np.int32),
            changed_at=np.full(shape, NO_MINUTE, np.int64),
            seen_at=np.full(shape, NO_MINUTE, np.int64),
            interval=np.zeros(monitors, np.int16),
            presence_gaps=np.zeros((monitors, GAPS), np.uint16),
            sampling=np.zeros((monitors, QUARTERS), np.uint8),
            days=np.zeros(monitors, np.uint8),
            today=np.zeros((monitors, QUARTERS), np.bool_),
        )

    @staticmethod
    def of(learned: "Learned", ids: Sequence[int]) -> "Learned":
        """Of some monitors, numbered anew in this order; of unknown ones nothing was seen."""
        found = Learned.nothing(len(ids))
        at = np.array([i for i, id in enumerate(ids) if id < len(learned)], np.intp)
        which = np.array(ids, np.intp)[at]
        for name in ("period", "is_learned", "gaps", "value", "changed_at", "seen_at"):
            getattr(found, name)[:, at] = getattr(learned, name)[:, which]
        for name in ("interval", "presence_gaps", "sampling", "days", "today"):
            getattr(found, name)[at] = getattr(learned, name)[which]
        return found
