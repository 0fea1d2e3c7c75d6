"""How the daemons, the outbox and ingest are doing, as pages and API show it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class Outbox:
    """`oldest_due` is when the notification that has waited longest fell due."""

    due: int
    failed: int
    oldest_due: datetime | None


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """`timescaledb` is None on plain PostgreSQL."""

    postgresql: str
    timescaledb: str | None
    size_bytes: int


def open_by_severity(conn: Connection[Any]) -> dict[str, int]:
    query = "select severity, count(*) from alert where state = 'firing' group by severity"
    return {row[0]: row[1] for row in conn.execute(query)}


def readings_received(conn: Connection[Any], start: datetime, end: datetime) -> int:
    """Readings received in (start, end], those measured more than a day before left out.

    For spans of minutes: it is the BRIN index on both times that answers.
    """
    query = """
        select count(*) from reading
        where received_at > %(start)s and received_at <= %(end)s and measured_at > %(oldest)s
    """
    params = {"start": start, "end": end, "oldest": start - timedelta(days=1)}
    row = conn.execute(query, params).fetchone()
    return int(row[0]) if row else 0


def outbox(conn: Connection[Any], failed_since: datetime) -> Outbox:
    """Everything due, and what failed since then."""
    query = """
        select (select count(*) from outbox where state = 'due') as due,
               (select count(*) from outbox where state = 'failed' and created_at >= %s) as failed,
               (select min(due_at) from outbox where state = 'due') as oldest_due
    """
    with conn.cursor(row_factory=class_row(Outbox)) as cursor:
        return cursor.execute(query, (failed_since,)).fetchone() or Outbox(0, 0, None)


def store_facts(conn: Connection[Any]) -> StoreFacts:
    query = """
        select current_setting('server_version') as postgresql,
               (select extversion from pg_extension where extname = 'timescaledb') as timescaledb,
               pg_database_size(current_database()) as size_bytes
    """
    with conn.cursor(row_factory=class_row(StoreFacts)) as cursor:
        return cursor.execute(query).fetchone() or StoreFacts("", None, 0)
