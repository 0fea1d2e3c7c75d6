"""The facts of a day, gathered minute by minute as the window settles them."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core import rolling
from fumewatch.core.arrays import Mask
from fumewatch.core.days import FIELDS, NO_DAY, DayFacts, Days, day_number
from fumewatch.core.reading import CHANNELS, INDEX, MEASURED
from fumewatch.core.roster import Roster
from fumewatch.core.rules import DayRule
from fumewatch.core.view import View

LONGEST_DAY: Final = 25 * 60
"""Minutes, where a clock is set back."""
_POLLUTANTS: Final = frozenset(INDEX[name] for name in ("fume", "pm", "nmhc"))
_MACHINE: Final = {
    INDEX["fan_current"]: INDEX["fan_on"],
    INDEX["purifier_current"]: INDEX["purifier_on"],
}
SPAN, LEAST = 10, 3
"""A peak is the mean of so many minutes, of which so many must count."""
_NONE: Final = np.int32(2**31 - 1)


class Daybook:
    """One day of monitors 0 to m - 1; `channels`: those that a view has."""

    def __init__(self, channels: Collection[int], monitors: int) -> None:
        self._channels = sorted(channels)
        self.size = monitors
        self._minutes = 0
        self._sums = {name: np.zeros(monitors, np.int32) for name in _SUMS}
        self._values = {
            c: np.full((monitors, LONGEST_DAY), _NONE, np.int32)
            for c in self._channels
            if c in _POLLUTANTS or c in _MACHINE
        }

    def add(self, view: View, readings: Mask) -> None:
        """The last `view.k` minutes of all monitors; `readings` [k, m]: had one of its own."""
        new = slice(-view.k, None)
        judged = ~view.paused[new]
        is_open, readings = (view.open_for[new] > 0) & judged, readings & judged
        self._count("open", is_open)
        self._count("readings", readings)
        valid = readings & self._is_valid(view, new)
        self._count("valid", valid)
        self._count("valid_open", valid & is_open)
        fan = self._is_on(view, INDEX["fan_on"], new)
        if fan is not None:
            self._linkage(view, new, fan, judged)
        cooking = is_open & (fan if fan is not None else True)
        if fan is not None:  # a fan that is not reported may be running
            cooking |= is_open & np.isnan(view.channel(INDEX["fan_on"]).known[new])
        for channel in self._values:
            self._keep(view, channel, new, cooking)
        self._minutes += view.k

    def facts(self) -> DayFacts:
        """[1, m], of all that was added; medians and peaks in whole thousandths of the unit."""
        shape = (len(CHANNELS), 1, self.size)
        median, peak = np.full(shape, np.nan), np.full(shape, np.nan)
        counted = np.zeros(shape, np.int32)
        for channel, kept in self._values.items():
            values, scale = kept[:, : self._minutes], CHANNELS[channel].scale
            found, counted[channel, 0] = _medians(values)
            median[channel, 0] = found / scale
            if channel in _POLLUTANTS:
                peak[channel, 0] = _peaks(values) / scale
        sums = {name: total[None, :].copy() for name, total in self._sums.items()}
        return DayFacts(median=median, counted=counted, peak=peak, **sums)

    def _count(self, name: str, minutes: Mask) -> None:
        self._sums[name] += minutes.sum(axis=0, dtype=np.int32)

    def _is_valid(self, view: View, new: slice) -> Mask:
        valid = np.zeros((view.k, len(view)), np.bool_)
        for channel in self._channels:
            if channel in MEASURED:
                valid |= view.channel(channel).present[new]
        return valid

    def _is_on(self, view: View, state: int, new: slice) -> Mask | None:
        return view.channel(state).is_on[new] if state in self._channels else None

    def _linkage(self, view: View, new: slice, fan: Mask, judged: Mask) -> None:
        """The fan's hours count in a pause too: they dirty the purifier all the same."""
        self._count("fan", fan)
        purifier = INDEX["purifier_on"]
        if purifier in self._channels:
            known = fan & judged & view.channel(purifier).present[new]
            self._count("linkage_known", known)
            self._count("linkage_on", known & view.channel(purifier).is_on[new])

    def _keep(self, view: View, channel: int, new: slice, cooking: Mask) -> None:
        minutes = view.channel(channel)
        if channel in _POLLUTANTS:
            counts = minutes.fresh[new] & cooking
        else:
            on = self._is_on(view, _MACHINE[channel], new)
            counts = minutes.present[new] & (on if on is not None else minutes.total[new] > 0)
        mean = minutes.total[new] // np.maximum(minutes.count[new], 1)
        kept = np.where(counts, mean, _NONE).T
        self._values[channel][:, self._minutes : self._minutes + view.k] = kept


