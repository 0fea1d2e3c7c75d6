"""A Parquet file of readings: the columns of the CSV, in their own types or as texts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.backtest import times
from fumewatch.backtest.cells import MONITOR, QUALITY, TIME, Column, Part, Texts, part
from fumewatch.backtest.csv_file import Header, header, unreadable
from fumewatch.core.errors import Fault, ImportRefused

ROWS_AT_ONCE: Final = 200_000
_LOST: Final = -(2**62)  # before 1970, as no reading is


def parts(path: Path, zone: ZoneInfo, *, skip_bad: bool = False) -> Iterator[Part]:
    """Raise ImportRefused where the file or its columns cannot be read. A "line" is a row."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        what = "reading Parquet needs pyarrow; pip install 'fumewatch[parquet]'"
        raise ImportRefused([Fault(str(path), what)]) from None
    try:
        with path.open("rb") as opened:
            yield from _parts(path, parquet.ParquetFile(opened), zone, skip_bad)
    except (OSError, pa.ArrowException) as error:
        raise unreadable(path, error) from None


def _parts(path: Path, file: Any, zone: ZoneInfo, skip_bad: bool) -> Iterator[Part]:
    names = file.schema_arrow.names
    found = header(str(path), names, skip_bad=skip_bad)
    kept = [name for name, is_known in zip(names, found.names, strict=True) if is_known]
    line = 1
    for batch in file.iter_batches(ROWS_AT_ONCE, columns=kept):
        yield _part(batch, line, found, names, zone)
        line += batch.num_rows


def _part(batch: Any, line: int, found: Header, names: list[str], zone: ZoneInfo) -> Part:
    columns: dict[str, Column] = {
        name: _column(name, batch.column(names_at), zone)
        for name, names_at in _places(found, names, batch.schema.names)
    }
    return part(columns, range(line, line + batch.num_rows), zone)


def _places(found: Header, names: list[str], kept: list[str]) -> Iterator[tuple[str, int]]:
    for name, written in zip(found.names, names, strict=True):
        if name:
            yield name, kept.index(written)


def _column(name: str, column: Any, zone: ZoneInfo) -> Column:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if name == TIME and pa.types.is_timestamp(kind):
        return _instants(column, zone)
    is_number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if name not in (TIME, MONITOR, QUALITY) and (is_number or pa.types.is_boolean(kind)):
        plain = column.cast(pa.int8()) if pa.types.is_boolean(kind) else column
        numbers: Column = plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
        return numbers
    texts = column.cast(pa.string()).fill_null("").dictionary_encode()
    return Texts(texts.dictionary.to_pylist(), texts.indices.to_numpy())


def _instants(column: Any, zone: ZoneInfo) -> Column:
    import pyarrow as pa

    has_zone = column.type.tz is not None
    whole = column.cast(pa.timestamp("us", column.type.tz), safe=False).cast(pa.int64())
    is_null = whole.is_null().to_numpy(zero_copy_only=False)
    us = whole.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(is_null, _LOST, us if has_zone else times.of_local(us, zone))
