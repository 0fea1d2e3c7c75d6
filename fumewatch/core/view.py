"""What rules see of some monitors at k instants: minutes in columns, made once for all rules."""

from collections.abc import Callable, Collection, Hashable, Mapping
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.fresh import REPORTED, Cells
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import CHANNELS, MISSING
from fumewatch.core.roster import Roster

MINUTE: Final = 60_000_000  # µs

_STATES: Final = np.array([0, 1, np.nan], np.float32)
"""By what is known of a state; the last is NOT_KNOWN's."""

T = TypeVar("T")


class Minutes:
    """One channel's minutes [t, n], the oldest first; `period` [n], `is_learned` [n]."""

    def __init__(
        self,
        channel: int,
        cells: Cells,
        period: NDArray[np.int16],
        is_learned: Mask,
        before: Callable[[], tuple[Numbers, NDArray[np.int32]]],
    ) -> None:
        """`before`: of each monitor, the mean that was known last before the first of these
        minutes, NaN where there is none; and how many minutes before."""
        self.is_state = CHANNELS[channel].is_state
        self.scale = CHANNELS[channel].scale
        self.count, self.total = cells.count, cells.total
        self.fresh, self.age, self.covered = cells.fresh, cells.age, cells.covered
        self.period, self.is_learned = period, is_learned
        self._before = before
        self._top, self._known = cells.top, cells.known

    @cached_property
    def top(self) -> NDArray[np.int32]:
        """The largest value of the minute, MISSING where there is none."""
        if not self.is_state:
            return self._top
        return np.where(self.present, self.total > 0, np.int32(MISSING))

    @cached_property
    def present(self) -> Mask:
        """The minute has a value, or one that stands for it."""
        return self.count > 0

    def means(self, rows: slice, row: int) -> Numbers:
        """One monitor's minutes: the mean of each, 0 where there is no value."""
        count = np.maximum(self.count[rows, row], 1)
        means: Numbers = self.total[rows, row] / (count * float(self.scale))
        return means

    def is_above(self, rows: slice, level: Numbers) -> Mask:
        """The minute's mean is above a level [n], in the channel's unit."""
        above: Mask = self.total[rows] > self.count[rows] * (level * self.scale)
        return above

    @cached_property
    def is_on(self) -> Mask:
        """Of a state: on for at least half of the minute's values."""
        on: Mask = self.present & (self.total >= self.count - self.total)
        return on

    @cached_property
    def known(self) -> NDArray[Any]:
        """[t, n]: the minute's mean, or what was known last before it; a state is 0 or 1.

        NaN where nothing has come for an hour. States may come more rarely than values do.
        """
        if self.is_state:
            return _STATES[self._known]
        return _carried(means(self.total, self.count, self.scale), self.present, *self._before())


def means(total: NDArray[Any], count: NDArray[np.int16], scale: int) -> Numbers:
    """What the minutes' values come to on average; 0 where there are none."""
    found: Numbers = total / (np.maximum(count, 1) * float(scale))
    return found


