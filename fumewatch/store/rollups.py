"""Roll-ups and `monitor_latest`: added to in small steps, recounted from the rows after a crash.

`rollup_mark.received_to` says how far they have counted: every reading received up to then is in
them, none received later is. A flush moves the mark with what it adds, in one transaction; so a
kill loses nothing that the rows after the mark do not tell.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from psycopg.rows import class_row

from fumewatch.core.reading import CHANNELS, MISSING, Readings
from fumewatch.core.rollup import ADDITIVE, HIGHEST, NAMES, RollupDelta, Sums
from fumewatch.store import readings
from fumewatch.store.database import Connection
from fumewatch.store.wire import Layout, copy_in, encode, from_us, to_us, to_wire_time

_TEN_MINUTES_US: Final = 600_000_000
_TEN_MINUTES, _DAYS, _STREETS = 0, 1, 2
_SUMS: Final = tuple(f"{name}_sum" for name in NAMES)
_LAYOUT: Final = Layout(
    ("start", "key", "kind", *ADDITIVE, *HIGHEST),
    (
        *("i8", "i4", "i2"),
        *("i8" if name in _SUMS else "i4" for name in ADDITIVE),
        *("i4" for _ in HIGHEST),
    ),
)
_VALUES: Final = ", ".join((*ADDITIVE, *HIGHEST))
_CREATE_DELTA: Final = f"""
    create temp table if not exists rollup_delta (start timestamptz, key int, kind smallint,
        {", ".join(f"{n} bigint" if n in _SUMS else f"{n} int" for n in (*ADDITIVE, *HIGHEST))}
    ) on commit delete rows
"""


def _adding(table: str) -> str:
    """The update of an upsert that adds."""
    sums = [f"{name} = {table}.{name} + excluded.{name}" for name in ADDITIVE]
    return ", ".join(
        [*sums, *(f"{name} = greatest({table}.{name}, excluded.{name})" for name in HIGHEST)]
    )


_ASSIGNING: Final = ", ".join(f"{name} = excluded.{name}" for name in (*ADDITIVE, *HIGHEST))

_ADD_TEN_MINUTES: Final = f"""
    insert into rollup_10m (monitor_id, bucket, {_VALUES})
    select key, start, {_VALUES} from rollup_delta where kind = {_TEN_MINUTES}
    on conflict (monitor_id, bucket) do update set {_adding("rollup_10m")}
"""
_ADD_DAYS: Final = f"""
    insert into rollup_day (monitor_id, day, {_VALUES})
    select key, (start at time zone 'UTC')::date, {_VALUES}
    from rollup_delta where kind = {_DAYS}
    on conflict (monitor_id, day) do update set {_adding("rollup_day")}
"""
_ADD_STREETS: Final = f"""
    insert into rollup_street (district, street, bucket, {_VALUES})
    select n.district, n.street, start, {_VALUES}
    from rollup_delta
    join unnest(%s::text[], %s::text[]) with ordinality as n (district, street, row)
        on n.row - 1 = key
    where kind = {_STREETS}
    on conflict (district, street, bucket) do update set {_adding("rollup_street")}
"""

_LATEST_COLUMNS: Final = readings.LAYOUT.columns()
_LATEST_UPDATE: Final = f"""
    on conflict (monitor_id) do update set
        {", ".join(f"{name} = excluded.{name}" for name in readings.LAYOUT.names[1:])}
    where excluded.measured_at >= monitor_latest.measured_at
"""
_ADD_LATEST: Final = f"""
    insert into monitor_latest ({_LATEST_COLUMNS}) select {_LATEST_COLUMNS} from latest_delta
    {_LATEST_UPDATE}
"""


def _judged(name: str) -> str:
    bit = 1 << [channel.name for channel in CHANNELS].index(name)
    return f"case when quality = 'N' and unjudged & {bit} = 0 then {name} end as {name}"


# What core.rollup counts, said in SQL. date_bin: 10 minutes from the epoch on, as there.
_COUNT_ROWS: Final = f"""
    count(*), count(*) filter (where quality = 'N'), count(*) filter (where fan_on > 0),
    count(*) filter (where fan_on > 0 and purifier_on is not null),
    count(*) filter (where fan_on > 0 and purifier_on > 0),
    {", ".join(f"count({name})" for name in NAMES)},
    {", ".join(f"coalesce(sum({name}), 0)" for name in NAMES)},
    {", ".join(f"max({name})" for name in NAMES)}
