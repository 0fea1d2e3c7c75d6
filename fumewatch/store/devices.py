"""What devices tell of themselves: events, their own aggregates, heartbeats.

All of it may come again, late and in any order: a second time changes nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import md5
from typing import Any, Final, assert_never

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Heartbeat
from fumewatch.core.reading import CHANNELS, MISSING
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb, text

Fact = DeviceEvent | DeviceAggregate | Heartbeat

MOST_ENTRIES: Final = 40
LONGEST_KEY: Final = 64
LONGEST_TEXT: Final = 1000
"""Of an event's detail: more of it is no detail any more."""
_LATEST_US: Final = 9_000_000_000_000_000
"""The year 2255: what lies beyond, or before 1970, is no time, and its bound as good a one."""

_HEARD: Final = """
    update monitor set heard_at = %s
    where id = any(%s) and (heard_at is null or heard_at < %s)
"""
_LAST_HEARD: Final = """
    select id, (extract(epoch from heard_at) * 1000000)::bigint
    from monitor where heard_at is not null
"""
_EPOCH: Final = "timestamptz 'epoch' + us * interval '1 microsecond'"
_ADD_EVENTS: Final = f"""
    insert into device_event (monitor_id, kind, at, detail, received_at)
    select monitor_id, kind, {_EPOCH}, detail, %s
    from unnest(%s::int[], %s::text[], %s::bigint[], %s::jsonb[])
        as t (monitor_id, kind, us, detail)
    on conflict do nothing
"""
# Only changes are kept: a state that repeats the one before it, by the device's clock, is left out.
# One that comes late and begins before the change to the same state was known takes its place.
# Of several told of one instant the first counts.
_ADD_FACILITY: Final = f"""
    with told as (
        select distinct on (monitor_id, about, us) monitor_id, about, {_EPOCH} as at, detail
        from unnest(%s::int[], %s::text[], %s::bigint[], %s::jsonb[]) with ordinality
            as t (monitor_id, about, us, detail, row)
        order by monitor_id, about, us, row
    ), new as (
        select * from told t where not exists (
            select from device_event e where e.monitor_id = t.monitor_id and e.kind = 'facility'
                and e.about = t.about and e.at = t.at)
    ), beside as (
        select distinct n.monitor_id, n.about, e.at, e.detail
        from new n cross join lateral (
            (select at, detail from device_event where monitor_id = n.monitor_id
                and kind = 'facility' and about = n.about and at < n.at order by at desc limit 1)
            union all
            (select at, detail from device_event where monitor_id = n.monitor_id
                and kind = 'facility' and about = n.about and at > n.at order by at limit 1)
        ) e
    ), line as (
        select *, lag(detail) over state is not distinct from detail as repeats,
            lag(is_new) over state as follows_new
        from (select *, true as is_new from new union all select *, false from beside) x
        window state as (partition by monitor_id, about order by at)
    ), superseded as (
        delete from device_event e using line l
        where not l.is_new and l.repeats and l.follows_new
            and e.monitor_id = l.monitor_id and e.kind = 'facility'
            and e.about = l.about and e.at = l.at
    )
    insert into device_event (monitor_id, kind, at, detail, about, received_at)
    select monitor_id, 'facility', at, detail, about, %s from line where is_new and not repeats
"""
_ADD_AGGREGATES: Final = f"""
    insert into device_aggregate as a
        (monitor_id, interval, start, channel, least, mean, most, quality, received_at)
    select distinct on (monitor_id, span, us, channel)
        monitor_id, span, {_EPOCH}, channel, least, mean, most, quality, %s
    from unnest(%s::int[], %s::text[], %s::bigint[], %s::text[], %s::int[], %s::int[], %s::int[],
        %s::text[]) with ordinality
        as t (monitor_id, span, us, channel, least, mean, most, quality, row)
    order by monitor_id, span, us, channel, row desc
    on conflict (monitor_id, interval, start, channel) do update set
        least = excluded.least, mean = excluded.mean, most = excluded.most,
        quality = excluded.quality, received_at = excluded.received_at,
        our_mean = null, our_count = null, compared_at = null, outcome = null
    where (a.least, a.mean, a.most, a.quality)
        is distinct from (excluded.least, excluded.mean, excluded.most, excluded.quality)
"""


