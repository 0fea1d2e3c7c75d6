"""Roles with the least rights, tried as the roles themselves."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from fumewatch.core.errors import StoreRefused
from fumewatch.store import Database, DatabaseSettings, migrate, partitions, readings, rights, roles
from fumewatch.store.roles import Kind
from tests.fixtures.database import Servers, on_every_engine
from tests.fixtures.reuse import create, drop, new_name
from tests.store.build import NOON, batch, reading

TODAY = NOON.date()


@dataclass(frozen=True, slots=True)
class Roles:
    """A database whose tables a plain owner made, and two roles that it gave rights to."""

    owner: str
    writer: str
    reader: str
    owner_url: str

    def url(self, role: str) -> str:
        return make_conninfo(self.owner_url, user=role)

    def connect(self, role: str) -> psycopg.Connection:
        return psycopg.connect(self.url(role), autocommit=True)

    def database(self, role: str) -> Database:
        database = Database(DatabaseSettings(url=self.url(role)))
        database.open()
        return database


@contextmanager
def made(url: str) -> Iterator[Roles]:
    mark = uuid.uuid4().hex[:8]
    names = [f"{kind}_{mark}" for kind in ("owner", "writer", "reader")]
    with psycopg.connect(url, autocommit=True) as conn:
        for name in names:
            conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        database, owner = sql.Identifier(conn.info.dbname), sql.Identifier(names[0])
        conn.execute(sql.SQL("alter database {} owner to {}").format(database, owner))
    found = Roles(*names, make_conninfo(url, user=names[0]))
    migrate.upgrade(found.owner_url)
    with found.connect(found.owner) as conn:
        roles.apply(conn, {found.writer: Kind.WRITER, found.reader: Kind.READER})
    yield found
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(sql.SQL("reassign owned by {} to current_user").format(owner))
        for name in map(sql.Identifier, reversed(names)):
            conn.execute(sql.SQL("drop owned by {}").format(name))
            conn.execute(sql.SQL("drop role {}").format(name))


@pytest.fixture
def some(empty_database_url: str) -> Iterator[Roles]:
    with made(empty_database_url) as found:
        yield found


@pytest.fixture(scope="module")
def few(servers: Servers) -> Iterator[Roles]:
    """The same for all tests that change nothing."""
    name = new_name()
    with psycopg.connect(servers["plain"].url(), autocommit=True) as conn:
        create(conn, name, "template1")
        with made(servers["plain"].url(name)) as found:
            yield found
        drop(conn, name)


def test_rights_are_told_of_every_table(database: Database) -> None:
    with database.transaction() as conn:
        tables = {name for (name,) in conn.execute(roles._TABLES)}
    assert tables <= set(rights.WRITER)
    assert tables <= set(rights.READER) | rights.CLOSED_TO_READER
    assert not set(rights.READER) & rights.CLOSED_TO_READER


@on_every_engine
def test_a_writer_makes_compresses_and_drops_days(some: Roles) -> None:
    database = some.database(some.writer)
    with database.transaction() as conn:
        conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
        partitions.set_columnstore(conn, timedelta(days=7))
    rows = batch(reading(1, -2880, fume=1), reading(1, 0, fume=2))
    with database.transaction() as conn:
        readings.add(conn, rows, NOON)
    with database.transaction() as conn:
        assert len(readings.add(conn, batch(rows, reading(1, 0, pm=3)), NOON).after) == 1
        assert partitions.drop_oldest(conn, TODAY - timedelta(days=5)) is None
    with database.transaction() as conn:
        assert partitions.drop_oldest(conn, TODAY) is not None
    with some.connect(some.reader) as conn:
        seen = conn.execute("select monitor, fume_mg_m3::text, pm_mg_m3::text from reading_mg")
        assert seen.fetchall() == [("M1", "0.002", "0.003")]
    database.close()


@pytest.mark.parametrize(
    "statement",
    [
        "update transition set reason = 'x'",
        "delete from transition",
        "truncate transition cascade",
        "delete from action",
        "update record set hash = ''",
        "insert into record (seq, transition_id, hash) values (1, 1, '')",
        "update photo set content = ''",
        "delete from alert",
        "delete from reading",
        "drop table reading",
        "drop table site cascade",
        "alter table transition disable trigger all",
        "drop trigger transition_is_append_only on transition",
        "create or replace function refuse_change() returns trigger language plpgsql as ''",
        "set session_replication_role = replica",
        "create table mine (x int)",
        "update alembic_version set version_num = '0001'",
        "insert into database_role values ('me', 'writer')",
        "select append_to_record(1, null, null, '')",
    ],
)
def test_what_a_writer_may_not(few: Roles, statement: str) -> None:
    with few.connect(few.writer) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute(statement)


@pytest.mark.parametrize(
    ("statement", "is_allowed"),
    [
        ("select * from reading, alert, transition, record limit 1", True),
        ("select id, kind, at, detail from action", True),
        ("select state, receiver from outbox", True),
        ("select code, name, latitude from site", True),
        ("select actor, note from action", False),
        ("select body from outbox", False),
        ("select payload from dead_letter", False),
        ("select text, address from complaint", False),
        ("select contact from site", False),
        ("select phone from contact", False),
        ("select content from photo", False),
        ("insert into site (code, name, district, street) values ('x', 'x', 'x', 'x')", False),
        ("update monitor set vendor = 'x'", False),
        ("delete from reading", False),
        ("create table mine (x int)", False),
        ("select make_days(array[date '2026-01-01'])", False),
        ("select drop_oldest_day('2026-01-01')", False),
    ],
)
def test_what_a_reader_may(few: Roles, statement: str, is_allowed: bool) -> None:
    with few.connect(few.reader) as conn:
        if is_allowed:
            conn.execute(statement)
        else:
            with pytest.raises(errors.InsufficientPrivilege):
                conn.execute(statement)


def test_a_table_of_the_writers_own_is_never_taken_for_ours(few: Roles) -> None:
    """The functions act with the owner's rights: a temporary table must not lead them astray."""
    with few.connect(few.writer) as conn:
        conn.execute("create temp table reading (measured_at timestamptz)")
        made = conn.execute("select make_days(array[%s::date])", [TODAY]).fetchall()
    assert made == [("reading_20261123",), ("rollup_10m_20261123",)]


