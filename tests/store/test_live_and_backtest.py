"""What the daemon judges as readings come and are stored, a backtest of the store judges too.

tests/core/test_engine.py shows it of the engine alone; here the readings pass through PostgreSQL:
frames that come twice, in parts, late and out of order, stored in batches, then read back in bulk.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch import recall
from fumewatch.backtest.sources import StoreSource
from fumewatch.core.alert import Transition
from fumewatch.core.engine import Engine
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.fresh import Freshness
from fumewatch.core.reading import Readings
from fumewatch.core.rules import Rule
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.store import Database, actions, alerts, monitors
from fumewatch.store import readings as stored
from fumewatch.store.wire import from_us
from tests.core.scene import ZONE, micros, readings, roster_of, rule_of
from tests.core.test_engine import QUICK, RULES
from tests.store.build import NOON

START: Final = micros(NOON)
LENGTH: Final = 40
"""Minutes with readings; as many more come to judge silence, and what is late."""
LATENESS_S: Final = 90
MONITORS: Final = 2
TICK_S: Final = 47

Frame = tuple[int, int, int, dict[str, float | None]]
"""When it comes, who sends, when it was measured (all but who in seconds), values."""

frames = st.lists(
    st.builds(
        lambda delay, who, second, values: (second + delay, who, second, values),
        st.integers(0, LATENESS_S),
        st.integers(0, MONITORS - 1),
        st.integers(0, LENGTH * 4).map(lambda quarter: quarter * 15),
        st.fixed_dictionaries(
            {
                "fume": st.none() | st.sampled_from([0.1, 0.6, 0.9, 1.1, 1.6, 2.2]),
                "fan_on": st.none() | st.sampled_from([0.0, 1.0, 1.0]),
                "purifier_on": st.none() | st.sampled_from([0.0, 0.0, 1.0]),
            }
        ),
    ),
    min_size=40,
    max_size=90,
)
numbers = count()


def engine_of(places: Iterable[Place], rules: Sequence[Rule] = RULES) -> Engine:
    limited = (replace(place, limit_profile="db31") for place in places)
    engine = Engine(rules, Freshness(), roster_of(*limited), ZoneInfo(ZONE))
    engine.begin(START)
    return engine


@settings(
    max_examples=5,
    deadline=None,
    phases=QUICK,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames)
def test_a_backtest_of_the_store_gives_the_transitions_that_the_daemon_had(
    database: Database, sent: list[Frame]
) -> None:
    """Monitors of an example are its own, so that all may share the database."""
    number = next(numbers)
    places = registered(database, number)
    live = list(judged_live(database, places, sorted(sent, key=lambda frame: frame[0]), number))
    backtest = list(backtested(database, places))
    assert told(live, places) == told(backtest, StoreSource(database, places, is_all=False).places)


def test_the_test_sees_transitions(database: Database) -> None:
    """Half an hour of rising fume with the purifier off, then silence: each rule speaks."""
    on = {"fan_on": 1.0, "purifier_on": 0.0}
    sent: list[Frame] = []
    for minute in range(30):
        second = minute * 60
        sent.append((second + 5, 0, second, {"fume": 0.3 + 0.05 * minute}))
        sent.append((second + 50, 0, second, {**on, "fume": 9.0}))  # fume is known already
    places = registered(database, next(numbers))
    live = told(judged_live(database, places, sent, 10), places)
    assert {move[1] for move in live} == {"high", "held", "off", "gone", "rise"}
    source = StoreSource(database, places, is_all=False)
    assert live == told(backtested(database, places), source.places)


def test_a_false_alarm_counts_no_more_in_either(database: Database) -> None:
    """Three times over the limit are one alert more, until the first is found to be a false one."""
    rules = [
        next(rule for rule in RULES if rule.id == "high"),
        rule_of(kind="recurrence", id="again", rules=["high"], at_least=3, within="2h"),
    ]
    places = registered(database, next(numbers))
    ids = {place.code: place.monitor for place in places}
    sent = [
        (
            0,
            0,
            minute * 60,
            {"fume": (1.5 if minute // 10 in (0, 2, 4) else 0.1) + minute % 3 / 1e3},
        )
        for minute in range(80)
    ]
    with database.transaction() as conn:
        stored.add(conn, as_readings(sent, ids), NOON, stored.Newest())
    engine = engine_of(places, rules)
    engine.add(as_readings(sent, ids))
    live = list(engine.advance(START + 65 * MINUTE))
    with database.transaction() as conn:
        alerts.save(conn, live)
        first = next(move.alert.id for move in live if move.alert.rule == "high")
        found = {"outcome": "false alarm"}
        at = from_us(START + 66 * MINUTE)
        kind = ActionKind.OUTCOME
        actions.record(conn, Action(first, at, kind, "Li Wei", "command", detail=found))
        recall.look_back(conn, engine, at)
    live += engine.advance(START + 80 * MINUTE)
    assert [m.alert.state.value for m in live if m.alert.rule == "again"] == ["firing", "resolved"]
    source = StoreSource(database, places, is_all=False)
    replayed = engine_of(source.places.values(), rules)
    replayed.happened(*source.happened(START, START + 80 * MINUTE))
    backtest = list[Transition]()
    for block in source.blocks(START, START + 80 * MINUTE):
        replayed.add(block.readings)
        backtest += replayed.advance(block.until)
    assert told(live, places) == told(backtest, source.places)


def registered(database: Database, number: int) -> list[Place]:
    keys = [(f"d{number}", f"m{i}") for i in range(MONITORS)]
    with database.transaction() as conn:
        monitors.register(conn, [(f"d{number}", "other"), *reversed(keys)])
        places = monitors.places(conn, ZONE)
    return [place for place in places if (place.district, place.code) in keys]


def judged_live(
    database: Database, places: Sequence[Place], sent: Sequence[Frame], number: int
) -> Iterable[Transition]:
    """What comes within a tick is stored in one batch; what is new of it, the engine gets."""
    ids = {place.code: place.monitor for place in places}
    engine, end_s = engine_of(places), 2 * LENGTH * 60
    known = stored.Newest()
    for now_s in range(0, end_s + LATENESS_S + 2 * TICK_S, TICK_S):
        came = [frame for frame in sent if now_s - TICK_S < frame[0] <= now_s]
        if came:
            batch = as_readings(came, ids)
            received_at = from_us(START) + timedelta(hours=3 * number, seconds=now_s)
            with database.transaction() as conn:
                engine.add(stored.add(conn, batch, received_at, known).fresh)
        due = START // MINUTE + (now_s - LATENESS_S - TICK_S) // 60
        if due * MINUTE > engine.settled_to:
            yield from engine.advance(min(due * MINUTE, START + end_s * 1_000_000))
        assert engine.again() == []


def backtested(database: Database, places: Sequence[Place]) -> Iterable[Transition]:
    source = StoreSource(database, places, is_all=False)
    engine = engine_of(source.places.values())
    for block in source.blocks(START, START + 2 * LENGTH * MINUTE):
        engine.add(block.readings)
        yield from engine.advance(block.until)


def as_readings(sent: Iterable[Frame], ids: dict[str, int]) -> Readings:
    return readings(
        [(ids[f"m{who}"], START + second * 1_000_000, values) for _, who, second, values in sent]
    )


def told(moves: Iterable[Transition], places: Any) -> list[tuple[Any, ...]]:
    """Everything that a transition says, by the monitors' codes."""
    listed = places.values() if isinstance(places, dict) else places
    codes = {place.monitor: place.code for place in listed}
    found = [
        (m.at, m.alert.rule, codes[m.alert.monitor], m.alert.state, m.reason, m.alert.opened_at,
         m.alert.value, m.alert.limit, str(m.alert.evidence))
        for m in moves
    ]  # fmt: skip
    return sorted(found, key=lambda move: move[:4])
