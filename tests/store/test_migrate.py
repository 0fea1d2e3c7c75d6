"""Migrations, on every engine."""

import subprocess
import threading
from datetime import date

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from fumewatch.cli.backup import _folders
from fumewatch.core.errors import StoreRefused
from fumewatch.store import Database, clients, dead_letters, migrate, sites
from fumewatch.store.dead_letters import Which
from tests.fixtures.database import on_every_engine
from tests.store.build import NOON

TABLES = {
    "action", "alert", "backup_mark", "cleaning", "complaint", "contact", "daemon",
    "database_role", "day_done", "dead_letter",
    "device_aggregate", "device_event", "judged_mark", "learned", "learned_mark", "learned_monitor",
    "link_revoked", "monitor", "monitor_day", "monitor_latest", "outbox", "outlet", "outlet_site",
    "photo", "reading", "record", "rollup_10m", "rollup_day", "rollup_mark", "rollup_street",
    "silence", "site", "told", "transition",
}  # fmt: skip
NEWEST = "0007"
OLD_ROWS = """
    insert into site (code, name, district, street) values ('S1', '老面馆', 'xuhui', '漕河泾街道');
    insert into outlet (code, responsible_site, limit_profile, cleaned_at)
    values ('O1', 1, 'GB 18483-2001', '2026-09-15'), ('O2', 1, 'GB 18483-2001', null);
    insert into monitor (district, code, outlet_id)
    values ('xuhui', 'M1', 1), ('xuhui', 'M2', null);
    insert into rollup_day (day, monitor_id, fume_sum, pm_sum, nmhc_sum, temperature_sum,
        humidity_sum, velocity_sum, fan_current_sum, purifier_current_sum, readings, valid, fan_on,
        linkage_known, linkage_on, fume_n, pm_n, nmhc_n, temperature_n, humidity_n, velocity_n,
        fan_current_n, purifier_current_n)
    values ('2026-11-23', 1, 820, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
    insert into dead_letter (received_at, topic, payload, kind, detail, replayed_at)
    values ('2026-11-23 12:00+00', 'fume/xuhui/M1/up', '{', 'not_json', 'cut short', null),
        ('2026-11-23 12:01+00', 'fume/xuhui/M1/up', '{}', 'no_time', 'no measured_at', null);
"""


@on_every_engine
def test_an_empty_database_gets_every_table(empty_database_url: str) -> None:
    with psycopg.connect(empty_database_url) as conn:
        assert migrate.state(conn) is migrate.State.EMPTY
    assert migrate.upgrade(empty_database_url) == (None, NEWEST)
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
    assert migrate.upgrade(url) == (None, NEWEST)
    with psycopg.connect(url) as conn:
        found = conn.execute("select from pg_extension where extname = 'timescaledb'").fetchone()
        assert (found is not None) == (engine != "plain")
        conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(f"alter database {conn.info.dbname} owner to current_user")


def test_a_second_upgrade_changes_nothing(database_url: str) -> None:
    assert migrate.upgrade(database_url) == (NEWEST, NEWEST)


@on_every_engine
def test_a_database_migrated_with_rows_in_it_does_not_differ_from_a_fresh_one(
    empty_database_url: str, database_url: str
) -> None:
    make_old(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(OLD_ROWS)
        assert migrate.state(conn) is migrate.State.OLD
    assert migrate.upgrade(empty_database_url) == ("0001", NEWEST)
    assert schema(empty_database_url) == schema(database_url)
    with psycopg.connect(empty_database_url) as old:
        kept = "select count(*) from monitor", "select fume_sum from rollup_day"
        assert [old.execute(query).fetchall() for query in kept] == [[(2,)], [(820,)]]


def schema(url: str) -> list[str]:
    """All that a schema consists of, as pg_dump tells it: constraints, functions, rights, comments.

    Partitions and chunks follow the readings, and there are none.
    """
    with psycopg.connect(url) as conn:
        found = clients.find(conn.info.server_version // 10_000, _folders())
    told = subprocess.run(
        found.dump("--schema-only", "--schema=public"),
        env=clients.environment(url),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert len(told) > 1000
    return [line for line in told if not line.startswith(("\\restrict", "\\unrestrict"))]


def test_the_cleanings_of_the_second_schema_are_taken_over(empty_database_url: str) -> None:
    make_old(empty_database_url, "0002")
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(OLD_ROWS)
    assert migrate.upgrade(empty_database_url) == ("0002", NEWEST)
    with psycopg.connect(empty_database_url) as conn:
        kept = [(outlet.code, outlet.cleaned_at) for outlet in sites.facts(conn).outlets]
        assert kept == [("O1", date(2026, 9, 15)), ("O2", None)]
        assert conn.execute("select outlet_id, source from cleaning").fetchall() == [
            (1, "sites.csv")
        ]


def test_letters_of_the_first_schema_can_be_replayed(empty_database_url: str) -> None:
    make_old(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        conn.execute(OLD_ROWS)
    migrate.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        asked = dead_letters.request(conn, Which(kind="no_time"), 0, 10, NOON)
        assert [letter.payload for letter in dead_letters.due(conn, 10, 1000)] == [b"{}"]
        assert asked.cut == ()


def make_old(url: str, revision: str = "0001") -> None:
    """A database as an earlier release made it."""
    with psycopg.connect(url, autocommit=True) as conn:
        migrate._create_extension(conn)
    migrate._run_alembic(url, revision)


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
    assert sorted(answers, key=str) == [(NEWEST, NEWEST), (None, NEWEST)]


def test_a_newer_schema_is_refused(database: Database, database_url: str) -> None:
    with database.transaction() as conn:
        conn.execute("update alembic_version set version_num = '9999'")
    with database.transaction() as conn:
        assert migrate.state(conn) is migrate.State.NEWER
    with pytest.raises(StoreRefused, match=f"schema 9999, this program knows {NEWEST}"):
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
