"""One channel's last minutes, of all monitors, and how it stands after them.

A lane reaches as far back as the rules look at its channel, which for most is a part of what they
look back at all. Its rows end with the window's: `rows` here are always the window's own, of which
the first `skip` are not kept.
"""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core import fresh, scatter
from fumewatch.core.fresh import Cells, Trail
from fumewatch.core.late import trail_before, uncover
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings

_FUME: Final = INDEX["fume"]


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

    @property
    def nbytes(self) -> int:
        return sum(c.nbytes for c in self.cells.columns() if c.flags.writeable)

    def view(self, rows: slice, which: slice | NDArray[np.int32]) -> Cells:
        """Of these rows the last, without so many as the lane does not keep."""
        return self.cells.take(slice(rows.start, rows.stop - self.skip), which)

    def put(
        self, readings: Readings, flat: NDArray[np.int64], counts: NDArray[np.bool_] | None,
        size: int, is_alone: bool,
    ) -> None:  # fmt: skip
        """Values into the window's cells `flat`, of `size` monitors a row; as far as they are kept.

        `counts`: the readings that are judged; None: all. `is_alone`: each cell is blank, and named
        once.
        """
        value = readings.values[self.channel]
        there = value != MISSING
        if counts is not None:
            there &= counts & (readings.unjudged >> self.channel & 1 == 0)
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

    def shift(self, end: int, keep: int, first: int) -> None:
        """Keep `keep` of the window's rows before `end` as its first ones; the others are blank.

        `first`: the minute of the first that is kept.
        """
        keep = max(keep - self.skip, 0)
        if keep:
            gone = self.cells.take(slice(0, end - self.skip - keep), slice(None))
            self._base = trail_before(gone, first + self.skip, self._base, self.trail.began_at)
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
