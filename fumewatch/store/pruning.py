"""What is cleared away when it is old, a bit at a time, each bit in a transaction of its own.

Kept for good: alerts, transitions, actions and photos (the record: its rows are chained by hash, so
that none can go unnoticed), complaints, cleanings, silences, sites, monitors, the roll-ups by day.

Each function deletes at most `most` rows older than `before` and says how many that were.
"""

from datetime import datetime, timedelta
from typing import Final

from fumewatch.store.database import Connection

AHEAD: Final = timedelta(days=1)

# Of twenty monitors and more, one may be wrong. Those that fell silent count for nothing, unless
# they are nearly all.
_REACHED: Final = """
    select percentile_disc(0.95) within group (order by measured_at) from monitor_latest
"""
# A message that others were merged into stays until those are gone.
_MESSAGES: Final = """
    delete from outbox where ctid = any (array(
        select o.ctid from outbox o
        where o.settled_at < %s
            and not exists (select from outbox merged where merged.merged_into = o.id)
        limit %s))
"""
# Of an alert that fires still, it is needed to tell who is told of its end.
_TOLD: Final = """
    delete from told where ctid = any (array(
        select t.ctid from told t join alert a on a.id = t.alert_id
        where t.state = 'resolved' and t.at < %s and a.state = 'resolved'
        limit %s))
"""
_AGREEING: Final = """
    delete from device_aggregate where ctid = any (array(
        select ctid from device_aggregate
        where compared_at is not null and compared_at < %s and outcome <> 'differs'
        limit %s))
"""
_STREETS: Final = """
    delete from rollup_street where ctid = any (array(
        select ctid from rollup_street where bucket < %s limit %s))
"""


def trusted_now(conn: Connection, now: datetime) -> datetime:
    """`now`, but no more than a day after what nearly all monitors' readings have reached.

    A clock that jumped ahead must not make years of readings old in one night.
    """
    row = conn.execute(_REACHED).fetchone()
    reached: datetime | None = row[0] if row else None
    return now if reached is None else min(now, reached + AHEAD)


def messages(conn: Connection, before: datetime, most: int) -> int:
    """Those settled: sent, failed for good, or merged."""
    return conn.execute(_MESSAGES, [before, most]).rowcount


def told(conn: Connection, before: datetime, most: int) -> int:
    """Who was told that an alert is over."""
    return conn.execute(_TOLD, [before, most]).rowcount


def agreeing_means(conn: Connection, before: datetime, most: int) -> int:
    """Devices' own means that were compared and gave no finding."""
    return conn.execute(_AGREEING, [before, most]).rowcount


def streets(conn: Connection, before: datetime, most: int) -> int:
    """Roll-ups of streets."""
    return conn.execute(_STREETS, [before, most]).rowcount
