"""What goes wrong at the fleet, when, and for how long: the ground truth of the signal. Pure.

No two of one monitor overlap, fouling apart: each stretch of a monitor's life has one name.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

import numpy as np

from fumewatch.core.reading import INDEX
from fumewatch.demo.fleet import ZONE_S, Fleet
from fumewatch.demo.names import Speech


class Kind(StrEnum):
    """The first block changes what a monitor measures, the second what arrives of it, the third
    single messages; fouling is the slow one, built into the signal. The last block is of
    simulations of months only."""

    EXCEEDANCE = "exceedance"
    SEVERE = "severe exceedance"
    NEAR_LIMIT = "near limit"
    RISING = "rising"
    PURIFIER_OFF = "purifier off"
    BYPASS = "bypass"
    BLOCKED_PROBE = "blocked probe"
    STUCK = "stuck"
    OVER_RANGE = "over range"
    FAULT = "fault"

    POWER_CUT = "power cut"
    BUFFERED = "buffered"
    EDITED = "edited"

    GAP = "gap"
    DUPLICATE = "duplicate"
    SENTINEL = "sentinel"
    MALFORMED = "malformed"

    FOULING = "fouling"

    NIGHT_CUT = "night cut"
    VENDOR_OUTAGE = "vendor outage"
    CLEANING = "cleaning"
    STEP = "step"


OF_MONTHS: Final = frozenset({Kind.NIGHT_CUT, Kind.VENDOR_OUTAGE, Kind.CLEANING, Kind.STEP})
SILENT: Final = (Kind.POWER_CUT, Kind.BUFFERED, Kind.NIGHT_CUT, Kind.VENDOR_OUTAGE)
"""Nothing is sent while these last."""
EDITED_SHARE: Final = 0.5
"""What is left of the pollutants in readings that somebody edits on their way; the hourly means
that the monitor tells besides are as measured."""
EDITED_CHANNELS: Final = tuple(INDEX[name] for name in ("fume", "pm", "nmhc"))
FOULED: Final = 2 / 3
"""Share of the cleaning cycle after which the purifier's current is below 70 % of a clean one's."""


@dataclass(frozen=True, slots=True)
class Situation:
    """One condition of one monitor (its index) over [start_s, end_s), seconds since 1970 UTC.

    `level` is the fume it leads to, mg/m³, where it is about fume.
    """

    monitor: int
    kind: Kind
    start_s: int
    end_s: int
    level: float = 0.0

    def overlaps(self, start_s: float, end_s: float) -> bool:
        return self.start_s < end_s and start_s < self.end_s


@dataclass(frozen=True, slots=True)
class _Habit:
    """`per_day`: how often at one monitor. `minutes`: least and most; `level` likewise."""

    kind: Kind
    per_day: float
    minutes: tuple[int, int]
    level: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class _Opening:
    """Began so many minutes before the demo, ends so many after it (less than 0: before)."""

    kind: Kind
    share: float
    began: tuple[float, float]
    ends: tuple[float, float]
    level: tuple[float, float] = (0.0, 0.0)


_HABITS: Final = (
    _Habit(Kind.EXCEEDANCE, 0.40, (12, 60), (1.15, 1.8)),
    _Habit(Kind.SEVERE, 0.06, (11, 30), (2.3, 4.0)),
    _Habit(Kind.NEAR_LIMIT, 0.20, (40, 90), (0.93, 0.97)),
    _Habit(Kind.RISING, 0.15, (50, 90), (1.2, 1.6)),
    _Habit(Kind.PURIFIER_OFF, 0.15, (15, 150)),
    _Habit(Kind.BYPASS, 0.04, (25, 90)),
    _Habit(Kind.BLOCKED_PROBE, 0.03, (70, 240)),
    _Habit(Kind.STUCK, 0.04, (45, 240)),
    _Habit(Kind.OVER_RANGE, 0.02, (5, 20), (35, 60)),
    _Habit(Kind.FAULT, 0.05, (10, 40)),
    _Habit(Kind.POWER_CUT, 0.12, (40, 240)),
    _Habit(Kind.BUFFERED, 0.15, (4, 25)),
    _Habit(Kind.EDITED, 0.02, (90, 150), (1.15, 1.5)),
)
_OPENINGS: Final = (
    _Opening(Kind.EXCEEDANCE, 0.035, (15, 40), (5, 60), (1.2, 1.8)),
    _Opening(Kind.EXCEEDANCE, 0.07, (16, 30), (-8, -2), (1.2, 1.5)),  # about to clear
    _Opening(Kind.EXCEEDANCE, 0.02, (1, 4), (12, 30), (1.3, 1.8)),  # about to breach
    _Opening(Kind.SEVERE, 0.015, (11, 14), (3, 20), (2.3, 4.0)),
    _Opening(Kind.NEAR_LIMIT, 0.02, (45, 60), (10, 60), (0.93, 0.97)),
    _Opening(Kind.RISING, 0.025, (35, 50), (10, 40), (1.2, 1.6)),
    _Opening(Kind.PURIFIER_OFF, 0.035, (11, 40), (5, 45)),
    _Opening(Kind.PURIFIER_OFF, 0.02, (9.5, 11.5), (0.4, 2)),
    _Opening(Kind.BYPASS, 0.01, (21, 40), (5, 40)),
    _Opening(Kind.BLOCKED_PROBE, 0.01, (70, 140), (10, 90)),
    _Opening(Kind.STUCK, 0.01, (40, 90), (10, 60)),
    _Opening(Kind.OVER_RANGE, 0.01, (2, 5), (2, 15), (35, 60)),
    _Opening(Kind.FAULT, 0.01, (2, 10), (5, 20)),
    _Opening(Kind.POWER_CUT, 0.035, (31, 90), (0.45, 0.9)),  # about to come back
    _Opening(Kind.POWER_CUT, 0.015, (29.5, 31), (20, 60)),
    _Opening(Kind.POWER_CUT, 0.01, (-2, -0.5), (40, 60)),  # about to be cut
    _Opening(Kind.BUFFERED, 0.015, (3, 15), (0.2, 1.5)),
    _Opening(Kind.EDITED, 0.0, (200, 240), (240, 300), (1.15, 1.5)),  # one, as long as the history
)


def plan(fleet: Fleet, start: datetime, end: datetime, speed: float = 1.0) -> list[Situation]:
    """The situations of [start, end), `speed` times as many as usual, in order of their start.

    A day's situations are drawn for the whole local day, so a longer plan continues a shorter one.
    """
    first = int(start.timestamp() + ZONE_S) // 86400 - 1  # last night's may last until now
    last = int(end.timestamp() + ZONE_S) // 86400
    drawn = [s for day in range(first, last + 1) for s in _day(fleet, day, speed)]
    happening = (s for s in drawn if s.overlaps(start.timestamp(), end.timestamp()))
    return without_overlap(happening)


def opening(fleet: Fleet, at: datetime) -> list[Situation]:
    """The demo's first scene: a third of the fleet in trouble, or a minute before or after it."""
    rng = np.random.default_rng([fleet.seed, 2])
    at_s = int(at.timestamp())
    scene: list[Situation] = []
    free = [int(monitor) for monitor in rng.permutation(len(fleet))]
    for row in _OPENINGS:
        for _ in range(max(1, round(row.share * len(fleet)))):
            monitor = next((m for m in free if _can_have(fleet, m, row.kind)), None)
            if monitor is not None:
                free.remove(monitor)
                began, ends = rng.uniform(*row.began), rng.uniform(*row.ends)
                start_s, end_s = at_s - round(began * 60), at_s + round(ends * 60)
                scene.append(
                    Situation(monitor, row.kind, start_s, end_s, float(rng.uniform(*row.level)))
                )
    return scene


