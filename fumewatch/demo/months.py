"""A fleet over weeks and months: its course, and what goes wrong besides. The labels are the ground
truth that rules are judged by. Pure.

The demo's plan makes one day lively; here trouble is as rare as in a district, and there is what
only months show: habits, harmless and not, fouling, cleanings, menus that change, a vendor's
outage.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Final

import numpy as np

from fumewatch.core.reading import INDEX
from fumewatch.demo.course import draw
from fumewatch.demo.fleet import ZONE_S, Fleet, build
from fumewatch.demo.situations import FOULED, Kind, Situation, plan, without_overlap

_SPEED: Final = 0.08
"""The demo's day has 1.7 troubles a monitor: this is one in a week."""
_CLEANER: Final = 0.78
"""Of the demo's fume: there everybody's purifier has been fouling for weeks."""
_AROUND_DAYS: Final = 3
_EPOCH: Final = date(1970, 1, 1)
_ANY_DAY: Final = frozenset({Kind.POWER_CUT, Kind.BUFFERED, Kind.FAULT})
"""Also where nobody cooks."""


def live_through(monitors: int, seed: int, first: date, days: int) -> Fleet:
    """A fleet with a course over `days` local days from `first` on."""
    midnight = datetime.fromtimestamp(midnight_s((first - _EPOCH).days), UTC)
    fleet = build(monitors, seed, midnight + timedelta(hours=8))
    begin = (first - _EPOCH).days - _AROUND_DAYS
    rng = np.random.default_rng([seed, 4])
    return replace(fleet, course=draw(rng, fleet.level * _CLEANER, begin, days + 2 * _AROUND_DAYS))


def troubles(fleet: Fleet, first: date, days: int, speed: float = _SPEED) -> list[Situation]:
    """Of [first, first + days), in order of their start. Fouling, cleanings and steps lie across
    the others; no two of the rest overlap."""
    rng = np.random.default_rng([fleet.seed, 5])
    begin, end = (first - _EPOCH).days, (first - _EPOCH).days + days
    starts, ends = (datetime.fromtimestamp(midnight_s(day), UTC) for day in (begin, end))
    acute = without_overlap(
        _outages(rng, fleet, begin, end),
        _tampering(rng, fleet, begin, end),
        _left_off(rng, fleet, begin, end),
        _broken(rng, fleet, begin, end),
        (s for s in plan(fleet, starts, ends, speed) if _can_be(fleet, s)),
        _night_cuts(rng, fleet, begin, end),
    )
    slow = [*_cleanings(fleet, begin, end), *_fouling(fleet, begin, end), *_steps(fleet, end)]
    return sorted([*acute, *slow], key=lambda s: s.start_s)


def midnight_s(day: int) -> int:
    """When that local day (since 1970-01-01) begins, seconds since 1970 UTC."""
    return day * 86400 - ZONE_S


def _can_be(fleet: Fleet, situation: Situation) -> bool:
    day = (situation.start_s + ZONE_S) // 86400
    return situation.kind in _ANY_DAY or _is_open(fleet, situation.monitor, day)


def _is_open(fleet: Fleet, monitor: int, day: int) -> bool:
    assert fleet.course is not None
    return bool(fleet.course.is_open[monitor, day - fleet.course.first])


