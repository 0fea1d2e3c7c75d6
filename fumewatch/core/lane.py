"""One channel's last minutes, of all monitors, and how it stands after them.

A lane reaches as far back as the rules look at its channel, which for most is a part of what they
look back at all. Its rows end with the window's: `rows` here are always the window's own, of which
the first `skip` are not kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from fumewatch.core import fresh, scatter
from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.fresh import NO_MINUTE, REPORTED, Cells, Trail
from fumewatch.core.late import trail_before, uncover
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.view import MINUTE, means

_FUME: Final = INDEX["fume"]


@dataclass(frozen=True, slots=True, eq=False)
class Last:
    """The last minute with a value before a lane's first row, all [m].

    total, count   int32, int16, of its values; count 0: there was none
    at             int32, the minute, or NO_MINUTE
    """

    total: NDArray[np.int32]
    count: NDArray[np.int16]
    at: NDArray[np.int32]

    @classmethod
    def none(cls, monitors: int) -> Self:
        at = np.full(monitors, NO_MINUTE, np.int32)
        return cls(np.zeros(monitors, np.int32), np.zeros(monitors, np.int16), at)

    def columns(self) -> tuple[NDArray[Any], ...]:
        return self.total, self.count, self.at

    def take(self, which: slice | NDArray[np.int32]) -> "Last":
        """A copy."""
        return Last(*(column[which].copy() for column in self.columns()))

    def note(self, cells: Cells, first: int) -> None:
        """Minutes [t, m] that come after it, of which the first is `first`."""
        for minute, (total, count) in enumerate(zip(cells.total, cells.count, strict=True), first):
            there = count > 0
            for column, now in zip(self.columns(), (total, count, np.int32(minute)), strict=True):
                np.copyto(column, now, where=there)

    def note_late(
        self, who: NDArray[np.int32], minute: NDArray[np.int64], value: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Values [n] of minutes before the first row; of whom they changed anything."""
        before = self.at[who]
        np.maximum.at(self.at, who, minute.astype(np.int32))
        is_last = minute == self.at[who]
        moved = who[is_last & (before < minute)]
        self.total[moved], self.count[moved] = 0, 0
        np.add.at(self.total, who[is_last], value[is_last])
        np.add.at(self.count, who[is_last], np.int16(1))
        return np.unique(who[is_last])


