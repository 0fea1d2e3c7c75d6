"""Days: made, compressed, dropped."""

from datetime import date, timedelta

import pytest

from fumewatch.store import Database, partitions, readings
from fumewatch.store.partitions import Engine
from tests.fixtures.database import on_every_engine
from tests.store.build import NOON, at, batch, reading, told

TODAY = NOON.date()
KINDS = {
    "plain": Engine.PLAIN,
    "timescaledb": Engine.TIMESCALEDB,
    "timescaledb-apache": Engine.TIMESCALEDB_APACHE,
}


def days(database: Database) -> list[date]:
    with database.transaction() as conn:
        rows = conn.execute(
            "select right(inhrelid::regclass::text, 8)::date from pg_inherits"
            " where inhparent = 'reading'::regclass order by 1"
        )
        return [day for (day,) in rows]


def compress(database: Database) -> int:
    with database.transaction() as conn:
        partitions.apply_policies(conn, timedelta(days=400), timedelta(days=7))
    with database.transaction() as conn:
        return len(conn.execute("select compress_chunk(show_chunks('reading'))").fetchall())


@on_every_engine
def test_which_engine_cuts_the_days(database: Database, engine: str) -> None:
    with database.transaction() as conn:
        assert partitions.engine(conn) is KINDS[engine]


@on_every_engine
def test_days_ahead_can_be_made_more_than_once(database: Database, engine: str) -> None:
    for _ in range(2):
        with database.transaction() as conn:
            partitions.ensure(conn, [TODAY, TODAY + timedelta(days=1)])
    expected = [TODAY, TODAY + timedelta(days=1)] if engine == "plain" else []
    assert (days(database) if engine == "plain" else []) == expected


@on_every_engine
def test_old_days_go(database: Database) -> None:
    rows = batch(*[reading(1, -1440 * day, fume=day) for day in range(4)])
    with database.transaction() as conn:
        readings.add(conn, rows, NOON)
    with database.transaction() as conn:
        assert partitions.drop_before(conn, TODAY - timedelta(days=1)) in (2, 4)
    with database.transaction() as conn:
        assert partitions.drop_before(conn, TODAY - timedelta(days=1)) == 0
        left = batch(*readings.since(conn, at(-99_999)))
    assert told(left) == told(rows.take(rows.measured_at >= rows.measured_at[1]))


@on_every_engine
def test_policies_follow_the_configuration(database: Database, engine: str) -> None:
    for keep in (400, 400, 90):
        with database.transaction() as conn:
            partitions.apply_policies(conn, timedelta(days=keep), timedelta(days=7))
    if engine != "timescaledb":
        return
    with database.transaction() as conn:
        jobs = conn.execute(
            "select hypertable_name, proc_name, coalesce(config ->> 'drop_after',"
            " config ->> 'compress_after')::interval from timescaledb_information.jobs"
            " where hypertable_schema = 'public' order by 1, 2"
        )
        assert jobs.fetchall() == [
            (table, name, timedelta(days=days))
            for table in ("reading", "rollup_10m")
            for name, days in (("policy_compression", 7), ("policy_retention", 90))
        ]


@pytest.mark.parametrize("engine", ["timescaledb"], indirect=True)
def test_late_rows_reach_a_compressed_day(database: Database) -> None:
    """New ones, known ones, and frames that fill a channel."""
    rows = batch(*[reading(m, t, fume=t, fan_on=1) for m in (1, 2) for t in range(30)])
    with database.transaction() as conn:
        readings.add(conn, rows, NOON)
    assert compress(database) == 1
    newest = readings.Newest()
    for _ in range(2):
        with database.transaction() as conn:
            late = batch(reading(1, 0.5, fume=7), reading(1, 1, fume=9), reading(2, 3, pm=5))
            added = readings.add(conn, late, at(60), newest)
    assert len(added) == 0
    expected = {row[:2]: row for row in told(batch(rows, reading(1, 0.5, fume=7)))}
    expected[2, 3.0] = (2, 3.0, "N", 0, {"fume": 3, "fan_on": 1, "pm": 5})
    with database.transaction() as conn:
        assert told(batch(*readings.since(conn, NOON))) == sorted(expected.values())


@pytest.mark.parametrize("engine", ["timescaledb"], indirect=True)
def test_a_known_row_in_a_compressed_day_is_found_by_the_key(database: Database) -> None:
    """Memory says it must be new; the unique key of the compressed chunk says it is not."""
    newest = readings.Newest()
    with database.transaction() as conn:
        readings.add(conn, reading(1, 0, fume=1), NOON, newest)
    with database.transaction() as conn:
        readings.add(conn, reading(1, 1, fume=2), at(1))
    compress(database)
    with database.transaction() as conn:
        rows = batch(reading(1, 1, fume=9), reading(1, 2, fume=3))
        added = readings.add(conn, rows, at(60), newest)
    assert told(added.fresh) == told(reading(1, 2, fume=3))