def fouling(fleet: Fleet, end_s: int) -> list[Situation]:
    """From the day each purifier's current falls below 70 %; nobody cleans one in the simulation.

    These come on top of others: fouling is no one's only trouble.
    """
    starts = fleet.cleaned_s + (fleet.cycle_s * FOULED).astype(np.int64)
    fouled = np.flatnonzero((starts < end_s) & fleet.reports[INDEX["purifier_current"]])
    return [Situation(int(m), Kind.FOULING, int(starts[m]), end_s) for m in fouled]


def without_overlap(*groups: Iterable[Situation]) -> list[Situation]:
    """All of the first group, then of each next one what meets none taken before; by start."""
    taken: dict[int, list[Situation]] = defaultdict(list)
    for situation in (s for group in groups for s in group):
        others = taken[situation.monitor]
        if not any(situation.overlaps(other.start_s, other.end_s) for other in others):
            others.append(situation)
    return sorted((s for group in taken.values() for s in group), key=lambda s: s.start_s)


def _day(fleet: Fleet, day: int, speed: float) -> Sequence[Situation]:
    rng = np.random.default_rng([fleet.seed, 3, day])
    drawn: list[Situation] = []
    for habit in _HABITS:
        count = rng.poisson(habit.per_day * speed * len(fleet))
        monitors = (int(monitor) for monitor in rng.integers(0, len(fleet), count))
        able = [monitor for monitor in monitors if _can_have(fleet, monitor, habit.kind)]
        drawn.extend(_draw(rng, fleet, monitor, habit, day) for monitor in able)
    return without_overlap(drawn)


def _draw(
    rng: np.random.Generator, fleet: Fleet, monitor: int, habit: _Habit, day: int
) -> Situation:
    """In one of the day's two sessions, ending within it where it is long enough."""
    from_minute, to_minute = (int(m) for m in fleet.spans[monitor, rng.integers(2)])
    session_s = (to_minute - from_minute) % 1440 * 60
    length_s = int(rng.uniform(*habit.minutes) * 60)
    slack_s = rng.uniform() * max(session_s - length_s, 0)
    start_s = day * 86400 - ZONE_S + from_minute * 60 + int(slack_s)
    level = float(rng.uniform(*habit.level))
    return Situation(monitor, habit.kind, start_s, start_s + length_s, level)


def _can_have(fleet: Fleet, monitor: int, kind: Kind) -> bool:
    """Only what it can show: no purifier trouble where no purifier state is reported, and edited
    readings only where the monitor tells means of its own besides."""
    if kind is Kind.EDITED:
        return fleet.outlets[monitor].speaks is Speech.HJ212
    if kind in (Kind.PURIFIER_OFF, Kind.BYPASS):
        return bool(fleet.reports[INDEX["purifier_on"], monitor])
    return True
