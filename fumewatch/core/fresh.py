"""Fresh and held values: what a monitor measured, and what it merely repeated.

A monitor may send its last value every minute and measure only now and then, or not at all for
hours. Minute by minute, of one channel of one monitor:

- A minute *changes* if it has a value that differs from the minute with a value before it, however
  long ago that was, or has several values that differ. The very first value changes too: nothing is
  known before it.
- A minute with a value is *fresh* if a change lies less than one refresh period before it, or in
  it; otherwise it is *held*.
- The *refresh period* is the upper quartile of the gaps between changes, in minutes, older days
  counting half as much each: gaps longer than the ceiling are pauses and left out. With fewer gaps
  than `min_gaps` it is the default. It is learned anew at each full hour.
- The *sending interval* is learned likewise from the gaps between readings (their median): a
  reading stands for all minutes of its interval, so that a monitor that sends every five minutes
  is judged as one that sends every minute.

All of it follows from which values lie in which minutes, so the order of arrival does not matter.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fumewatch.core.arrays import Mask
from fumewatch.core.duration import Duration
from fumewatch.core.reading import MISSING

_MINUTE: Final = timedelta(minutes=1)
LONGEST_GAP: Final = 60
"""Minutes: no period is longer, and gaps up to it are counted."""
NO_MINUTE: Final = -(2**30)
"""The minute of what has not happened."""
NOT_YET: Final = 2**30
UNKNOWN: Final = MISSING + 1
"""The value before: there was one, and we do not know it. The next one is not a change."""
REPORTED: Final = 60
"""Minutes: a state that has not come for so long is taken for one that is not reported."""
_OLDEST: Final = 30_000
"""Minutes: what has not changed for longer is not told apart."""


class Freshness(BaseModel):
    """How the refresh period of a monitor is learned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    default: Duration = Field(
        timedelta(minutes=12), ge=_MINUTE, description="refresh period until one has been learned"
    )
    floor: Duration = Field(_MINUTE, ge=_MINUTE, description="no learned period is shorter")
    ceiling: Duration = Field(
        timedelta(minutes=15),
        ge=_MINUTE,
        le=timedelta(minutes=LONGEST_GAP),
        description="longer gaps are pauses, not refresh periods",
    )
    quantile: float = Field(0.75, gt=0, le=1, description="which of the gaps is the period")
    min_gaps: int = Field(3, ge=1, description="gaps that must be seen to learn from them")

    @model_validator(mode="after")
    def _ceiling_is_highest(self) -> Self:
        if max(self.default, self.floor) > self.ceiling:
            raise ValueError("default and floor must not be longer than ceiling")
        return self


