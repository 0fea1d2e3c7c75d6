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
_ROOM: Final = 20_000
"""Rows that may pile up before they are summed: bounds memory, costs next to nothing."""


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
        self._parts: list[Sums] = []
        self._latest: list[Readings] = []
        self._full_at = _ROOM

    def __len__(self) -> int:
        """Lines gathered, about."""
        return sum(map(len, self._parts))

    def add(self, added: Added) -> None:
        if not len(added):
            return
        part = _counted(added.new, 1)
        if len(added.gained):
            part = _sum([part, _counted(added.before, -1), _counted(added.after, 1)])
        self._parts.append(part)
        self._latest += [_newest(added.new), added.after]
        if len(self) > self._full_at:
            self._parts, self._latest = [_sum(self._parts)], [self._newest()]
            self._full_at = 2 * len(self) + _ROOM

    def drain(self, streets: Mapping[int, tuple[str, str]]) -> RollupDelta:
        """What was added since the last drain. `streets`: (district, street) by monitor id.

        Monitors that are not in `streets` are in no street's roll-up.
        """
        ten_minutes = _sum(self._parts)
        latest = self._newest()
        self._parts, self._latest, self._full_at = [], [], _ROOM
        names = sorted(set(streets.values()))
        delta_streets = _by_street(ten_minutes, streets, names)
        return RollupDelta(
            ten_minutes, _by_day(ten_minutes, self._zone), delta_streets, tuple(names), latest
        )

    def _newest(self) -> Readings:
        return _newest(Readings.concatenate([Readings.empty(), *self._latest]))


def _counted(readings: Readings, sign: int) -> Sums:
    judged = readings.judged()
    measured = judged[list(MEASURED)].astype(np.int64)
    known = measured != MISSING
    fan_on = judged[INDEX["fan_on"]] > 0
    purifier = judged[INDEX["purifier_on"]]
    additive = np.concatenate(
        [
            np.array(
                [
                    np.ones(len(readings), np.bool_),
                    readings.quality == ord("N"),
                    fan_on,
                    fan_on & (purifier != MISSING),
                    fan_on & (purifier > 0),
                ]
            ),
            known,
            np.where(known, measured, 0),
        ],
        axis=0,
        dtype=np.int64,
    )
    start = readings.measured_at // _TEN_MINUTES_US * _TEN_MINUTES_US
    # A maximum is never taken back: a row that gains a channel keeps those it had.
    return _grouped(Sums(readings.monitor.astype(np.int64), start, additive * sign, measured))


def _sum(parts: Sequence[Sums]) -> Sums:
    if not parts:
        return _counted(Readings.empty(), 1)
    return _grouped(
        Sums(
            np.concatenate([part.key for part in parts]),
            np.concatenate([part.start for part in parts]),
            np.concatenate([part.additive for part in parts], axis=1),
            np.concatenate([part.highest for part in parts], axis=1),
        )
    )


def _grouped(lines: Sums) -> Sums:
    """One line for each (key, start)."""
    if not len(lines):
        return lines
    order = np.lexsort((lines.start, lines.key))
    key, start = lines.key[order], lines.start[order]
    is_first = np.append(True, (np.diff(key) != 0) | (np.diff(start) != 0))
    first = np.flatnonzero(is_first)
    return Sums(
        key[first],
        start[first],
        np.add.reduceat(lines.additive[:, order], first, axis=1),
        np.maximum.reduceat(lines.highest[:, order], first, axis=1),
    )


def _by_day(lines: Sums, zone: ZoneInfo) -> Sums:
    buckets, which = np.unique(lines.start, return_inverse=True)
    days = [_day(us, zone) for us in buckets.tolist()]
    start = np.array(days, np.int64)[which] if days else lines.start
    return _grouped(Sums(lines.key, start, lines.additive, lines.highest))


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
        Sums(key[there], lines.start[there], lines.additive[:, there], lines.highest[:, there])
    )


def _newest(rows: Readings) -> Readings:
    """Of each monitor the newest; of one instant the one that came last."""
    if not len(rows):
        return rows
    order = np.lexsort((rows.measured_at, rows.monitor))  # stable
    is_last = np.append(np.diff(rows.monitor[order]) != 0, True)
    return rows.take(order[np.flatnonzero(is_last)])
