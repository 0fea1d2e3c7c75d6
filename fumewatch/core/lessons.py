"""What is learned of each monitor: how often it measures, how often it sends, and when.

Columns by monitor id, moved on by the window as it settles minutes; kept in the store between two
runs of the daemon.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.fresh import (
    LONGEST_GAP,
    Freshness,
    count_gaps,
    learned_interval,
    learned_period,
    whole_minutes,
)

QUARTERS: Final = 96
"""Quarter-hours of a local day."""
_QUARTER: Final = 15
_DAY: Final = 1440
_HOUR: Final = 60
_WHOLE: Final = 255
_ACTIVE: Final = 64
"""A quarter-hour in which the value changes on so many days of 255 is one of sampling."""
_ENOUGH_DAYS: Final = 3


class Lessons:
    """Per measured channel: gaps uint16 [61, m], period int16 [m], is_learned bool [m].

    interval   int16 [m]       minutes that one reading stands for
    sendings   uint16 [61, m]  gaps between minutes with a reading
    sampling   uint8 [96, m]   by quarter-hour: share of days on which the value changed, of 255
    days       uint8 [m]       days that `sampling` rests on
    today      bool [96, m]    quarter-hours with a change on the day that is not over
    """

    def __init__(self, settings: Freshness, zone: ZoneInfo, channels: Iterable[int]) -> None:
        self.settings = settings
        self._zone = zone
        self._offset = 0
        self._size = 0
        measured = sorted(channels)
        self.gaps = {c: np.zeros((LONGEST_GAP + 1, 0), np.uint16) for c in measured}
        self.period = {c: np.zeros(0, np.int16) for c in measured}
        self.is_learned = {c: np.zeros(0, np.bool_) for c in measured}
        self.interval = np.zeros(0, np.int16)
        self.sendings = np.zeros((LONGEST_GAP + 1, 0), np.uint16)
        self.sampling = np.zeros((QUARTERS, 0), np.uint8)
        self.days = np.zeros(0, np.uint8)
        self.today = np.zeros((QUARTERS, 0), np.bool_)

    @property
    def size(self) -> int:
        return self._size

    def make_room(self, monitors: int) -> None:
        more = monitors - self._size
        if more <= 0:
            return
        self._size = monitors
        default = whole_minutes(self.settings.default)
        for channel in self.gaps:
            self.gaps[channel] = _wider(self.gaps[channel], more)
            self.period[channel] = _wider(self.period[channel], more, default)
            self.is_learned[channel] = _wider(self.is_learned[channel], more)
        self.interval = _wider(self.interval, more, 1)
        self.sendings = _wider(self.sendings, more)
        self.sampling = _wider(self.sampling, more)
        self.days = _wider(self.days, more)
        self.today = _wider(self.today, more)

    def note_sendings(
        self,
        before: NDArray[np.int32],
        seen_at: NDArray[np.int32],
        seen: Mask,
        who: NDArray[np.int32] | None = None,
    ) -> None:
        """Of some minutes [t, m]: who had a reading, and when the latest by then was.

        `before` [m]: when the latest before these minutes was. `who`: of these monitors only.
        """
        previous = np.concatenate([before[None, :], seen_at[:-1]])
        if who is None:
            count_gaps(self.sendings, previous, seen_at, seen)
        else:
            counted = np.zeros((len(self.sendings), len(who)), np.uint16)
            count_gaps(counted, previous, seen_at, seen)
            self.sendings[:, who] += counted

    def note_changes(
        self, first: int, changed: Mask, who: slice | NDArray[np.int32] = slice(None)
    ) -> None:
        """In which quarter-hours the value changed: [t, m], from minute `first` on (since 1970)."""
        quarters = self.quarter(first + np.arange(len(changed)))
        for quarter in np.unique(quarters).tolist():
            self.today[quarter, who] |= changed[quarters == quarter].any(axis=0)

    def quarter(self, minutes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Of the local day."""
        return (minutes + self._offset) % _DAY // _QUARTER

    def begin(self, minute: int) -> None:
        """The zone's clock, as it stands at this minute."""
        local = datetime.fromtimestamp(minute * 60, UTC).astimezone(self._zone)
        offset = local.utcoffset()
        self._offset = 0 if offset is None else int(offset.total_seconds()) // 60

    def learn(self, minute: int) -> None:
        """At a full hour: what all that was seen until then teaches."""
        self.reckon()
        self.begin(minute)
        if (minute + self._offset) % _DAY < _HOUR:
            self._end_day()

    def reckon(self) -> None:
        """Periods and intervals from the gaps that were counted."""
        for channel, gaps in self.gaps.items():
            self.period[channel], self.is_learned[channel] = learned_period(gaps, self.settings)
        self.interval = learned_interval(self.sendings, self.settings.ceiling)

    def is_sampling(self, minutes: NDArray[np.int64], which: slice | NDArray[np.int32]) -> Mask:
        """bool [t, n]: in a quarter-hour in which this monitor usually measures anew.

        Everywhere, until three days were seen.
        """
        quarter = self.quarter(minutes)
        active = (self.sampling[:, which] >= _ACTIVE) | (self.days[which] < _ENOUGH_DAYS)
        return active[quarter]

    def _end_day(self) -> None:
        """Gaps of older days count half as much each day; sampling moves a quarter of the way."""
        for counts in (*self.gaps.values(), self.sendings):
            counts >>= np.uint16(1)
        measured = self.today.any(axis=0)
        today = np.where(self.today, np.float32(_WHOLE), np.float32(0))
        share = np.where(self.days == 0, np.float32(1), np.float32(0.25))
        moved = self.sampling + share * (today - self.sampling)
        self.sampling = np.where(measured, np.rint(moved), self.sampling).astype(np.uint8)
        self.days = np.where(measured, np.minimum(self.days, 254) + 1, self.days).astype(np.uint8)
        self.today[:] = False


def _wider(columns: NDArray[Any], more: int, value: int = 0) -> NDArray[Any]:
    widths = [(0, 0)] * (columns.ndim - 1) + [(0, more)]
    return np.pad(columns, widths, constant_values=value)
