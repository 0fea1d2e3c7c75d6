"""The engine: transitions follow from the readings, not from when and how they came."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from fumewatch.core.alert import Transition
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.reading import Readings
from fumewatch.core.view import MINUTE
from tests.core.scene import NOON, ZONE, micros, place, readings, roster_of, rule_of, wavering
from tests.core.test_rules_config import example

START = micros(NOON)
QUICK = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking would take longer than a test may."""
RULES = [
    rule_of(id="high", kind="threshold", channel="fume", window="5m", above="limit", min_count=2,
            clear_below="0.8 * limit", keep_firing_for="2m"),
    rule_of(id="held", kind="threshold", channel="fume", window="4m", above=0.5, **{"for": "3m"},
            min_count=1, when={"fan_on": True}),
    rule_of(id="off", kind="linkage", window="6m", at_least="3m"),
    rule_of(id="gone", kind="absence", in_hours="7m"),
    rule_of(id="rise", kind="trend", channel="fume", window="12m", horizon="10m", min_points=4),
]  # fmt: skip


def engine_of(rules: Iterable[Any] = RULES, monitors: int = 3, **more: Any) -> Engine:
    roster = roster_of(*(place(number) for number in range(monitors)))
    return Engine(list(rules), Freshness(), roster, ZoneInfo(ZONE), **more)


def at(minute: float) -> int:
    return START + round(minute * MINUTE)


def told(moves: Iterable[Transition]) -> list[tuple[Any, ...]]:
    """Everything that a transition says."""
    return [
        (m.at, m.alert.rule, m.alert.monitor, m.alert.state, m.reason, m.alert.opened_at,
         m.alert.value, str(m.alert.evidence), m.alert.id)
        for m in moves
    ]  # fmt: skip


fleets = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 90 * 60 - 1),
        st.fixed_dictionaries(
            {
                "fume": st.none() | st.sampled_from([0.1, 0.4, 0.6, 0.9, 1.1, 1.6, 2.2]),
                "fan_on": st.none() | st.sampled_from([0.0, 1.0, 1.0]),
                "purifier_on": st.none() | st.sampled_from([0.0, 1.0]),
            }
        ),
    ),
    min_size=20,
    max_size=100,
)
Sent = list[tuple[int, int, dict[str, float | None]]]


def sent_of(rows: Sent) -> Readings:
    return readings([(who, START + second * 1_000_000, values) for who, second, values in rows])


