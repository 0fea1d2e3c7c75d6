"""A device's own aggregates beside our roll-ups: what is to be compared, and what it came to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.rows import class_row

from fumewatch.core.device import Interval
from fumewatch.core.integrity import LENGTHS, Comparison, Ours, Outcome, Own
from fumewatch.core.reading import INDEX
from fumewatch.core.rollup import NAMES
from fumewatch.store.database import Connection

_LENGTHS: Final = ", ".join(
    f"('{name}', interval '{length.total_seconds():.0f} seconds')"
    for name, length in LENGTHS.items()
)
_TOTALS: Final = ", ".join(f"sum({name}_sum)" for name in NAMES)
_COUNTS: Final = ", ".join(f"sum({name}_n)" for name in NAMES)
_BUCKETS: Final = ", ".join(f"count(*) filter (where {name}_n > 0)" for name in NAMES)
_NAMES: Final = ", ".join(f"'{name}'" for name in NAMES)
# Nothing is joined but by lateral look-ups, one an interval: right after a start there are no
# statistics, and PostgreSQL would take a join of thousands for one of a single row.
#
# A start far ahead is a wrong clock, and waits for nothing. How long "minutes" are no device says:
# they are ten where the next or the last ones begin ten minutes apart, and none between.
_DUE: Final = f"""
    with due as materialized (
        select a.*, l.length
        from device_aggregate a join (values {_LENGTHS}) as l (name, length) on l.name = a.interval
        where a.compared_at is null and a.received_at <= %(until)s
            and (a.start + l.length <= %(until)s or a.start > %(until)s + interval '1 day')
        order by a.received_at limit %(limit)s
    ), span as (
        select monitor_id, interval, start, length, array_agg(channel) as channels,
            array_agg(received_at) as received, array_agg(mean) as means,
            array_agg(quality::text) as qualities
        from due group by monitor_id, interval, start, length
    )
    select s.monitor_id, s.interval as span, s.start, d.channel, d.received_at, d.mean, d.quality,
        n.is_aligned, coalesce(o.totals[p.place], 0) as total,
        coalesce(o.counts[p.place], 0) as count, coalesce(o.buckets[p.place], 0) as buckets
    from span s
    cross join lateral (
        select date_bin('10 minutes', s.start, 'epoch') = s.start and s.start <= %(until)s
            and (s.interval <> 'minutes'
                or bool_or(b.start in (s.start - s.length, s.start + s.length))
                and not bool_or(b.start > s.start and b.start < s.start + s.length)) as is_aligned
        from device_aggregate b where b.monitor_id = s.monitor_id and b.interval = s.interval
            and b.start between s.start - s.length and s.start + s.length
    ) n
    cross join lateral (
        select array[{_TOTALS}]::bigint[] as totals, array[{_COUNTS}]::bigint[] as counts,
            array[{_BUCKETS}] as buckets
        from rollup_10m r where n.is_aligned and r.monitor_id = s.monitor_id
            and r.bucket >= s.start and r.bucket < s.start + s.length
    ) o
    cross join lateral unnest(s.channels, s.received, s.means, s.qualities)
        as d (channel, received_at, mean, quality)
    cross join lateral (select array_position(array[{_NAMES}], d.channel) as place) p
    order by d.received_at
"""
_RECORD: Final = """
    update device_aggregate a
    set outcome = t.outcome, our_mean = t.mean, our_count = t.count, compared_at = %s
    from unnest(%s::int[], %s::text[], %s::timestamptz[], %s::text[], %s::timestamptz[],
        %s::text[], %s::int[], %s::int[])
        as t (monitor_id, span, start, channel, received_at, outcome, mean, count)
    where a.monitor_id = t.monitor_id and a.interval = t.span and a.start = t.start
        and a.channel = t.channel and a.received_at = t.received_at
"""
_COMPARE_AGAIN: Final = f"""
    update device_aggregate
    set outcome = null, our_mean = null, our_count = null, compared_at = null
    where compared_at >= %s and outcome in ('{Outcome.DIFFERS}', '{Outcome.TOO_FEW}')
"""


@dataclass(frozen=True, slots=True)
class Due:
    """An aggregate to be compared, with what our roll-ups have of its interval (integrity.Ours)."""

    monitor_id: int
    span: str
    start: datetime
    channel: str
    received_at: datetime
    mean: int | None
    quality: str
    is_aligned: bool
    total: int
    count: int
    buckets: int

    @property
    def own(self) -> Own:
        channel = INDEX[self.channel]
        return Own(Interval(self.span), channel, self.mean, self.quality, self.is_aligned)

    @property
    def ours(self) -> Ours:
        return Ours(self.total, self.count, self.buckets)


def due(conn: Connection, until: datetime, limit: int) -> list[Due]:
    """Aggregates not yet compared that came, and whose interval ended, by `until`."""
    with conn.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(_DUE, {"until": until, "limit": limit}).fetchall()


def record(conn: Connection, compared: Sequence[tuple[Due, Comparison]], at: datetime) -> None:
    """What comparing came to; not of an aggregate that has come anew meanwhile."""
    if compared:
        rows = [_row(one, found) for one, found in compared]
        conn.execute(_RECORD, [at, *map(list, zip(*rows, strict=True))])


def compare_again(conn: Connection, since: datetime) -> int:
    """Let what was compared since then and did not agree be compared anew; return how many.

    Readings may have come later than anybody waited.
    """
    return conn.execute(_COMPARE_AGAIN, [since]).rowcount


def _row(one: Due, found: Comparison) -> tuple[Any, ...]:
    key = (one.monitor_id, one.span, one.start, one.channel, one.received_at)
    return (*key, found.outcome.value, found.our_mean, found.our_count)
