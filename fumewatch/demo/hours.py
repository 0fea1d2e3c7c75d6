"""What HJ 212 monitors reckon of the hour just over, from the very values that they sent. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.reading import CHANNELS, MEASURED, MISSING, Readings
from fumewatch.demo.fleet import Fleet
from fumewatch.demo.flue import near
from fumewatch.demo.frames import Statistic
from fumewatch.demo.names import Speech
from fumewatch.demo.signal import BURST_S, SENTINEL, Emission
from fumewatch.demo.situations import EDITED_CHANNELS, EDITED_SHARE, SILENT, Kind, Situation

HOUR_S: Final = 3600
_LAG_S: Final = 30
"""So long after the hour they tell it, each a little later than another, by as much again."""
_ENOUGH: Final = 0.75
"""Share of an hour that must be normal, or the hour's statistics are not (HJ 212)."""
_EDITED: Final = np.array([MEASURED.index(channel) for channel in EDITED_CHANNELS])
_LOW, _HIGH = (
    np.array([[getattr(CHANNELS[c], bound) * CHANNELS[c].scale] for c in MEASURED])
    for bound in ("low", "high")
)


@dataclass(frozen=True, slots=True)
class Hour:
    """One monitor's, as it is to be sent at `due_s`."""

    monitor: int
    start_s: int
    due_s: int
    statistics: tuple[Statistic, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """Of one hour, [channel, m]; `seconds`: how much of it the values stand for. `was_told` [m]."""

    least: NDArray[np.float64]
    most: NDArray[np.float64]
    total: NDArray[np.float64]
    count: NDArray[np.int64]
    seconds: NDArray[np.int64]
    was_told: NDArray[np.bool_]

    @classmethod
    def of(cls, monitors: int) -> Self:
        shape = (len(MEASURED), monitors)
        least, most = np.full(shape, np.inf), np.full(shape, -np.inf)
        count, seconds = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        return cls(least, most, np.zeros(shape), count, seconds, np.zeros(monitors, np.bool_))

    def add(self, slot: NDArray[np.intp], values: NDArray[np.float64], interval_s: int) -> None:
        """`values` [channel, k]: of monitors `slot` [k]; NaN counts for nothing."""
        for channel, row in enumerate(values):
            good = ~np.isnan(row)
            who, what = slot[good], row[good]
            np.minimum.at(self.least[channel], who, what)
            np.maximum.at(self.most[channel], who, what)
            np.add.at(self.total[channel], who, what)
            np.add.at(self.count[channel], who, 1)
            np.add.at(self.seconds[channel], who, interval_s)

    def statistics(self, slot: int) -> tuple[Statistic, ...]:
        return tuple(
            Statistic(
                channel,
                round(self.least[row, slot]),
                round(self.total[row, slot] / self.count[row, slot]),
                round(self.most[row, slot]),
                "N" if self.seconds[row, slot] >= _ENOUGH * HOUR_S else "D",
            )
            for row, channel in enumerate(MEASURED)
            if self.count[row, slot]
        )


class Hours:
    """Adds up what is sent, hour by hour; hours begun before `begins_s` are not known whole."""

    def __init__(self, fleet: Fleet, begins_s: int) -> None:
        speaks = [outlet.speaks is Speech.HJ212 for outlet in fleet.outlets]
        self._monitors = np.flatnonzero(speaks)
        self._slot = np.full(len(fleet), -1, np.intp)
        self._slot[self._monitors] = np.arange(len(self._monitors))
        self._lag_s = (_LAG_S * (1 + fleet.phase[self._monitors])).astype(np.int64)
        self._begins_s = begins_s
        self._sums: dict[int, _Sums] = {}

    def add(self, emission: Emission, situations: Sequence[Situation], interval_s: int) -> None:
        """What is sent; a reading that is sent twice was measured once. Readings that somebody
        edits on their way count as they were measured."""
        readings = self._own(emission.readings)
        slot = self._slot[readings.monitor]
        hour_s = readings.measured_at // 1_000_000 // HOUR_S * HOUR_S
        values = _measured(readings, situations)
        for start_s in np.unique(hour_s).tolist():
            sums = self._sums.setdefault(start_s, _Sums.of(len(self._monitors)))
            here = hour_s == start_s
            sums.add(slot[here], values[:, here], interval_s)

    def _own(self, readings: Readings) -> Readings:
        """Those of HJ 212 monitors, each once."""
        is_late_enough = readings.measured_at // 1_000_000 // HOUR_S * HOUR_S >= self._begins_s
        own = readings.take((self._slot[readings.monitor] >= 0) & is_late_enough)
        key = own.monitor.astype(np.int64) << 32 | own.measured_at // 1_000_000
        return own.take(np.unique(key, return_index=True)[1])

    def due(self, situations: Sequence[Situation], until_s: int) -> Iterator[Hour]:
        """What is to be told before `until_s` and was not yet; who is silent then tells it later.

        An hour is forgotten once its last monitor could tell it: its readings come before that.
        """
        for start_s, sums in list(self._sums.items()):
            if start_s + HOUR_S < until_s:
                due_s = self._due_s(start_s + HOUR_S, situations)
                ready = (due_s < until_s) & ~sums.was_told & sums.count.any(axis=0)
                sums.was_told[ready] = True
                for slot in np.flatnonzero(ready).tolist():
                    monitor = int(self._monitors[slot])
                    yield Hour(monitor, start_s, int(due_s[slot]), sums.statistics(slot))
                if np.all(due_s < until_s):
                    del self._sums[start_s]

    def _due_s(self, end_s: int, situations: Sequence[Situation]) -> NDArray[np.int64]:
        """Situations are in order of their start."""
        due_s = end_s + self._lag_s
        for situation in situations:
            slot = self._slot[situation.monitor]
            back_s = situation.end_s + BURST_S + 1
            if situation.kind in SILENT and slot >= 0 and situation.start_s <= due_s[slot] < back_s:
                due_s[slot] = back_s
        return due_s


def _measured(readings: Readings, situations: Sequence[Situation]) -> NDArray[np.float64]:
    """[channel, n] in thousandths; NaN for what is missing, implausible or flagged."""
    sent = readings.values[list(MEASURED)]
    good = (sent != MISSING) & (sent != SENTINEL) & (readings.quality == ord("N"))
    good &= (sent >= _LOW) & (sent <= _HIGH)
    values = np.where(good, sent, np.nan)
    edited = [s for s in situations if s.kind is Kind.EDITED]
    monitor, at_s = readings.monitor.astype(np.int64), readings.measured_at // 1_000_000
    for _, rows in near(edited, monitor, at_s):
        values[_EDITED[:, None], rows] /= EDITED_SHARE
    return values