"""
_COUNT_TEN_MINUTES: Final = ", ".join(
    [*(f"sum({name})" for name in ADDITIVE), *(f"max({name})" for name in HIGHEST)]
)
_JUDGED: Final = ", ".join(_judged(name) for name in (*NAMES, "fan_on", "purifier_on"))
_UNCOUNTED: Final = "received_at > %(received_to)s and measured_at >= %(measured_from)s"
# The ten minutes to recount, and how many readings told so.
_TOUCH_UNCOUNTED: Final = f"""
    create temp table touched on commit drop as
    select monitor_id, date_bin('10 minutes', measured_at, 'epoch') as bucket, count(*) as n,
        max(received_at) as received_to
    from reading where {_UNCOUNTED} group by 1, 2
"""
_TOUCH_ALL: Final = """
    create temp table touched on commit drop as
    select monitor_id, bucket, readings as n, null::timestamptz as received_to
    from rollup_10m where bucket >= %(start)s and bucket < %(end)s
"""
_RECOUNT_TOUCHED: Final = f"""
    insert into rollup_10m (monitor_id, bucket, {_VALUES})
    select monitor_id, bucket, {_COUNT_ROWS}
    from (
        select t.monitor_id, t.bucket, r.quality, {_JUDGED}
        from touched t
        join reading r on r.monitor_id = t.monitor_id
            and r.measured_at >= t.bucket and r.measured_at < t.bucket + interval '10 minutes'
        where r.measured_at >= %(first)s and r.measured_at < %(last)s + interval '10 minutes'
    ) judged
    group by monitor_id, bucket
    on conflict (monitor_id, bucket) do update set {_ASSIGNING}
"""
_RECOUNT_ALL: Final = f"""
    insert into rollup_10m (monitor_id, bucket, {_VALUES})
    select monitor_id, bucket, {_COUNT_ROWS}
    from (
        select monitor_id, date_bin('10 minutes', measured_at, 'epoch') as bucket, quality,
            received_at, {_JUDGED}
        from reading where measured_at >= %(start)s and measured_at < %(end)s
    ) judged
    group by monitor_id, bucket having max(received_at) <= %(received_to)s
    on conflict (monitor_id, bucket) do update set {_ASSIGNING}
"""
_RECOUNT_DAYS: Final = f"""
    insert into rollup_day (monitor_id, day, {_VALUES})
    select r.monitor_id, d.day, {_COUNT_TEN_MINUTES}
    from (select distinct monitor_id, (bucket at time zone %(zone)s)::date as day from touched) d
    join rollup_10m r on r.monitor_id = d.monitor_id
        and r.bucket >= d.day::timestamp at time zone %(zone)s
        and r.bucket < (d.day + 1)::timestamp at time zone %(zone)s
    where r.bucket >= %(first)s - interval '25 hours'
        and r.bucket < %(last)s + interval '25 hours'
    group by r.monitor_id, d.day
    on conflict (monitor_id, day) do update set {_ASSIGNING}
"""
_RECOUNT_STREETS: Final = f"""
    insert into rollup_street (district, street, bucket, {_VALUES})
    with place as (
        select m.id as monitor_id, m.district, s.street
        from monitor m join outlet o on o.id = m.outlet_id join site s on s.id = o.responsible_site
    )
    select b.district, b.street, b.bucket, {_COUNT_TEN_MINUTES}
    from (
        select distinct p.district, p.street, t.bucket
        from touched t join place p using (monitor_id)
    ) b
    join place p on p.district = b.district and p.street = b.street
    join rollup_10m r on r.monitor_id = p.monitor_id and r.bucket = b.bucket
    where r.bucket between %(first)s and %(last)s
    group by b.district, b.street, b.bucket
    on conflict (district, street, bucket) do update set {_ASSIGNING}
"""
_RECOUNT_LATEST: Final = f"""
    insert into monitor_latest ({_LATEST_COLUMNS})
    select distinct on (monitor_id) {_LATEST_COLUMNS} from reading where {_UNCOUNTED}
    order by monitor_id, measured_at desc
    {_LATEST_UPDATE}
