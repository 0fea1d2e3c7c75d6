"""The facts of days that a trial names, as rules of day resolution judge them.

Names: those of core.days.DayFacts that are minutes (readings, valid, open, fan, linkage_known,
linkage_on, ...), those of channels (the day's median), fume_peak and the like, and counted (minutes
that each median rests on). What is not named is an ordinary day: a reading every minute, all valid;
open as the site is, pauses left out; the fan on while it is open, the purifier with it; medians
that rest on the fan's minutes, and no peak above them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.daybook import cleaned
from fumewatch.core.days import FIELDS, DayFacts, Days, day_number
from fumewatch.core.reading import CHANNELS, MEASURED
from fumewatch.core.roster import Roster
from fumewatch.core.trial import Trial, Watched, micros
from fumewatch.core.view import MINUTE

_MEDIANS: Final = tuple(CHANNELS[channel].name for channel in MEASURED)
_OF_CHANNELS: Final = ("median", "counted", "peak")
_MINUTES: Final = tuple(name for name in FIELDS if name not in _OF_CHANNELS)
NAMES: Final = (*_MINUTES, "counted", *_MEDIANS, *(f"{name}_peak" for name in _MEDIANS))

_DAY: Final = timedelta(days=1)


def each_day(trial: Trial, roster: Roster, zone: ZoneInfo) -> Iterator[tuple[datetime, Days]]:
    """When each day is over, and what is known then: of it and of the days before."""
    first = trial.start.astimezone(zone)
    midnights = [first + n * _DAY for n in range(trial.points + 1)]  # of the wall clock
    whole = _days(trial, roster, midnights)
    for n, over in enumerate(midnights[1:], 1):
        facts = DayFacts(*(getattr(whole.facts, name)[..., :n, :] for name in FIELDS))
        day, cleanings = whole.day[:n], whole.cleaned[:n]
        yield over, replace(whole, day=day, now=micros(over), facts=facts, cleaned=cleanings)


def _days(trial: Trial, roster: Roster, midnights: Sequence[datetime]) -> Days:
    ids = np.array([watched.place.monitor for watched in trial.watched], np.int32)
    day = day_number(midnights[0].date()) + np.arange(trial.points, dtype=np.int32)
    minutes = np.array([micros(midnight) // MINUTE for midnight in midnights])
    is_open = [_open(roster, roster.rows(ids), np.arange(*span)) for span in pairwise(minutes)]
    facts = [
        _monitor(watched, np.diff(minutes), opened)
        for watched, opened in zip(trial.watched, np.stack(is_open, axis=1), strict=True)
    ]
    known = {name: np.stack([each[name] for each in facts], axis=1) for name in NAMES}
    return Days(ids, day, 0, roster, _facts(known), cleaned(ids, day, roster))


def _open(roster: Roster, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int64]:
    """[n]: in how many of the minutes the site is open and the monitor not paused."""
    is_judged: Mask = (roster.open_for(rows, minutes) > 0) & ~roster.paused(rows, minutes)
    found: NDArray[np.int64] = is_judged.sum(axis=0)
    return found


def _monitor(
    watched: Watched, lasts: NDArray[np.int64], is_open: NDArray[np.int64]
) -> dict[str, Numbers]:
    """By name [d]: what is given, and what follows from it. In minutes: days and business hours."""
    d = len(lasts)
    given = {name: series.stretched(d).values for name, series in watched.days.items()}
    found = {"readings": lasts.astype(np.float64), "open": is_open.astype(np.float64)} | given
    found = {"valid": found["readings"]} | found
    in_hours = np.minimum(found["open"], found["readings"])
    found = {"fan": in_hours, "valid_open": np.minimum(in_hours, found["valid"])} | found
    found = {"linkage_known": found["fan"], "counted": found["fan"]} | found
    found = {name: np.full(d, np.nan) for name in _MEDIANS} | found
    peaks = {f"{name}_peak": found[name] for name in _MEDIANS}
    return {"linkage_on": found["linkage_known"]} | peaks | found


def _facts(known: Mapping[str, Numbers]) -> DayFacts:
    """Minutes that are missing are none; a median that is missing rests on none."""
    minutes = {name: np.nan_to_num(known[name]).astype(np.int32) for name in _MINUTES}
    is_there = minutes["readings"] > 0
    median, peak = _by_channel(known, "", is_there), _by_channel(known, "_peak", is_there)
    counted = np.where(np.isnan(median), 0, np.nan_to_num(known["counted"])).astype(np.int32)
    facts: dict[str, Any] = minutes | {"median": median, "counted": counted, "peak": peak}
    return DayFacts(*(facts[name] for name in FIELDS))


def _by_channel(known: Mapping[str, Numbers], suffix: str, is_there: Mask) -> Numbers:
    """[10, d, n]"""
    found = np.full((len(CHANNELS), *is_there.shape), np.nan)
    for channel in MEASURED:
        found[channel] = np.where(is_there, known[f"{CHANNELS[channel].name}{suffix}"], np.nan)
    return found
