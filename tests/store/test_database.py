"""The door: errors, the pool, leadership, and the small tables."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.demo.postgres import Postgres
from fumewatch.store import Database, DatabaseSettings, daemons, dead_letters, leader, summary
from fumewatch.store.daemons import Daemon
from fumewatch.store.dead_letters import DeadLetter
from tests.store.build import NOON, at


@pytest.fixture
def broken() -> Iterator[Database]:
    """Nobody listens there."""
    url = "postgresql://nobody@127.0.0.1:1/none"
    database = Database(DatabaseSettings(url=url, connect_timeout=timedelta(seconds=1)))
    database.open()
    yield database
    database.close()


def test_a_database_away_is_unavailable_and_says_why(broken: Database) -> None:
    with pytest.raises(StoreUnavailable, match="Connection refused"):
        broken.ping()


def test_the_server_lets_go_of_a_host_that_vanished(database: Database) -> None:
    """Else its lock, and with it the leadership, would stay with the dead for two hours."""
    with database.transaction() as conn:
        set_by = conn.execute(
            "select source from pg_settings where name like 'tcp_keepalives%'"
        ).fetchall()
    assert set_by == [("client",)] * 3


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        ("select 1 / 0", StoreRefused),
        ("select * from nowhere", StoreRefused),
        ("insert into site (code) values ('x')", StoreRefused),
        ("select pg_terminate_backend(pg_backend_pid())", StoreUnavailable),
        ("do $$ begin raise sqlstate '53100'; end $$", StoreUnavailable),  # disk full
        ("do $$ begin raise sqlstate '53300'; end $$", StoreUnavailable),  # too many connections
        ("do $$ begin raise sqlstate '40001'; end $$", StoreUnavailable),  # serialization
        ("do $$ begin raise sqlstate '25006'; end $$", StoreUnavailable),  # read-only
        ("do $$ begin raise sqlstate '57014'; end $$", StoreUnavailable),  # statement timeout
        ("do $$ begin raise sqlstate '28P01'; end $$", StoreRefused),  # wrong password
    ],
)
def test_errors_say_what_a_caller_can_do(
    database: Database, statement: str, error: type[Exception]
) -> None:
    with pytest.raises(error), database.transaction() as conn:
        conn.execute(statement)
    database.ping()


def test_lost_connections_cost_nobody_an_error(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        conn.execute("select 1")
    database = Database(DatabaseSettings(url=postgres.url()))
    database.open()
    database.ping()
    with psycopg.connect(postgres.url(), autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity"
            " where application_name = 'fumewatch'"
        )
    database.ping()
    database.close()


def test_a_transaction_is_whole_or_not(database: Database) -> None:
    letter = DeadLetter(NOON, "fume/a/b/up\0", b"\0\xff", "json", "not \0 JSON")
    with pytest.raises(StoreRefused, match="received_at"), database.transaction() as conn:
        dead_letters.add(conn, [letter, replace(letter, received_at=None)])
    with database.transaction() as conn:
        assert summary.counts(conn).dead_letters == 0
        dead_letters.add(conn, [letter, replace(letter, received_at=at(1))])
        dead_letters.add(conn, [])
        assert summary.counts(conn).dead_letters == 2
        assert dead_letters.drop_before(conn, at(1), 9) == 1


def test_one_leader_at_a_time(database_url: str) -> None:
    first, second = leader.Leader(database_url), leader.Leader(database_url)
    assert first.try_lead()
    assert first.try_lead()
    assert not second.try_lead()
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
    assert not first.still_leads()
    assert second.try_lead()
    second.close()
    assert not second.still_leads()
    assert first.try_lead()
    first.close()


def test_a_leader_of_nothing() -> None:
    with pytest.raises(StoreUnavailable):
        leader.Leader("postgresql://nobody@127.0.0.1:1/none").try_lead()


def test_daemons_tell_of_themselves(database: Database) -> None:
    daemon = Daemon(uuid.uuid4(), "host", 1, "0.1", NOON, NOON, False, {"broker": "up"}, {"n": 1})
    later = replace(daemon, heartbeat_at=at(1), is_leader=True, counters={"n": 2})
    with database.transaction() as conn:
        daemons.beat(conn, daemon)
        daemons.beat(conn, later)
        assert daemons.running(conn, at(1)) == [later]
        assert daemons.running(conn, at(2)) == []
        daemons.remove(conn, daemon.id)
        assert daemons.drop_before(conn, at(9)) == 0


def test_the_url_must_be_one() -> None:
    with pytest.raises(ValueError, match="not a database URL"):
        DatabaseSettings(url="10.0.0.1")
    assert "secret" not in repr(DatabaseSettings(url="postgresql://u:secret@h/d"))
