"""Days: made, compressed, dropped."""

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta

import psycopg
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
    """What the policy does, once its time has come; how many days."""
    with database.transaction() as conn:
        partitions.set_columnstore(conn, timedelta(days=7))
    with database.transaction() as conn:
        return len(conn.execute("select compress_chunk(show_chunks('reading'))").fetchall())


def drop_before(database: Database, day: date) -> list[str]:
    dropped = []
    while True:
        with database.transaction() as conn:
            name = partitions.drop_oldest(conn, day)
        if name is None:
            return dropped
        dropped.append(name)


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
def test_old_days_go_the_oldest_first(database: Database, engine: str) -> None:
    rows = batch(*[reading(1, -1440 * day, fume=day) for day in range(4)])
    with database.transaction() as conn:
        readings.add(conn, rows, NOON)
    dropped = drop_before(database, TODAY - timedelta(days=1))
    if engine == "plain":
        parts = ("reading_20261120", "rollup_10m_20261120", "reading_20261121")
        assert dropped == [*parts, "rollup_10m_20261121"]
    else:
        assert len(dropped) == 2
    assert drop_before(database, TODAY - timedelta(days=1)) == []
    with database.transaction() as conn:
        left = batch(*readings.since(conn, at(-99_999)))
    assert told(left) == told(rows.take(rows.measured_at >= rows.measured_at[1]))


@on_every_engine
def test_a_day_in_use_is_left_alone_and_holds_nobody_up(database: Database) -> None:
    """Whoever wants to read while a drop waits for another reader waits with it: so it gives up."""
    with database.transaction() as conn:
        readings.add(conn, batch(reading(1, -2880, fume=1), reading(1, 0, fume=2)), NOON)
    with database.transaction() as report:
        report.execute("select count(*) from reading")
        with pytest.raises(partitions.Busy), database.transaction() as conn:
            partitions.drop_oldest(conn, TODAY)
        with database.transaction() as conn:
            assert len(batch(*readings.since(conn, at(-99_999)))) == 2
    with database.transaction() as conn:
        assert partitions.drop_oldest(conn, TODAY) is not None


@on_every_engine
def test_the_columnstore_follows_the_configuration(database: Database, engine: str) -> None:
    for days in (7, 7, 30):
        with database.transaction() as conn:
            partitions.set_columnstore(conn, timedelta(days=days))
    if engine != "timescaledb":
        return
    with database.transaction() as conn:
        jobs = conn.execute(
            "select hypertable_name, proc_name, (config ->> 'compress_after')::interval"
            " from timescaledb_information.jobs where hypertable_schema = 'public' order by 1"
        )
        assert jobs.fetchall() == [
            (table, "policy_compression", timedelta(days=30)) for table in ("reading", "rollup_10m")
        ]


@pytest.mark.parametrize("engine", ["timescaledb"], indirect=True)
def test_a_retention_policy_of_before_goes(database: Database) -> None:
    """It would drop by the server's clock alone, right or wrong."""
    with database.transaction() as conn:
        conn.execute("select add_retention_policy('reading', interval '400 days')")
        partitions.set_columnstore(conn, timedelta(days=7))
        left = "select count(*) from timescaledb_information.jobs where proc_name = %s"
        assert conn.execute(left, ["policy_retention"]).fetchone() == (0,)


@pytest.mark.parametrize("engine", ["timescaledb"], indirect=True)
def test_the_policy_compresses_old_days_and_them_only(
    database: Database, database_url: str
) -> None:
    """By its effect: with some releases of PostgreSQL a job works and then reports a failure."""
    now = datetime.now(UTC)
    ages = [(now - NOON - timedelta(days=days)) / timedelta(minutes=1) for days in (0, 1, 9, 20)]
    with database.transaction() as conn:
        readings.add(conn, batch(*[reading(1, age, fume=1) for age in ages]), now)
        partitions.set_columnstore(conn, timedelta(days=7))
    with psycopg.connect(database_url, autocommit=True) as conn:
        jobs = "select job_id from timescaledb_information.jobs where proc_name = %s"
        for (job,) in conn.execute(jobs, ["policy_compression"]).fetchall():
            with suppress(psycopg.Error):
                conn.execute("call run_job(%s)", [job])
        chunks = (
            "select is_compressed from timescaledb_information.chunks"
            " where hypertable_name = 'reading' order by range_start"
        )
        assert [is_ for (is_,) in conn.execute(chunks)] == [True, True, False, False]
    with database.transaction() as conn:
        assert len(batch(*readings.since(conn, now - timedelta(days=30)))) == 4


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
