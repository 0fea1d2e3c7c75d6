"""Run: one pass over history through an engine a configuration, and what came of each.

Alerts and messages count where they came in the span asked for. Before it lies a warm-up: what it
raises is not counted, but alerts that reach from it into the span are known.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from fumewatch.backtest.compare import Span
from fumewatch.backtest.people import People
from fumewatch.backtest.sources import Happened, Source
from fumewatch.config import Config
from fumewatch.config.rosters import roster_of
from fumewatch.core.alert import Alert, State, Transition
from fumewatch.core.dispatch.making import shown
from fumewatch.core.dispatch.plan import Plan
from fumewatch.core.engine import Engine
from fumewatch.core.routing import told
from fumewatch.core.rules import PatternRule, Rule
from fumewatch.core.site import Place

_LONGEST_LIST: Final = 12
"""Of evidence kept: minute by minute it would take more memory than the readings do."""


@dataclass(frozen=True, slots=True)
class Message:
    """What counts messages: who was told of what, of which street, on which local day."""

    receiver: str
    rule: str
    state: State
    district: str
    street: str
    day: date


@dataclass(slots=True)
class Outcome:
    """What came of one configuration.

    alerts: that lived in the span, fired or not, as they were at its end, without long evidence.
    fired: of those that fired, the transition. messages: by what counts them.
    """

    config: Config
    name: str
    rules: tuple[Rule, ...]
    alerts: dict[UUID, Alert] = field(default_factory=dict)
    fired: dict[UUID, Transition] = field(default_factory=dict)
    messages: Counter[Message] = field(default_factory=Counter)

    @property
    def sent(self) -> int:
        """Messages in all."""
        return self.messages.total()

    def sent_by(self, rule: str) -> int:
        return sum(n for message, n in self.messages.items() if message.rule == rule)


@dataclass(frozen=True, slots=True)
class Trial:
    """A configuration to be tried. `rules`: those that count; empty: all."""

    config: Config
    name: str
    rules: frozenset[str] = frozenset()


Progress = Callable[[int, int], None]
"""Told how many readings were judged, and up to when (µs UTC)."""


class Judge:
    """One configuration's engine, and its outcome as it grows."""

    def __init__(self, trial: Trial, places: Mapping[int, Place], span: Span, begin: int) -> None:
        self._config = trial.config
        self._places = places
        self._span = span
        self._zone = trial.config.zone
        self._machines = {each.name: each for each in trial.config.receiver if each.is_machine}
        self._people = People(trial.config, places)
        needed = needed_rules(trial.config.rule, trial.rules)
        counted = [rule for rule in needed if not trial.rules or rule.id in trial.rules]
        self._counted = {rule.id for rule in counted}
        self.outcome = Outcome(trial.config, trial.name, tuple(counted))
        self._engine = engine_of(trial.config, needed, places)
        self._engine.begin(begin)

    def happened(self, happened: Happened) -> None:
        """What devices, residents and inspectors told, before and in the span."""
        self._engine.happened(*happened)

    def take(self, readings: Any, until: int) -> None:
        if len(readings):
            self._engine.add(readings)
        moves = [m for m in self._engine.advance(until) if m.alert.rule in self._counted]
        for move in moves:
            self._note(move)
        for plan in self._people.take(moves, datetime.fromtimestamp(until / 1e6, UTC)):
            self._count_notice(plan)

    def finish(self) -> Outcome:
        """Open alerts as they are now; what was over before the span is left out."""
        for by_monitor in self._engine.open.values():
            for alert in by_monitor.values():
                if alert.id in self.outcome.alerts:
                    self.outcome.alerts[alert.id] = _light(alert)
        return self.outcome

    def _note(self, move: Transition) -> None:
        alert, outcome = move.alert, self.outcome
        if not alert.is_open and move.at <= self._span.start:
            outcome.alerts.pop(alert.id, None)
            outcome.fired.pop(alert.id, None)
            return
        outcome.alerts[alert.id] = light = _light(alert)
        if alert.state is State.FIRING:
            outcome.fired[alert.id] = replace(move, alert=light)
        if self._span.holds(move.at):
            self._count(move)

    def _count(self, move: Transition) -> None:
        place = self._places[move.alert.monitor]
        for name in told(self._config.route, self._machines, move, place):
            self._count_message(name, move.alert, move.at)

    def _count_notice(self, plan: Plan) -> None:
        """One message, whatever it tells of: it counts for its worst alert."""
        if self._span.holds(plan.at):
            worst, _ = shown(plan)[0]
            self._count_message(plan.group.receiver, worst, plan.at)

    def _count_message(self, receiver: str, alert: Alert, at: datetime) -> None:
        place = self._places[alert.monitor]
        day = at.astimezone(self._zone).date()
        message = Message(receiver, alert.rule, alert.state, place.district, place.street, day)
        self.outcome.messages[message] += 1


def run(
    trials: Sequence[Trial], source: Source, span: Span, begin: datetime, progress: Progress
) -> list[Outcome]:
    """The outcomes of the trials; readings from `begin` on, which is not after the span's start."""
    start, end = _us(begin), _us(span.end)
    judges = [Judge(trial, source.places, span, start) for trial in trials]
    happened = source.happened(start, end)
    for judge in judges:
        judge.happened(happened)
    for block in source.blocks(start, end):
        for judge in judges:
            judge.take(block.readings, block.until)
        progress(len(block.readings), block.until)
    return [judge.finish() for judge in judges]


def engine_of(
    config: Config, rules: Sequence[Rule], places: Mapping[int, Place], least: int = 1
) -> Engine:
    """`least`: minutes that the window keeps in any case."""
    roster = roster_of(config, places.values())
    return Engine(rules, config.freshness, roster, config.zone, least=least)


def needed_rules(rules: Sequence[Rule], wanted: Collection[str]) -> list[Rule]:
    """The wanted rules and those on whose alerts they rest, in the order of the configuration.

    A rule about patterns may rest on any.
    """
    by_id = {rule.id: rule for rule in rules}
    if not wanted or any(isinstance(by_id.get(id), PatternRule) for id in wanted):
        return list(rules)
    needed, waiting = set[str](), [id for id in wanted if id in by_id]
    while waiting:
        id = waiting.pop()
        if id not in needed:
            needed.add(id)
            waiting += set(_texts(by_id[id].model_dump())) & by_id.keys()
    return [rule for rule in rules if rule.id in needed]


def _texts(value: Any) -> Iterable[str]:
    """Every text in it, however deep: ids of other rules are among them."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            yield from _texts(each)


def _light(alert: Alert) -> Alert:
    return replace(alert, evidence=_lighter(alert.evidence))


def _lighter(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Without long lists, and without what cleared it."""
    return {
        name: value
        for name, value in evidence.items()
        if name != "cleared" and not (isinstance(value, list) and len(value) > _LONGEST_LIST)
    }


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