class View:
    """Monitors `ids` [n] over `minutes` [t] (since 1970), judged at the ends of the last k.

    now            int64 [k]      the instants, µs UTC
    last_measured  int64 [k, n]   µs UTC: the latest reading by then, or NEVER
    last_heard     int64 [n]      µs UTC: the latest heartbeat, or NEVER
    """

    def __init__(
        self,
        *,
        ids: NDArray[np.int32],
        minutes: NDArray[np.int64],
        instants: int,
        last_measured: NDArray[np.int64],
        last_heard: NDArray[np.int64],
        roster: Roster,
        lessons: Lessons,
        cells: Callable[[int], Cells],
        before: Callable[[int], tuple[Numbers, NDArray[np.int32]]],
        which: slice | NDArray[np.int32],
        open_alerts: Mapping[str, Collection[int]],
    ) -> None:
        self.ids = ids
        self.minutes = minutes
        self.k = instants
        self.now = (minutes[-instants:] + 1) * MINUTE
        self.last_measured = last_measured
        self.last_heard = last_heard
        self.roster = roster
        self.rows = roster.rows(ids)
        self._lessons = lessons
        self._which = which
        self._cells = cells
        self._before = before
        self._open_alerts = open_alerts
        self._memory: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def reach(self, window: int) -> slice:
        """The rows that the windows of so many minutes cover together.

        Counted from the end, as all rows here: a channel has as many as its rules look at.
        """
        return slice(-(window + self.k - 1), None)

    def span(self, window: int, instant: int) -> slice:
        """The rows of the window that ends at one instant (index into `now`)."""
        after = self.k - 1 - instant
        return slice(-(after + window), -after or None)

    def channel(self, channel: int) -> Minutes:
        """The minutes of one channel; it must be one that the window keeps."""

        def make() -> Minutes:
            cells, lessons, which = self._cells(channel), self._lessons, self._which
            before = partial(self._before, channel)
            if CHANNELS[channel].is_state:
                n = len(self.ids)
                return Minutes(channel, cells, np.ones(n, np.int16), np.zeros(n, np.bool_), before)
            period, is_learned = lessons.period[channel], lessons.is_learned[channel]
            return Minutes(channel, cells, period[which], is_learned[which], before)

        return self.remember(channel, make)

    def remember(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for this view: rules share a good part of their work."""
        if key not in self._memory:
            self._memory[key] = make()
        found: T = self._memory[key]
        return found

    def forget(self) -> None:
        """Let go of what was made: it refers back to the view, and would wait for the collector."""
        self._memory.clear()

    @cached_property
    def open_for(self) -> NDArray[np.int16]:
        """int16 [t, n]: minutes that the site has been open at each minute; 0: closed."""
        return self.roster.open_for(self.rows, self.minutes)

    @cached_property
    def paused(self) -> Mask:
        """bool [t, n]: the monitor is not judged: maintenance, calibration, closure."""
        return self.roster.paused(self.rows, self.minutes)

    @cached_property
    def meal(self) -> NDArray[np.int8]:
        """int8 [t, n]: which meal it is (core.timetable.Meal)."""
        return self.roster.in_meal(self.rows, self.minutes)

    @cached_property
    def sampling(self) -> Mask:
        """bool [t, n]: in a quarter-hour in which the monitor usually measures anew."""
        return self._lessons.is_sampling(self.minutes, self._which)

    def limit(self, channel: int) -> Numbers:
        """[n] in the channel's unit; NaN: the monitor has no such limit."""
        limit: Numbers = self.roster.limit[channel].take(self.rows)
        return limit

    def has_alert(self, rule: str) -> Mask:
        """bool [n]: an alert of the rule was open before the instants."""
        monitors = np.fromiter(self._open_alerts.get(rule, ()), np.int32)
        return np.isin(self.ids, monitors)

    def times(self, rows: slice) -> list[str]:
        """The starts of some minutes, ISO UTC."""
        return self._starts[rows]

    @cached_property
    def _starts(self) -> list[str]:
        return [iso(minute * MINUTE) for minute in self.minutes.tolist()]


def iso(micros: int) -> str:
    """ISO 8601, UTC, to the second.

    >>> iso(1795406400_000_000)
    '2026-11-23T04:00:00+00:00'
    """
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat()


def _carried(value: Numbers, present: Mask, known: Numbers, since: NDArray[np.int32]) -> Numbers:
    """Each value [t, n] until the next one, or for an hour (REPORTED).

    What was `known` [n] `since` so many minutes goes on; both are moved on.
    """
    found = np.empty(value.shape)
    for now, is_new, to in zip(value, present, found, strict=True):
        since += 1
        np.copyto(since, 0, where=is_new)
        np.copyto(known, now, where=is_new)
        to[:] = known
        to[since >= REPORTED] = np.nan
    return found
