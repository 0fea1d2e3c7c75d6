"""Roll-ups: readings counted by 10 minutes, by day, by street, as what a batch adds to them.

Everything that is counted adds up, maxima apart, so counting what is new in any order gives what
counting all rows at once would give. Rows that gained a channel count as they stand now, less as
they stood before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.merge import Added
from fumewatch.core.reading import CHANNELS, INDEX, MEASURED, MISSING, Readings

TOTALS: Final = ("readings", "valid", "fan_on", "linkage_known", "linkage_on")
"""readings: rows; valid: of quality N; fan_on: fan judged on; linkage_known: of those, purifier
known; linkage_on: of those, purifier on."""
NAMES: Final = tuple(CHANNELS[c].name for c in MEASURED)
ADDITIVE: Final = (*TOTALS, *(f"{name}_n" for name in NAMES), *(f"{name}_sum" for name in NAMES))
HIGHEST: Final = tuple(f"{name}_max" for name in NAMES)

_TEN_MINUTES_US: Final = 600_000_000
_DAY_US: Final = 86_400_000_000
_ROOM: Final = 30_000
"""Rows that may wait to be counted: some 2 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """n lines of a roll-up, sorted by (key, start).

    key       int64 [n]      a monitor's id, or the index of a street
    start     int64 [n]      when the 10 minutes or the day start, µs since 1970 UTC; for days, of
                             the UTC day of the same date
    additive  int64 [21, n]  one row per entry of ADDITIVE
    highest   int64 [8, n]   one row per entry of HIGHEST, MISSING where there is none
    """

    key: NDArray[np.int64]
    start: NDArray[np.int64]
    additive: NDArray[np.int64]
    highest: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True, slots=True, eq=False)
class RollupDelta:
    """What to add to the roll-ups. The keys of `streets` index `street_names`.

    `latest` has the newest reading of each monitor that has any, whole.
    """

    ten_minutes: Sums
    days: Sums
    streets: Sums
    street_names: tuple[tuple[str, str], ...]
    latest: Readings


class Rollup:
    """Gathers what is new between two flushes. `zone` says where a day begins.

    The zone's offset must be a multiple of 10 minutes: a day is then a whole number of buckets.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._waiting: list[Added] = []
        self._rows = 0
        self._sums = _counted(Readings.empty())
        self._latest = Readings.empty()

    def add(self, added: Added) -> None:
        if len(added):
            self._waiting.append(added)
            self._rows += len(added)
        if self._rows > _ROOM:
            self._count()

    def drain(self, streets: Mapping[int, tuple[str, str]]) -> RollupDelta:
        """What was added since the last drain. `streets`: (district, street) by monitor id.

        Monitors that are not in `streets` are in no street's roll-up.
        """
        self._count()
        sums, latest = self._sums, self._latest
        self._sums, self._latest = _counted(Readings.empty()), Readings.empty()
        names = tuple(sorted(set(streets.values())))
        by_street = _by_street(sums, streets, names)
        return RollupDelta(sums, _by_day(sums, self._zone), by_street, names, latest)

    def _count(self) -> None:
        """Count what waits, all at once: that is cheaper than each batch by itself."""
        if not self._rows:
            return
        added = Added.concatenate(self._waiting)
        parts = [self._sums, _counted(added.new)]
        if len(added.gained):
            parts += [_taken_back(_counted(added.before)), _counted(added.after)]
        self._sums = _sum(parts)
        self._latest = _newest(Readings.concatenate([self._latest, added.new, added.after]))
        self._waiting, self._rows = [], 0


def _counted(readings: Readings) -> Sums:
    start = readings.measured_at // _TEN_MINUTES_US * _TEN_MINUTES_US
    order = np.lexsort((start, readings.monitor))
    rows, key, start = readings.take(order), readings.monitor[order].astype(np.int64), start[order]
    judged = rows.judged()
    measured = judged[list(MEASURED)]
    known = measured != MISSING
    fan_on = judged[INDEX["fan_on"]] > 0
    purifier = judged[INDEX["purifier_on"]]
    linkage_known, linkage_on = fan_on & (purifier != MISSING), fan_on & (purifier > 0)
    everyone = np.ones(len(rows), np.bool_)
    yes_or_no = np.array([everyone, rows.quality == ord("N"), fan_on, linkage_known, linkage_on])
    first = _first(key, start)
    additive = [
        np.add.reduceat(columns, first, axis=1, dtype=np.int64)
        for columns in (yes_or_no, known, np.where(known, measured, 0))
    ]
    highest = np.maximum.reduceat(measured, first, axis=1).astype(np.int64)
    return Sums(key[first], start[first], np.concatenate(additive), highest)


def _taken_back(sums: Sums) -> Sums:
    """A maximum is never taken back: a row that gains a channel keeps those it had."""
    return Sums(sums.key, sums.start, -sums.additive, sums.highest)


def _sum(parts: Sequence[Sums]) -> Sums:
    return _grouped(
        np.concatenate([part.key for part in parts]),
        np.concatenate([part.start for part in parts]),
        np.concatenate([part.additive for part in parts], axis=1),
        np.concatenate([part.highest for part in parts], axis=1),
    )


def _grouped(
    key: NDArray[np.int64],
    start: NDArray[np.int64],
    additive: NDArray[np.int64],
    highest: NDArray[np.int64],
) -> Sums:
    """One line for each (key, start)."""
    order = np.lexsort((start, key))
    key, start = key[order], start[order]
    first = _first(key, start)
    return Sums(
        key[first],
        start[first],
        np.add.reduceat(additive[:, order], first, axis=1),
        np.maximum.reduceat(highest[:, order], first, axis=1),
    )


def _first(key: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.intp]:
    """Where each (key, start) begins, in sorted columns."""
    is_first = np.ones(len(key), np.bool_)
    is_first[1:] = (key[1:] != key[:-1]) | (start[1:] != start[:-1])
    return np.flatnonzero(is_first)


def _by_day(lines: Sums, zone: ZoneInfo) -> Sums:
    buckets, which = np.unique(lines.start, return_inverse=True)
    days = [_day(us, zone) for us in buckets.tolist()]
    start = np.array(days, np.int64)[which] if days else lines.start
    return _grouped(lines.key, start, lines.additive, lines.highest)


def _day(us: int, zone: ZoneInfo) -> int:
    local = datetime.fromtimestamp(us // 1_000_000, zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=UTC)
    return int(midnight.timestamp()) * 1_000_000


def _by_street(
    lines: Sums, streets: Mapping[int, tuple[str, str]], names: Sequence[tuple[str, str]]
) -> Sums:
    place = {name: i for i, name in enumerate(names)}
    top = max([*streets, int(lines.key.max(initial=0))])
    street_of = np.full(top + 1, -1, np.int64)
    for monitor, name in streets.items():
        street_of[monitor] = place[name]
    key = street_of[lines.key]
    there = np.flatnonzero(key >= 0)
    return _grouped(
        key[there], lines.start[there], lines.additive[:, there], lines.highest[:, there]
    )


def _newest(rows: Readings) -> Readings:
    """Of each monitor the newest; of one instant the one that came last."""
    if not len(rows):
        return rows
    order = np.lexsort((rows.measured_at, rows.monitor))  # stable
    is_last = np.append(np.diff(rows.monitor[order]) != 0, True)
    return rows.take(order[np.flatnonzero(is_last)])
