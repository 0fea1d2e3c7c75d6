"""Minutes since 1970 as the clocks and calendars of a place show them, in arrays."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.calendar.year import Calendar

DAY: Final = 24 * 60
_EPOCH: Final = date(1970, 1, 1)
_QUARTER: Final = 15
"""No zone changes its clocks but at a whole quarter of an hour."""


@dataclass(frozen=True, slots=True, eq=False)
class LocalTimes:
    """day: int64 [t], local date as days since 1970-01-01. minute: int64 [t], of that day."""

    day: NDArray[np.int64]
    minute: NDArray[np.int64]


def local_times(minutes: NDArray[np.int64], zone: ZoneInfo) -> LocalTimes:
    """Of minutes since 1970-01-01 UTC, in any order."""
    quarters, which = np.unique(minutes // _QUARTER, return_inverse=True)
    ahead = np.array([_ahead(quarter * _QUARTER, zone) for quarter in quarters.tolist()], np.int64)
    local = minutes + ahead[which]
    return LocalTimes(local // DAY, local % DAY)


def kinds(calendar: Calendar, days: NDArray[np.int64]) -> NDArray[np.int8]:
    """int8 [t]: the DayKind of each of these days, given as days since 1970-01-01."""
    return each_day(days, calendar.kind).astype(np.int8)


def each_day(days: NDArray[np.int64], say: Callable[[date], int]) -> NDArray[np.int64]:
    """int64 [t]: what is said of each day, asked once for each date."""
    distinct, which = np.unique(days, return_inverse=True)
    found = [say(_EPOCH + timedelta(days=day)) for day in distinct.tolist()]
    return np.array(found, np.int64)[which]


def _ahead(minute: int, zone: ZoneInfo) -> int:
    """Minutes that the zone's clocks are ahead of UTC."""
    offset = datetime.fromtimestamp(minute * 60, UTC).astimezone(zone).utcoffset()
    return 0 if offset is None else int(offset.total_seconds()) // 60
