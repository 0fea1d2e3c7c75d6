"""Bring a database's schema up to this program's, one migration at a time, once.

alembic keeps the order and the mark (table alembic_version), the steps are files of SQL.
"""

from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg
import structlog
from psycopg import Connection, errors
from psycopg.rows import scalar_row

from fumewatch.core.errors import StoreRefused
from fumewatch.store.translate import translated

log = structlog.get_logger()

_FOLDER: Final = Path(__file__).parent / "migrations"
_REVISIONS: Final = sorted(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))
_OLDEST: Final = 15
_CONNECT_SECONDS: Final = 5
_LOCK: Final = 0x66756D65_0001
"""The advisory lock of whoever migrates: a second one waits and finds the work done."""


class State(StrEnum):
    """A database's schema, as this program sees it."""

    EMPTY = "empty"
    OLD = "old"
    CURRENT = "current"
    NEWER = "newer"


def state(conn: Connection) -> State:
    return _judge(_revision(conn))


def demand_known(conn: Connection) -> None:
    """Raise StoreRefused if the schema is ahead of us."""
    revision = _revision(conn)
    if _judge(revision) is State.NEWER:
        raise _newer(revision)


def upgrade(url: str) -> tuple[str | None, str]:
    """Revision before (None: empty) and after. Raise StoreRefused if the schema is ahead of us."""
    with translated(), _connect(url, autocommit=True) as conn:
        if conn.info.server_version < _OLDEST * 10_000:
            raise StoreRefused(f"fumewatch needs PostgreSQL {_OLDEST} or newer")
        conn.execute("select pg_advisory_lock(%s)", [_LOCK])
        old = _revision(conn)
        match _judge(old):
            case State.NEWER:
                raise _newer(old)
            case State.CURRENT:
                pass
            case State.EMPTY | State.OLD:
                _create_extension(conn)
                _run_alembic(url)
        return old, _REVISIONS[-1]


def _newer(revision: str | None) -> StoreRefused:
    return StoreRefused(
        f"the database has schema {revision}, this program knows {_REVISIONS[-1]}:"
        " install the newer fumewatch that made it"
    )


def _connect(url: str, *, autocommit: bool = False) -> Connection:
    """Without a time-out a server that takes the connection and is mute holds us up for good."""
    return psycopg.connect(url, autocommit=autocommit, connect_timeout=_CONNECT_SECONDS)


def _revision(conn: Connection) -> str | None:
    with conn.cursor(row_factory=scalar_row) as cursor:
        if cursor.execute("select to_regclass('alembic_version')").fetchone() is None:
            return None
        return cursor.execute("select version_num from alembic_version").fetchone()


def _judge(revision: str | None) -> State:
    if revision is None:
        return State.EMPTY
    if revision == _REVISIONS[-1]:
        return State.CURRENT
    return State.OLD if revision in _REVISIONS else State.NEWER


def _create_extension(conn: Connection) -> None:
    """TimescaleDB where the server has it loaded; without the right to do so, go on without.

    Its own settings tell whether it is loaded: not every user may see shared_preload_libraries.
    """
    loaded = conn.execute(
        "select from pg_available_extensions, pg_settings where pg_available_extensions.name ="
        " 'timescaledb' and pg_settings.name = 'timescaledb.max_background_workers'"
    ).fetchone()
    if loaded is None:
        return
    try:
        conn.execute("create extension if not exists timescaledb")
    except errors.InsufficientPrivilege:
        log.warning("timescaledb left unused: this user may not create it; native partitions serve")


def _run_alembic(url: str, to: str = "head") -> None:
    # Here and not above: alembic and SQLAlchemy cost a daemon 30 MB that it needs for a second.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine, exc

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: _connect(url), poolclass=NullPool
    )
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except exc.DBAPIError as error:
        raise error.orig or error from error