"""


def flush(conn: Connection, delta: RollupDelta, received_to: datetime) -> bool:
    """Add the delta; every reading received up to `received_to` must be in it or counted before.

    False, and nothing changed, where there is nothing to add, or where the mark is that far
    already: a commit whose answer was lost, or another daemon that took over and recovered.
    """
    if not len(delta.ten_minutes):
        return False
    moved = conn.execute(
        "update rollup_mark set received_to = %s, measured_from = %s where received_to < %s",
        [received_to, received_to - readings.USUALLY_WITHIN, received_to],
    )
    if moved.rowcount == 0:
        return False
    _add_sums(conn, delta)
    _add_latest(conn, delta.latest, received_to)
    return True


def received_to(conn: Connection) -> datetime | None:
    """How far the roll-ups have counted: later batches must be received later. None: nothing."""
    row = conn.execute("select nullif(received_to, '-infinity') from rollup_mark").fetchone()
    return row[0] if row else None


def recover(conn: Connection, zone: ZoneInfo) -> int:
    """Recount whatever the readings received after the mark belong to; return their number.

    To be run before ingest starts. By assignment: again, or after half a run, comes to the same.
    """
    mark = _lock_mark(conn)
    conn.execute(_TOUCH_UNCOUNTED, mark)
    span = _span_of_touched(conn)
    if span.readings:
        conn.execute(_RECOUNT_TOUCHED, asdict(span))
        _recount_days_and_streets(conn, span, zone)
        conn.execute(_RECOUNT_LATEST, mark)
        conn.execute(
            "update rollup_mark set received_to = %s, measured_from = %s",
            [span.received_to, span.received_to - readings.USUALLY_WITHIN],
        )
    conn.execute("drop table touched")
    return span.readings


def repair(conn: Connection, start: datetime, end: datetime, zone: ZoneInfo) -> int:
    """Recount what began in [start, end) from the rows; return how many lines of 10 minutes.

    Safe beside a running ingest, whose flush waits meanwhile: give it an hour at a time. Ten
    minutes with a reading that no flush has counted yet are left to the flush.
    """
    bounds = {"start": _ten_minutes(start), "end": _ten_minutes(end)}
    recounted = conn.execute(_RECOUNT_ALL, _lock_mark(conn) | bounds).rowcount
    conn.execute(_TOUCH_ALL, bounds)
    span = _span_of_touched(conn)
    if span.readings:
        _recount_days_and_streets(conn, span, zone)
    conn.execute("drop table touched")
    return recounted


@dataclass(frozen=True, slots=True)
class _Span:
    """What `touched` holds: readings, first and last bucket, when the newest was received."""

    readings: int
    first: datetime
    last: datetime
    received_to: datetime


def _span_of_touched(conn: Connection) -> _Span:
    conn.execute("analyze touched")
    with conn.cursor(row_factory=class_row(_Span)) as cursor:
        return cursor.execute(
            "select coalesce(sum(n), 0)::bigint as readings, min(bucket) as first,"
            " max(bucket) as last, max(received_to) as received_to from touched"
        ).fetchall()[0]


def _recount_days_and_streets(conn: Connection, span: _Span, zone: ZoneInfo) -> None:
    """From the ten minutes, which count the same readings: so neither is ever ahead."""
    params = {"first": span.first, "last": span.last, "zone": zone.key}
    conn.execute(_RECOUNT_DAYS, params)
    conn.execute(_RECOUNT_STREETS, params)


def _ten_minutes(at: datetime) -> datetime:
    return from_us(to_us(at) // _TEN_MINUTES_US * _TEN_MINUTES_US)


def _lock_mark(conn: Connection) -> dict[str, datetime]:
    """As text: -infinity is no datetime of Python's."""
    row = conn.execute(
        "select received_to::text, measured_from::text from rollup_mark for update"
    ).fetchone()
    assert row is not None
    return {"received_to": row[0], "measured_from": row[1]}


def _add_sums(conn: Connection, delta: RollupDelta) -> None:
    conn.execute(_CREATE_DELTA)
    kinds = ((_TEN_MINUTES, delta.ten_minutes), (_DAYS, delta.days), (_STREETS, delta.streets))
    for kind, sums in kinds:
        if len(sums):
            copy_in(conn, "rollup_delta", _LAYOUT, _encode(kind, sums))
    conn.execute(_ADD_TEN_MINUTES)
    conn.execute(_ADD_DAYS)
    names = delta.street_names
    conn.execute(_ADD_STREETS, [[name[0] for name in names], [name[1] for name in names]])


def _encode(kind: int, sums: Sums) -> bytes:
    columns = {
        "start": to_wire_time(sums.start),
        "key": sums.key,
        "kind": kind,
        **dict(zip(ADDITIVE, sums.additive, strict=True)),
        **dict(zip(HIGHEST, sums.highest, strict=True)),
    }
    return encode(_LAYOUT, columns, dict(zip(HIGHEST, sums.highest == MISSING, strict=True)))


def _add_latest(conn: Connection, latest: Readings, received_at: datetime) -> None:
    conn.execute(
        "create temp table if not exists latest_delta (like monitor_latest) on commit delete rows"
    )
    data = encode(readings.LAYOUT, readings.columns(latest, received_at), readings.nulls(latest))
    copy_in(conn, "latest_delta", readings.LAYOUT, data)
    conn.execute(_ADD_LATEST)
