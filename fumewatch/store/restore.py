"""A backup, put into an empty database again, and counted against its manifest."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from fumewatch.core.errors import StoreRefused
from fumewatch.store import backup, clients, migrate, record, roles
from fumewatch.store.backup import Manifest, Progress
from fumewatch.store.database import Connection
from fumewatch.store.partitions import Engine
from fumewatch.store.translate import translated

_JOBS: Final = 4
_OTHERS: Final = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
        and backend_type = 'client backend'
"""
_IS_EMPTY: Final = """
    select not exists (
        select from pg_class c
        where c.relnamespace = current_schema()::regnamespace
            and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass
                and d.objid = c.oid and d.deptype = 'e'))
"""
_AVAILABLE: Final = "select version from pg_available_extension_versions where name = 'timescaledb'"


def restore(
    url: str, file: Path, folders: Sequence[Path], tell: Progress, replace: str = ""
) -> Manifest:
    """Put a backup into the database of the URL; what it held.

    1. The file is as it was written, its schema not ahead of us, the server able to hold it.
    2. Nobody is connected, and the database is empty; where `replace` names it, what it holds is
       dropped.
    3. pg_restore; on TimescaleDB between its pre and post steps.
    4. Rows and the record's head are those of the manifest; else StoreRefused.
    5. Roles that had rights and are known to this server have them again.
    """
    tell("verifying the file")
    manifest = backup.verify(file, folders)
    if manifest.schema > migrate.newest():
        raise StoreRefused(
            f"the backup has schema {manifest.schema}, this program knows {migrate.newest()}:"
            f" install fumewatch {manifest.fumewatch} or newer"
        )
    with translated(), _connected(url) as conn:
        _refuse_lesser(conn, manifest)
        _make_room(conn, replace)
    with translated(), _connected(url) as conn:  # anew: TimescaleDB is created first in a session
        with _timescaledb(conn, manifest):
            # TimescaleDB's own tables know an order: one at a time.
            jobs = min(_JOBS, os.cpu_count() or 1) if manifest.timescaledb is None else 1
            _restore(conn, url, file, folders, jobs, tell)
        tell("counting rows")
        _compare(conn, manifest)
        if migrate.state(conn) is migrate.State.CURRENT:
            roles.renew(conn)
        conn.execute("analyze")
    return manifest


def _connected(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True, connect_timeout=10)


def into(url: str, database: str) -> str:
    """The same server's other database."""
    return make_conninfo(url, dbname=database)


def _refuse_lesser(conn: Connection, manifest: Manifest) -> None:
    server = conn.info.server_version // 10_000
    if server < manifest.postgresql:
        raise StoreRefused(
            f"the backup is of PostgreSQL {manifest.postgresql}, this server is {server}:"
            " restore it into one that is as new"
        )
    if manifest.timescaledb is None:
        return
    versions = {version for (version,) in conn.execute(_AVAILABLE)}
    if manifest.timescaledb not in versions:
        here = ", ".join(sorted(versions)) or "none"
        raise StoreRefused(
            f"the backup is of TimescaleDB {manifest.timescaledb}, and only that version reads it;"
            f" this server has {here}: install it beside, restore, then update the extension"
        )
    licence = conn.execute("select current_setting('timescaledb.license', true)").fetchone()
    if manifest.engine == Engine.TIMESCALEDB.name and licence == ("apache",):
        raise StoreRefused(
            "the backup has a columnstore, which TimescaleDB's Apache build cannot read"
        )


def _make_room(conn: Connection, replace: str) -> None:
    name = conn.info.dbname
    if replace not in ("", name):
        raise StoreRefused(f"--replace names {replace}, but the database is {name}; see --into")
    others = conn.execute(_OTHERS).fetchone()
    if others and others[0]:
        raise StoreRefused(
            f"{others[0]} other connections use {name}: stop the daemon and what else"
            " uses it, then try again"
        )
    if conn.execute(_IS_EMPTY).fetchone() == (True,):
        return
    if not replace:
        raise StoreRefused(
            f"{name} is not empty: create another database and name it with --into, or give"
            f" --replace {name}, which drops all that it holds"
        )
    row = conn.execute("select current_schema()").fetchone()
    assert row is not None
    schema = sql.Identifier(row[0])
    conn.execute("drop extension if exists timescaledb cascade")
    conn.execute(sql.SQL("drop schema {} cascade").format(schema))
    conn.execute(sql.SQL("create schema {}").format(schema))


@contextmanager
def _timescaledb(conn: Connection, manifest: Manifest) -> Iterator[None]:
    """Its own steps before and after; without TimescaleDB none."""
    if manifest.timescaledb is None:
        yield
        return
    version = sql.Literal(manifest.timescaledb)
    create = sql.SQL("create extension if not exists timescaledb version {}").format(version)
    try:
        conn.execute(create)
        conn.execute("select timescaledb_pre_restore()")
    except errors.InsufficientPrivilege as error:
        raise StoreRefused(
            f"{conn.info.user} may not restore TimescaleDB ({str(error).strip()}): do it as a"
            " superuser, named by [database] migrate_url"
        ) from error
    try:
        yield
    finally:
        conn.execute("select timescaledb_post_restore()")


def _restore(
    conn: Connection, url: str, file: Path, folders: Sequence[Path], jobs: int, tell: Progress
) -> None:
    found = clients.find(conn.info.server_version // 10_000, folders)
    command = found.restore(
        "--verbose", "--exit-on-error", "--no-password", "--no-owner", "--no-privileges",
        f"--jobs={jobs}",
        "--dbname", make_conninfo(dbname=conn.info.dbname), file,
    )  # fmt: skip
    try:
        for line in clients.run(command, clients.environment(url)):
            backup.tell_table(line, "processing data for table", tell)
    except StoreRefused as error:
        raise StoreRefused(
            f"{error}\n{conn.info.dbname} holds a part of the backup now: drop it, or repeat with"
            f" --replace {conn.info.dbname}"
        ) from error


def _compare(conn: Connection, manifest: Manifest) -> None:
    found = backup.count(conn)
    wrong = [
        f"{table}: {found.get(table, 0):,} rows, {number:,} in the backup"
        for table, number in manifest.rows.items()
        if found.get(table) != number
    ]
    if (head := str(record.head(conn))) != manifest.head:
        wrong.append(f"the record's head is {head}, {manifest.head} in the backup")
    if wrong:
        raise StoreRefused("restored, but not the same:\n" + "\n".join(wrong))
