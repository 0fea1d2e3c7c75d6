"""The facts of days that a trial names, as rules of day resolution judge them.

Names: those of core.days.DayFacts (minutes: readings, valid, open, fan, linkage_known, linkage_on;
counted, of all medians) and of channels (the median of the day). What is not named is an ordinary
day: a reading every minute, all valid; open as the site is; the fan on while it is open, the
purifier with it; medians that rest on the fan's minutes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.core.arrays import Numbers
from fumewatch.core.daybook import cleaned
from fumewatch.core.days import FIELDS, DayFacts, Days, day_number
from fumewatch.core.reading import CHANNELS, MEASURED
from fumewatch.core.roster import Roster
from fumewatch.core.trial import Trial, Watched, micros

MINUTES: Final = ("readings", "valid", "open", "fan", "linkage_known", "linkage_on", "counted")
NAMES: Final = (*MINUTES, *(CHANNELS[channel].name for channel in MEASURED))

_DAY: Final = timedelta(days=1)
_ALL_DAY: Final = 24 * 60


def each_day(trial: Trial, roster: Roster, zone: ZoneInfo) -> Iterator[tuple[datetime, Days]]:
    """When each day is over, and what is known then: of it and of the days before."""
    midnight = trial.start.astimezone(zone)
    whole = _days(trial, roster, day_number(midnight.date()))
    for n in range(1, trial.points + 1):
        over = midnight + n * _DAY  # of the wall clock
        facts = DayFacts(*(getattr(whole.facts, name)[..., :n, :] for name in FIELDS))
        day, cleanings = whole.day[:n], whole.cleaned[:n]
        yield over, replace(whole, day=day, now=micros(over), facts=facts, cleaned=cleanings)


def _days(trial: Trial, roster: Roster, first: int) -> Days:
    ids = np.array([watched.place.monitor for watched in trial.watched], np.int32)
    day = np.arange(first, first + trial.points, dtype=np.int32)
    columns = [_monitor(watched, roster, trial.points) for watched in trial.watched]
    facts = _facts({name: np.stack([each[name] for each in columns], axis=1) for name in NAMES})
    return Days(ids, day, 0, roster, facts, cleaned(ids, day, roster))


def _monitor(watched: Watched, roster: Roster, k: int) -> dict[str, Numbers]:
    """By name [k]: what is given, and what follows from it."""
    given = {name: series.stretched(k).values for name, series in watched.days.items()}
    hours = roster.hours[roster.rows(np.array([watched.place.monitor], np.int32))]
    is_open = np.full(k, float((roster.opened[hours] > 0).sum()))
    found = {"readings": np.full(k, float(_ALL_DAY))} | given
    found = {"valid": found["readings"], "open": is_open} | found
    found = {"fan": np.minimum(found["open"], found["readings"])} | found
    found = {"linkage_known": found["fan"], "counted": found["fan"]} | found
    return {
        "linkage_on": found["linkage_known"],
        **{CHANNELS[channel].name: np.full(k, np.nan) for channel in MEASURED},
        **found,
    }


def _facts(known: Mapping[str, Numbers]) -> DayFacts:
    """Minutes that are missing are none; a median that is missing rests on none."""
    minutes = {name: np.nan_to_num(known[name]).astype(np.int32) for name in MINUTES}
    counted = minutes.pop("counted")
    median = np.full((len(CHANNELS), *counted.shape), np.nan)
    for channel in MEASURED:
        median[channel] = known[CHANNELS[channel].name]
    median[:, minutes["readings"] == 0] = np.nan
    return DayFacts(**minutes, median=median, counted=np.where(np.isnan(median), 0, counted))