def test_who_may_more_is_refused(few: Roles) -> None:
    with few.connect(few.owner) as conn, conn.transaction(force_rollback=True):
        with pytest.raises(StoreRefused, match="owns the tables"):
            roles.apply(conn, {few.owner: Kind.WRITER})
        with pytest.raises(StoreRefused, match="is a superuser"):
            roles.apply(conn, {"postgres": Kind.READER})
        with pytest.raises(StoreRefused, match='create role "nobody_yet" login'):
            roles.apply(conn, {"nobody_yet": Kind.READER})
        conn.execute("grant create on schema public to public")
        with pytest.raises(StoreRefused, match="revoke create on schema public from public"):
            roles.apply(conn, {few.writer: Kind.WRITER})
    with few.connect(few.writer) as conn, pytest.raises(StoreRefused, match="does not own"):
        roles.apply(conn, {few.reader: Kind.READER})


def test_applying_twice_and_as_another_kind(some: Roles) -> None:
    with some.connect(some.owner) as conn:
        for _ in range(2):
            assert roles.apply(conn, {some.writer: Kind.READER}) == []
        known = [(role.name, role.kind) for role in roles.known(conn)]
    assert known == [(some.reader, "reader"), (some.writer, "reader")]
    with some.connect(some.writer) as conn, pytest.raises(errors.InsufficientPrivilege):
        conn.execute("update monitor set vendor = 'x'")


def test_a_migration_gives_them_what_is_new(some: Roles) -> None:
    with some.connect(some.owner) as conn:
        conn.execute("revoke all on silence from public")
        conn.execute(sql.SQL("revoke all on silence from {}").format(sql.Identifier(some.writer)))
        roles.renew(conn)
    with some.connect(some.writer) as conn:
        conn.execute("select from silence")


def test_a_writer_needs_no_migration_where_the_schema_is_current(few: Roles) -> None:
    assert migrate.upgrade(few.url(few.writer)) == (migrate.newest(), migrate.newest())


def test_a_writer_of_an_old_schema_is_told_who_must_migrate(some: Roles) -> None:
    with some.connect(some.owner) as conn:
        conn.execute("update alembic_version set version_num = '0004'")
    with pytest.raises(StoreRefused) as refused:
        migrate.upgrade(some.url(some.writer))
    said = str(refused.value)
    assert f"has schema 0004, this program needs {migrate.newest()}" in said
    assert f"{some.writer} may not change it" in said
    assert "[database] migrate_url" in said
