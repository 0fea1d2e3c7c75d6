"""How `reading` and `rollup_10m` are cut into days, and how old days go.

On TimescaleDB chunks come by themselves and its policy compresses them; on PostgreSQL we make
native partitions. On both our own job drops old days. A day here is a day of UTC.

What changes tables are functions of the database (0007_care.sql), which act as their owner: so the
daemon needs none of the owner's rights.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from enum import StrEnum

import structlog
from psycopg.errors import LockNotAvailable

from fumewatch.core.errors import StoreUnavailable
from fumewatch.store.database import Connection

log = structlog.get_logger()


class Busy(StoreUnavailable):
    """Others use what is to be dropped; a moment later they may not."""


class Engine(StrEnum):
    """What cuts the tables into days."""

    PLAIN = "PostgreSQL"
    TIMESCALEDB = "TimescaleDB"
    TIMESCALEDB_APACHE = "TimescaleDB, Apache build: no columnstore, no policies"


def engine(conn: Connection) -> Engine:
    kind = conn.execute("select relkind = 'p' from pg_class where oid = 'reading'::regclass")
    if kind.fetchone() == (True,):
        return Engine.PLAIN
    licence = conn.execute("select current_setting('timescaledb.license', true)").fetchone()
    return Engine.TIMESCALEDB if licence == ("timescale",) else Engine.TIMESCALEDB_APACHE


def ensure(conn: Connection, days: Iterable[date]) -> None:
    """Make the partitions of these days where there are none; on TimescaleDB do nothing."""
    for (name,) in conn.execute("select make_days(%s::date[])", [sorted(set(days))]):
        log.info("partition created", name=name)


def drop_oldest(conn: Connection, before: date) -> str | None:
    """Drop the oldest partition or chunk that is all before a day; None: there is none.

    One a transaction: until its end nobody reads or writes any day. Raise Busy if others read or
    write right now: it waits for them only so long as they may wait for it.
    """
    try:
        row = conn.execute("select drop_oldest_day(%s)", [before]).fetchone()
    except LockNotAvailable as error:
        raise Busy(str(error).strip()) from error
    name: str | None = row[0] if row else None
    if name is not None:
        log.info("day dropped", name=name)
    return name


def set_columnstore(conn: Connection, compress_after: timedelta) -> None:
    """When TimescaleDB compresses a day, as configured; elsewhere do nothing."""
    if engine(conn) is not Engine.TIMESCALEDB:
        return
    if conn.execute("select set_columnstore(%s)", [compress_after]).fetchone() == (True,):
        log.info("policy set", policy="columnstore", after=str(compress_after))
