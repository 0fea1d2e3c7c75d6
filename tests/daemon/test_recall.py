"""What the daemon keeps between two runs, and the facts of days, on a real database.

Held against an engine that never stopped and gathers its days itself.
"""

from collections.abc import Generator, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import cast
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch import recall
from fumewatch.ahead import Ahead, wanted_of
from fumewatch.config import Config, load
from fumewatch.config.rosters import roster_of
from fumewatch.core.alert import Reason, Transition
from fumewatch.core.days import FIELDS, day_number
from fumewatch.core.engine import Engine
from fumewatch.core.merge import Added
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.recollection import in_parts
from fumewatch.core.rollup import Rollup
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.gather import gather
from fumewatch.store import Connection, Database, alerts, day_facts, monitors, readings, rollups
from fumewatch.store import learned as store_learned
from fumewatch.store.wire import to_us

START = datetime(2026, 11, 22, 16, tzinfo=UTC)  # midnight in Shanghai
DAY = 1440
CONFIG = """
[[limit]]
name = "L"
fume = 1.0
[[rule]]
id = "high"
kind = "threshold"
channel = "fume"
above = 0.65
window = "10m"
[[rule]]
id = "stuck"
kind = "flatline"
[[rule]]
id = "rate"
kind = "linkage_rate"
below = 0.9
[[rule]]
id = "current"
kind = "baseline"
look_back = "20d"
"""


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "config.toml"
    path.write_text(CONFIG)
    return load(path, {})


