"""The way to the database: settings, a pool, one transaction at a time."""

import select
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final, TypeAlias

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout
from pydantic import BaseModel, ConfigDict, Field, field_validator

from fumewatch.core.duration import Duration
from fumewatch.core.errors import StoreUnavailable
from fumewatch.store.translate import translated

Connection: TypeAlias = psycopg.Connection[tuple[Any, ...]]


class DatabaseSettings(BaseModel):
    """[database] of the configuration.

    migrate_url: as whom the schema is changed, backed up and restored; "": as of `url`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field("postgresql://fumewatch@127.0.0.1:5432/fumewatch", repr=False)
    migrate_url: str = Field("", repr=False)
    pool_size: int = Field(8, ge=2)
    connect_timeout: Duration = timedelta(seconds=5)
    statement_timeout: Duration = timedelta(minutes=1)

    @field_validator("url", "migrate_url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        try:
            conninfo_to_dict(url)
        except psycopg.ProgrammingError:
            raise ValueError(
                "this is not a database URL; write postgresql://user@host:5432/name"
            ) from None
        return url

    @property
    def passwords(self) -> frozenset[str]:
        """What in the URLs must not be shown."""
        given = (conninfo_to_dict(url) for url in (self.url, self.migrate_url))
        found = {url.get(key) for url in given for key in ("password", "sslpassword")}
        return frozenset(str(password) for password in found if password)

    @property
    def owner_url(self) -> str:
        """Of whom the tables belong to."""
        return self.migrate_url or self.url

    def as_owner(self) -> "DatabaseSettings":
        return self.model_copy(update={"url": self.owner_url})


class Database:
    """A pool of connections, safe from any thread."""

    def __init__(self, settings: DatabaseSettings) -> None:
        self._settings = settings
        seconds = settings.connect_timeout.total_seconds()
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            settings.url,
            kwargs=connect_options(settings),
            min_size=1,
            max_size=settings.pool_size,
            open=False,
            check=_check,  # a server's restart costs nobody an error
            timeout=seconds,
            reconnect_timeout=seconds,  # its pauses double: a longer one sleeps past the return
            name="store",
        )

    def open(self) -> None:
        """Start connecting; a database that is away shows at the first transaction."""
        self._pool.open(wait=False)

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Commit at the end, roll back on an exception. Raise StoreUnavailable or StoreRefused."""
        with translated():
            try:
                with self._pool.connection() as conn:
                    yield conn
            except PoolTimeout as error:
                raise StoreUnavailable(self._why()) from error

    def ping(self) -> None:
        """Raise StoreUnavailable if the database does not answer."""
        with self.transaction() as conn:
            conn.execute("select")

    def _why(self) -> str:
        """The pool says only that it waited: ask the server ourselves."""
        try:
            psycopg.connect(self._settings.url, **connect_options(self._settings)).close()
        except psycopg.Error as error:
            return str(error).strip()
        return f"all {self._settings.pool_size} connections of the pool are in use"


def stand_still(conn: Connection) -> str:
    """The transaction, which has asked nothing yet, sees the store as it is now until its end.

    A name for that, by which others see the same for as long.
    """
    conn.execute(_ONE_SNAPSHOT)
    conn.execute("set local idle_in_transaction_session_timeout = 0")
    row = conn.execute("select pg_export_snapshot()").fetchone()
    assert row is not None
    return str(row[0])


def see_as(conn: Connection, snapshot: str) -> None:
    """What a transaction saw that stands still; this one has asked nothing yet.

    StoreUnavailable: that one has ended, as with its connection.
    """
    conn.execute(_ONE_SNAPSHOT)
    try:
        conn.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
    except (errors.InvalidParameterValue, errors.UndefinedObject) as error:
        raise StoreUnavailable(f"what we were reading is gone: {error}") from error


_ONE_SNAPSHOT: Final = "set transaction isolation level repeatable read"


def _check(conn: Connection) -> None:
    """Raise if the server has closed the connection.

    A server that says something nobody asked for has: only then ask it, else it costs nothing.
    """
    poll = select.poll()
    poll.register(conn.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        ConnectionPool.check_connection(conn)


_DEAD_CLIENT: Final = (
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=14000"
)
"""The server's side: it lets go of the locks of a host that vanished in 14 s, not in 2 hours; and
not in a quarter of an hour where an answer was under way: keepalive does not count then."""


def connect_options(settings: DatabaseSettings) -> dict[str, Any]:
    timeout_ms = round(settings.statement_timeout.total_seconds() * 1000)
    return {
        "connect_timeout": max(1, round(settings.connect_timeout.total_seconds())),
        "application_name": "fumewatch",
        "options": f"-c timezone=UTC -c statement_timeout={timeout_ms} {_DEAD_CLIENT}",
        "keepalives_idle": 30,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 20_000,  # ms: a server that vanished is noticed while we send, too
    }
