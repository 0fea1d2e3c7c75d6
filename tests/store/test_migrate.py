"""Migrations, on every engine."""

import threading

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fumewatch.core.errors import StoreRefused
from fumewatch.store import Database, migrate
from tests.fixtures.database import on_every_engine

TABLES = {
    "alert", "daemon", "dead_letter", "monitor", "monitor_latest", "outbox", "outlet",
    "outlet_site", "reading", "rollup_10m", "rollup_day", "rollup_mark", "rollup_street",
    "site", "transition",
}  # fmt: skip


@on_every_engine
def test_an_empty_database_gets_every_table(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as conn:
        assert migrate.state(conn) is migrate.State.EMPTY
    assert migrate.upgrade(empty_database_url) == (None, "0001")
    with psycopg.connect(empty_database_url) as conn:
        assert migrate.state(conn) is migrate.State.CURRENT
        found = conn.execute("select tablename from pg_tables where schemaname = 'public'")
        assert {name for (name,) in found} >= TABLES


@on_every_engine
def test_an_owner_without_further_rights_is_enough(empty_database_url: str, engine: str) -> None:
    """The database as README and config.example.toml have it: owned by a plain user."""
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(
            "do $$ begin create role plain login; exception when duplicate_object then end $$"
        )
        conn.execute(f"alter database {conn.info.dbname} owner to plain")
    url = make_conninfo(empty_database_url, user="plain")
    assert migrate.upgrade(url) == (None, "0001")
    with psycopg.connect(url) as conn:
        found = conn.execute("select from pg_extension where extname = 'timescaledb'").fetchone()
        assert (found is not None) == (engine != "plain")
        conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(f"alter database {conn.info.dbname} owner to current_user")


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert migrate.upgrade(database_url) == ("0001", "0001")


def test_of_two_at_once_one_finds_the_work_done(empty_database_url: str) -> None:
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(migrate.upgrade(empty_database_url)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers, key=str) == [("0001", "0001"), (None, "0001")]


def test_a_newer_schema_is_refused(database: Database, database_url: str) -> None:
    with database.transaction() as conn:
        conn.execute("update alembic_version set version_num = '9999'")
    with database.transaction() as conn:
        assert migrate.state(conn) is migrate.State.NEWER
    with pytest.raises(StoreRefused, match="schema 9999, this program knows 0001"):
        migrate.upgrade(database_url)


@on_every_engine
def test_people_read_values_in_units(database: Database, engine: str) -> None:
    with database.transaction() as conn:
        conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
        if engine == "plain":
            conn.execute("create table reading_all partition of reading default")
        conn.execute(
            "insert into reading (monitor_id, measured_at, received_at, fume, fan_on)"
            " values (1, now(), now(), 820, 1)"
        )
        row = conn.execute("select monitor, fume_mg_m3::text, pm_mg_m3, fan_on from reading_mg")
        assert row.fetchone() == ("M1", "0.82", None, True)
