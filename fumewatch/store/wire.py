"""PostgreSQL's binary COPY from and to numpy columns: a structured array is the wire's own bytes.

A row is a field count, then for each field its length and its bytes, big-endian; a null has length
-1 and no bytes. https://www.postgresql.org/docs/current/sql-copy.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.store.database import Connection

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_2000_US: Final = 946_684_800_000_000


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns of a COPY and their numpy types: i2, i4, i8, u1, or V and a number of bytes."""

    names: tuple[str, ...]
    types: tuple[str, ...]

    def columns(self) -> str:
        return ", ".join(self.names)


def encode(
    layout: Layout, columns: Mapping[str, Any], missing: Mapping[str, NDArray[np.bool_]]
) -> bytes:
    """A binary COPY of the columns (arrays, or one value for all rows), null where missing."""
    length = max(np.size(column) for column in columns.values())
    rows = np.repeat(_template(layout), length)
    for name, column in columns.items():
        rows[name] = column
    nulls = {name: mask for name, mask in missing.items() if mask.any()}
    return b"".join((_HEADER, _with_nulls(rows, nulls) if nulls else rows.tobytes(), _TRAILER))


def _with_nulls(rows: NDArray[Any], nulls: Mapping[str, NDArray[np.bool_]]) -> bytes:
    """Rows of equal length with the bytes of nulls cut out: no row is touched one by one."""
    fields = rows.dtype.fields
    assert fields is not None
    cells = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    kept = np.ones(cells.shape, np.bool_)
    for name, mask in nulls.items():
        rows[_length(name)][mask] = -1
        kind, start = fields[name][:2]
        kept[:, start : start + kind.itemsize] = ~mask[:, None]
    return cells[kept].tobytes()


def copy_in(conn: Connection, table: str, layout: Layout, data: bytes) -> None:
    with conn.cursor().copy(
        f"copy {table} ({layout.columns()}) from stdin (format binary)".encode()
    ) as copy:
        copy.write(data)


def copy_out(
    conn: Connection, query: str, params: Sequence[Any], layout: Layout, size: int = 10_000
) -> Iterator[NDArray[Any]]:
    """The rows of a query without nulls, in the order of `layout`, some `size` rows at a time."""
    dtype = _dtype(layout)
    with conn.cursor().copy(f"copy ({query}) to stdout (format binary)", params) as copy:
        for block in _blocks(copy, dtype.itemsize * size):
            whole = len(block) // dtype.itemsize * dtype.itemsize
            yield np.frombuffer(block[:whole], dtype)


def packed(
    conn: Connection, query: str, params: Sequence[Any], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Rows that the server packs into one value: a row by itself costs us more than all that is in
    it. `query` gives that value, or null where there is no row."""
    row = conn.cursor(binary=True).execute(query.encode(), params).fetchone()
    return np.frombuffer((row and row[0]) or b"", dtype)


def _blocks(copy: Iterable[Any], size: int) -> Iterator[bytes]:
    """Whole rows: the server sends each in one piece, the header with the first."""
    parts: list[bytes] = []
    length = -len(_HEADER)
    for part in copy:
        parts.append(bytes(part))
        length += len(part)
        if length >= size:
            yield _without_header(parts)
            parts, length = [], 0
    yield _without_header(parts)


def _without_header(parts: list[bytes]) -> bytes:
    return b"".join(parts).removeprefix(_HEADER)


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def to_wire_time(us: NDArray[np.int64] | int) -> Any:
    return us - _EPOCH_2000_US


def from_wire_time(us: NDArray[Any]) -> NDArray[np.int64]:
    return us.astype(np.int64) + _EPOCH_2000_US


def _length(name: str) -> str:
    return f"length of {name}"


@lru_cache
def _dtype(layout: Layout) -> np.dtype[Any]:
    fields = [("fields", ">i2")]
    for name, kind in zip(layout.names, layout.types, strict=True):
        fields += [(_length(name), ">i4"), (name, f">{kind}")]
    return np.dtype(fields)


@lru_cache
def _template(layout: Layout) -> NDArray[Any]:
    row = np.zeros(1, _dtype(layout))
    row["fields"] = len(layout.names)
    for name, kind in zip(layout.names, layout.types, strict=True):
        row[_length(name)] = np.dtype(kind).itemsize
    return row
