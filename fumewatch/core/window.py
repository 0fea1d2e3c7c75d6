"""The last minutes of every monitor, in columns: what rules look at.

A cell [channel, minute, monitor] keeps how many values lie in that minute, their sum and the
largest. None of these depends on the order of arrival: the same readings give the same window.
"""

from collections.abc import Collection
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.fresh import Freshness, whole_minutes
from fumewatch.core.reading import MISSING, Readings
from fumewatch.core.roster import NEVER, Roster
from fumewatch.core.view import MINUTE, Cells, View

AHEAD: Final = 5
"""More minutes kept: a monitor whose clock is fast must not push out the minutes of others.

No reading from further ahead may come: ingest refuses it."""

_ROOM: Final = 256  # monitors, the least by which the columns grow


class Window:
    """A ring of minutes for the channels that the rules need; `monitor` is an index into it.

    Not safe from several threads: `add`, `touched` and the whole use of a `view` need one lock.
    """

    def __init__(
        self,
        channels: Collection[int],
        minutes: int,
        freshness: Freshness | None = None,
        monitors: int = 0,
    ) -> None:
        """`minutes`: the longest window of any rule. `monitors`: room to begin with."""
        self.freshness = freshness or Freshness()
        self.depth = minutes + whole_minutes(self.freshness.ceiling)
        """Minutes that a view shows: the longest window, and what is fresh at its start."""
        self._ring = self.depth + AHEAD
        self._channels = np.array(sorted(channels), np.intp)
        self._newest: int | None = None
        shape = (len(self._channels), self._ring, monitors)
        self._count = np.zeros(shape, np.int32)
        self._total = np.zeros(shape, np.int64)
        self._top = np.full(shape, MISSING, np.int32)
        self._last = np.full(monitors, NEVER, np.int64)
        self._heard = np.full(monitors, NEVER, np.int64)
        self._touched = np.zeros(monitors, np.bool_)

    @property
    def last_measured(self) -> NDArray[np.int64]:
        """int64 [m], µs UTC by monitor; NEVER where nothing is known."""
        return self._last

    def add(self, readings: Readings) -> None:
        """Take in new readings, in any order. What is older than the ring only counts as seen."""
        if not len(readings):
            return
        self.saw(readings.monitor, readings.measured_at)
        self._touched[readings.monitor] = True
        minute = readings.measured_at // MINUTE
        newest = self._advance(int(minute.max()))
        values = readings.judged()[self._channels]
        channel, row = np.nonzero((values != MISSING) & (minute > newest - self._ring))
        cell = (minute % self._ring) * len(self._last) + readings.monitor
        at = channel * (self._ring * len(self._last)) + cell[row]
        value = values[channel, row]
        # Operands of the arrays' own types: numpy's fast path for ufunc.at needs that.
        np.add.at(self._count.reshape(-1), at, np.int32(1))
        np.add.at(self._total.reshape(-1), at, value.astype(np.int64))
        np.maximum.at(self._top.reshape(-1), at, value)

    def saw(self, monitor: NDArray[np.int32], measured_at: NDArray[np.int64]) -> None:
        """Note when monitors last measured, without values: what the store knows at the start."""
        self._make_room(int(monitor.max(initial=-1)) + 1)
        np.maximum.at(self._last, monitor.astype(np.intp), measured_at)

    def heard(self, monitor: NDArray[np.int32], at: NDArray[np.int64]) -> None:
        """Note when monitors last beat, in any order. It touches none: silence is judged of all."""
        self._make_room(int(monitor.max(initial=-1)) + 1)
        np.maximum.at(self._heard, monitor.astype(np.intp), at)

    def touched(self) -> NDArray[np.int32]:
        """The monitors with new readings since the last call, ascending."""
        monitors = np.flatnonzero(self._touched).astype(np.int32)
        self._touched[monitors] = False
        return monitors

    def view(self, ids: NDArray[np.int32], now: int, roster: Roster) -> View:
        """What rules may know about these monitors at `now` (µs UTC); unknown ids have no data."""
        self._make_room(int(ids.max(initial=-1)) + 1)
        return View(
            ids=ids,
            now=now,
            minutes=now // MINUTE + np.arange(1 - self.depth, 1),
            last_measured=self._last[ids],
            last_heard=self._heard[ids],
            roster=roster,
            freshness=self.freshness,
            cells=self._cells,
        )

    def _advance(self, minute: int) -> int:
        """Make room for this minute if it is the newest; return the newest."""
        newest = minute if self._newest is None else max(self._newest, minute)
        gone = 0 if self._newest is None else min(newest - self._newest, self._ring)
        slots = (newest - np.arange(gone)) % self._ring
        self._count[:, slots] = 0
        self._total[:, slots] = 0
        self._top[:, slots] = MISSING
        self._newest = newest
        return newest

    def _make_room(self, monitors: int) -> None:
        short = monitors - len(self._last)
        if short <= 0:
            return
        more = max(short, _ROOM, len(self._last) // 8)
        wider = ((0, 0), (0, 0), (0, more))
        self._count = np.pad(self._count, wider)
        self._total = np.pad(self._total, wider)
        self._top = np.pad(self._top, wider, constant_values=MISSING)
        self._last = np.pad(self._last, (0, more), constant_values=NEVER)
        self._heard = np.pad(self._heard, (0, more), constant_values=NEVER)
        self._touched = np.pad(self._touched, (0, more))

    def _cells(self, channel: int, ids: NDArray[np.int32], minutes: NDArray[np.int64]) -> Cells:
        at = int(np.searchsorted(self._channels, channel))
        slots, columns = minutes % self._ring, _as_slice(ids)
        count = self._count[at][:, columns].take(slots, axis=0)
        count[~self._is_kept(minutes)] = 0
        total = self._total[at][:, columns].take(slots, axis=0)
        top = self._top[at][:, columns].take(slots, axis=0)
        return Cells(count, total, top)

    def _is_kept(self, minutes: NDArray[np.int64]) -> NDArray[np.bool_]:
        if self._newest is None:
            return np.zeros(len(minutes), np.bool_)
        kept: NDArray[np.bool_] = (minutes <= self._newest) & (minutes > self._newest - self._ring)
        return kept


def _as_slice(ids: NDArray[np.int32]) -> slice | NDArray[np.int32]:
    """Neighbours as a slice, which numpy copies several times as fast as an index."""
    if len(ids) and ids[-1] - ids[0] == len(ids) - 1 and np.all(np.diff(ids) == 1):
        return slice(int(ids[0]), int(ids[-1]) + 1)
    return ids
