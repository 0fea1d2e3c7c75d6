"""Readings of the past in bulk, for who judges them again.

The server gathers each monitor's readings into arrays, so that a message holds hours of them: to
take rows one by one costs a client more than it costs the server to read them.

An array on the wire is a head of 20 bytes, then for each element its length and its bytes.
https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c, array_send
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from struct import Struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.reading import CHANNELS, MISSING, Readings
from fumewatch.store.database import Connection
from fumewatch.store.wire import from_wire_time

_SMALL_MISSING: Final = -(2**15)
_ARRAYS: Final = (
    ("measured_at", ">i8"),
    *((channel.name, ">i2" if channel.is_state else ">i4") for channel in CHANNELS),
    ("unjudged", ">i2"),
    ("quality", "u1"),
)
_ELEMENTS: Final = tuple(np.dtype([("length", ">i4"), ("value", kind)]) for _, kind in _ARRAYS)
_SELECTED: Final = ", ".join(
    f"array_agg(coalesce(r.{channel.name}, ({_SMALL_MISSING})::smallint))"
    if channel.is_state
    else f"array_agg(coalesce(r.{channel.name}, {MISSING}))"
    for channel in CHANNELS
)
_QUERY: Final = f"""
    select r.monitor_id, array_agg(r.measured_at), {_SELECTED},
        array_agg(r.unjudged), array_agg(r.quality)
    from reading r
    where r.measured_at >= %s and r.measured_at < %s
"""
_FILE_HEAD: Final = 19  # bytes
_ARRAY_HEAD: Final = 20
_FIELDS: Final = Struct(">h")
_LENGTH: Final = Struct(">i")
_FIRST: Final = Struct(">hii")  # fields, length of the id, the id


def between(
    conn: Connection, start: datetime, end: datetime, monitors: Sequence[int] | None = None
) -> Iterator[Readings]:
    """The readings of [start, end), one monitor's after the other's; None: all monitors'.

    Fastest a day of UTC at a time: then it is one partition, read from its beginning to its end.
    The connection's transaction gets no time-out: a large fleet's day may take a while.
    """
    conn.execute("set local statement_timeout = 0")
    query, params = _QUERY, list[Any]((start, end))
    if monitors is not None:
        query, params = f"{query} and r.monitor_id = any(%s)", [*params, list(monitors)]
    query = f"copy ({query} group by r.monitor_id) to stdout (format binary)"
    with conn.cursor().copy(query.encode(), params) as copy:
        is_first = True
        for message in copy:
            row = memoryview(message)[_FILE_HEAD if is_first else 0 :]
            is_first = False
            if len(row) > _FIELDS.size:  # the last one only says that it is the last
                yield _monitor(row)


def newest(conn: Connection) -> datetime | None:
    """When the newest reading was measured; None where there is none."""
    row = conn.execute(
        "select coalesce((select max(measured_at) from monitor_latest),"
        " (select max(measured_at) from reading))"
    ).fetchone()
    return row[0] if row else None


def _monitor(row: memoryview) -> Readings:
    _, _, monitor = _FIRST.unpack_from(row)
    place = _FIRST.size
    columns: dict[str, NDArray[Any]] = {}
    for (name, _), element in zip(_ARRAYS, _ELEMENTS, strict=True):
        (length,) = _LENGTH.unpack_from(row, place)
        place += _LENGTH.size
        body = row[place + _ARRAY_HEAD : place + length]
        columns[name] = np.frombuffer(body, element)["value"]
        place += length
    return Readings(
        np.full(len(columns["quality"]), monitor, np.int32),
        from_wire_time(columns["measured_at"]),
        np.array([_values(columns[c.name], is_state=c.is_state) for c in CHANNELS], np.int32),
        columns["quality"].copy(),
        columns["unjudged"].astype(np.int16),
    )


def _values(column: NDArray[Any], *, is_state: bool) -> NDArray[np.int32]:
    values = column.astype(np.int32)
    return np.where(values == _SMALL_MISSING, np.int32(MISSING), values) if is_state else values