def _outages(rng: np.random.Generator, fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """A vendor's cloud is down for hours, once in 40 days on average, at any time of the day."""
    vendors = np.array([outlet.vendor.code for outlet in fleet.outlets])
    for code in np.unique(vendors).tolist():
        for day in np.flatnonzero(rng.random(end - begin) < 1 / 40).tolist():
            start_s = midnight_s(begin + day) + int(rng.integers(86400))
            end_s = start_s + int(rng.uniform(1, 6) * 3600)
            for monitor in np.flatnonzero(vendors == code).tolist():
                yield Situation(monitor, Kind.VENDOR_OUTAGE, start_s, end_s)


def _tampering(rng: np.random.Generator, fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """One kitchen in 25 pulls the monitor's plug in the middle of dinner, one evening in four."""
    for monitor in np.flatnonzero(rng.random(len(fleet)) < 0.04).tolist():
        for day in _evenings(rng, fleet, monitor, begin, end, 0.25):
            yield _at_dinner(rng, fleet, monitor, day, Kind.POWER_CUT, (40, 150))


def _left_off(rng: np.random.Generator, fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """One kitchen in 20 spares the purifier's electricity, one evening in four."""
    able = fleet.reports[INDEX["purifier_on"]]
    for monitor in np.flatnonzero(able & (rng.random(len(fleet)) < 0.05)).tolist():
        for day in _evenings(rng, fleet, monitor, begin, end, 0.25):
            yield _at_dinner(rng, fleet, monitor, day, Kind.PURIFIER_OFF, (60, 240))


def _evenings(
    rng: np.random.Generator, fleet: Fleet, monitor: int, begin: int, end: int, share: float
) -> Iterator[int]:
    for day in range(begin, end):
        if rng.random() < share and _is_open(fleet, monitor, day):
            yield day


def _at_dinner(
    rng: np.random.Generator,
    fleet: Fleet,
    monitor: int,
    day: int,
    kind: Kind,
    minutes: tuple[int, int],
) -> Situation:
    from_minute, to_minute = (int(m) for m in fleet.spans[monitor, 1])
    length = min(rng.uniform(*minutes), to_minute - from_minute)
    late = rng.uniform(0, to_minute - from_minute - length)
    start_s = midnight_s(day) + int((from_minute + late) * 60)
    return Situation(monitor, kind, start_s, start_s + int(length * 60))


def _broken(rng: np.random.Generator, fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """In a month one monitor in 30 dies, one in 30 flags what it measures as faulty; for days."""
    for day in range(begin, end):
        for kind in (Kind.POWER_CUT, Kind.FAULT):
            for monitor in np.flatnonzero(rng.random(len(fleet)) < 1 / 900).tolist():
                start_s = midnight_s(day) + int(rng.integers(86400))
                length_s = int(rng.uniform(1.2, 5) * 86400)
                yield Situation(monitor, kind, start_s, start_s + length_s)


def _night_cuts(
    rng: np.random.Generator, fleet: Fleet, begin: int, end: int
) -> Iterator[Situation]:
    """Three kitchens in ten cut the power at night. They harm nobody."""
    for monitor in np.flatnonzero(rng.random(len(fleet)) < 0.3).tolist():
        opens, closes = int(fleet.spans[monitor, 0, 0]), int(fleet.spans[monitor, 1, 1])
        for day in range(begin, end):
            start_s = midnight_s(day) + closes * 60 + int(rng.uniform(20, 60) * 60)
            end_s = midnight_s(day + 1) + opens * 60 - int(rng.uniform(15, 60) * 60)
            yield Situation(monitor, Kind.NIGHT_CUT, start_s, end_s)


def _cleanings(fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """The day; `level` 1: it is in the ledger, 0: nobody wrote it down."""
    assert fleet.course is not None
    for monitor, days in enumerate(fleet.course.cleanings):
        for day in days:
            if begin <= day < end:
                written = float(day in fleet.course.recorded[monitor])
                start_s = midnight_s(day)
                yield Situation(monitor, Kind.CLEANING, start_s, start_s + 86400, written)


def _fouling(fleet: Fleet, begin: int, end: int) -> Iterator[Situation]:
    """From the day the current falls below 70 %, to the next cleaning."""
    course = fleet.course
    assert course is not None
    for monitor in np.flatnonzero(fleet.reports[INDEX["purifier_current"]]).tolist():
        days = course.cleanings[monitor]
        for cleaned, until in zip(days, (*days[1:], end), strict=True):
            day = cleaned + int(np.ceil(course.cycle[monitor] * FOULED))
            if max(day, begin) < min(until, end):
                yield Situation(monitor, Kind.FOULING, midnight_s(day), midnight_s(min(until, end)))


def _steps(fleet: Fleet, end: int) -> Iterator[Situation]:
    """From the day on which much more came than before; `level`: how many times as much."""
    assert fleet.course is not None
    for monitor, day, factor in fleet.course.steps:
        if day < end:
            yield Situation(monitor, Kind.STEP, midnight_s(day), midnight_s(end), factor)
