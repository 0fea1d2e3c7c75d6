"""Readings of some time replayed, for `fumewatch rules explain`."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.backtest.sources import Source
    from fumewatch.config import Config
    from fumewatch.core.alert import Transition
    from fumewatch.core.engine import Engine
    from fumewatch.core.explain import Explanation
    from fumewatch.core.roster import Roster
    from fumewatch.core.rules import PatternRule
    from fumewatch.core.rules.rule import Common
    from fumewatch.core.site import Place
    from fumewatch.store import Database
    from fumewatch.store.alerts import Standing

LEARNED_IN: Final = timedelta(days=7)
"""How long before the window readings are replayed. Where the store has nothing that was learned of
the monitor by then, it is learned anew: each day counts half as much as the next, so a week has all
but a hundredth of it."""
FLEET_IN: Final = timedelta(days=2)
"""The same, where every monitor must be replayed: outages ask who was alive within a day."""
_MINUTE: Final = timedelta(minutes=1)
SHOWN_MINUTES: Final = 60
"""Of a rule that looks at one instant only, an hour of minutes is shown all the same."""


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Readings at hand. `monitor`: as the source numbers it.

    last    no T may be later
    first   of the readings; None where not known: nothing is left out then
    ids     of the store's monitors, their number there; empty where it is not from there
    """

    source: "Source"
    monitor: int
    last: datetime
    where: str
    first: datetime | None = None
    database: "Database | None" = None
    ids: "dict[int, int]" = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The monitor's in the store."""
        return next(id for id, number in self.ids.items() if number == self.monitor)

    @property
    def place(self) -> "Place":
        return self.source.places[self.monitor]


@dataclass(frozen=True, slots=True, eq=False)
class Explained:
    """The explanation, and what it was made of.

    begin      from when on readings were replayed
    learned_at as of when the store had what it learned before; None: learned from the replay alone
    moves      the monitor's, of the rule, since then
    standing   the alert as the store had it then; None: none, or not from the store
    """

    config: "Config"
    history: History
    explanation: "Explanation"
    roster: "Roster"
    at: datetime
    begin: datetime
    readings: int = 0
    learned_at: datetime | None = None
    moves: "tuple[Transition, ...]" = ()
    standing: "Standing | None" = None


def explained(config: "Config", rule: "Common", history: History, at: datetime) -> Explained:
    from fumewatch.backtest.run import engine_of, needed_rules
    from fumewatch.core.explain import explain
    from fumewatch.core.rules import PatternRule

    if history.database and isinstance(rule, PatternRule):
        return _of_stored_past(rule, history.database, history, config, at)
    begin = max(_begin(rule, at, config.zone), _first_midnight(history, config.zone))
    begin = min(begin, at - _MINUTE)
    needed = needed_rules(config.rule, {rule.id})
    engine = engine_of(config, needed, history.source.places, least=SHOWN_MINUTES)
    engine.begin(_us(begin))
    learned_at = _tell_known(history, engine, begin, at)
    readings, moves = _replay(engine, history, needs_all(rule), begin, at)
    if not readings:
        _refuse_silence(history, begin, at)
    mine = (m for m in moves if m.alert.rule == rule.id and m.alert.monitor == history.monitor)
    return Explained(
        config=config,
        history=history,
        explanation=explain(rule, engine, history.monitor),
        roster=engine.roster,
        at=at,
        begin=begin,
        readings=readings,
        learned_at=learned_at,
        moves=tuple(mine),
        standing=_standing(history, rule, at),
    )


def _replay(
    engine: "Engine", history: History, is_all: bool, begin: datetime, at: datetime
) -> "tuple[int, list[Transition]]":
    """How many readings of the monitor there were, and all transitions."""
    number, moves = 0, []
    for block in history.source.blocks(_us(begin), _us(at)):
        own = block.readings.monitor == history.monitor
        number += int(own.sum())
        engine.add(block.readings if is_all else block.readings.take(own))
        moves += engine.advance(block.until)
    return number, moves


