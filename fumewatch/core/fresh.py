"""Fresh and held values: what a monitor measured, and what it merely repeated.

A monitor may send its last value every minute and measure only now and then, or not at all for
hours. Of one channel of one monitor, over the minutes that the window knows:

- A minute *changes* if it has a value that differs from the minute with a value before it, or has
  several values that differ. The first minute with a value changes too: nothing is known before it.
- The *refresh period* is the upper quartile of the gaps between changes, in minutes: gaps longer
  than the ceiling are pauses and left out, as is the first change. With fewer gaps than `min_gaps`
  it is the default. So noise, or a value that came out the same twice, hardly moves it.
- A minute with a value is *fresh* if a change lies less than one refresh period before it, or in
  it; otherwise it is *held*.

All of it follows from which values lie in which minutes, so the order of arrival does not matter.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fumewatch.core.arrays import Mask, count_true
from fumewatch.core.duration import Duration
from fumewatch.core.reading import MISSING

_MINUTE: Final = timedelta(minutes=1)


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
        le=timedelta(hours=1),
        description="longer gaps are pauses, not refresh periods",
    )
    quantile: float = Field(0.75, gt=0, le=1, description="which of the gaps is the period")
    min_gaps: int = Field(3, ge=1, description="gaps that must be seen to learn from them")

    @model_validator(mode="after")
    def _ceiling_is_highest(self) -> Self:
        # The window looks back by the ceiling: a longer period would let what is held at its start
        # pass for fresh.
        if max(self.default, self.floor) > self.ceiling:
            raise ValueError("default and floor must not be longer than ceiling")
        return self


def whole_minutes(duration: timedelta) -> int:
    """Minutes, rounded up; at least 1."""
    return max(1, -(-duration // _MINUTE))


@dataclass(frozen=True, slots=True, eq=False)
class Fresh:
    """fresh: bool [t, n]. period: int16 [n], minutes. learned: bool [n]; else it is the default."""

    fresh: Mask
    period: NDArray[np.int16]
    learned: Mask


def find_fresh(present: Mask, value: NDArray[np.int32], settings: Freshness) -> Fresh:
    """Judge the minutes [t, n] of one channel, the oldest first.

    present: the minute has a value. value: that value, MISSING if it has several that differ.
    """
    minute = np.arange(len(present), dtype=np.int16)[:, None]
    first = present.argmax(axis=0).astype(np.int16)
    differs = (value == MISSING) | (value != _last_known(value, present))
    changes = present & differs & (minute > first)
    changed_at = _last_change(changes, first)
    gaps = np.where(changed_at[:-1] > first, minute[1:] - changed_at[:-1], 0) * changes[1:]
    period, learned = _refresh_period(gaps, settings)
    return Fresh(present & (minute - changed_at < period), period, learned)


# Loops over minutes, because numpy's accumulate along this axis takes twice as long.


def _last_known(value: NDArray[np.int32], present: Mask) -> NDArray[np.int32]:
    """What the minute with a value before each minute had; MISSING where there is none."""
    before = np.empty_like(value)
    last = np.full(value.shape[1], MISSING, np.int32)
    for t in range(len(value)):
        before[t] = last
        np.copyto(last, value[t], where=present[t])
    return before


def _last_change(changes: Mask, first: NDArray[np.int16]) -> NDArray[np.int16]:
    """The minute of the latest change in or before each minute; `first` before there is one."""
    changed_at = changes * np.arange(len(changes), dtype=np.int16)[:, None]
    changed_at[0] = first
    for before, after in pairwise(changed_at):
        np.maximum(before, after, out=after)
    return changed_at


def _refresh_period(gaps: NDArray[np.int16], settings: Freshness) -> tuple[NDArray[np.int16], Mask]:
    """`gaps` [t, n]: at a change, the minutes since the one before it; elsewhere 0."""
    longest = whole_minutes(settings.ceiling)
    counts = np.stack([count_true(gaps == gap) for gap in range(1, longest + 1)])
    seen = np.cumsum(counts, axis=0, dtype=np.int16)
    rank = np.ceil(settings.quantile * seen[-1]).astype(np.int16)
    period = np.maximum(count_true(seen < rank) + 1, whole_minutes(settings.floor))
    learned = seen[-1] >= settings.min_gaps
    return np.where(learned, period, np.int16(whole_minutes(settings.default))), learned
