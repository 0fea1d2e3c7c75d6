"""What is in the flue, moment by moment: the concentration itself, seen or not. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.demo import noise
from fumewatch.demo.course import dirty
from fumewatch.demo.fleet import ZONE_S, Fleet
from fumewatch.demo.situations import Kind, Situation

_SAMPLING_LEAD_S: Final = 300
_FAN_LEAD_S: Final = 600
_NATURAL_MOST: Final = 0.8
"""Where kitchens have no course, natural fume stays under this: what is higher is a situation."""
_DISHES_S: Final = 1500
_WOK_S: Final = 120
"""The fume goes with the dishes of half an hour, and with each wok."""
_FOULED_GAIN: Final = 0.5
TIRED: Final = 0.45
"""A wholly fouled purifier lets so much more fume through and draws so much less current."""
UNREAL: Final = frozenset({Kind.BLOCKED_PROBE, Kind.OVER_RANGE, Kind.STUCK, Kind.FAULT})
"""These change what a monitor measures, and nothing in the flue."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Where a moment stands in its kitchen's day, each [n].

    heat       0 to 1, how busily it cooks       is_fan_on
    is_sampling, sampling_since_s                last_end_s  when sampling last ended before
    """

    heat: NDArray[np.float64]
    is_fan_on: NDArray[np.bool_]
    is_sampling: NDArray[np.bool_]
    sampling_since_s: NDArray[np.int64]
    last_end_s: NDArray[np.int64]


def day_of(at_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """The local day, days since 1970-01-01."""
    return np.asarray((at_s + ZONE_S) // 86400)


def sessions(fleet: Fleet, monitor: NDArray[np.int64], at_s: NDArray[np.int64]) -> Sessions:
    """Look at yesterday's and today's two sessions; a session may end after midnight."""
    today = day_of(at_s)
    heat = np.zeros(len(at_s))
    fan, sampling = np.zeros(len(at_s), np.bool_), np.zeros(len(at_s), np.bool_)
    since_s, ended_s = np.zeros(len(at_s), np.int64), np.zeros(len(at_s), np.int64)
    start_of, end_of = _seconds(fleet)
    tail_s = _tail_s(fleet, monitor)
    for day in (today - 1, today):
        midnight_s, cooks = day * 86400 - ZONE_S, _cooks(fleet, monitor, day)
        for session in (0, 1):
            start = midnight_s + start_of[session].take(monitor)
            end = midnight_s + end_of[session].take(monitor)
            into, left = at_s - start, end - at_s
            np.maximum(heat, np.minimum(into, left) / 1200 * cooks, out=heat)
            fan |= (into >= -_FAN_LEAD_S) & (left > -_FAN_LEAD_S) & cooks
            samples = (into >= -_SAMPLING_LEAD_S) & (left > -tail_s)
            sampling |= samples
            np.maximum(since_s, (start - _SAMPLING_LEAD_S) * samples, out=since_s)
            np.maximum(ended_s, (end + tail_s) * (left <= -tail_s), out=ended_s)
    return Sessions(np.minimum(heat, 1), fan, sampling, since_s, ended_s)


def _tail_s(fleet: Fleet, monitor: NDArray[np.int64]) -> NDArray[np.int64] | int:
    """How long after a session a monitor that does not measure always goes on, seconds."""
    return fleet.course.tail_s.take(monitor) if fleet.course else _SAMPLING_LEAD_S


def _seconds(fleet: Fleet) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(start, end) of each session [2, n], seconds after its local midnight."""
    start, end = fleet.spans[:, :, 0], fleet.spans[:, :, 1]
    length = (end - start) % 1440
    return np.ascontiguousarray(start.T * 60), np.ascontiguousarray((start + length).T * 60)


