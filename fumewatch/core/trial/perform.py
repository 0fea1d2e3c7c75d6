"""A trial performed: the rules judge what its monitors send, as in the daemon."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Transition
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule
from fumewatch.core.site import Place
from fumewatch.core.trial import Trial, micros
from fumewatch.core.trial.compare import Actual, Difference, compare
from fumewatch.core.trial.days import each_day
from fumewatch.core.trial.sent import readings


@dataclass(frozen=True, slots=True)
class Terms:
    """What of a configuration decides a trial.

    roster: what applies to some places, as the daemon would make it; the times are those of last
    wills, by monitor.
    """

    rules: Sequence[Rule]
    freshness: Freshness
    zone: ZoneInfo
    roster: Callable[[Sequence[Place], Mapping[int, datetime]], Roster]

    def roster_at(self, trial: Trial, at: datetime) -> Roster:
        """Last wills come meanwhile."""
        wills = {
            each.place.monitor: each.last_will
            for each in trial.watched
            if each.last_will and each.last_will <= at
        }
        return self.roster([each.place for each in trial.watched], wills)

    def engine(self, trial: Trial) -> Engine:
        roster = self.roster_at(trial, trial.start)
        return Engine(
            self.rules, self.freshness, roster, self.zone, keeps_days=not trial.is_of_days
        )


@dataclass(frozen=True, slots=True)
class Performance:
    """All transitions in their order, and what was not as expected."""

    trial: Trial
    transitions: tuple[Transition, ...]
    differences: tuple[Difference, ...]


def perform(trial: Trial, terms: Terms) -> Performance:
    """From its start to its end."""
    engine = terms.engine(trial)
    steps = _days(engine, trial, terms) if trial.is_of_days else _minutes(engine, trial, terms)
    transitions: list[Transition] = []
    at, alerts = [trial.start], [Actual()]
    for judged_to, moves in steps:
        transitions += moves
        at.append(judged_to)
        alerts.append(alerts[-1] | _alerts(engine, moves))
    seen = {instant: alerts[bisect_right(at, instant) - 1] for instant in trial.instants}
    return Performance(trial, tuple(transitions), tuple(compare(trial, transitions, seen)))


_Steps = Iterator[tuple[datetime, list[Transition]]]
"""Up to when all is judged, and the transitions since the step before."""


def _minutes(engine: Engine, trial: Trial, terms: Terms) -> _Steps:
    """A step to each instant at which an expectation looks, or the broker tells something."""
    engine.begin(micros(trial.start))
    engine.add(readings(trial))
    wills = {each.last_will for each in trial.watched if each.last_will}
    for at in sorted({*trial.instants, *wills, trial.end}):
        yield at, engine.advance(micros(at))
        engine.roster = terms.roster_at(trial, at)


def _days(engine: Engine, trial: Trial, terms: Terms) -> _Steps:
    """A step for each day, at its end: the daemon waits half an hour more for late readings."""
    for over, days in each_day(trial, engine.roster, terms.zone):
        yield over.astimezone(UTC), engine.judge_days(days)


def _alerts(engine: Engine, moves: Sequence[Transition]) -> Actual:
    """The alerts that moved, and those that are open as they are now."""
    moved = {(move.alert.rule, move.alert.monitor): move.alert for move in moves}
    still = {(rule, n): alert for rule, by in engine.open.items() for n, alert in by.items()}
    return moved | still
