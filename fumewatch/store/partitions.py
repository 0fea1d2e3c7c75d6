"""How `reading` and `rollup_10m` are cut into days, and how old days go.

On TimescaleDB chunks come by themselves and its policies compress and drop them; on PostgreSQL we
make and drop native partitions. A day here is a day of UTC.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final

import structlog
from psycopg import sql

from fumewatch.store.database import Connection

log = structlog.get_logger()

_CUT: Final = (("reading", "measured_at"), ("rollup_10m", "bucket"))
_LOCK: Final = 0x66756D65_0002
"""The advisory lock of whoever makes or drops partitions."""


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
    missing = [day for day in sorted(set(days)) if not _exists(conn, day)]
    if not missing or engine(conn) is not Engine.PLAIN:
        return
    conn.execute("select pg_advisory_xact_lock(%s)", [_LOCK])
    for day in missing:
        if not _exists(conn, day):  # somebody else may have been first
            for table, _ in _CUT:
                _create(conn, table, day)


def drop_before(conn: Connection, day: date) -> int:
    """Drop the days before `day` of everything kept as long as readings are. Return how many."""
    conn.execute("set local lock_timeout = '5s'")  # a drop that waits would hold up all writers
    conn.execute("delete from rollup_street where bucket < %s", [_midnight(day)])
    if engine(conn) is Engine.PLAIN:
        return _drop_partitions(conn, day)
    return sum(_drop_chunks(conn, table, day) for table, _ in _CUT)


def apply_policies(conn: Connection, keep: timedelta, compress_after: timedelta) -> None:
    """Set TimescaleDB's columnstore and retention as configured; elsewhere do nothing."""
    if engine(conn) is not Engine.TIMESCALEDB:
        return
    for table, column in _CUT:
        _enable_columnstore(conn, table, column)
        _set_policy(conn, table, "compression", "compress_after", compress_after)
        _set_policy(conn, table, "retention", "drop_after", keep)


def _name(table: str, day: date) -> str:
    return f"{table}_{day:%Y%m%d}"


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _exists(conn: Connection, day: date) -> bool:
    found = conn.execute("select to_regclass(%s)", [_name("reading", day)]).fetchone()
    return found != (None,)


def _create(conn: Connection, table: str, day: date) -> None:
    """Make, then attach: `partition of` would lock readers and writers of the whole table out."""
    statement = """
        create table {part} (like {table} including defaults) with (fillfactor = {fill});
        alter table {table} attach partition {part} for values from ({start}) to ({end})
    """
    conn.execute(
        sql.SQL(statement).format(
            part=sql.Identifier(_name(table, day)),
            table=sql.Identifier(table),
            fill=sql.Literal(100 if table == "reading" else 70),  # roll-ups are updated in place
            start=sql.Literal(_midnight(day)),
            end=sql.Literal(_midnight(day + timedelta(days=1))),
        )
    )
    log.info("partition created", table=table, day=day.isoformat())


def _drop_partitions(conn: Connection, day: date) -> int:
    old = conn.execute(
        "select inhrelid::regclass::text from pg_inherits"
        " where inhparent = any (%s::regclass[]) and right(inhrelid::regclass::text, 8) < %s",
        [[table for table, _ in _CUT], f"{day:%Y%m%d}"],
    ).fetchall()
    for (name,) in old:
        conn.execute(sql.SQL("drop table {}").format(sql.Identifier(name)))
        log.info("partition dropped", name=name)
    return len(old)


def _drop_chunks(conn: Connection, table: str, day: date) -> int:
    """Beside the policy: the Apache build has none, and a server may be short of workers for it."""
    dropped = conn.execute("select drop_chunks(%s, older_than => %s)", [table, _midnight(day)])
    return len(dropped.fetchall())


def _enable_columnstore(conn: Connection, table: str, column: str) -> None:
    enabled = conn.execute(
        "select compression_enabled from timescaledb_information.hypertables"
        " where hypertable_name = %s",
        [table],
    ).fetchone()
    if enabled == (True,):
        return
    statement = """
        alter table {table} set (timescaledb.compress,
            timescaledb.compress_segmentby = 'monitor_id', timescaledb.compress_orderby = {order})
    """
    conn.execute(sql.SQL(statement).format(table=sql.Identifier(table), order=sql.Literal(column)))


def _set_policy(conn: Connection, table: str, kind: str, key: str, after: timedelta) -> None:
    current = conn.execute(
        "select (config ->> %s)::interval from timescaledb_information.jobs"
        " where hypertable_name = %s and proc_name = %s",
        [key, table, f"policy_{kind}"],
    ).fetchone()
    if current == (after,):
        return
    remove = "select remove_{}_policy(%s, if_exists => true)"
    add = "select add_{}_policy(%s, %s::interval)"
    conn.execute(sql.SQL(remove).format(sql.SQL(kind)), [table])
    conn.execute(sql.SQL(add).format(sql.SQL(kind)), [table, after])
    log.info("policy set", table=table, policy=kind, after=str(after))
