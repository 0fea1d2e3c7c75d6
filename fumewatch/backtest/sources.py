"""Where history comes from: blocks of readings in the order of time, of a file or of the store.

Both number monitors by (district, code) and leave out those that were not asked for, so the same
readings from either give the same run.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.backtest import csv_file, parquet_file
from fumewatch.backtest.cells import Part, Refused
from fumewatch.backtest.spool import DAY_US, Spool
from fumewatch.core.alert import alert_id
from fumewatch.core.arrays import Mask
from fumewatch.core.errors import Fault, ImportRefused
from fumewatch.core.history import KEPT
from fumewatch.core.past import (
    Complaints,
    Happenings,
    Outcome,
    no_complaints,
    nothing_happened,
)
from fumewatch.core.reading import Readings
from fumewatch.core.site import Place
from fumewatch.core.topic import Key
from fumewatch.store import Database, history, past, readings
from fumewatch.store.wire import from_us

HOUR_US: Final = 3_600_000_000
BLOCK_HOURS: Final = 6
READINGS_AT_ONCE: Final = 4_000_000
"""Of the store, with a reading a minute: some 60 bytes each, and a second lot is being loaded."""
MOST_SHOWN: Final = 200
"""Rows that are named; the rest is counted."""

Progress = Callable[[int], None]
"""Told of bytes or minutes, whichever is done in steps."""


Happened = tuple[Happenings, Happenings, Complaints, Sequence[Outcome]]
"""Restarts, findings, complaints, and what inspectors found."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Readings measured before `until` (µs UTC) and not given yet: all there are."""

    readings: Readings
    until: int


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of history to look at again: one monitor, from start up to end, µs UTC."""

    monitor: int
    start: int
    end: int


class Source(Protocol):
    """`places`: of the monitors that it gives readings of, by their number."""

    @property
    def places(self) -> Mapping[int, Place]: ...

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        """Of [start, end), µs UTC; `until` goes up to end, also where nothing was measured."""
        ...

    def happened(self, start: int, end: int) -> Happened:
        """What rules may look back to in [start, end]."""
        ...

    def windows(self, wanted: Sequence[Window]) -> Iterator[Readings]:
        """One after the other, each by time."""
        ...


@dataclass(slots=True)
class Intake:
    """What was read of a file, and what was not: by reason, and the first of them."""

    rows: int = 0
    empty: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    first: list[Refused] = field(default_factory=list)

    def take(self, part: Part) -> None:
        self.rows += part.rows
        self.empty += part.empty
        self.refused.update(each.kind for each in part.refused)
        self.first += part.refused[: max(0, MOST_SHOWN - len(self.first))]

    def faults(self, path: Path) -> list[Fault]:
        return [Fault(f"{path}:{each.line}", each.what) for each in self.first]


def read_file(
    path: Path, zone: ZoneInfo, spool: Spool, *, skip_bad: bool, progress: Progress
) -> Intake:
    """Fill the spool. ImportRefused names rows that are wrong, unless they are to be skipped."""
    intake = Intake()
    is_parquet = path.suffix.casefold() in (".parquet", ".pq")
    read = parquet_file.parts if is_parquet else csv_file.parts
    for part in read(path, zone, skip_bad=skip_bad):
        intake.take(part)
        if len(intake.first) >= MOST_SHOWN and not skip_bad:
            break
        spool.add(part)
        progress(part.rows)
    if intake.refused and not skip_bad:
        raise ImportRefused(_with_hint(intake, path))
    return intake


def _with_hint(intake: Intake, path: Path) -> list[Fault]:
    counts = ", ".join(f"{kind} {n:,}" for kind, n in sorted(intake.refused.items()))
    hint = f"rows refused among the first {intake.rows:,}: {counts}; --skip-bad leaves them out"
    return [*intake.faults(path)[: MOST_SHOWN - 1], Fault(str(path), hint)]


class FileSource:
    """A file that was read into a spool. `keys`: of the monitors, by their name in the file.

    `places`: those that were asked for.
    """

    def __init__(self, spool: Spool, keys: Mapping[str, Key], places: Iterable[Place]) -> None:
        self._spool = spool
        self.places = _numbered(places)
        numbers = {(place.district, place.code): i for i, place in self.places.items()}
        self._numbers = np.array([numbers.get(keys[name], -1) for name in spool.names], np.int32)

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        with_readings = set(self._spool.days)
        for day in range(start // DAY_US, -(-end // DAY_US)):
            readings = Readings.empty()
            if day in with_readings:
                readings = self._spool.day(day, self._numbers)
            yield from cut(readings, max(start, day * DAY_US), min(end, (day + 1) * DAY_US))

    def happened(self, start: int, end: int) -> Happened:
        """A file tells of readings only."""
        return nothing_happened(), nothing_happened(), no_complaints(), []

    def windows(self, wanted: Sequence[Window]) -> Iterator[Readings]:
        by_day: dict[int, set[int]] = {}
        for i, window in enumerate(wanted):
            for day in range(window.start // DAY_US, window.end // DAY_US + 1):
                by_day.setdefault(day, set()).add(i)
        found: list[list[Readings]] = [[] for _ in wanted]
        for day in sorted(by_day.keys() & set(self._spool.days)):
            readings = self._spool.day(day, self._numbers)
            for i in sorted(by_day[day]):
                found[i].append(readings.take(_inside(readings, wanted[i])))
        for parts in found:
            yield Readings.concatenate([Readings.empty(), *parts])


class StoreSource:
    """The store's readings. `places`: the store's, those that were asked for, in any order."""

    def __init__(self, database: Database, places: Iterable[Place], *, is_all: bool) -> None:
        listed = list(places)
        ids = {(place.district, place.code): place.monitor for place in listed}
        self.places = _numbered(listed)
        self._database = database
        self._ids = np.array([ids[p.district, p.code] for p in self.places.values()], np.int32)
        self._all = is_all
        self._numbers = np.full(int(self._ids.max(initial=0)) + 1, -1, np.int32)
        self._numbers[self._ids] = np.arange(len(listed), dtype=np.int32)

    def blocks(self, start: int, end: int) -> Iterator[Block]:
        """While one piece is judged the next one is being loaded."""
        edges = [start, *_edges(start, end, self._step()), end]
        with ThreadPoolExecutor(1) as loader:
            pieces = list(pairwise(edges))
            coming = loader.submit(self._load, *pieces[0])
            for piece, after in zip(pieces, [*pieces[1:], None], strict=True):
                loaded = coming.result()
                if after:
                    coming = loader.submit(self._load, *after)
                yield from cut(loaded, *piece)

    def happened(self, start: int, end: int) -> Happened:
        """From as long before as rules look back."""
        span = start - KEPT // timedelta(microseconds=1), end
        with self._database.transaction() as conn:
            restarts, findings = past.restarts(conn, *span), past.findings(conn, *span)
            return (
                self._renumbered(restarts),
                self._renumbered(findings),
                past.complaints(conn, *span),
                list(self._known(past.outcomes(conn, *span))),
            )

    def windows(self, wanted: Sequence[Window]) -> Iterator[Readings]:
        for window in wanted:
            monitor = int(self._ids[window.monitor])
            with self._database.transaction() as conn:
                found = readings.of_monitor(
                    conn, monitor, from_us(window.start), from_us(window.end)
                )
            yield self._ours(found)

    def _known(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """By the ids that alerts have where monitors have our numbers."""
        for one in outcomes:
            known = one.monitor < len(self._numbers)
            monitor = int(self._numbers[one.monitor]) if known else -1
            if monitor >= 0:
                id = alert_id(one.rule, monitor, one.opened_at)
                yield replace(one, alert=id, monitor=monitor)

    def _step(self) -> int:
        """A day, or of a large fleet so many hours that memory holds them."""
        hours = min(24, max(1, READINGS_AT_ONCE // (60 * max(1, len(self._ids)))))
        return hours * HOUR_US

    def _load(self, start: int, end: int) -> Readings:
        monitors = None if self._all else self._ids.tolist()
        with self._database.transaction() as conn:
            parts = list(history.between(conn, from_us(start), from_us(end), monitors))
        return by_time(self._ours(Readings.concatenate([Readings.empty(), *parts])))

    def _renumbered(self, events: Happenings) -> Happenings:
        known = events.monitor < len(self._numbers)
        ours = np.where(known, self._numbers[np.where(known, events.monitor, 0)], np.int32(-1))
        return Happenings(ours[ours >= 0], events.at[ours >= 0])

    def _ours(self, found: Readings) -> Readings:
        """By our numbers; without monitors that came into the store meanwhile."""
        known = found.monitor < len(self._numbers)
        ours = np.where(known, self._numbers[np.where(known, found.monitor, 0)], np.int32(-1))
        renamed = replace(found, monitor=ours)
        return renamed if (ours >= 0).all() else renamed.take(ours >= 0)


def _numbered(places: Iterable[Place]) -> dict[int, Place]:
    """By number, without gaps, in the order of (district, code)."""
    listed = sorted(places, key=lambda place: (place.district, place.code))
    return {i: replace(place, monitor=i) for i, place in enumerate(listed)}


def cut(readings: Readings, start: int, end: int) -> Iterator[Block]:
    """Readings by time into blocks of some hours; what is not of [start, end) is left out."""
    edges = [start, *_edges(start, end, BLOCK_HOURS * HOUR_US), end]
    places = np.searchsorted(readings.measured_at, edges).tolist()
    for until, (low, high) in zip(edges[1:], pairwise(places), strict=True):
        yield Block(_slice(readings, low, high), until)


def by_time(readings: Readings) -> Readings:
    """Sorted by (measured_at, monitor), by one key: twice as fast as by two."""
    at, monitors = readings.measured_at, int(readings.monitor.max(initial=0)) + 1
    return readings.take(np.argsort((at - at.min(initial=_LATEST)) * monitors + readings.monitor))


_LATEST: Final = np.iinfo(np.int64).max


def _slice(readings: Readings, low: int, high: int) -> Readings:
    """Rows low to high, without copying them."""
    return Readings(
        readings.monitor[low:high],
        readings.measured_at[low:high],
        readings.values[:, low:high],
        readings.quality[low:high],
        readings.unjudged[low:high],
    )


def _edges(start: int, end: int, step: int) -> range:
    """The multiples of a step between start and end."""
    return range((start // step + 1) * step, end, step)


def _inside(readings: Readings, window: Window) -> Mask:
    at = readings.measured_at
    inside: Mask = (readings.monitor == window.monitor) & (at >= window.start) & (at < window.end)
    return inside