def _begin(rule: "Common", at: datetime, zone: "ZoneInfo") -> datetime:
    """When to begin, so that all is known that the rule and the learning look back to."""
    from fumewatch.core.rules import DayRule, PatternRule

    if needs_all(rule):
        return at - FLEET_IN
    back = LEARNED_IN
    if isinstance(rule, PatternRule):
        back = rule.looks_back + timedelta(days=1)
    if not isinstance(rule, DayRule):
        return at - back
    days = rule.days_needed + 1 + LEARNED_IN // timedelta(days=1)
    midnight = datetime.combine((at - timedelta(days=days)).astimezone(zone).date(), time(0), zone)
    return midnight.astimezone(UTC)


def _first_midnight(history: History, zone: "ZoneInfo") -> datetime:
    """Of the day of the first reading there is; before it there is nothing to replay."""
    if history.first is None:
        return datetime.min.replace(tzinfo=UTC)
    day = history.first.astimezone(zone).date()
    return datetime.combine(day, time(0), zone).astimezone(UTC)


def _tell_known(
    history: History, engine: "Engine", begin: datetime, at: datetime
) -> datetime | None:
    """Hand over what the store knew by then: heartbeats, last wills, what was learned of whom.

    As of when that was learned, in case it was.
    """
    import numpy as np

    from fumewatch.core.learned import Learned
    from fumewatch.core.recollection import remember
    from fumewatch.core.view import MINUTE
    from fumewatch.store import devices, learned, monitors

    if history.database is None:
        return None
    with history.database.transaction() as conn:
        heard = dict(zip(*(column.tolist() for column in devices.heard(conn)), strict=True))
        statuses = monitors.statuses(conn)
        as_of, known = learned.load(conn)
    for id, number in history.ids.items():
        if heard.get(id, _us(at) + 1) <= _us(at):
            engine.window.heard(np.array([number], np.int32), np.array([heard[id]]))
        word, since = statuses.get(id, ("", at))
        if word == "offline" and since <= at:
            engine.roster.will_at[number] = _us(since)
    if not len(known) or not 0 < as_of <= _us(at):
        return None
    ours = Learned.of(known, [id for id, _ in sorted(history.ids.items(), key=lambda i: i[1])])
    remember(engine.window, ours, as_of // MINUTE, _us(begin) // MINUTE)
    return datetime.fromtimestamp(as_of / 1e6, at.tzinfo)


def _refuse_silence(history: History, begin: datetime, at: datetime) -> None:
    """An explanation of nothing would explain nothing."""
    from fumewatch.core.errors import Fault, ImportRefused, StoreRefused
    from fumewatch.store import readings

    zone = history.last.tzinfo
    start, end = begin.astimezone(zone), at.astimezone(zone)
    who = f"{history.place.district}/{history.place.code}".lstrip("/")
    what = f"no reading of {who} from {said(start)} to {said(end)}"
    if history.database is None:
        begins = history.first or history.last
        what += f"; it begins at {said(begins.astimezone(zone))}, ends at {said(history.last)}"
        raise ImportRefused([Fault(history.where, what)])
    with history.database.transaction() as conn:
        extent = readings.extent(conn, history.id)
    if extent is None:
        raise StoreRefused(f"the store has no reading of {who} at all")
    first, last = (said(each.astimezone(zone)) for each in extent)
    raise StoreRefused(f"the store has {what}; there are some from {first} to {last}")


def _of_stored_past(
    rule: "PatternRule", database: "Database", history: History, config: "Config", at: datetime
) -> Explained:
    """By the alerts that there really were, rather than by those of a replay."""
    import numpy as np

    from fumewatch.config.rosters import roster_of
    from fumewatch.core.explain import of_past
    from fumewatch.store import monitors, past

    begin = at - rule.looks_back
    with database.transaction() as conn:
        roster = roster_of(config, monitors.places(conn, str(config.zone)))
        ids = np.arange(roster.size, dtype=np.int32)
        told = past.load(conn, _us(begin), _us(at), ids, roster)
    found = of_past(rule, told, history.id, None)
    standing = _standing(history, rule, at)
    return Explained(config, history, found, roster, at, begin, standing=standing)


def _standing(history: History, rule: "Common", at: datetime) -> "Standing | None":
    from fumewatch.store import alerts

    if history.database is None:
        return None
    with history.database.transaction() as conn:
        return alerts.as_of(conn, rule.id, history.id, at)


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def needs_all(rule: "Common") -> bool:
    return bool(getattr(rule, "WHOLE_FLEET", False))


def said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} {at.tzname() or ''}".rstrip()