def flue(
    fleet: Fleet,
    situations: Iterable[Situation],
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    heat: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Fume at that moment, mg/m³ [n]. `heat` [n]: of `sessions`, where it is known already."""
    if heat is None:
        heat = sessions(fleet, monitor, at_s).heat
    busy = 0.3 + 1.4 * noise.drifting(fleet.seed, 2, monitor, at_s, _DISHES_S)
    busy *= np.exp(0.45 * (2 * noise.drifting(fleet.seed, 3, monitor, at_s, _WOK_S) - 1))
    level, most = _level(fleet, monitor, at_s)
    fume = np.asarray(most * np.tanh(level * (0.08 + heat * busy) / most))
    disturb(fleet, situations, monitor, at_s, fume)
    return fume


def disturb(
    fleet: Fleet,
    situations: Iterable[Situation],
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    fume: NDArray[np.float64],
) -> None:
    """Write what situations make of the fume at these moments over it."""
    for situation, rows in near(situations, monitor, at_s):
        when, who = at_s[rows], monitor[rows]
        fume[rows] = _disturbed(fleet.seed, situation, who, when, fume[rows])


def fouled(
    fleet: Fleet, monitor: NDArray[np.int64], at_s: NDArray[np.int64]
) -> NDArray[np.float64]:
    """0 when cleaned, 1 at the end of the cleaning cycle; where there is a course, on to 1.5."""
    if fleet.course:
        return fleet.course.fouled[monitor, _column(fleet.course.first, at_s)]
    return np.clip((at_s - fleet.cleaned_s[monitor]) / fleet.cycle_s[monitor], 0, 1)


def near(
    situations: Iterable[Situation], monitor: NDArray[np.int64], at_s: NDArray[np.int64]
) -> list[tuple[Situation, NDArray[np.intp]]]:
    """The situations that touch these rows, each with its rows."""
    if not len(at_s):
        return []
    order = np.argsort(monitor, kind="stable")
    by_monitor = monitor[order]
    low, high = at_s.min(), at_s.max() + 1
    found = []
    for situation in situations:
        if situation.overlaps(low, high):
            one = order[
                slice(*np.searchsorted(by_monitor, (situation.monitor, situation.monitor + 1)))
            ]
            rows = one[(at_s[one] >= situation.start_s) & (at_s[one] < situation.end_s)]
            if len(rows):
                found.append((situation, rows))
    return found


def _cooks(fleet: Fleet, monitor: NDArray[np.int64], days: NDArray[np.int64]) -> NDArray[np.bool_]:
    """[2, n]: whether it does on those days."""
    if fleet.course is None:
        return np.ones(days.shape, np.bool_)
    return fleet.course.is_open[monitor, days - fleet.course.first]


def _level(
    fleet: Fleet, monitor: NDArray[np.int64], at_s: NDArray[np.int64]
) -> tuple[NDArray[np.float64], float]:
    """mg/m³ while cooking [n], and the most that comes of it."""
    course = fleet.course
    if course is None:
        foul = 1 + _FOULED_GAIN * fouled(fleet, monitor, at_s)
        return fleet.level[monitor] * foul, _NATURAL_MOST
    day = _column(course.first, at_s)
    return (
        course.clean[monitor, day] * dirty(course.fouled[monitor, day], course.gain[monitor]),
        course.ceiling,
    )


def _column(first: int, at_s: NDArray[np.int64]) -> NDArray[np.int64]:
    return day_of(at_s) - first


def _disturbed(
    seed: int,
    situation: Situation,
    monitor: NDArray[np.int64],
    at_s: NDArray[np.int64],
    fume: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The fume of one situation's rows."""
    wobble = noise.normal(seed, 4, monitor, at_s)
    match situation.kind:
        case Kind.EXCEEDANCE | Kind.SEVERE | Kind.OVER_RANGE | Kind.EDITED:
            return situation.level * np.exp(0.04 * wobble)
        case Kind.NEAR_LIMIT:
            return situation.level * (1 + 0.008 * wobble)
        case Kind.RISING:
            done = (at_s - situation.start_s) / (situation.end_s - situation.start_s)
            return (0.35 + (situation.level - 0.35) * done) * (1 + 0.02 * wobble)
        case Kind.BYPASS:
            return 0.55 * np.exp(0.1 * wobble)
        case Kind.BLOCKED_PROBE:
            return 0.008 + 0.002 * wobble
        case _:
            return fume