_SUMS: Final = (
    "readings", "valid", "open", "valid_open", "fan", "linkage_known", "linkage_on"
)  # fmt: skip


def _medians(values: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """(median, how many) of each row [m, t], leaving out what is not there; NaN where all is."""
    ascending = np.sort(values, axis=1)  # what is not there comes last
    size = (values != _NONE).sum(axis=1, dtype=np.int32)
    low, high = np.maximum(size - 1, 0) // 2, size // 2
    rows = np.arange(len(values))
    high = np.minimum(high, values.shape[1] - 1)
    pair = ascending[rows, low].astype(np.int64) + ascending[rows, high]
    return np.where(size > 0, pair // 2, np.nan), size


def _peaks(values: NDArray[np.int32]) -> NDArray[np.float64]:
    """The highest mean of 10 minutes of each row [m, t], of at least 3 of them; NaN: none has."""
    there = values != _NONE
    sums = rolling.sums(np.where(there, values, 0).T, SPAN)
    count = rolling.counts(there.T, SPAN)
    mean = np.where(count >= LEAST, sums / np.maximum(count, 1), -1.0)
    top = mean.max(axis=0, initial=-1.0)
    return np.where(top >= 0, np.rint(top), np.nan)


class Diary:
    """Day after day, as far back as the rules look."""

    def __init__(self, rules: Iterable[DayRule], channels: Collection[int]) -> None:
        self._kept = max(rule.days_needed for rule in rules)
        self._channels = channels
        self._book: Daybook | None = None
        self._is_whole = False
        self._days: list[tuple[date, DayFacts]] = []

    def begin(self, local: datetime) -> None:
        """A day that had already begun then is not known whole, and left out."""
        self._is_whole = local.time() == time(0)

    def add(self, view: View, readings: Mask) -> None:
        if self._book is None or self._book.size < len(view):
            self._book = Daybook(self._channels, len(view))
        self._book.add(view, readings[:, : len(view)])

    def end_day(self, day: date) -> None:
        if self._book is not None and self._is_whole:
            self._days.append((day, self._book.facts()))
            self._days = self._days[-self._kept :]
        self._book, self._is_whole = None, True

    def days(self, ids: NDArray[np.int32], roster: Roster, now: int) -> Days | None:
        """All that is kept of monitors `ids`, 0 to n - 1; None where there is no whole day yet."""
        if not self._days:
            return None
        facts = [_widened(facts, len(ids)) for _, facts in self._days]
        numbers = np.array([day_number(day) for day, _ in self._days], np.int32)
        return Days(ids, numbers, now, roster, stack(facts), cleaned(ids, numbers, roster))


def cleaned(ids: NDArray[np.int32], days: NDArray[np.int32], roster: Roster) -> NDArray[np.int32]:
    """int32 [d, n]: the last recorded cleaning on or before each day, or NO_DAY."""
    found = np.full((len(days), len(ids)), NO_DAY, np.int32)
    for column, monitor in enumerate(ids.tolist()):
        if on := roster.cleanings.get(monitor):
            at = np.searchsorted(np.array(on), days, side="right") - 1
            found[:, column] = np.where(at >= 0, np.array(on)[np.maximum(at, 0)], NO_DAY)
    return found


def stack(days: Sequence[DayFacts]) -> DayFacts:
    """Several days of the same monitors, the oldest first."""
    return DayFacts(
        *(np.concatenate([getattr(day, name) for day in days], axis=-2) for name in FIELDS)
    )


def _widened(facts: DayFacts, monitors: int) -> DayFacts:
    """Monitors that came later had no readings then."""
    more = monitors - facts.readings.shape[-1]
    if more <= 0:
        return facts
    return DayFacts(*(_padded(getattr(facts, name), more) for name in FIELDS))


def _padded(column: NDArray[Any], more: int) -> NDArray[Any]:
    blank = np.nan if column.dtype.kind == "f" else 0
    return np.pad(column, [(0, 0)] * (column.ndim - 1) + [(0, more)], constant_values=blank)