class Lane:
    """Owned by a window, which says which minute its row 0 is; blank until something is settled."""

    def __init__(self, channel: int, rows: int, skip: int) -> None:
        """`rows`: of the window; `skip` of them are not kept."""
        self.channel = channel
        self.skip = skip
        self.is_state = CHANNELS[channel].is_state
        self.cells = Cells.empty(rows - skip, 0, is_state=self.is_state)
        self.trail = Trail.empty(0)
        self._base = Trail.empty(0)  # how it stood before the first row
        self._is_blank = True
        self._last = Last.none(0)

    @property
    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.cells.columns() if c.flags.writeable)

    def view(self, rows: slice, which: slice | NDArray[np.int32]) -> Cells:
        """Of these rows the last, without so many as the lane does not keep."""
        return self.cells.take(slice(rows.start, rows.stop - self.skip), which)

    def before(
        self, rows: slice, first: int, which: slice | NDArray[np.int32]
    ) -> tuple[Numbers, NDArray[np.int32]]:
        """For what `view` gives of these rows: the mean that was known last before it, and how
        many minutes before; NaN where there is none.

        `first`: the minute of the window's row 0.
        """
        start, last = first + self.skip, self._last.take(which)
        last.note(self.cells.take(slice(0, rows.start), which), start)
        mean = means(last.total, last.count, CHANNELS[self.channel].scale)
        return np.where(last.count > 0, mean, np.nan), start + rows.start - 1 - last.at

    def note_late(self, late: Readings, counts: NDArray[np.bool_], first: int) -> NDArray[np.int32]:
        """What is too late for any row: it may be what was known last before them. Of whom it is.

        `counts`: as of `put`; `first`: the minute of the window's row 0.
        """
        if self.is_state:
            return np.empty(0, np.int32)
        minute, start = late.measured_at // MINUTE, first + self.skip
        there = self._there(late, counts) & (minute >= start - REPORTED) & (minute < start)
        value = late.values[self.channel]
        return self._last.note_late(late.monitor[there], minute[there], value[there])

    def put(
        self, readings: Readings, flat: NDArray[np.int64], counts: NDArray[np.bool_] | None,
        size: int, is_alone: bool,
    ) -> None:  # fmt: skip
        """Values into the window's cells `flat`, of `size` monitors a row; as far as they are kept.

        `counts`: the readings that are judged; None: all. `is_alone`: each cell is blank, and named
        once.
        """
        value, there = readings.values[self.channel], self._there(readings, counts)
        at = flat - self.skip * size
        if not is_alone:  # what comes in time always is in sight
            there &= at >= 0
        if not there.all():
            at, value = at[there], value[there]
        cells = self.cells
        scatter.add(cells.count, at, np.ones(len(at), np.int16), is_alone)
        scatter.add(cells.total, at, value.astype(cells.total.dtype), is_alone)
        if not self.is_state:
            scatter.highest(cells.top, at, value, is_alone)

    def settle(self, rows: slice, first: int, lessons: Lessons, *, teaches: bool) -> None:
        """Settle these rows; `first`: the minute of the first of them (since 1970)."""
        if self._is_blank:
            self._base, self._is_blank = self.trail.copy(), False
        own = self._own(rows)
        new = self.cells.take(own, slice(None))
        last = self.cells.take(slice(max(own.start - 1, 0), own.start), slice(None))
        if self.is_state:
            fresh.settle_state(new, last, first, self.trail, lessons.interval)
            return
        period = lessons.period[self.channel]
        gaps = lessons.gaps[self.channel] if teaches else None
        fresh.settle(new, last, first, self.trail, period, lessons.interval, gaps)
        if teaches:
            self._note_changes(lessons, first, new, self.trail, slice(None))

    def uncover(self, rows: slice, who: NDArray[np.int32]) -> None:
        """Take back what stood in for missing values, before late readings land."""
        uncover(self.cells, self._own(rows), who)

    def settle_again(
        self, rows: slice, first: int, who: NDArray[np.int32], lessons: Lessons, *, teaches: bool
    ) -> None:
        """Settle these rows of some monitors anew: something came late to the first of them."""
        own = self._own(rows)
        new, before = self.cells.take(own, who), self.cells.take(slice(0, own.start), who)
        trail = trail_before(before, first, self._base.take(who), self.trail.began_at[who])
        if self.is_state:
            fresh.settle_state(new, before, first, trail, lessons.interval[who])
        else:
            period = lessons.period[self.channel][who]
            gaps = np.zeros((len(lessons.gaps[self.channel]), len(who)), np.uint16)
            fresh.settle(new, before, first, trail, period, lessons.interval[who], gaps)
            if teaches:
                lessons.gaps[self.channel][:, who] += gaps
                self._note_changes(lessons, first, new, trail, who)
        for column, again in zip(self.cells.columns(), new.columns(), strict=True):
            if column.flags.writeable:
                column[own, who] = again
        for old, moved in zip(self.trail.columns(), trail.columns(), strict=True):
            old[who] = moved

    def clear(self) -> None:
        """Make all rows blank: what is settled next begins anew from how it stands."""
        self.shift(0, 0, 0)
        self._is_blank = True
        self._last = Last.none(len(self._last.at))

    def shift(self, end: int, keep: int, first: int) -> None:
        """Keep `keep` of the window's rows before `end` as its first ones; the others are blank.

        `first`: the minute of the first that is kept.
        """
        keep = max(keep - self.skip, 0)
        if keep:
            gone = self.cells.take(slice(0, end - self.skip - keep), slice(None))
            after = first + self.skip
            self._base = trail_before(gone, after, self._base, self.trail.began_at)
            if not self.is_state:  # what a state was is kept with each minute
                self._last.note(gone, after - len(gone.count))
        blanks = Cells.empty(1, 1, is_state=self.is_state).columns()
        for column, blank in zip(self.cells.columns(), blanks, strict=True):
            if column.flags.writeable:
                shift(column, end - self.skip - keep, keep, blank[0, 0])

    def widen(self, more: int) -> None:
        """Make room for so many more monitors."""
        extra = Cells.empty(len(self.cells.count), more, is_state=self.is_state)
        self.cells = Cells(*_joined(self.cells.columns(), extra.columns()))
        blank = Trail.empty(more).columns()
        self.trail = Trail(*_joined(self.trail.columns(), blank))
        self._base = Trail(*_joined(self._base.columns(), blank))
        self._last = Last(*_joined(self._last.columns(), Last.none(more).columns()))

    def _there(self, readings: Readings, counts: NDArray[np.bool_] | None) -> Mask:
        """Which of them have a value that is judged."""
        there: Mask = readings.values[self.channel] != MISSING
        if counts is not None:
            there &= counts & (readings.unjudged >> self.channel & 1 == 0)
        return there

    def _own(self, rows: slice) -> slice:
        """Where the lane has the window's rows."""
        return slice(max(rows.start - self.skip, 0), max(rows.stop - self.skip, 0))

    def _note_changes(
        self,
        lessons: Lessons,
        first: int,
        new: Cells,
        trail: Trail,
        who: slice | NDArray[np.int32],
    ) -> None:
        """When fume was measured anew; in the very first minute nothing changes."""
        if self.channel == _FUME:
            minutes = np.arange(first, first + len(new.count))[:, None]
            changed = (new.age == 0) & (new.count > 0) & (trail.began_at != minutes)
            lessons.note_changes(first, changed, who)


def shift(column: NDArray[Any], start: int, keep: int, blank: Any) -> None:
    """Make `keep` rows from `start` on the first ones, and the others blank.

    Row by row: all at once would take as much memory again.
    """
    for to in range(keep):
        column[to] = column[start + to]
    column[keep:] = blank


def _joined(
    one: tuple[NDArray[Any], ...], other: tuple[NDArray[Any], ...]
) -> Iterator[NDArray[Any]]:
    """Side by side; what is constant stays so."""
    return (
        np.concatenate([left, right], axis=-1)
        if right.flags.writeable
        else np.broadcast_to(right[0, 0], (len(right), left.shape[1] + right.shape[1]))
        for left, right in zip(one, other, strict=True)
    )
