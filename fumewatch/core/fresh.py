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
from typing import Any, Final, Self, TypeVar

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
NOT_KNOWN: Final = -1
"""Of a state: it has not come for too long."""
REPORTED: Final = 60
"""Minutes: a state that has not come for so long is taken for one that is not reported."""
_OLDEST: Final = 30_000
"""Minutes: what has not changed for longer is not told apart."""

T = TypeVar("T", bound=np.generic)


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
    total    int32   their sum, in thousandths of the unit; of a state int16
    top      int32   the largest; of a state it follows from the sum, and is not kept
    covered  bool    no value of its own: the one before it stands for it
    fresh    bool    a value, and one that was measured lately
    age      int16   minutes since the value changed; 30,000 and more are not told apart
    known    int8    of a state, 0 or 1: what was known last, NOT_KNOWN where that is too long ago
    """

    count: NDArray[np.int16]
    total: NDArray[Any]
    top: NDArray[np.int32]
    covered: Mask
    fresh: Mask
    age: NDArray[np.int16]
    known: NDArray[np.int8]

    @classmethod
    def empty(cls, minutes: int, monitors: int, *, is_state: bool | None = None) -> Self:
        """`is_state`: what such a channel never has is constant, which takes no memory."""
        shape = (minutes, monitors)
        age, known, top = np.int16(_OLDEST), np.int8(NOT_KNOWN), np.int32(MISSING)
        return cls(
            np.zeros(shape, np.int16),
            np.zeros(shape, np.int16 if is_state is True else np.int32),
            np.broadcast_to(top, shape) if is_state is True else np.full(shape, top),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
            np.broadcast_to(age, shape) if is_state is True else np.full(shape, age),
            np.broadcast_to(known, shape) if is_state is False else np.full(shape, known),
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

    def copy(self) -> "Trail":
        return Trail(*(column.copy() for column in self.columns()))

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
    count, minute = cells.count, _minutes(cells, first)
    own = count > 0
    value, has_mixed = _values(cells)
    value_before = _before(trail.value, value, own)
    differs = value != value_before
    if has_mixed:
        differs |= value == MISSING
    differs &= own
    differs &= value_before != UNKNOWN
    changed_at = np.empty((len(count) + 1, count.shape[1]), np.int32)
    changed_at[0] = trail.changed_at
    changed_at[1:] = np.where(differs, minute, np.int32(NO_MINUTE))
    np.maximum.accumulate(changed_at, axis=0, out=changed_at)
    if gaps is not None:
        count_gaps(gaps, changed_at[:-1], changed_at[1:], differs)
    trail.changed_at[:] = changed_at[-1]
    _cover(cells, before, own, first, trail.seen_at, interval)
    _note_seen(trail, own, minute)
    cells.age[:] = np.minimum(minute - changed_at[1:], np.int32(_OLDEST))
    np.less(cells.age, period, out=cells.fresh)
    np.logical_and(cells.fresh, count > 0, out=cells.fresh)


def settle_state(
    cells: Cells,
    before: Cells | None,
    first: int,
    trail: Trail,
    interval: NDArray[np.int16],
) -> None:
    """`settle` for a state: it is never held, and known until it has not come for an hour."""
    own, minute = cells.count > 0, _minutes(cells, first)
    is_on = cells.total >= cells.count - cells.total
    known = before.known[-1] if before is not None and len(before.known) else cells.known[0]
    known, seen_at = known.copy(), trail.seen_at.copy()
    cells.known[:] = _before(known, is_on.astype(np.int8), own, after=True)
    if (seen_at <= minute[-1] - REPORTED).any() or len(own) > REPORTED:
        since = minute - latest(seen_at, own, minute)
        np.copyto(cells.known, np.int8(NOT_KNOWN), where=since >= REPORTED)
    _cover(cells, before, own, first, trail.seen_at, interval)
    _note_seen(trail, own, minute)
    np.greater(cells.count, 0, out=cells.fresh)


def _minutes(cells: Cells, first: int) -> NDArray[np.int32]:
    """int32 [t, 1], since 1970."""
    return np.arange(first, first + len(cells.count), dtype=np.int32)[:, None]


def _values(cells: Cells) -> tuple[NDArray[np.int32], bool]:
    """(int32 [t, m]: the value of each minute, MISSING where several differ; any of them do)."""
    count, top = cells.count, cells.top
    if count.max(initial=0) <= 1:
        return top, False
    one_value = (count == 1) | (cells.total == count * top.astype(np.int64))
    return np.where(one_value, top, np.int32(MISSING)), True


def _before(last: NDArray[T], value: NDArray[T], own: Mask, *, after: bool = False) -> NDArray[T]:
    """[t, m]: what was there last before each minute, or `after` it; `last` [m] moves on."""
    found = np.empty(value.shape, value.dtype)
    for t in range(len(value)):
        if not after:
            found[t] = last
        np.copyto(last, value[t], where=own[t])
        if after:
            found[t] = last
    return found


def latest(seen_at: NDArray[np.int32], own: Mask, minute: NDArray[np.int32]) -> NDArray[np.int32]:
    """int32 [t, m]: the minute of the last value by then."""
    at = np.where(own, minute, np.int32(NO_MINUTE))
    np.maximum(at[0], seen_at, out=at[0])
    found: NDArray[np.int32] = np.maximum.accumulate(at, axis=0, out=at)
    return found


def _note_seen(trail: Trail, own: Mask, minute: NDArray[np.int32]) -> None:
    """When values came last, and when they began."""
    last = np.where(own, minute, np.int32(NO_MINUTE)).max(axis=0)
    np.maximum(trail.seen_at, last, out=trail.seen_at)
    if (trail.began_at > minute[0]).any():
        began = np.where(own, minute, np.int32(NOT_YET)).min(axis=0)
        np.minimum(trail.began_at, began, out=trail.began_at)


def _cover(
    cells: Cells,
    before: Cells | None,
    own: Mask,
    first: int,
    seen_at: NDArray[np.int32],
    interval: NDArray[np.int16],
) -> None:
    """Let the value before stand for a minute where it has none and the interval is not over.

    own [t, m]: the minute has a value. seen_at [m]: when the last one came before these minutes.
    """
    who = np.flatnonzero(interval > 1)
    if not len(who):
        return
    t = np.arange(len(own), dtype=np.int32)[:, None]
    last = latest(np.full(len(who), -1, np.int32), own[:, who], t)
    stands = np.zeros(len(who), np.bool_)
    if before is not None and len(before.count):
        stands = before.count[-1, who] > 0
    since = np.where(last >= 0, t - last, first + t - seen_at[who])
    covered = ~own[:, who] & (since < interval[who]) & ((last >= 0) | stands)
    at, of = np.nonzero(covered)
    source, column = last[at, of], who[of]
    for name in ("count", "total", "top"):
        into = getattr(cells, name)
        if not into.flags.writeable:
            continue
        value = into[source, column]
        if stands.any() and before is not None:
            value = np.where(source >= 0, value, getattr(before, name)[-1, column])
        into[at, column] = value
    cells.covered[at, column] = True


def count_gaps(
    gaps: NDArray[np.uint16], before: NDArray[np.int32], after: NDArray[np.int32], where: Mask
) -> None:
    """Count gaps of at most an hour; the last bin is left to longer ones, which nobody reads.

    All [t, m]: when it happened last before each minute and up to it, and whether it did in it.
    """
    since = after - before
    short = where & (since <= LONGEST_GAP)
    monitors = where.shape[1]
    at = since * np.int64(monitors) + np.arange(monitors)
    np.add.at(gaps.reshape(-1, copy=False), at[short], np.uint16(1))


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
    """bool, as `value` [t] or [t, n]: minutes with a value that is held, of each series by itself.

    value: MISSING where a minute has several that differ. The refresh period is what these minutes
    teach.
    """
    shape = value.shape
    value, present = value.reshape(len(value), -1), present.reshape(len(value), -1)
    n = value.shape[1]
    cells = Cells.empty(len(value), n)
    mixed = present & (value == MISSING)
    cells.count[:] = present + mixed.astype(np.int16)
    cells.top[:] = np.where(mixed, 0, value)
    cells.total[:] = np.where(present, np.where(mixed, 1, value), 0)
    gaps = np.zeros((LONGEST_GAP + 1, n), np.uint16)
    once = np.ones(n, np.int16)
    settle(cells, None, 0, Trail.empty(n), once, once, gaps)
    period, _ = learned_period(gaps, settings)
    held: Mask = present & (cells.age >= period)
    return held.reshape(shape)
