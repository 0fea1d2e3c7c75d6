"""Bring a database's schema up to this program's, one migration at a time, once.

alembic keeps the order and the mark (table alembic_version), the steps are files of SQL. Ingest may
go on meanwhile: what its steps must keep to is told in migrations/__init__.py.
"""

import time
from enum import StrEnum
from pathlib import Path
from typing import Final

import psycopg
import structlog
from psycopg import Connection, errors
from psycopg.rows import scalar_row

from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.store import roles
from fumewatch.store.locks import Lock
from fumewatch.store.translate import translated

log = structlog.get_logger()

_FOLDER: Final = Path(__file__).parent / "migrations"
_REVISIONS: Final = sorted(path.name[:4] for path in (_FOLDER / "versions").glob("[0-9]*.py"))
_OLDEST: Final = 15
_CONNECT_SECONDS: Final = 5
LOCK_MS: Final = 300
"""How long a statement waits for a lock: so long wait those that come after it, too."""
_LOCK_TRIES: Final = 120
_PAUSE_SECONDS: Final = 0.5
"""Between two tries; then those that waited have had their turn."""


class State(StrEnum):
    """A database's schema, as this program sees it."""

    EMPTY = "empty"
    OLD = "old"
    CURRENT = "current"
    NEWER = "newer"


def state(conn: Connection) -> State:
    return _judge(_revision(conn))


def newest() -> str:
    """The revision that this program knows."""
    return _REVISIONS[-1]


def revision(conn: Connection) -> str | None:
    """The database's; None: it has no schema of ours."""
    return _revision(conn)


def require_current(conn: Connection) -> None:
    """Raise StoreRefused unless the schema is ours, and say what to do."""
    found = _revision(conn)
    match _judge(found):
        case State.CURRENT:
            return
        case State.NEWER:
            raise StoreRefused(_ahead(found))
        case State.EMPTY:
            raise StoreRefused("the database has no schema yet; run fumewatch migrate")
        case State.OLD:
            raise StoreRefused(
                f"the database has schema {found}, this program needs {newest()};"
                " run fumewatch migrate"
            )


def upgrade(url: str) -> tuple[str | None, str]:
    """Revision before (None: empty) and after.

    Where it is current, a user who may only read it will do. Raise StoreRefused if the schema is
    ahead of us or not this user's to change; StoreUnavailable if others keep it locked.
    """
    with translated(), _connect(url, autocommit=True) as conn:
        if conn.info.server_version < _OLDEST * 10_000:
            raise StoreRefused(f"fumewatch needs PostgreSQL {_OLDEST} or newer")
        _be_alone(conn)
        old = _revision(conn)
        match _judge(old):
            case State.NEWER:
                raise StoreRefused(_ahead(old))
            case State.CURRENT:
                pass
            case State.EMPTY | State.OLD:
                _change(conn, url, old)
        return old, newest()


def _ahead(revision: str | None) -> str:
    return (
        f"the database has schema {revision}, this program knows {newest()}:"
        " install the newer fumewatch that made it"
    )


def _be_alone(conn: Connection) -> None:
    """By asking again and again: a statement that waits would itself be waited for by an index
    that is built concurrently."""
    ask, ours = "select pg_try_advisory_lock(%s)", [Lock.MIGRATE.value]
    while conn.execute(ask, ours).fetchone() != (True,):
        time.sleep(0.1)


def _change(conn: Connection, url: str, old: str | None) -> None:
    try:
        _create_extension(conn)
        _run_alembic(url)
        roles.renew(conn)
    except errors.InsufficientPrivilege as error:
        user = conn.info.user
        raise StoreRefused(
            f"the database has {f'schema {old}' if old else 'no schema'}, this program needs"
            f" {newest()}, and {user} may not change it ({str(error).strip()}): run"
            " `fumewatch migrate` as the database's owner, whom [database] migrate_url names"
        ) from error


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
    """Each revision that is done stays done: a try goes on where the one before was locked out."""
    for _ in range(_LOCK_TRIES):
        try:
            _try_alembic(url, to)
        except errors.LockNotAvailable as error:
            log.info("migration waits for a lock", error=str(error).strip())
            time.sleep(_PAUSE_SECONDS)
        else:
            return
    raise StoreUnavailable(
        "the schema cannot be changed: other transactions keep its tables locked"
        " (pg_stat_activity tells which); nothing is half done, run fumewatch migrate again"
    )


def _try_alembic(url: str, to: str) -> None:
    # Here and not above: alembic and SQLAlchemy cost a daemon 30 MB that it needs for a second.
    from alembic import command
    from alembic.config import Config
    from sqlalchemy import NullPool, create_engine, exc

    def connect() -> Connection:
        conn = _connect(url)
        conn.execute("select set_config('lock_timeout', %s, false)", [f"{LOCK_MS}ms"])
        conn.commit()
        return conn

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except exc.DBAPIError as error:
        raise error.orig or error from error