def whole_minutes(duration: timedelta) -> int:
    """Minutes, rounded up; at least 1."""
    return max(1, -(-duration // _MINUTE))


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """One channel's minutes, all [t, m], the oldest first.

    count    int16   values in the minute; 0: none
    total    int32   their sum, top (int32) the largest, in thousandths of the unit
    covered  bool    no value of its own: the one before it stands for it
    fresh    bool    a value, and one that was measured lately
    age      int16   minutes since the value changed; 30,000 and more are not told apart
    known    float32 of a state, 0 or 1: what was known last, NaN where that is too long ago
    """

    count: NDArray[np.int16]
    total: NDArray[np.int32]
    top: NDArray[np.int32]
    covered: Mask
    fresh: Mask
    age: NDArray[np.int16]
    known: NDArray[np.float32]

    @classmethod
    def empty(cls, minutes: int, monitors: int) -> Self:
        shape = (minutes, monitors)
        return cls(
            np.zeros(shape, np.int16),
            np.zeros(shape, np.int32),
            np.full(shape, MISSING, np.int32),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
            np.full(shape, _OLDEST, np.int16),
            np.full(shape, np.nan, np.float32),
        )

    def columns(self) -> tuple[NDArray[np.generic], ...]:
        return (
            self.count,
            self.total,
            self.top,
            self.covered,
            self.fresh,
            self.age,
            self.known,
        )

    def take(self, rows: slice, monitors: slice | NDArray[np.int32]) -> "Cells":
        """A part of it; a view where `monitors` is a slice."""
        return Cells(*(column[rows, monitors] for column in self.columns()))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """How one channel stands after the last settled minute, all int32 [m].

    value       of the last minute with one: MISSING where it had several that differ, or there was
                none ever; UNKNOWN where there was one that is not known
    changed_at  minute of the last change; seen_at: of the last value. NO_MINUTE: never, not known
    began_at    minute of the first value ever; NOT_YET: there was none
    """

    value: NDArray[np.int32]
    changed_at: NDArray[np.int32]
    seen_at: NDArray[np.int32]
    began_at: NDArray[np.int32]

    @classmethod
    def empty(cls, monitors: int) -> Self:
        return cls(
            np.full(monitors, MISSING, np.int32),
            np.full(monitors, NO_MINUTE, np.int32),
            np.full(monitors, NO_MINUTE, np.int32),
            np.full(monitors, NOT_YET, np.int32),
        )

    def columns(self) -> tuple[NDArray[np.int32], ...]:
        return self.value, self.changed_at, self.seen_at, self.began_at

    def take(self, monitors: NDArray[np.intp] | NDArray[np.int32]) -> "Trail":
        return Trail(*(column[monitors] for column in self.columns()))


def settle(
    cells: Cells,
    before: Cells | None,
    first: int,
    trail: Trail,
    period: NDArray[np.int16],
    interval: NDArray[np.int16],
    gaps: NDArray[np.uint16] | None,
) -> None:
    """Judge what is fresh in minutes of one measured channel, and move its trail on, in place.

    cells: the new minutes [t, m], of which the first is `first` (since 1970). before: the minute
    before them. period, interval [m], minutes. gaps [61, m]: counts the gaps between changes.
    """
    count, total, top = cells.count, cells.total, cells.top
    covers = bool((interval > 1).any())
    for t in range(len(count)):
        minute = first + t
        own = count[t] > 0
        one_value = (count[t] == 1) | (total[t] == count[t] * top[t].astype(np.int64))
        value = np.where(one_value, top[t], np.int32(MISSING))
        differs = own & ((value != trail.value) | (value == MISSING))
        differs &= trail.value != UNKNOWN
        if gaps is not None:
            _count_gaps(gaps, minute - trail.changed_at, differs)
        np.copyto(trail.changed_at, np.int32(minute), where=differs)
        np.copyto(trail.value, value, where=own)
        np.copyto(trail.seen_at, np.int32(minute), where=own)
        np.minimum(trail.began_at, np.int32(minute), out=trail.began_at, where=own)
        if covers:
            _cover(cells, before, t, minute - trail.seen_at, interval)
        cells.age[t] = np.minimum(minute - trail.changed_at, _OLDEST)
        cells.fresh[t] = (count[t] > 0) & (cells.age[t] < period)


def settle_state(
    cells: Cells,
    before: Cells | None,
    first: int,
    trail: Trail,
    interval: NDArray[np.int16],
) -> None:
    """`settle` for a state: it is never held, and known until it has not come for an hour."""
    covers = bool((interval > 1).any())
    known = before.known[-1] if before is not None and len(before.known) else cells.known[0]
    for t in range(len(cells.count)):
        minute = first + t
        own = cells.count[t] > 0
        is_on = 2 * cells.total[t] >= cells.count[t]
        np.copyto(trail.seen_at, np.int32(minute), where=own)
        np.minimum(trail.began_at, np.int32(minute), out=trail.began_at, where=own)
        if covers:
            _cover(cells, before, t, minute - trail.seen_at, interval)
        known = np.where(own, is_on.astype(np.float32), known)
        known[minute - trail.seen_at >= REPORTED] = np.nan
        cells.known[t] = known
        cells.fresh[t] = cells.count[t] > 0


def _cover(
    cells: Cells,
    before: Cells | None,
    t: int,
    since: NDArray[np.int32],
    interval: NDArray[np.int16],
) -> Mask:
    """Let the value before stand for this minute where it has none and the interval is not over."""
    source, row = (cells, t - 1) if t else (before, -1)
    if source is None or not len(source.count):
        return np.zeros(len(since), np.bool_)
    covered: Mask = (cells.count[t] == 0) & (since < interval) & (source.count[row] > 0)
    for column, other in (
        (cells.count, source.count),
        (cells.total, source.total),
        (cells.top, source.top),
    ):
        np.copyto(column[t], other[row], where=covered)
    cells.covered[t] = covered
    return covered


def _count_gaps(gaps: NDArray[np.uint16], since: NDArray[np.int32], changed: Mask) -> None:
    """Count gaps of at most an hour; the last bin is left to longer ones, which nobody reads."""
    who = np.flatnonzero(changed & (since <= LONGEST_GAP))
    gaps[since[who], who] += np.uint16(1)


def learned_period(gaps: NDArray[np.uint16], settings: Freshness) -> tuple[NDArray[np.int16], Mask]:
    """(minutes int16 [m], bool [m] whether it was learned) of gaps [61, m]."""
    longest = whole_minutes(settings.ceiling)
    seen = np.cumsum(gaps[: longest + 1], axis=0, dtype=np.int32)
    rank = np.ceil(settings.quantile * seen[-1]).astype(np.int32)
    period = np.maximum((seen < rank).sum(axis=0), whole_minutes(settings.floor))
    is_learned: Mask = seen[-1] >= settings.min_gaps
    default = whole_minutes(settings.default)
    return np.where(is_learned, period, default).astype(np.int16), is_learned


_ENOUGH_GAPS: Final = 6


def learned_interval(gaps: NDArray[np.uint16], ceiling: timedelta) -> NDArray[np.int16]:
    """Minutes int16 [m]: the median gap between minutes with a reading, 1 until that is known."""
    seen = np.cumsum(gaps[: whole_minutes(ceiling) + 1], axis=0, dtype=np.int32)
    rank = (seen[-1] + 1) // 2
    median = np.maximum((seen < rank).sum(axis=0), 1)
    return np.where(seen[-1] >= _ENOUGH_GAPS, median, 1).astype(np.int16)


def held_minutes(value: NDArray[np.int32], present: Mask, settings: Freshness) -> Mask:
    """bool [t]: minutes with a value that is held, of one monitor seen by itself.

    value: MISSING where a minute has several that differ. The refresh period is what these minutes
    teach.
    """
    cells = Cells.empty(len(value), 1)
    mixed = present & (value == MISSING)
    cells.count[:, 0] = present + mixed.astype(np.int16)
    cells.top[:, 0] = np.where(mixed, 0, value)
    cells.total[:, 0] = np.where(present, np.where(mixed, 1, value), 0)
    gaps = np.zeros((LONGEST_GAP + 1, 1), np.uint16)
    once = np.ones(1, np.int16)
    settle(cells, None, 0, Trail.empty(1), once, once, gaps)
    period, _ = learned_period(gaps, settings)
    held: Mask = present & (cells.age[:, 0] >= period[0])
    return held
