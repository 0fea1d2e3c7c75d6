"""A CSV of readings, in blocks of whole lines: read by pyarrow where it is installed, else by csv.

Both give the same; pyarrow is several times as fast. A block that it does not read line by line
(blank lines, quoted line ends, another encoding, a row of another length) is read by csv, which
knows the line of each row.
"""

import codecs
import csv
import difflib
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final
from zoneinfo import ZoneInfo

from fumewatch.backtest.cells import MONITOR, QUALITY, TIME, Column, Part, Refused, Texts, part
from fumewatch.core.errors import Fault, ImportRefused
from fumewatch.core.reading import CHANNELS

BLOCK_BYTES: Final = 8 * 1024 * 1024
_LONGEST_HEADER: Final = 64 * 1024
_NEEDED: Final = (TIME, MONITOR)
_NAMES: Final = (
    {name: name for name in (TIME, MONITOR, QUALITY)}
    | {channel.name: channel.name for channel in CHANNELS}
    | {channel.zh: channel.name for channel in CHANNELS}
)


@dataclass(frozen=True, slots=True)
class Header:
    """`names`: of each column; "" for one that is passed over. `unknown`: those, as written."""

    names: tuple[str, ...]
    delimiter: str = ","
    unknown: tuple[str, ...] = ()


def parts(path: Path, zone: ZoneInfo, *, skip_bad: bool = False) -> Iterator[Part]:
    """Raise ImportRefused where the file or its header cannot be read."""
    with open_bytes(path) as file:
        found = _header(path, file, skip_bad)
        line = 2
        for block in _blocks(path, file):
            yield _part(path, block, line, found, zone)
            line += block.count(b"\n")


def open_bytes(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked where its name ends in .gz."""
    try:
        return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> ImportRefused:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return ImportRefused([Fault(str(path), f"cannot be read: {reason}")])


def header(
    where: str, cells: Sequence[str], *, skip_bad: bool = False, delimiter: str = ","
) -> Header:
    """What the columns are called; ImportRefused for what is missing, twice, or unknown."""
    faults, names, unknown = [], [], []
    for number, cell in enumerate(cells, start=1):
        name = _NAMES.get(cell.strip().casefold().replace(" ", "_"), "")
        if name and name in names:
            faults.append(Fault(where, f"{name} is there twice; delete one of the two columns"))
        elif not name:
            unknown.append(cell.strip())
            if not skip_bad:
                what = f"column {number} has an unknown name {cell.strip()[:40]!r}"
                faults.append(Fault(where, f"{what}{_closest(cell)}; --skip-bad passes over it"))
        names.append(name)
    faults += [Fault(where, f"no column is named {name}") for name in _NEEDED if name not in names]
    if not any(channel.name in names for channel in CHANNELS):
        known = ", ".join(channel.name for channel in CHANNELS)
        faults.append(Fault(where, f"no column is named as a channel; known: {known}"))
    if faults:
        raise ImportRefused(faults)
    return Header(tuple(names), delimiter, tuple(unknown))


def _closest(cell: str) -> str:
    near = difflib.get_close_matches(cell.strip().casefold(), _NAMES, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def _header(path: Path, file: IO[bytes], skip_bad: bool) -> Header:
    line = _read(path, file, _LONGEST_HEADER, to_line_end=True)
    where = f"{path}:1"
    if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ImportRefused([Fault(where, "is UTF-16; save it as CSV UTF-8")])
    text = _text(line.removeprefix(codecs.BOM_UTF8)).strip()
    if not text:
        raise ImportRefused([Fault(where, "is empty; the first line must name the columns")])
    delimiter = max(",;\t", key=text.count)
    try:
        cells = next(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise _misquoted(where, error) from None
    return header(where, cells, skip_bad=skip_bad, delimiter=delimiter)


def _blocks(path: Path, file: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, some BLOCK_BYTES of them at a time."""
    rest = b""
    while chunk := _read(path, file, BLOCK_BYTES):
        whole, end, after = (rest + chunk).rpartition(b"\n")
        rest = after
        if end:
            yield whole + end
    if rest:
        yield rest


def _read(path: Path, file: IO[bytes], size: int, *, to_line_end: bool = False) -> bytes:
    try:
        return file.readline(size) if to_line_end else file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None


def _misquoted(where: str, error: csv.Error) -> ImportRefused:
    what = f"cannot be read from here on: {error}; mind the quotes"
    return ImportRefused([Fault(where, what)])


def _part(path: Path, block: bytes, line: int, found: Header, zone: ZoneInfo) -> Part:
    columns = _by_arrow(block, found)
    if columns is not None:
        n = len(columns[MONITOR].at)
        return part(columns, range(line, line + n), zone)
    return _by_csv(path, block, line, found, zone)


def _by_arrow(block: bytes, found: Header) -> dict[str, Texts] | None:
    """None where it is not installed, or would not know the lines."""
    try:
        import pyarrow as pa
        from pyarrow import csv as arrow
    except ImportError:
        return None
    lines = block.count(b"\n") + (not block.endswith(b"\n"))
    labels = [name or f"column {i}" for i, name in enumerate(found.names)]
    kept = [name for name in found.names if name]
    try:
        table = arrow.read_csv(
            pa.py_buffer(block),
            arrow.ReadOptions(column_names=labels, block_size=len(block) + 1),
            arrow.ParseOptions(delimiter=found.delimiter),
            arrow.ConvertOptions(
                column_types=dict.fromkeys(kept, pa.dictionary(pa.int32(), pa.string())),
                include_columns=kept,
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines:
        return None
    return {name: _texts(table[name]) for name in kept}


def _texts(column: Any) -> Texts:
    whole = column.combine_chunks()
    return Texts(whole.dictionary.to_pylist(), whole.indices.to_numpy())


def _by_csv(path: Path, block: bytes, line: int, found: Header, zone: ZoneInfo) -> Part:
    rows: list[list[str]] = []
    lines: list[int] = []
    refused = []
    width = len(found.names)
    reader = csv.reader(io.StringIO(_text(block), newline=""), delimiter=found.delimiter)
    before = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise _misquoted(f"{path}:{line + before}", error) from None
        at, before = line + before, reader.line_num
        if not any(map(str.strip, cells)):
            continue
        if len(cells) != width:
            what = f"has {len(cells)} cells, the header has {width}"
            refused.append(Refused(at, "cells", what))
            continue
        rows.append(cells)
        lines.append(at)
    by_column = zip(*rows, strict=True) if rows else [()] * width
    columns: dict[str, Column] = {
        name: Texts.of(cells) for name, cells in zip(found.names, by_column, strict=True) if name
    }
    read = part(columns, lines, zone)
    everything = sorted([*read.refused, *refused], key=lambda each: each.line)
    return Part(read.readings, read.names, everything, read.empty, read.rows + len(refused))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("gb18030", "replace")
