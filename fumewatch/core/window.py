"""The last minutes of every monitor, in columns: what rules look at.

A minute of all monitors is *settled* at once, when it is over; readings of later minutes wait for
their turn. So what rules see of a minute depends on the readings alone, not on when they came: the
daemon and a backtest see the same. A reading that comes after its minute was settled is late: it
still lands in its own minute, which is settled again for that monitor.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core import fresh, scatter
from fumewatch.core.arrays import Mask
from fumewatch.core.fresh import NO_MINUTE, NOT_YET, UNKNOWN, Trail
from fumewatch.core.lane import Lane, shift
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import Readings
from fumewatch.core.roster import NEVER, Roster
from fumewatch.core.view import MINUTE, View
from fumewatch.core.waiting import Waiting

AHEAD: Final = 5
"""Minutes that a monitor's clock may be fast: ingest refuses what is from further ahead."""

HOUR: Final = 60
"""Minutes: what is learned is learned at full hours."""

_ROOM: Final = 256  # monitors, the least by which the columns grow
_SLACK: Final = 8  # minutes settled, at least, before the columns are shifted


class Window:
    """Minutes of the channels that the rules need; `monitor` is an index into the columns.

    Not safe from several threads.
    """

    def __init__(
        self,
        channels: Collection[int],
        minutes: int,
        lessons: Lessons,
        most: int = 1,
        depths: Mapping[int, int] = MappingProxyType({}),
    ) -> None:
        """`minutes`: how far rules look back. `most`: minutes that one call settles. `depths`: how
        far they look back at a channel, where that is less.
        """
        self.lessons = lessons
        self.depth = minutes
        """Minutes that rules may look back to at any instant."""
        self.most = most
        self._waiting: list[Waiting] = []
        self._overdue: list[Readings] = []
        self._first = 0  # the minute of row 0
        self._end = 0  # rows that are settled
        self._size = 0
        rows = self.depth + max(most, _SLACK)
        self._lanes = {
            c: Lane(c, rows, max(self.depth - depths.get(c, self.depth), 0))
            for c in sorted(channels)
        }
        self._second = np.full((rows, 0), -1, np.int8)
        self._last = np.full(0, NEVER, np.int64)
        self._lasts = self._last[None, :]  # after each minute of the last call
        self._heard = np.full(0, NEVER, np.int64)
        self._seen_at = np.full(0, NO_MINUTE, np.int32)
        self._late = np.zeros(0, np.bool_)
        self.teaches_from = 0
        """Minutes before it were learned from already."""

    @property
    def channels(self) -> Sequence[int]:
        """Those it keeps, ascending."""
        return tuple(self._lanes)

    @property
    def trails(self) -> Mapping[int, Trail]:
        """By channel, how it stands after the last settled minute."""
        return {channel: lane.trail for channel, lane in self._lanes.items()}

    @property
    def has_begun(self) -> bool:
        return self._end > 0

    @property
    def settled_to(self) -> int:
        """The first minute that is not settled yet; 0 before it has begun."""
        return self._first + self._end

    @property
    def size(self) -> int:
        """Monitors that there is room for."""
        return self._size

    @property
    def nbytes(self) -> int:
        """Of the minutes: nearly all that a monitor takes of memory."""
        return sum(lane.nbytes for lane in self._lanes.values()) + self._second.nbytes

    @property
    def last_measured(self) -> NDArray[np.int64]:
        """int64 [m], µs UTC by monitor, of settled minutes; NEVER where nothing is known."""
        return self._last

    @property
    def earliest_waiting(self) -> int | None:
        """The earliest minute that waits to be settled."""
        parts = (part.readings.measured_at for part in self._waiting)
        return min((int(at.min()) // MINUTE for at in parts), default=None)

    def begin(self, minute: int) -> None:
        """Settle from this minute on; what is older only counts as seen."""
        for lane in self._lanes.values():
            lane.clear()
        self._second[:] = -1
        self._first, self._end = minute - self.depth, self.depth
        self.lessons.begin(minute)

    def add(self, readings: Readings) -> None:
        """Take in new readings, in any order."""
        if not len(readings):
            return
        self.make_room(int(readings.monitor.max()) + 1)
        is_late = readings.measured_at < self.settled_to * MINUTE
        if not is_late.any():
            self._waiting.append(Waiting.of(readings))
            return
        if not is_late.all():
            self._waiting.append(Waiting.of(readings.take(~is_late)))
        self._overdue.append(readings.take(is_late))

    def saw(self, monitor: NDArray[np.int32], measured_at: NDArray[np.int64]) -> None:
        """Note when monitors last measured, without values: what the store knows at the start."""
        self.make_room(int(monitor.max(initial=-1)) + 1)
        at = measured_at // 1_000_000 * 1_000_000  # whole seconds, as settled minutes have them
        np.maximum.at(self._last, monitor.astype(np.intp), at)
        np.maximum.at(self._lasts[-1], monitor.astype(np.intp), at)

    def forget_values(self) -> None:
        """Of monitors that measured before, what value they had is not known: the next one that
        comes may be held."""
        for trail in self.trails.values():
            trail.value[self._last != NEVER] = UNKNOWN
            trail.began_at[self._last != NEVER] = NO_MINUTE

    def heard(self, monitor: NDArray[np.int32], at: NDArray[np.int64]) -> None:
        """Note when monitors last beat, in any order."""
        self.make_room(int(monitor.max(initial=-1)) + 1)
        np.maximum.at(self._heard, monitor.astype(np.intp), at)

    def settle(self, until: int) -> None:
        """Settle all minutes before `until`, which must be of one hour, and at most `most`.

        What the hours before taught is learned first, at the beginning of an hour.
        """
        self._take_in_overdue()
        start = self.settled_to
        if start % HOUR == 0 and start >= self.teaches_from:
            self.lessons.learn(start)
        elif start % HOUR == 0:  # else a day that ended before would end again
            self.lessons.begin(start)
        self._shift(until - start)
        rows = slice(self._end, self._end + until - start)
        self._scatter(self._take_ready(until, start), is_blank=True)
        self._end = rows.stop
        for lane in self._lanes.values():
            lane.settle(rows, start, self.lessons, teaches=start >= self.teaches_from)
        self._note_seen(rows)

    def take_late(self) -> NDArray[np.int32]:
        """The monitors of which something came late since the last call, ascending."""
        self._take_in_overdue()
        late = np.flatnonzero(self._late).astype(np.int32)
        self._late[late] = False
        return late

    def view(
        self,
        ids: NDArray[np.int32],
        roster: Roster,
        instants: int = 1,
        open_alerts: Mapping[str, Collection[int]] = MappingProxyType({}),
    ) -> View:
        """What rules may know of these monitors at the ends of the last `instants` minutes.

        Not more than the last call of `settle` settled. Unknown ids have no data. `open_alerts`:
        by rule id, the monitors that have one.
        """
        self.make_room(int(ids.max(initial=-1)) + 1)
        which = _as_slice(ids)
        rows = slice(max(self._end - self.depth - instants + 1, 0), self._end)
        return View(
            ids=ids,
            minutes=self._first + np.arange(rows.start, rows.stop),
            instants=instants,
            last_measured=self._lasts[-instants:, which],
            last_heard=self._heard[which],
            roster=roster,
            lessons=self.lessons,
            cells=lambda channel: self._lanes[channel].view(rows, which),
            before=lambda channel: self._lanes[channel].before(rows, self._first, which),
            which=which,
            open_alerts=open_alerts,
        )

    def had_readings(self, instants: int) -> Mask:
        """bool [k, m]: minutes with a reading of their own, of the last so many."""
        had: Mask = self._second[self._end - instants : self._end] >= 0
        return had

    # ── settling ──

    def _take_ready(self, until: int, start: int) -> Readings:
        """What waits for minutes before `until`; before `start`, it only counts as seen."""
        pairs = [part.split(until * MINUTE) for part in self._waiting]
        self._waiting = [later for _, later in pairs if len(later.readings)]
        parts = [now for now, _ in pairs if len(now)]
        if not parts:
            return Readings.empty()
        ready = parts[0] if len(parts) == 1 else Readings.concatenate(parts)
        is_old = ready.measured_at < start * MINUTE
        if not is_old.any():
            return ready
        self.saw(ready.monitor[is_old], ready.measured_at[is_old])
        return ready.take(~is_old)

    def _note_seen(self, rows: slice) -> None:
        """When monitors last measured, and how often they do."""
        minute = np.arange(self._first + rows.start, self._first + rows.stop)[:, None]
        second = self._second[rows]
        seen = second >= 0
        seen_at = fresh.latest(self._seen_at, seen, minute.astype(np.int32))
        if self._first + rows.start >= self.teaches_from:
            self.lessons.note_sendings(self._seen_at, seen_at, seen)
        self._seen_at = seen_at[-1].copy()
        lasts = np.where(seen, (minute * 60 + second) * 1_000_000, NEVER)
        np.maximum(lasts[0], self._last, out=lasts[0])
        self._lasts = np.maximum.accumulate(lasts, axis=0, out=lasts)
        self._last = self._lasts[-1].copy()

    def _scatter(self, readings: Readings, *, is_blank: bool) -> None:
        """Put readings into the rows of their minutes; `is_blank`: nothing is there yet."""
        if not len(readings):
            return
        at_s = readings.measured_at // 1_000_000
        minute = at_s // HOUR
        flat = (minute - self._first) * self._size + readings.monitor
        second = (at_s - minute * HOUR).astype(np.int8)
        if not is_blank:
            self._put(readings, flat, second, is_alone=False)
            return
        at = flat - flat.min()
        crowd = np.bincount(at)
        if crowd.max() == 1:
            self._put(readings, flat, second, is_alone=True)
            return
        alone = crowd[at] == 1
        self._put(readings.take(alone), flat[alone], second[alone], is_alone=True)
        self._put(readings.take(~alone), flat[~alone], second[~alone], is_alone=False)

    def _put(
        self, readings: Readings, flat: NDArray[np.int64], second: NDArray[np.int8], is_alone: bool
    ) -> None:
        """Into cells `flat`; `is_alone`: each is blank, and named once."""
        scatter.highest(self._second, flat, second, is_alone)
        judged = readings.quality == ord("N")
        usual = bool(judged.all()) and not readings.unjudged.any()
        for lane in self._lanes.values():
            lane.put(readings, flat, None if usual else judged, self._size, is_alone)

    # ── late readings ──

    def _take_in_overdue(self) -> None:
        """All at once: settling minutes again costs by the minute, not by the reading."""
        if not self._overdue:
            return
        late, self._overdue = Readings.concatenate(self._overdue), []
        self.saw(late.monitor, late.measured_at)
        for lane in self._lanes.values():
            self._late[lane.note_late(late, late.quality == ord("N"), self._first)] = True
        known = late.take(late.measured_at >= max(self._first, self.teaches_from) * MINUTE)
        old = late.take(late.measured_at < max(self._first, self.teaches_from) * MINUTE)
        old = old.take(old.measured_at >= self._first * MINUTE)
        # A monitor whose clock is slow is always late, and teaches all the same: what comes after
        # all that came of it before is learned from.
        minute = known.measured_at // MINUTE
        first = np.full(self._size, NOT_YET, np.int64)
        np.minimum.at(first, known.monitor, minute)
        is_ahead = (first > self._seen_at)[known.monitor]
        self._land(old, teaches=False)
        self._land(known.take(~is_ahead), teaches=False)
        self._land(known.take(is_ahead), teaches=True)

    def _land(self, late: Readings, *, teaches: bool) -> None:
        if not len(late):
            return
        minute = late.measured_at // MINUTE - self._first
        reached = [
            (lane, slice(int(minute[is_kept].min()), self._end), np.unique(late.monitor[is_kept]))
            for lane in self._lanes.values()
            if (is_kept := minute >= lane.skip).any()
        ]
        for lane, rows, who in reached:
            lane.uncover(rows, who)
        self._scatter(late, is_blank=False)
        for lane, rows, who in reached:
            lane.settle_again(rows, self._first + rows.start, who, self.lessons, teaches=teaches)
        self._note_seen_late(slice(int(minute.min()), self._end), np.unique(late.monitor), teaches)

    def _note_seen_late(self, rows: slice, who: NDArray[np.int32], teaches: bool) -> None:
        seen = self._second[rows, who] >= 0
        minute = np.arange(self._first + rows.start, self._first + rows.stop, dtype=np.int32)
        seen_at = fresh.latest(self._seen_at[who], seen, minute[:, None])
        if teaches:
            self.lessons.note_sendings(self._seen_at[who], seen_at, seen, who)
        self._seen_at[who] = seen_at.max(axis=0)
        self._late[who] = True

    # ── room ──

    def make_room(self, monitors: int) -> None:
        """For monitors up to this number."""
        short = monitors - self._size
        if short <= 0:
            return
        more = max(short, _ROOM, self._size // 8)
        self._size += more
        for lane in self._lanes.values():
            lane.widen(more)
        self._second = _wider(self._second, more, -1)
        self._last, self._lasts = _wider(self._last, more, NEVER), _wider(self._lasts, more, NEVER)
        self._heard = _wider(self._heard, more, NEVER)
        self._seen_at = _wider(self._seen_at, more, NO_MINUTE)
        self._late = _wider(self._late, more, False)
        self.lessons.make_room(self._size)

    def _shift(self, more: int) -> None:
        """Make room for so many rows, keeping the last `depth` of those that there are."""
        if self._end + more <= len(self._second):
            return
        keep = min(self.depth, self._end)
        self._first += self._end - keep
        for lane in self._lanes.values():
            lane.shift(self._end, keep, self._first)
        shift(self._second, self._end - keep, keep, -1)
        self._end = keep


def _wider(column: NDArray[Any], more: int, value: Any) -> NDArray[Any]:
    return np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, more)], constant_values=value)


def _as_slice(ids: NDArray[np.int32]) -> slice | NDArray[np.int32]:
    """Neighbours as a slice, which numpy copies several times as fast as an index."""
    if len(ids) and ids[-1] - ids[0] == len(ids) - 1 and np.all(np.diff(ids) == 1):
        return slice(int(ids[0]), int(ids[-1]) + 1)
    return ids