def add(conn: Connection, told: Sequence[tuple[int, Fact]], received_at: datetime) -> None:
    """Store what monitors (by id) told, in order of arrival; one statement a kind.

    1. An event is stored once. Of facility states only changes are: see _ADD_FACILITY.
    2. An aggregate that comes again with other values takes the place of the one before, and is
       compared again.
    3. A heartbeat was heard when it was received: it has no time of its own.
    """
    events: list[tuple[int, DeviceEvent]] = []
    aggregates: list[tuple[int, DeviceAggregate]] = []
    heard: set[int] = set()
    for monitor, fact in told:
        match fact:
            case DeviceEvent():
                events.append((monitor, fact))
            case DeviceAggregate():
                aggregates.append((monitor, fact))
            case Heartbeat():
                heard.add(monitor)
            case _:
                assert_never(fact)
    _add_events(conn, events, received_at)
    if aggregates:
        conn.execute(_ADD_AGGREGATES, [received_at, *_columns(map(_aggregate, aggregates))])
    if heard:
        conn.execute(_HEARD, [received_at, sorted(heard), received_at])


def heard(conn: Connection) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """int32 [n] ids and int64 [n] µs UTC: the last heartbeat of each monitor that ever beat."""
    rows = conn.execute(_LAST_HEARD).fetchall()
    ids, instants = zip(*rows, strict=True) if rows else ((), ())
    return np.array(ids, np.int32), np.array(instants, np.int64)


def drop_before(conn: Connection, before: datetime, most: int) -> int:
    """Drop at most `most` events and as many aggregates received before; return how many."""
    return sum(
        conn.execute(
            f"delete from {table} where ctid = any (array("
            f"select ctid from {table} where received_at < %s limit %s))",
            [before, most],
        ).rowcount
        for table in ("device_event", "device_aggregate")
    )


def _add_events(
    conn: Connection, events: Iterable[tuple[int, DeviceEvent]], received_at: datetime
) -> None:
    others, states = [], []
    for monitor, event in events:
        detail = _clean(event.detail)
        if event.kind is EventKind.FACILITY:
            states.append((monitor, _about(detail), _time(event.at), jsonb(detail)))
        else:
            others.append((monitor, event.kind.value, _time(event.at), jsonb(detail)))
    if others:
        conn.execute(_ADD_EVENTS, [received_at, *_columns(others)])
    if states:
        conn.execute(_ADD_FACILITY, [*_columns(states), received_at])


def _aggregate(told: tuple[int, DeviceAggregate]) -> tuple[Any, ...]:
    monitor, fact = told
    values = (None if x == MISSING else x for x in (fact.least, fact.mean, fact.most))
    channel = CHANNELS[fact.channel].name
    quality = fact.quality if fact.quality.isascii() and fact.quality.isprintable() else "?"
    return (monitor, fact.interval.value, _time(fact.start), channel, *values, quality[:1] or "N")


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _time(us: int) -> int:
    return min(max(us, 0), _LATEST_US)


def _clean(detail: dict[str, str]) -> dict[str, str]:
    entries = list(detail.items())[:MOST_ENTRIES]
    return {_cut(key, LONGEST_KEY): _cut(value, LONGEST_TEXT) for key, value in entries}


def _cut(value: str, longest: int) -> str:
    return text(value if len(value) <= longest else value[: longest - 1] + "…")


def _about(detail: dict[str, str]) -> str:
    """Devices may tell the states of several facilities in several messages: each has its own."""
    keys = "\n".join(sorted(detail)).encode()
    return md5(keys, usedforsecurity=False).hexdigest()
