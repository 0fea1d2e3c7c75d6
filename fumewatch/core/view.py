"""What rules see of some monitors at one instant: minutes in columns, made once for all rules."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.fresh import Fresh, Freshness, find_fresh
from fumewatch.core.reading import CHANNELS, MISSING
from fumewatch.core.roster import Roster

MINUTE: Final = 60_000_000  # µs

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One channel, [t, n]: how many values, their sum (int64) and the largest (int32)."""

    count: NDArray[np.int32]
    total: NDArray[np.int64]
    top: NDArray[np.int32]


class Minutes:
    """One channel's minutes [t, n], the oldest first, the last one is now's and still filling."""

    def __init__(self, channel: int, cells: Cells, freshness: Freshness) -> None:
        self.is_state = CHANNELS[channel].is_state
        self.scale = CHANNELS[channel].scale
        self.count = cells.count
        self.total = cells.total
        self.top = cells.top
        self._freshness = freshness

    @cached_property
    def present(self) -> Mask:
        """The minute has a value."""
        return self.count > 0

    @cached_property
    def freshness(self) -> Fresh:
        """Which minutes are fresh. A state (fan_on, purifier_on) is never held."""
        if self.is_state:
            n = self.count.shape[1]
            return Fresh(self.present, np.ones(n, np.int16), np.zeros(n, np.bool_))
        one_value = (self.count <= 1) | (self.total == self.count * self.top.astype(np.int64))
        return find_fresh(self.present, np.where(one_value, self.top, MISSING), self._freshness)

    def means(self, last: int) -> Numbers:
        """[last, n]: the mean of each of the last minutes; 0 where there is no value."""
        means: Numbers = self.total[-last:] / (np.maximum(self.count[-last:], 1) * self.scale)
        return means

    @cached_property
    def is_on(self) -> Mask:
        """Of a state: on for at least half of the minute's values."""
        return self.present & (2 * self.total >= self.count)

    @cached_property
    def known(self) -> Numbers:
        """[t, n]: the minute's mean, or what was known last before it; a state is 0 or 1.

        NaN before the first value. States may come more rarely than values do.
        """
        values = self.is_on if self.is_state else self.means(len(self.count))
        known = np.empty(self.count.shape)
        last = np.full(self.count.shape[1], np.nan)
        for t in range(len(known)):
            np.copyto(last, values[t], where=self.present[t])
            known[t] = last
        return known


class View:
    """Monitors `ids` [n] at `now` (µs UTC), over `minutes` [t] (since 1970, the last is now's).

    `last_measured`, `last_heard` [n], µs UTC: the latest reading and heartbeat, or NEVER.
    """

    def __init__(
        self,
        *,
        ids: NDArray[np.int32],
        now: int,
        minutes: NDArray[np.int64],
        last_measured: NDArray[np.int64],
        last_heard: NDArray[np.int64],
        roster: Roster,
        freshness: Freshness,
        cells: Callable[[int, NDArray[np.int32], NDArray[np.int64]], Cells],
    ) -> None:
        self.ids = ids
        self.now = now
        self.minutes = minutes
        self.last_measured = last_measured
        self.last_heard = last_heard
        self.roster = roster
        self.rows = roster.rows(ids)
        self._freshness = freshness
        self._cells = cells
        self._memory: dict[Hashable, Any] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def channel(self, channel: int) -> Minutes:
        """The minutes of one channel; it must be one that the window keeps."""

        def make() -> Minutes:
            cells = self._cells(channel, self.ids, self.minutes)
            return Minutes(channel, cells, self._freshness)

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

    def limit(self, channel: int) -> Numbers:
        """[n] in the channel's unit; NaN: the monitor has no such limit."""
        limit: Numbers = self.roster.limit[channel].take(self.rows)
        return limit

    def times(self, last: int) -> list[str]:
        """The starts of the last minutes, ISO UTC."""
        minutes = self.minutes[-last:].tolist()
        return self.remember(("times", last), lambda: [iso(minute * MINUTE) for minute in minutes])


def iso(micros: int) -> str:
    """ISO 8601, UTC, to the second.

    >>> iso(1795406400_000_000)
    '2026-11-23T04:00:00+00:00'
    """
    return datetime.fromtimestamp(micros // 1_000_000, UTC).isoformat()