@settings(max_examples=12, phases=QUICK)
@given(fleets, st.integers(1, 30), st.data())
def test_live_and_backtest_give_the_same_transitions(
    rows: Sent, lateness_s: int, data: st.DataObject
) -> None:
    """Live: each reading comes up to `lateness` after it was measured, in any order, and the clock
    ticks in steps that have nothing to do with minutes. Backtest: all at once."""
    delays = data.draw(st.lists(st.integers(0, lateness_s), min_size=len(rows), max_size=len(rows)))
    tick_s = data.draw(st.sampled_from([7, 50, 61, 200]))
    arrivals = sorted(
        ((second + delay, who, second, values)
         for (who, second, values), delay in zip(rows, delays, strict=True)),
        key=lambda arrival: arrival[0],
    )  # fmt: skip
    backtest, live = engine_of(), engine_of(most=3)
    backtest.begin(START)
    live.begin(START)
    backtest.add(sent_of(rows))
    once = backtest.advance(at(100))
    many: list[Transition] = []
    for now_s in range(0, 110 * 60, tick_s):
        here = [arrival[1:] for arrival in arrivals if now_s - tick_s < arrival[0] <= now_s]
        if here:
            live.add(sent_of(here))
        # what arrived within the tick may be so much later still
        due = (START // 1_000_000 + now_s - lateness_s - tick_s) // 60 * MINUTE
        if due > live.settled_to:
            many += live.advance(min(due, at(100)))
        assert live.again() == []
    assert live.settled_to == at(100)
    assert told(many) == told(once)


@settings(max_examples=20, phases=QUICK)
@given(fleets)
def test_monitors_are_judged_alike_alone_and_together(rows: Sent) -> None:
    together = engine_of()
    together.begin(START)
    together.add(sent_of(rows))
    everything = told(together.advance(at(100)))
    for monitor in range(3):
        alone = engine_of()
        alone.begin(START)
        alone.add(sent_of([row for row in rows if row[0] == monitor]))
        own = [move for move in told(alone.advance(at(100))) if move[2] == monitor]
        assert own == [move for move in everything if move[2] == monitor]


def series(fume: list[float | None], start: float = 0, monitor: int = 0) -> Readings:
    rows = [(monitor, at(start + i) + 30_000_000, {"fume": v}) for i, v in enumerate(fume) if v]
    return readings(rows)


def test_the_shipped_rules_run_for_a_day_and_nothing_is_doubled() -> None:
    rules = example()
    engine = engine_of(rules)
    rng = np.random.default_rng(1)
    fume = [round(float(v), 3) for v in 0.9 + 0.4 * rng.standard_normal(1440).clip(-2, 2)]
    engine.add(series(fume))
    moves = engine.advance(at(1500))
    assert {move.alert.rule for move in moves} >= {"exceedance", "near-limit", "offline"}
    opened = [move.alert.id for move in moves if move.before is None]
    assert len(opened) == len(set(opened))


def test_a_breach_fires_at_the_end_of_the_minute_that_makes_it() -> None:
    engine = engine_of(RULES[:1])
    engine.add(series(wavering(0.3, 20) + wavering(2.5, 10)))
    first, *_ = engine.advance(at(30))
    assert (first.alert.rule, first.alert.state.value) == ("high", "firing")
    assert first.at == NOON + timedelta(minutes=22)  # (3 * 0.3 + 2 * 2.5) / 5 = 1.18


def test_late_readings_are_judged_at_the_last_instant() -> None:
    engine = engine_of(RULES[:1])
    engine.begin(START)
    engine.add(series(wavering(0.3, 10)))
    assert engine.advance(at(10)) == []
    engine.add(series([3.0, 3.1, 3.0], start=6.2))
    (move,) = engine.again()
    assert (move.alert.state.value, move.at) == ("firing", NOON + timedelta(minutes=10))
    assert engine.again() == []
    engine.add(series([0.1] * 4, start=5.6))
    assert engine.again() == []  # it changed at this instant: the next one tells
    assert engine.settled_to == at(10)


def test_kinds_can_wait() -> None:
    engine = engine_of(RULES)
    engine.add(series(wavering(0.3, 5)))
    assert engine.advance(at(30), without={"absence"}) == []
    (gone,) = engine.advance(at(31))
    assert gone.alert.rule == "gone"


def test_a_rule_that_is_gone_resolves_its_alerts() -> None:
    engine = engine_of(RULES[:1])
    engine.add(series(wavering(2.5, 10)))
    engine.advance(at(10))
    other = engine_of(RULES[1:])
    other.load(alert for by_monitor in engine.open.values() for alert in by_monitor.values())
    (move,) = other.retire(NOON + timedelta(minutes=11))
    assert (move.reason.value, move.alert.state.value) == ("rule removed", "resolved")
    assert other.retire(NOON + timedelta(minutes=12)) == []


@pytest.mark.parametrize("every", [5, 10])
def test_a_monitor_that_sends_rarely_is_judged_once_its_interval_is_learned(every: int) -> None:
    engine = engine_of(example(), monitors=1)
    fume = [1.5 + 0.01 * (i // every % 7) if i % every == 0 else None for i in range(300)]
    engine.add(series(fume))
    moves = engine.advance(at(300))
    assert "exceedance" in {move.alert.rule for move in moves}
    assert engine.lessons.interval[0] == every


def test_open_alerts_that_changed_are_touched_once() -> None:
    engine = engine_of(RULES[:1])
    engine.add(series(wavering(2.5, 20)))
    engine.advance(at(10))
    engine.take_touched()
    engine.advance(at(12))
    (alert,) = engine.take_touched()
    assert alert.breached_at == NOON + timedelta(minutes=12)
    assert engine.take_touched() == []


def test_nothing_at_all_is_fine() -> None:
    engine = engine_of()
    assert engine.advance(at(10)) == []
    assert engine.again() == []
    engine.add(Readings.empty())
    assert engine.advance(at(10)) == []
