"""Readings in and out, in columns.

Adding costs one COPY where all rows are new. A row that may be known is looked up first; should one
be known all the same, the unique key says so, and the whole batch is looked up and sent again.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg.errors import CheckViolation, UniqueViolation

from fumewatch.core.errors import StoreUnavailable
from fumewatch.core.merge import Added, merge, unique
from fumewatch.core.reading import CHANNELS, MEASURED, MISSING, STATES, Readings
from fumewatch.store import partitions
from fumewatch.store.database import Connection
from fumewatch.store.wire import (
    Layout,
    copy_in,
    copy_out,
    encode,
    from_us,
    from_wire_time,
    to_us,
    to_wire_time,
)

USUALLY_WITHIN: Final = timedelta(hours=2)
"""How late readings usually are at most: that far a recovery looks back without being told."""
_DAY_US: Final = 86_400_000_000
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ALWAYS: Final = datetime(9999, 12, 31, tzinfo=UTC)
_NEVER_SEEN: Final = np.iinfo(np.int64).max
_MEASURED: Final = tuple(CHANNELS[c].name for c in MEASURED)
_STATES: Final = tuple(CHANNELS[c].name for c in STATES)
_NAMES: Final = tuple(channel.name for channel in CHANNELS)
LAYOUT: Final = Layout(
    ("monitor_id", *_STATES, "measured_at", "received_at", *_MEASURED, "unjudged", "quality"),
    ("i4", *("i2" for _ in STATES), "i8", "i8", *("i4" for _ in MEASURED), "i2", "u1"),
)
_READ: Final = Layout(
    ("monitor_id", "measured_at", *_NAMES, "unjudged", "quality"),
    ("i4", "i8", *("i4" for _ in CHANNELS), "i2", "u1"),
)
_SELECT: Final = f"""
    select r.monitor_id, r.measured_at,
        {", ".join(f"coalesce(r.{name}::int, {MISSING})" for name in _NAMES)},
        r.unjudged, r.quality
    from reading r
"""
_READ_AHEAD: Final = """
    select set_config('effective_io_concurrency', '200', true)
    where current_setting('effective_io_concurrency')::int between 1 and 199
"""
"""For this transaction: one monitor's readings lie a page each, and the server would ask the disk
for one page after the other. 0: the server's system cannot, and would refuse."""


class Newest:
    """The newest stored reading of each monitor, as far as one process knows.

    A hint that saves looking up; behind the truth or, after a rollback, ahead of it, no harm.
    """

    def __init__(self) -> None:
        self._at = np.empty(0, np.int64)

    def may_be_known(self, rows: Readings) -> NDArray[np.bool_]:
        """bool [n]: not newer than all that is stored of its monitor, as far as we know."""
        self._grow(rows)
        return rows.measured_at <= self._at[rows.monitor]

    def learn(self, rows: Readings) -> None:
        """These are stored now; sorted by monitor and time."""
        last = np.flatnonzero(np.append(np.diff(rows.monitor) != 0, True))
        monitor, at = rows.monitor[last], rows.measured_at[last]
        known = np.where(self._at[monitor] == _NEVER_SEEN, at, self._at[monitor])
        self._at[monitor] = np.maximum(known, at)

    def _grow(self, rows: Readings) -> None:
        if len(self._at) <= (top := int(rows.monitor.max())):
            self._at = np.concatenate(
                [self._at, np.full(top + 1000 - len(self._at), _NEVER_SEEN, np.int64)]
            )


