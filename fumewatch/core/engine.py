"""Readings in, transitions of alerts out: the same for the daemon, a backtest and rule tests.

1. `add` takes readings in any order; `advance` settles the minutes that are over and judges each of
   them, at its end, by every rule of minutes.
2. Every ten minutes the rules about patterns look at what happened in the last weeks.
3. Once a day, soon after midnight, the rules of days judge the day that is over.

All of it follows from what was added; when, and in which pieces, does not matter.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, RuleFacts, Step, Transition, withdraw
from fumewatch.core.daybook import Diary
from fumewatch.core.days import Days
from fumewatch.core.fresh import Freshness, whole_minutes
from fumewatch.core.history import KEPT, History
from fumewatch.core.incident import Incidents, released
from fumewatch.core.judge import steps
from fumewatch.core.judgement import Judgement
from fumewatch.core.lessons import Lessons
from fumewatch.core.past import (
    Complaints,
    Happenings,
    Outcome,
    Past,
    false_alarms,
    no_complaints,
    nothing_happened,
)
from fumewatch.core.reading import MEASURED, Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Absence, DayRule, MinuteRule, PatternRule, Rule, depths, needs
from fumewatch.core.rules.rule import Common
from fumewatch.core.view import MINUTE, View
from fumewatch.core.window import HOUR, Window

CELLS_AT_ONCE: Final = 300_000
"""Minutes times monitors of one view: more would not stay in the processor's cache."""
PATTERNS_EVERY: Final = 10
"""Minutes."""
DAYS_AT: Final = time(0, 30)
"""Local time: the last readings of the day before have come by then."""


class _Judged(NamedTuple):
    """A rule's judgement of some monitors at some instants, and what it rests on."""

    rule: RuleFacts
    judgement: Judgement
    ids: NDArray[np.int32]
    instants: NDArray[np.int64]
    evidence: Callable[[int, int], dict[str, Any]]


