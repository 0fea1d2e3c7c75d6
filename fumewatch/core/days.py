"""What is known of monitors day by day: what rules of day resolution judge."""

from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Numbers
from fumewatch.core.reading import INDEX
from fumewatch.core.roster import Roster

NO_DAY: Final = -(2**31)
"""The day of what has not happened."""

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, eq=False)
class DayFacts:
    """d days of n monitors, the oldest first, all [d, n]; minutes are minutes with a reading.

    readings         int32    minutes with a reading; 0: nothing came that day
    valid            int32    of those, minutes with a judged value (quality N, plausible)
    open             int32    minutes of business hours, paused ones left out, readings or not
    valid_open       int32    of those, minutes with a judged value
    fan              int32    minutes with the fan on
    linkage_known    int32    of those, minutes with a purifier state
    linkage_on       int32    of those, minutes with the purifier on
    median           float64 [10, d, n]   by channel, in its unit; NaN where there is none.
                     Pollutants: of fresh minutes while cooking (open, and the fan on where its
                     state is reported). Currents: of minutes with the machine on.
    counted          int32 [10, d, n]     minutes that each median rests on
    peak             float64 [10, d, n]   by channel, the highest mean of 10 minutes: of all spans
                     of 10 whole minutes of the day, the mean of the minutes that the median rests
                     on, where there are at least 3. NaN where there is none.
    """

    readings: NDArray[np.int32]
    valid: NDArray[np.int32]
    open: NDArray[np.int32]
    valid_open: NDArray[np.int32]
    fan: NDArray[np.int32]
    linkage_known: NDArray[np.int32]
    linkage_on: NDArray[np.int32]
    median: NDArray[np.float64]
    counted: NDArray[np.int32]
    peak: NDArray[np.float64]

    def take(self, days: slice, monitors: slice) -> "DayFacts":
        """These days of these monitors."""
        return DayFacts(*(getattr(self, f.name)[..., days, monitors] for f in fields(self)))


FIELDS: Final = tuple(field.name for field in fields(DayFacts))


@dataclass(frozen=True, eq=False)
class Days:
    """Monitors `ids` [n] over the local dates `day` [d] (days since 1970-01-01, without gaps).

    The last is the day just over, judged at `now` (µs UTC). `cleaned` int32 [d, n]: the day of the
    last cleaning on or before each day, NO_DAY where none is recorded.
    """

    ids: NDArray[np.int32]
    day: NDArray[np.int32]
    now: int
    roster: Roster
    facts: DayFacts
    cleaned: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        return self.roster.rows(self.ids)

    def limit(self, channel: int) -> Numbers:
        """[n] in the channel's unit; NaN: the monitor has no such limit."""
        limit: Numbers = self.roster.limit[channel].take(self.rows)
        return limit

    def median(self, channel: str, least: int = 1) -> Numbers:
        """[d, n] in the channel's unit; NaN unless it rests on `least` minutes."""
        enough = self.facts.counted[INDEX[channel]] >= least
        return np.where(enough, self.facts.median[INDEX[channel]], np.nan)

    def peak(self, channel: str) -> Numbers:
        """[d, n] in the channel's unit."""
        peak: Numbers = self.facts.peak[INDEX[channel]]
        return peak

    def last(self, count: int) -> "Days":
        """The last days, or all where there are fewer: a rule that looks back no farther than it
        needs says the same whatever others need."""
        days = slice(max(len(self.day) - count, 0), None)
        facts = self.facts.take(days, slice(None))
        return replace(self, day=self.day[days], facts=facts, cleaned=self.cleaned[days])

    def only(self, row: int) -> "Days":
        """One of the monitors."""
        monitors = slice(row, row + 1)
        facts = self.facts.take(slice(None), monitors)
        return replace(self, ids=self.ids[monitors], facts=facts, cleaned=self.cleaned[:, monitors])


def day_number(day: date) -> int:
    """Days since 1970-01-01.

    >>> day_number(date(1970, 1, 3))
    2
    """
    return (day - _EPOCH).days


def date_of(number: int | np.integer[Any]) -> date:
    """The date of a day's number."""
    return _EPOCH + timedelta(days=int(number))
