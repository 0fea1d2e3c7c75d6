"""What rules have in common that judge what happened before: alerts, restarts, complaints."""

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Mask
from fumewatch.core.calendar.local import local_times
from fumewatch.core.judgement import Judgement
from fumewatch.core.past import Happenings, Past
from fumewatch.core.rules.rule import Common
from fumewatch.core.view import MINUTE

_MICROSECOND: Final = timedelta(microseconds=1)


class PatternRule(Common):
    """A kind adds how it weighs the past, and what evidence it gives."""

    @abstractmethod
    def weigh(self, past: Past) -> Judgement:
        """[1, n]: `judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, past: Past, row: int) -> dict[str, Any]:
        """What the verdict on one monitor rests on; fit for JSON, times in ISO UTC."""

    @property
    @abstractmethod
    def looks_back(self) -> timedelta:
        """How much of the past it must be given."""

    @property
    def named(self) -> tuple[str, ...]:
        """Ids of the rules whose alerts it reads, as far as it names any."""
        return ()

    def judge(self, past: Past) -> Judgement:
        """[1, n]. A monitor that the rule is not about is clear: an alert from before resolves."""
        found = self.weigh(past)
        covered = self.when.covers(past)
        return Judgement(
            np.where(covered, found.opens, np.int8(Verdict.CLEAR)),
            np.where(covered, found.stays, np.int8(Verdict.CLEAR)),
            found.value,
            found.limit,
        )

    @model_validator(mode="after")
    def _has_no_minutes(self) -> Self:
        if self.when.has_minutes:
            raise ValueError("when can hold tags, streets and districts only: there are no minutes")
        return self


def micros(length: timedelta) -> int:
    return length // _MICROSECOND


def alone(past: Past, row: int) -> Past:
    """The past of one of its monitors."""
    return replace(past, ids=past.ids[row : row + 1])


@dataclass(frozen=True, slots=True, eq=False)
class Alerts:
    """e alerts at monitors of the past that fired, and that nobody who visited found false.

    `rule`: whose alert it is, as a number in `rules`.
    """

    rules: tuple[str, ...]
    rule: NDArray[np.intp]
    monitor: NDArray[np.int32]
    opened_at: NDArray[np.int64]
    is_open: Mask


def alerts_of(past: Past, rules: Iterable[str], back: timedelta) -> Alerts:
    """Those of some rules that opened so long ago at the most, or are still open."""
    known = tuple(rule for rule in rules if rule in past.alerts)
    parts = [past.alerts[rule] for rule in known]
    if not parts:
        return _NO_ALERTS
    monitor = np.concatenate([part.monitor for part in parts])
    opened_at = np.concatenate([part.opened_at for part in parts])
    is_open = np.concatenate([part.is_open for part in parts])
    counts = np.concatenate([part.fired & ~part.false_alarm for part in parts])
    counts &= (opened_at <= past.now) & (is_open | (opened_at > past.now - micros(back)))
    counts &= row_of(past, monitor) >= 0
    return Alerts(
        known,
        np.repeat(np.arange(len(parts)), [len(part.monitor) for part in parts])[counts],
        monitor[counts],
        opened_at[counts],
        is_open[counts],
    )


_NO_ALERTS: Final = Alerts(
    (),
    np.empty(0, np.intp),
    np.empty(0, np.int32),
    np.empty(0, np.int64),
    np.empty(0, np.bool_),
)


def recent(past: Past, events: Happenings, within: timedelta) -> Happenings:
    """Those of the past's monitors, from `within` before now until now."""
    is_recent = (events.at > past.now - micros(within)) & (events.at <= past.now)
    return select(events, is_recent & (row_of(past, events.monitor) >= 0))


def select(events: Happenings, chosen: Mask) -> Happenings:
    return Happenings(events.monitor[chosen], events.at[chosen])


def row_of(past: Past, monitor: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where each is among the past's monitors; -1: it is none of them."""
    if not len(past):
        return np.full(len(monitor), -1, np.intp)
    order = np.argsort(past.ids)
    at = np.minimum(np.searchsorted(past.ids, monitor, sorter=order), len(past) - 1)
    row = order[at]
    return np.where(past.ids[row] == monitor, row, -1)


def count_events(past: Past, events: Happenings) -> NDArray[np.float64]:
    """[n]: how many happened at each of the past's monitors; all events must be at these."""
    counts = np.bincount(row_of(past, events.monitor), minlength=len(past))
    return counts.astype(np.float64)


def count_days(past: Past, events: Happenings) -> NDArray[np.float64]:
    """[n]: on how many local dates."""
    pairs = np.unique(local_days(past, events) * len(past) + row_of(past, events.monitor))
    return np.bincount(pairs % len(past), minlength=len(past)).astype(np.float64)


def local_days(past: Past, events: Happenings) -> NDArray[np.int64]:
    """[e]: the date in the site's zone, in days since 1970-01-01."""
    timetable = past.roster.timetable
    zones = np.array([schedule.hours.zone for schedule in timetable.schedules])
    zone = zones[timetable.which[past.roster.rows(events.monitor)]]
    days = np.zeros(len(events.at), np.int64)
    for name in np.unique(zone).tolist():
        there = zone == name
        days[there] = local_times(events.at[there] // MINUTE, ZoneInfo(name)).day
    return days