class Engine:
    """Owns the window and the open alerts. Not safe from several threads."""

    def __init__(
        self,
        rules: Sequence[Rule],
        freshness: Freshness,
        roster: Roster,
        zone: ZoneInfo,
        *,
        keeps_days: bool = True,
        most: int = HOUR,
        least: int = 1,
    ) -> None:
        """`keeps_days`: gather the facts of days from the readings; else `judge_days` is called by
        who has them from the store. `most`: minutes judged in one go. `least`: minutes to keep
        even where rules look back less, for who wants to show them.
        """
        self.rules: tuple[Common, ...] = tuple(rules)
        self.roster = roster
        self.zone = zone
        self.open: dict[str, dict[int, Alert]] = {}
        self.history = History()
        self.restarts: Happenings = nothing_happened()
        self.findings: Happenings = nothing_happened()
        self.complaints: Complaints = no_complaints()
        self.outcomes: Sequence[Outcome] = ()
        self.days: Days | None = None
        """What the rules of days judged last."""
        self._minute_rules = [rule for rule in self.rules if isinstance(rule, MinuteRule)]
        self._day_rules = [rule for rule in self.rules if isinstance(rule, DayRule)]
        self._pattern_rules = [rule for rule in self.rules if isinstance(rule, PatternRule)]
        refresh = whole_minutes(freshness.ceiling)
        channels, minutes = needs(self.rules, refresh)
        if keeps_days and self._day_rules:
            channels |= frozenset().union(*(rule.channels_needed for rule in self._day_rules))
        self._diary = Diary(self._day_rules, channels) if keeps_days and self._day_rules else None
        self.lessons = Lessons(freshness, zone, channels & frozenset(MEASURED))
        reach = {c: max(depth, least) for c, depth in depths(self.rules, refresh).items()}
        self.window = Window(channels, max(minutes, least), self.lessons, most, reach)
        self.incidents = Incidents()
        self._order = {rule.id: i for i, rule in enumerate(self.rules)}
        self._touched: dict[UUID, Alert] = {}
        self._moved_at: dict[tuple[str, int], datetime] = {}
        self._has_news = False

    @property
    def ids(self) -> NDArray[np.int32]:
        """The monitors that are judged: those of the roster."""
        return np.arange(self.roster.size, dtype=np.int32)

    @property
    def settled_to(self) -> int:
        """µs UTC: all minutes before it are judged."""
        return self.window.settled_to * MINUTE

    def begin(self, at: int) -> None:
        """Judge from this minute on (µs UTC); without it, from the first reading on."""
        self.window.begin(at // MINUTE)
        if self._diary:
            self._diary.begin(self._local(at // MINUTE))

    def load(self, open_alerts: Iterable[Alert]) -> None:
        """Take over the alerts that are open, as the store knows them."""
        for alert in open_alerts:
            self.incidents.load(alert)
            self.open.setdefault(alert.rule, {})[alert.monitor] = alert

    def add(self, readings: Readings) -> None:
        """Take in readings, in any order."""
        self.window.add(readings)

    def fill(self, until: int) -> None:
        """Settle what is over without judging it: how the daemon begins."""
        for stop in self._stops(until // MINUTE):
            self.window.settle(stop)

    def advance(self, until: int, without: Iterable[str] = ()) -> list[Transition]:
        """Judge every minute that ends at or before `until` (µs UTC), by all kinds but `without`.

        Transitions by time, then in the order of the rules, then by monitor. `without` leaves out
        kinds of rules.
        """
        if not self.window.has_begun:
            earliest = self.window.earliest_waiting
            if earliest is None:
                return []
            self.begin(earliest * MINUTE)
        left_out = frozenset(without)
        moves: list[Transition] = []
        for stop in self._stops(until // MINUTE):
            moves += self._advance_to(stop, left_out)
        return moves

    def again(self, without: Iterable[str] = ()) -> list[Transition]:
        """Judge anew, at the last minute's end, the monitors of which readings came late.

        What already changed at that instant waits for the next.
        """
        late = self.window.take_late()
        late = late[late < self.roster.size]
        if not len(late) or not self.window.has_begun:
            return []
        rules = [r for r in self._minute_rules if r.kind not in without and not r.WHOLE_FLEET]
        at = _moment(self.settled_to)
        view = self._view(late, 1)
        found = [
            step
            for judged in self._judged(rules, view)
            for step in steps(*judged[:4], self.open.get(judged.rule.id, {}), judged.evidence)
            if not step.alert or self._moved_at.get((step.alert.rule, step.alert.monitor)) != at
        ]
        view.forget()
        return self._noted(self._take_over(found))

    def judge_days(self, days: Days) -> list[Transition]:
        """By the rules of days; `days.now` is the instant."""
        self.days = days
        instants, ids = np.array([days.now]), days.ids
        found: list[Step] = []
        for rule in self._day_rules:
            judged = rule.judge(days)
            own = self.open.get(rule.id, {})
            found += steps(rule.facts, judged, ids, instants, own, _of_row(rule.evidence, days))
        return self._noted(self._take_over(found))

    def past(self, now: int) -> Past:
        """What the rules about patterns judge at an instant (µs UTC)."""
        return Past(
            ids=self.ids,
            now=now,
            roster=self.roster,
            alerts=self.history.openings(false_alarms(self.outcomes, now)),
            restarts=self.restarts,
            findings=self.findings,
            complaints=self.complaints,
        )

    def retire(self, now: datetime) -> list[Transition]:
        """Resolve the alerts of rules that there are no more."""
        gone = [
            alert
            for rule, alerts in self.open.items()
            if rule not in self._order
            for alert in alerts.values()
        ]
        return self._noted(self._take_over([withdraw(alert, now) for alert in gone]))

    def happened(
        self,
        restarts: Happenings,
        findings: Happenings,
        complaints: Complaints,
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """What devices, residents and inspectors told in the last weeks; patterns look at it when
        it is new. `outcomes`: in the order in which they were found."""
        sizes = [len(what.at) for what in (self.restarts, self.findings, self.complaints)]
        self.restarts, self.findings, self.complaints = restarts, findings, complaints
        is_new = sizes != [len(what.at) for what in (restarts, findings, complaints)]
        if is_new or len(self.outcomes) != len(outcomes):
            self._has_news = True
        self.outcomes = outcomes

    def take_touched(self) -> list[Alert]:
        """Open alerts that changed, though not their state, since the last call."""
        touched, self._touched = list(self._touched.values()), {}
        return touched

    # ── minutes ──

    def _stops(self, until: int) -> Iterator[int]:
        """Where to stop on the way to minute `until`: at full hours, and when days end."""
        while (at := self.window.settled_to) < until:
            hour_ends = at // HOUR * HOUR + HOUR
            yield min(until, at + self.window.most, hour_ends, *self._ends_of_day(at))

    def _ends_of_day(self, minute: int) -> Iterator[int]:
        """The next local midnight and the next time to judge days, as minutes."""
        today = self._local(minute).date()
        for clock in (time(0), DAYS_AT):
            ahead = self._minute_of(today, clock)
            if ahead <= minute:
                ahead = self._minute_of(today + timedelta(days=1), clock)
            yield ahead

    def _minute_of(self, day: date, clock: time) -> int:
        """The first time that it is so late, or later, where summer time takes that hour away."""
        return int(datetime.combine(day, clock, self.zone).timestamp()) // 60

    def _advance_to(self, stop: int, without: frozenset[str]) -> list[Transition]:
        start = self.window.settled_to
        self.window.settle(stop)
        rules = [rule for rule in self._minute_rules if rule.kind not in without]
        moves = self._take_over(self._judge_minutes(rules, stop - start))
        moves, freed = released(moves, self.open.values())
        for move in freed:
            self.open[move.alert.rule][move.alert.monitor] = move.alert
        moves += self._judge_patterns(start, stop, moves)
        moves += self._keep_diary(stop, stop - start)
        moves.sort(key=lambda m: (m.at, self._order[m.alert.rule], m.alert.monitor))
        return moves

    def _judge_minutes(self, rules: Sequence[MinuteRule], k: int) -> Iterator[Step]:
        whole = [rule for rule in rules if rule.WHOLE_FLEET]
        parts = [rule for rule in rules if not rule.WHOLE_FLEET]
        ids = self.ids
        width = max(1, CELLS_AT_ONCE // (self.window.depth + k))
        some = np.split(ids, range(width, len(ids), width))
        for group, those in ((whole, [ids]), (parts, some)):  # outages before what is part of them
            for monitors in those if group else ():
                view = self._view(monitors, k)
                for judged in self._judged(group, view):
                    own = self.open.get(judged.rule.id, {})
                    yield from steps(*judged[:4], own, judged.evidence)
                view.forget()

    def _judged(self, rules: Iterable[MinuteRule], view: View) -> Iterator[_Judged]:
        for rule in rules:
            of_silence = isinstance(rule, Absence)
            evidence = self._of_silence(rule, view) if of_silence else _at(rule.evidence, view)
            yield _Judged(rule.facts, rule.judge(view), view.ids, view.now, evidence)

    def _of_silence(self, rule: MinuteRule, view: View) -> Callable[[int, int], dict[str, Any]]:
        def evidence(instant: int, row: int) -> dict[str, Any]:
            at = _moment(int(view.now[instant]))
            part = self.incidents.part_of(int(view.ids[row]), at, self.roster)
            return rule.evidence(view, instant, row) | part

        return evidence

    def _view(self, ids: NDArray[np.int32], k: int) -> View:
        return self.window.view(ids, self.roster, k, self.open)

    # ── patterns ──

    def _judge_patterns(
        self, start: int, stop: int, moves: Sequence[Transition]
    ) -> list[Transition]:
        """At each ten minutes in between; moves of later minutes are not known then."""
        found: list[Transition] = []
        if not self._pattern_rules:
            return found
        waiting = sorted(moves, key=lambda move: move.at)
        first = start // PATTERNS_EVERY * PATTERNS_EVERY + PATTERNS_EVERY
        for minute in range(first, stop + 1, PATTERNS_EVERY):
            at = _moment(minute * MINUTE)
            while waiting and waiting[0].at <= at:
                self._note(waiting.pop(0))
            if self._has_news or minute % HOUR == 0 or self._is_news(minute):
                found += self._look_back(minute * MINUTE)
        for move in waiting:
            self._note(move)
        return found

    def _note(self, move: Transition) -> None:
        self.history.note([move])
        self._has_news = True

    def _is_news(self, minute: int) -> bool:
        """Something was told of the ten minutes before this one."""
        end = minute * MINUTE
        start = end - PATTERNS_EVERY * MINUTE
        told = (self.restarts.at, self.findings.at, self.complaints.at)
        return any(bool(((at > start) & (at <= end)).any()) for at in told) or any(
            start < outcome.at <= end for outcome in self.outcomes
        )

    def _noted(self, moves: list[Transition]) -> list[Transition]:
        for move in moves:
            self._note(move)
        return moves

    def _look_back(self, now: int) -> list[Transition]:
        self._has_news = False
        self.history.forget_before(_moment(now) - KEPT)
        past = self.past(now)
        found: list[Step] = []
        for rule in self._pattern_rules:
            judged, own = rule.judge(past), self.open.get(rule.id, {})
            evidence = _of_row(rule.evidence, past)
            found += steps(rule.facts, judged, past.ids, np.array([now]), own, evidence)
        return self._take_over(found)

    # ── days ──

    def _keep_diary(self, stop: int, k: int) -> list[Transition]:
        if not self._diary:
            return []
        today = self._local(stop).date()
        self._diary.add(self._view(self.ids, k), self.window.had_readings(k))
        if stop == self._minute_of(today, time(0)):
            self._diary.end_day(today - timedelta(days=1))
        if stop != self._minute_of(today, DAYS_AT):
            return []
        days = self._diary.days(self.ids, self.roster, stop * MINUTE)
        return self.judge_days(days) if days else []

    def _local(self, minute: int) -> datetime:
        return _moment(minute * MINUTE).astimezone(self.zone)

    # ── alerts ──

    def _take_over(self, found: Iterable[Step]) -> list[Transition]:
        moves = []
        for step in found:
            if step.alert is None:
                continue
            alert = step.alert
            by_monitor = self.open.setdefault(alert.rule, {})
            if alert.is_open:
                by_monitor[alert.monitor] = alert
                self._touched[alert.id] = alert
            else:
                by_monitor.pop(alert.monitor, None)
                self._touched.pop(alert.id, None)
            if step.transition:
                moves.append(step.transition)
                self.incidents.note(step.transition)
                self._touched.pop(alert.id, None)
                self._moved_at[alert.rule, alert.monitor] = step.transition.at
        return moves


def _at(
    evidence: Callable[[View, int, int], dict[str, Any]], view: View
) -> Callable[[int, int], dict[str, Any]]:
    return lambda instant, row: evidence(view, instant, row)


def _of_row(
    evidence: Callable[[Any, int], dict[str, Any]], what: Any
) -> Callable[[int, int], dict[str, Any]]:
    return lambda _instant, row: evidence(what, row)


def _moment(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1e6, UTC)