def add(
    conn: Connection, readings: Readings, received_at: datetime, newest: Newest | None = None
) -> Added:
    """Store what is new of a batch and say what that is, sorted by monitor and time.

    1. Frames of one instant become one row; of a row already stored only missing channels are
       filled, and what else the frame says is ignored.
    2. `received_at` must be later than any batch's before: the roll-ups count by it.
    3. One ingest at a time: two that merge into one row at once could count a channel twice.
    """
    if not len(readings):
        return Added.only_new(readings)
    newest = newest or Newest()
    rows = unique(readings)
    oldest = from_us(int(rows.measured_at.min()))
    if oldest < received_at - USUALLY_WITHIN:
        _look_back_to(conn, oldest)
    suspects = newest.may_be_known(rows)
    for _ in range(3):
        try:
            added = _store(conn, rows, suspects, received_at)
        except CheckViolation:  # no partition
            partitions.ensure(conn, _days(rows))
        except UniqueViolation:
            suspects = np.ones(len(rows), np.bool_)
        else:
            newest.learn(rows)
            return added
    raise StoreUnavailable("another writer is storing the same readings")


def since(conn: Connection, start: datetime) -> Iterator[Readings]:
    """All monitors' readings measured at `start` or later, in no order, some 10,000 at a time."""
    for rows in copy_out(conn, f"{_SELECT} where r.measured_at >= %s", [start], _READ):
        yield _readings(rows)


def between(
    conn: Connection,
    start: datetime,
    end: datetime | None,
    channels: Sequence[int],
    received_after: datetime | None = None,
) -> Readings:
    """All monitors' readings measured in [start, end), with these channels only, in no order.

    The server packs them into one value: a row by itself costs us more than all that is in it.
    """
    layout = np.dtype(
        [("monitor", ">i4"), ("at", ">i8"), ("unjudged", ">i2"), ("quality", "u1")]
        + [(_NAMES[channel], ">i4") for channel in channels]
    )
    packed = [
        *("int4send(monitor_id)", "timestamptz_send(measured_at)", "int2send(unjudged)"),
        "charsend(quality)",
        *(f"int4send(coalesce({_NAMES[channel]}::int, {MISSING}))" for channel in channels),
    ]
    query = f"""
        select string_agg({" || ".join(packed)}, ''::bytea) from reading
        where measured_at >= %s and measured_at < %s and received_at > %s
    """
    span = [start, end or _ALWAYS, received_after or _NEVER]
    row = conn.cursor(binary=True).execute(query, span).fetchone()
    return _unpacked(np.frombuffer((row and row[0]) or b"", layout), channels)


def of_monitor(conn: Connection, monitor: int, start: datetime, end: datetime) -> Readings:
    """One monitor's readings of [start, end), by time."""
    conn.execute(_READ_AHEAD)
    query = f"""{_SELECT}
        where r.monitor_id = %s and r.measured_at >= %s and r.measured_at < %s
        order by r.measured_at
    """
    parts = copy_out(conn, query, [monitor, start, end], _READ)
    return Readings.concatenate([Readings.empty(), *map(_readings, parts)])


def extent(conn: Connection, monitor: int) -> tuple[datetime, datetime] | None:
    """When a monitor's oldest and newest stored reading were measured; None: it has none."""
    row = conn.execute(
        "select min(measured_at), max(measured_at) from reading where monitor_id = %s", [monitor]
    ).fetchone()
    return (row[0], row[1]) if row and row[0] is not None else None


def columns(rows: Readings, received_at: datetime | NDArray[np.int64]) -> dict[str, Any]:
    """The columns of LAYOUT for `encode`."""
    received = to_us(received_at) if isinstance(received_at, datetime) else received_at
    return {
        "monitor_id": rows.monitor,
        "measured_at": to_wire_time(rows.measured_at),
        "received_at": to_wire_time(received),
        "unjudged": rows.unjudged,
        "quality": rows.quality,
        **dict(zip(_NAMES, rows.values, strict=True)),
    }


def nulls(rows: Readings) -> dict[str, NDArray[np.bool_]]:
    return dict(zip(_NAMES, rows.values == MISSING, strict=True))


def _look_back_to(conn: Connection, oldest: datetime) -> None:
    """See that a recovery would look as far back as these readings (rollup_mark)."""
    conn.execute(
        "update rollup_mark set measured_from = %s where measured_from > %s", [oldest, oldest]
    )