def sent(minutes: int, monitors_: int = 4, seed: int = 3) -> Readings:
    """Monitors 1, 2, ...: 1 and 3 refresh each ten minutes, but 1's fume is a mix of others."""
    rng = np.random.default_rng(seed)
    shape = (minutes, monitors_)
    values = np.full((len(CHANNELS), *shape), MISSING, np.int32)
    fume = (600 * np.exp(0.4 * rng.standard_normal(shape))).astype(np.int32)
    for column in range(0, monitors_, 2):
        fume[:, column] = fume[np.arange(minutes) // 10 * 10, column]
    values[INDEX["fume"]] = fume
    values[INDEX["pm"]] = rng.integers(100, 900, shape)
    values[INDEX["nmhc"]] = rng.integers(500, 3000, shape)
    mix = 0.8 * values[INDEX["pm"], :, 0] + 0.2 * values[INDEX["nmhc"], :, 0]
    values[INDEX["fume"], :, 0] = np.rint(mix)
    values[INDEX["fan_on"]] = 1
    values[INDEX["purifier_on"]] = rng.random(shape) < 0.8
    values[INDEX["purifier_current"]] = 1000 + rng.integers(0, 100, shape)
    there = rng.random(shape) > 0.02
    at = to_us(START) + np.repeat(np.arange(minutes), monitors_).reshape(shape) * MINUTE
    monitor = np.broadcast_to(np.arange(1, monitors_ + 1, dtype=np.int32), shape)
    n = int(there.sum())
    return Readings(
        monitor[there],
        at[there] + 7_000_000,
        values[:, there],
        np.full(n, ord("N"), np.uint8),
        np.zeros(n, np.int16),
    )


def stored(database: Database, rows: Readings) -> list[Place]:
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", f"M{i}") for i in range(1, int(rows.monitor.max()) + 1)])
    with database.transaction() as conn:
        add(conn, rows, START + timedelta(days=2))
        return monitors.places(conn, "Asia/Shanghai")


def add(conn: Connection, rows: Readings, received_at: datetime) -> Added:
    added = readings.add(conn, rows, received_at)
    rollup = Rollup(ZONE)
    rollup.add(added)
    rollups.flush(conn, rollup.drain({}), received_at)
    return added


def at_once(steps: Generator[None, None, recall.Recalled]) -> recall.Recalled:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return cast(recall.Recalled, end.value)


ZONE = ZoneInfo("Asia/Shanghai")


def engine_of(config: Config, places: Iterable[Place]) -> Engine:
    return Engine(config.rule, config.freshness, roster_of(config, places), config.zone)


def told(moves: Iterable[Transition]) -> list[tuple[object, ...]]:
    """All but what it rests on."""
    return [
        (m.at, m.alert.rule, m.alert.monitor, m.alert.state, m.reason, m.alert.value) for m in moves
    ]


def test_the_facts_of_a_day_are_those_that_a_backtest_gathers(database: Database, config: Config):
    rows = sent(DAY)
    places = stored(database, rows)
    now = START + timedelta(days=1, minutes=31)
    assert gather(config, database, now - timedelta(minutes=2)) == ""
    assert gather(config, database, now) == "2026-11-23"
    assert gather(config, database, now) == ""
    engine = engine_of(config, places)
    engine.begin(to_us(START))
    engine.add(rows)
    engine.advance(to_us(START) + DAY * MINUTE)
    assert engine._diary is not None
    ((_, own),) = engine._diary._days
    ids = np.arange(1, 5, dtype=np.int32)
    with database.transaction() as conn:
        found = day_facts.load(conn, ids, day_number(date(2026, 11, 23)), 1)
        of_one = store_learned.of_monitor(conn, 1)
    kept = [INDEX["fume"], INDEX["purifier_current"]]
    for name in FIELDS:
        ours, theirs = getattr(own, name)[..., 1:5], getattr(found, name)
        if ours.ndim == 3:
            ours, theirs = ours[kept], theirs[kept]
        np.testing.assert_allclose(theirs, ours, atol=1e-9, err_msg=name)
    assert of_one is None  # nothing was learned yet, so there is no row to write it in


def test_a_mix_of_other_channels_is_found_and_kept(database: Database, config: Config):
    rows = sent(DAY)
    stored(database, rows)
    engine = engine_of(config, [])
    engine.add(rows)
    engine.advance(to_us(START) + DAY * MINUTE)
    with database.transaction() as conn:
        store_learned.save(conn, engine.settled_to, [next(in_parts(engine.window))])
    gather(config, database, START + timedelta(days=1, hours=1))
    with database.transaction() as conn:
        found = [store_learned.of_monitor(conn, monitor) for monitor in (1, 2)]
        store_learned.save(conn, engine.settled_to, [next(in_parts(engine.window))])
        again = store_learned.of_monitor(conn, 1)
    assert [one.derived for one in found if one] == ["fume = 0.80 * pm + 0.20 * nmhc", ""]
    assert again is not None
    assert again.derived == "fume = 0.80 * pm + 0.20 * nmhc"


@pytest.mark.parametrize("away", [1, 45, 200])
def test_after_a_restart_it_goes_on_as_if_it_had_never_stopped(
    database: Database, config: Config, away: int
):
    """Stopped at 20:17, `away` minutes; what it learned was kept at 20:00."""
    rows, stop = sent(DAY), 20 * 60 + 17
    places = stored(database, rows)
    undisturbed, first = engine_of(config, places), engine_of(config, places)
    for engine in (undisturbed, first):
        engine.begin(to_us(START))
        engine.add(rows)
    undisturbed.advance(to_us(START) + (stop + away) * MINUTE)
    first.advance(to_us(START) + 20 * 60 * MINUTE)
    with database.transaction() as conn:
        recall.keep(conn, first)
        is_open = [a for by_monitor in undisturbed.open.values() for a in by_monitor.values()]
        alerts.save(conn, [Transition(a, None, a.opened_at, Reason.BREACHED) for a in is_open])
    due = to_us(START) // MINUTE + stop + away
    with database.transaction() as conn:
        now = START + timedelta(minutes=stop + away)
        roster = roster_of(config, places)
        second = at_once(recall.recall(conn, config, roster, due + 1, now)).engine
    end = to_us(START) + (stop + away + 120) * MINUTE
    again, expected = second.advance(end), undisturbed.advance(end)
    assert told(again) == told(m for m in expected if m.alert.rule in ("high", "stuck"))
    assert len(again) > 4
    period = INDEX["fume"]
    ids = slice(1, 5)
    assert second.lessons.period[period][ids].tolist() == [1, 1, 10, 1]
    assert undisturbed.lessons.period[period][ids].tolist() == [1, 1, 10, 1]


@pytest.mark.parametrize(
    ("monitors", "minutes"), [(0, 16), (12_500, 16), (25_000, 8), (100_000, 2), (1_000_000, 1)]
)
def test_a_large_fleet_is_read_in_shorter_spans(monitors: int, minutes: int) -> None:
    spans = recall.wanted(75, [0], to_us(START) // MINUTE, monitors).spans
    starts, ends = zip(*spans, strict=True)
    assert starts == (START - timedelta(minutes=75 + 60), *ends[:-1])
    assert ends[-1] is None
    assert {end - at for at, end in spans[1:-1]} == {timedelta(minutes=minutes)}


def test_what_a_standby_read_ahead_is_what_the_store_has(database: Database, config: Config):
    """Though meanwhile readings came, some late, some merged into what it has read."""
    rows = sent(240)
    minute = (rows.measured_at - to_us(START)) // MINUTE
    is_first = (minute < 200) & (minute % 7 != 3)
    first = rows.take(is_first)
    values = first.values.copy()
    values[INDEX["fume"], minute[is_first] % 5 == 0] = MISSING
    stored(database, replace(first, values=values))
    ahead = Ahead()
    with database.transaction() as conn:
        ahead.look(conn, config, START + timedelta(minutes=200))
        add(conn, rows, START + timedelta(days=2, seconds=1))
        needed = wanted_of(config, START + timedelta(minutes=240), 4)
        assert ahead.has(needed)
        ahead.catch_up(conn, needed)
        found = list(ahead.read(needed))
        expected = [readings.between(conn, *span, needed.channels) for span in needed.spans]
    assert len(expected[0]) > 0
    assert [sorted_rows(each) for each in found] == [sorted_rows(each) for each in expected]


def sorted_rows(rows: Readings) -> list[tuple[int, ...]]:
    columns = (rows.monitor, rows.measured_at, *rows.values, rows.quality, rows.unjudged)
    return sorted(zip(*(column.tolist() for column in columns), strict=True))
