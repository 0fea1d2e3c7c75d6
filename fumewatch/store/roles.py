"""Roles with the least rights: the owner migrates, a writer runs the daemon, a reader looks.

What they may do is told in rights.py. Whom it was given to is kept in `database_role`, so that a
migration gives them what is new, too.
"""

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection, sql
from psycopg.rows import class_row

from fumewatch.core.errors import StoreRefused
from fumewatch.store.rights import READER, WRITER, WRITER_FUNCTIONS


class Kind(StrEnum):
    WRITER = "writer"
    READER = "reader"


@dataclass(frozen=True, slots=True)
class Role:
    name: str
    kind: Kind
    is_there: bool
    """False once an administrator has dropped it."""


@dataclass(frozen=True, slots=True)
class _Found:
    is_superuser: bool
    owns_us: bool
    may_create: bool
    """Tables, in our schema."""


_KNOWN: Final = """
    select name, kind, to_regrole(quote_ident(name)) is not null as is_there
    from database_role order by kind desc, name
"""
_FIND: Final = """
    select r.rolsuper as is_superuser,
        pg_has_role(r.oid, (select relowner from pg_class where oid = 'reading'::regclass),
            'member') as owns_us,
        has_schema_privilege(r.oid, current_schema(), 'create') as may_create
    from pg_roles r where r.rolname = %s
"""
_IS_OWNER: Final = """
    select pg_has_role((select relowner from pg_class where oid = 'reading'::regclass), 'usage')
"""
_TABLES: Final = """
    select relname from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v')
        and not relispartition
"""
_RECORD: Final = """
    insert into database_role (name, kind) values (%s, %s)
    on conflict (name) do update set kind = excluded.kind
"""


def known(conn: Connection[Any]) -> list[Role]:
    """Whom rights were given to, writers first."""
    with conn.cursor(row_factory=class_row(Role)) as cursor:
        return cursor.execute(_KNOWN).fetchall()


def apply(conn: Connection[Any], wanted: Mapping[str, Kind]) -> list[str]:
    """Give each role the rights of its kind and take any other; the names of those created.

    In one transaction, as the owner. Repeating it changes nothing. Raise StoreRefused where a role
    has more rights than these by other ways, or cannot be created.
    """
    if conn.execute(_IS_OWNER).fetchone() != (True,):
        raise StoreRefused(
            f"{conn.info.user} does not own the tables; connect as their owner, whom"
            " [database] migrate_url names"
        )
    created = [name for name in wanted if _find(conn, name) is None]
    for name in created:
        _create(conn, name)
    for name, kind in wanted.items():
        _refuse_mighty(conn, name)
        conn.execute(_RECORD, [name, kind])
        _grant(conn, name, kind)
    return created


def renew(conn: Connection[Any]) -> None:
    """After a migration: what is new is granted to those who have rights already."""
    with conn.transaction():
        for role in known(conn):
            if role.is_there:
                _grant(conn, role.name, role.kind)


def _find(conn: Connection[Any], name: str) -> _Found | None:
    with conn.cursor(row_factory=class_row(_Found)) as cursor:
        return cursor.execute(_FIND, [name]).fetchone()


def _create(conn: Connection[Any], name: str) -> None:
    may = "select rolsuper or rolcreaterole from pg_roles where rolname = current_user"
    if conn.execute(may).fetchone() != (True,):
        raise StoreRefused(
            f"there is no role {name}, and {conn.info.user} may not create one; as a superuser:"
            f' create role "{name}" login'
        )
    conn.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))


def _refuse_mighty(conn: Connection[Any], name: str) -> None:
    found = _find(conn, name)
    assert found is not None
    if found.is_superuser:
        raise StoreRefused(f"{name} is a superuser, whom no rights bind; name another role")
    if found.owns_us:
        raise StoreRefused(
            f"{name} owns the tables, or is a member of the role that does; name another role"
        )
    if found.may_create:
        raise StoreRefused(
            f"{name} may create tables here; first, as the owner of the schema:"
            " revoke create on schema public from public"
        )


def _grant(conn: Connection[Any], name: str, kind: Kind) -> None:
    role = sql.Identifier(name)
    schema, database = _here(conn)
    there = {table for (table,) in conn.execute(_TABLES)}
    for statement in (
        sql.SQL("revoke all on all tables in schema {} from {}").format(schema, role),
        sql.SQL("revoke all on all functions in schema {} from {}").format(schema, role),
        sql.SQL("grant connect on database {} to {}").format(database, role),
        sql.SQL("grant usage on schema {} to {}").format(schema, role),
        *(_reading(role, there) if kind == Kind.READER else _writing(role, there, database)),
    ):
        conn.execute(statement)


def _reading(role: sql.Identifier, there: Container[str]) -> Iterator[sql.Composed]:
    for table in filter(there.__contains__, READER):
        names = READER[table].split(", ") if READER[table] else []
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        what = sql.SQL("select ({})").format(columns) if names else sql.SQL("select")
        yield sql.SQL("grant {} on {} to {}").format(what, sql.Identifier(table), role)


def _writing(
    role: sql.Identifier, there: Container[str], database: sql.Identifier
) -> Iterator[sql.Composed]:
    yield sql.SQL("grant temporary on database {} to {}").format(database, role)
    for table in filter(there.__contains__, WRITER):
        rights = sql.SQL(WRITER[table])
        yield sql.SQL("grant {} on {} to {}").format(rights, sql.Identifier(table), role)
    for function in WRITER_FUNCTIONS:
        yield sql.SQL("grant execute on function {} to {}").format(sql.Identifier(function), role)


def _here(conn: Connection[Any]) -> tuple[sql.Identifier, sql.Identifier]:
    row = conn.execute("select current_schema()::text, current_database()::text").fetchone()
    assert row is not None
    return sql.Identifier(row[0]), sql.Identifier(row[1])
