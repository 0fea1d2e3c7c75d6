"""A trial performed: the rules judge what its monitors send, as in the daemon."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, State, Transition, Verdict
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.judgement import Judgement
from fumewatch.core.roster import Roster
from fumewatch.core.rules import DayRule, MinuteRule, Rule
from fumewatch.core.rules.rule import Common
from fumewatch.core.site import Place
from fumewatch.core.trial import Trial, micros
from fumewatch.core.trial.compare import Difference, Key, Saying, Seen, compare
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
    at, seen = [trial.start], [Seen({}, {})]
    for judged_to, moves, said in steps:
        transitions += moves
        at.append(judged_to)
        seen.append(Seen({**seen[-1].alerts, **_alerts(engine, moves)}, said))
    looked = {instant: seen[bisect_right(at, instant) - 1] for instant in trial.instants}
    return Performance(trial, tuple(transitions), tuple(compare(trial, transitions, looked)))


_Steps = Iterator[tuple[datetime, list[Transition], Mapping[Key, Saying]]]
"""Up to when all is judged, the transitions since the step before, what rules say at its end."""

_Evidence = Callable[[int], dict[str, Any]]


def _minutes(engine: Engine, trial: Trial, terms: Terms) -> _Steps:
    """A step to each instant at which an expectation looks, or the broker tells something."""
    engine.begin(micros(trial.start))
    engine.add(readings(trial))
    wills = {each.last_will for each in trial.watched if each.last_will}
    rules = [rule for rule in _named(trial, terms) if isinstance(rule, MinuteRule)]
    for at in sorted({*trial.instants, *wills, trial.end} - {trial.start}):
        moves = engine.advance(micros(at))
        view = engine.window.view(engine.ids, engine.roster, 1, engine.open)
        evidence = {rule.id: partial(rule.evidence, view, 0) for rule in rules}
        yield at, moves, _said({r.id: r.judge(view) for r in rules}, evidence, engine)
        engine.roster = terms.roster_at(trial, at)


def _days(engine: Engine, trial: Trial, terms: Terms) -> _Steps:
    """A step for each day, at its end: the daemon waits half an hour more for late readings."""
    rules = [rule for rule in _named(trial, terms) if isinstance(rule, DayRule)]
    for over, days in each_day(trial, engine.roster, terms.zone):
        moves = engine.judge_days(days)
        judged = {rule.id: rule.judge(days.last(rule.days_needed)) for rule in rules}
        yield over.astimezone(UTC), moves, _said(judged, {}, engine)


def _named(trial: Trial, terms: Terms) -> list[Common]:
    """The rules of which something is expected."""
    named = {each.rule for each in trial.expected}
    return [rule for rule in terms.rules if rule.id in named]


def _said(
    judged: Mapping[str, Judgement], evidence: Mapping[str, _Evidence], engine: Engine
) -> dict[Key, Saying]:
    """Of rules that judged all monitors at one instant: what counts for the alert as it is."""
    found = {}
    for rule, judgement in judged.items():
        for monitor in engine.ids.tolist():
            alert = engine.open.get(rule, {}).get(monitor)
            fires = alert is not None and alert.state is State.FIRING
            verdict = (judgement.stays if fires else judgement.opens)[0, monitor]
            value, limit = judgement.value[0, monitor], judgement.limit[0, monitor]
            held = evidence[rule](monitor).get("held") if rule in evidence else None
            found[rule, monitor] = Saying(Verdict(verdict), float(value), float(limit), held)
    return found


def _alerts(engine: Engine, moves: Sequence[Transition]) -> dict[Key, Alert]:
    """The alerts that moved, and those that are open as they are now."""
    moved = {(move.alert.rule, move.alert.monitor): move.alert for move in moves}
    still = {(rule, n): alert for rule, by in engine.open.items() for n, alert in by.items()}
    return moved | still