def _days(rows: Readings) -> list[date]:
    numbers = np.unique(rows.measured_at // _DAY_US).tolist()
    return [date(1970, 1, 1) + timedelta(days=number) for number in numbers]


def _store(
    conn: Connection, rows: Readings, suspects: NDArray[np.bool_], received_at: datetime
) -> Added:
    known, before = _look_up(conn, rows, np.flatnonzero(suspects))
    if not len(known):
        _copy(conn, "reading", rows, received_at)
        return Added.only_new(rows)
    is_new = np.ones(len(rows), np.bool_)
    is_new[known] = False
    new = rows.take(is_new)
    if len(new):
        _copy(conn, "reading", new, received_at)
    merged = merge(before, rows.take(known))
    if len(merged):
        _update(conn, merged.after, received_at)
    return Added(new, merged.gained, merged.before, merged.after)


def _look_up(
    conn: Connection, rows: Readings, suspects: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Readings]:
    """Which of the suspects are stored (index into rows), and as what."""
    if not len(suspects):
        return suspects, Readings.empty()
    at = rows.measured_at[suspects]
    query = f"""
        select k.row - 1, {", ".join(f"coalesce(r.{name}, {MISSING})" for name in _NAMES)},
            r.unjudged, ascii(r.quality::text)
        from unnest(%s::int[], %s::bigint[]) with ordinality as k (monitor_id, us, row)
        join reading r on r.monitor_id = k.monitor_id
            and r.measured_at = timestamptz 'epoch' + k.us * interval '1 microsecond'
        where r.measured_at between %s and %s
    """  # the last line lets the planner leave other days out
    span = from_us(int(at.min())), from_us(int(at.max()))
    found = (
        conn.cursor(binary=True)
        .execute(query, [rows.monitor[suspects].tolist(), at.tolist(), *span])
        .fetchall()
    )
    table = np.array(found, np.int64).reshape(len(found), len(CHANNELS) + 3)
    known = suspects[table[:, 0]]
    before = Readings(
        rows.monitor[known],
        rows.measured_at[known],
        table[:, 1:-2].T.astype(np.int32),
        table[:, -1].astype(np.uint8),
        table[:, -2].astype(np.int16),
    )
    return known, before


def _copy(conn: Connection, table: str, rows: Readings, received_at: datetime) -> None:
    """In a savepoint: should a row be known after all, the transaction lives on."""
    data = encode(LAYOUT, columns(rows, received_at), nulls(rows))
    with conn.transaction():
        copy_in(conn, table, LAYOUT, data)


def _update(conn: Connection, rows: Readings, received_at: datetime) -> None:
    conn.execute(
        "create temp table if not exists merged_reading (like reading) on commit delete rows"
    )
    _copy(conn, "merged_reading", rows, received_at)
    conn.execute(
        f"""
        update reading r set received_at = m.received_at, unjudged = m.unjudged,
            quality = m.quality, {", ".join(f"{name} = m.{name}" for name in _NAMES)}
        from merged_reading m
        where r.monitor_id = m.monitor_id and r.measured_at = m.measured_at
            and r.measured_at between %s and %s
        """,
        [from_us(int(rows.measured_at.min())), from_us(int(rows.measured_at.max()))],
    )


def _unpacked(rows: NDArray[Any], channels: Sequence[int]) -> Readings:
    values = np.full((len(CHANNELS), len(rows)), MISSING, np.int32)
    for channel in channels:
        values[channel] = rows[_NAMES[channel]]
    return Readings(
        rows["monitor"].astype(np.int32),
        from_wire_time(rows["at"]),
        values,
        rows["quality"].astype(np.uint8),
        rows["unjudged"].astype(np.int16),
    )


def _readings(rows: NDArray[Any]) -> Readings:
    return Readings(
        rows["monitor_id"].astype(np.int32),
        from_wire_time(rows["measured_at"]),
        np.array([rows[name] for name in _NAMES], np.int32),
        rows["quality"].astype(np.uint8),
        rows["unjudged"].astype(np.int16),
    )
