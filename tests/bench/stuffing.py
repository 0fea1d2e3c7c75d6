"""Readings by the million, made by the server itself: one of each monitor a minute."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import psycopg

_COLUMNS: Final = """
    monitor_id, fan_on, purifier_on, measured_at, received_at, fume, pm, nmhc, temperature,
    humidity, fan_current, purifier_current
"""
# Each monitor at its own second of the minute; in order of time, as readings come.
_FILL: Final = f"""
    insert into reading ({_COLUMNS})
    select m.id, 1, 1, at, at + interval '1 second',
        400 + (random() * 200)::int, 1200 + (random() * 400)::int, 3300 + (random() * 400)::int,
        40000 + 100 * (random() * 20)::int, 54000 + 100 * (random() * 20)::int,
        3000 + 100 * (random() * 4)::int, 1000 + 100 * (random() * 2)::int
    from generate_series(%s::timestamptz, %s::timestamptz - interval '1 second', '1 minute') t,
        lateral (select id, t + id * 7919 %% 60000000 * interval '1 microsecond' as at
                 from monitor) m
"""
_LATEST: Final = f"""
    insert into monitor_latest ({_COLUMNS}, unjudged, quality)
    select {_COLUMNS}, unjudged, quality from reading
    where measured_at >= %s and measured_at < %s
"""


def register(conn: psycopg.Connection, monitors: int) -> None:
    """M000001 and so on, which nobody has assigned."""
    conn.execute(
        "insert into monitor (district, code) select 'xuhui', 'M' || lpad(i::text, 6, '0')"
        " from generate_series(1, %s) i",
        [monitors],
    )


def fill(
    conn: psycopg.Connection,
    start: datetime,
    end: datetime,
    tell: Callable[[int], None] = lambda _: None,
) -> int:
    """Readings of all monitors in whole minutes of [start, end); how many. Partitions must exist.

    An hour at a time: of more the server would keep a heap of memory. `tell` hears after each how
    many there are.
    """
    rows, at = 0, start
    while at < end:
        until = min(at + timedelta(hours=1), end)
        rows += conn.execute(_FILL, [at, until]).rowcount
        at = until
        tell(rows)
    return rows


def note_latest(conn: psycopg.Connection, end: datetime) -> None:
    """The newest reading of each monitor, and that the roll-ups have counted up to now.

    They have not: the recount at a daemon's start is another bench's.
    """
    conn.execute("truncate monitor_latest")
    conn.execute(_LATEST, [end - timedelta(minutes=1), end])
    conn.execute("update rollup_mark set received_to = now(), measured_from = now()")
