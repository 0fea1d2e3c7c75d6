"""What devices told of themselves, as pages, API and `status` show it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row


@dataclass(frozen=True, slots=True)
class EventRow:
    """`at` is the device's clock, which may be wrong; `received_at` is ours."""

    monitor_id: int
    kind: str
    at: datetime
    detail: dict[str, str]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ComparedRow:
    """How many of a monitor's own means were compared with ours, and how many differ."""

    monitor_id: int
    compared: int
    differ: int


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A mean of the device's own that differs from ours, both in thousandths."""

    monitor_id: int
    interval: str
    start: datetime
    channel: str
    mean: int
    our_mean: int
    our_count: int


@dataclass(frozen=True, slots=True)
class DiffersRow:
    """A monitor with findings: how many, and when the interval of the newest began."""

    monitor_id: int
    differ: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """Of all monitors: own means compared with ours, those that differ, restarts."""

    compared: int
    differ: int
    restarts: int


def events(
    conn: Connection[Any], monitors: list[int], since: datetime, most: int
) -> list[EventRow]:
    """Of each monitor the newest `most` received since then, newest first."""
    query = """
        select e.* from unnest(%s::int[]) as m (id) cross join lateral (
            select monitor_id, kind, at, detail, received_at from device_event
            where monitor_id = m.id and received_at >= %s
            order by received_at desc, at desc limit %s
        ) e
    """
    with conn.cursor(row_factory=class_row(EventRow)) as cursor:
        return cursor.execute(query, [monitors, since, most]).fetchall()


def compared(conn: Connection[Any], monitors: list[int], since: datetime) -> list[ComparedRow]:
    """Of intervals that began since then; a monitor without any is left out."""
    query = """
        select monitor_id, count(*) as compared,
            count(*) filter (where outcome = 'differs') as differ
        from device_aggregate
        where monitor_id = any(%s) and start >= %s and outcome in ('differs', 'agrees')
        group by monitor_id
    """
    with conn.cursor(row_factory=class_row(ComparedRow)) as cursor:
        return cursor.execute(query, [monitors, since]).fetchall()


def findings(
    conn: Connection[Any], monitors: list[int], since: datetime, most: int
) -> list[FindingRow]:
    """Of each monitor the newest `most` means that differ, of intervals begun since then."""
    query = """
        select f.* from unnest(%s::int[]) as m (id) cross join lateral (
            select monitor_id, interval, start, channel, mean, our_mean, our_count
            from device_aggregate
            where monitor_id = m.id and start >= %s and outcome = 'differs'
            order by start desc, interval, channel limit %s
        ) f
    """
    with conn.cursor(row_factory=class_row(FindingRow)) as cursor:
        return cursor.execute(query, [monitors, since, most]).fetchall()


def differing(conn: Connection[Any], since: datetime, most: int) -> list[DiffersRow]:
    """Monitors with findings of intervals begun since then, those with most of them first."""
    query = """
        select monitor_id, count(*) as differ, max(start) as last
        from device_aggregate where outcome = 'differs' and start >= %s
        group by monitor_id order by differ desc, last desc, monitor_id limit %s
    """
    with conn.cursor(row_factory=class_row(DiffersRow)) as cursor:
        return cursor.execute(query, [since, most]).fetchall()


def figures(conn: Connection[Any], since: datetime) -> Figures:
    """Compared and received since then."""
    query = """
        select (select count(*) from device_aggregate
                where compared_at >= %(since)s and outcome in ('differs', 'agrees')) as compared,
            (select count(*) from device_aggregate
                where compared_at >= %(since)s and outcome = 'differs') as differ,
            (select count(*) from device_event
                where received_at >= %(since)s and kind = 'restart') as restarts
    """
    with conn.cursor(row_factory=class_row(Figures)) as cursor:
        return cursor.execute(query, {"since": since}).fetchone() or Figures(0, 0, 0)
