"""Cells of a table of readings, as people write them, into readings and what is wrong with rows.

A column comes as its distinct texts and which of them each row has: a text is read once, however
many rows repeat it. Values become what core.decode makes of canonical JSON: -999 and blanks are
missing, what is implausible is kept and not judged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.backtest import times
from fumewatch.core.arrays import Mask
from fumewatch.core.decode.columns import Columns, without_sentinels
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.decode.scalar import is_blank, plain
from fumewatch.core.reading import CHANNELS, INDEX, Channel, Readings
from fumewatch.core.topic import LONGEST, is_code

TIME: Final = "measured_at"
MONITOR: Final = "monitor"
QUALITY: Final = "quality"
EMPTY: Final = "empty"
"""Why a row was passed over that is not wrong: none of its channels has a value."""
_STATES: Final = {"on": 1.0, "off": 0.0, "开": 1.0, "关": 0.0, "开启": 1.0, "关闭": 0.0}
_BAD: Final = np.inf
"""In the place of a cell that cannot be read; what is written as infinite is missing."""


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """A column: row i has the text `distinct[at[i]]`."""

    distinct: Sequence[str]
    at: NDArray[np.integer[Any]]

    def __getitem__(self, row: int) -> str:
        return self.distinct[int(self.at[row])]

    @staticmethod
    def of(cells: Sequence[str]) -> "Texts":
        numbers: dict[str, int] = {}
        at = [numbers.setdefault(cell, len(numbers)) for cell in cells]
        return Texts(list(numbers), np.array(at, np.intp))


Column = Texts | NDArray[Any]
"""Texts; or, from a file with types, float64 in units (NaN: missing), int64 µs UTC for the time."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is no reading. `kind`: a short stable word. `what`: for people, with the column.

    `line`: where the row stands in the file.
    """

    line: int
    kind: str
    what: str


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Some rows of a file. The monitor of a reading is `names[reading.monitor]`, as written.

    empty: rows without any value. rows: all that were looked at.
    """

    readings: Readings
    names: Sequence[str]
    refused: list[Refused]
    empty: int
    rows: int


def part(columns: Mapping[str, Column], lines: Sequence[int], zone: ZoneInfo) -> Part:
    """Of rows that stand in `lines`; TIME and MONITOR are among the columns."""
    n = len(lines)
    found, wrong = _read(columns, n, zone)
    refused: dict[int, Refused] = {}
    for kind, mask, detail in wrong:
        for row in np.flatnonzero(mask).tolist():
            refused.setdefault(row, Refused(lines[row], kind, detail(row)))
    empty = np.asarray(np.isnan(found.numbers).all(axis=0))
    kept: Mask = ~empty
    kept[list(refused)] = False
    names, monitor = _monitors(columns[MONITOR])
    readings = Readings(
        monitor, found.measured_at, found.values(), found.quality.astype(np.uint8), found.unjudged()
    )
    is_all = bool(kept.all())
    return Part(
        readings if is_all else readings.take(kept),
        names,
        sorted(refused.values(), key=lambda each: each.line),
        int(empty.sum()) - sum(bool(empty[row]) for row in refused),
        n,
    )


_Wrong = tuple[str, Mask, Callable[[int], str]]  # kind, rows, what is wrong with a row


def _read(columns: Mapping[str, Column], n: int, zone: ZoneInfo) -> tuple[Columns, list[_Wrong]]:
    wrong = [*_misnamed(columns[MONITOR])]
    measured_at = _times(columns[TIME], zone, wrong)
    numbers = np.full((len(CHANNELS), n), np.nan)
    for name in (name for name in INDEX if name in columns):
        numbers[INDEX[name]] = _numbers(CHANNELS[INDEX[name]], columns[name], wrong)
    found = Columns(
        message=np.zeros(n, np.intp),
        element=(),
        monitor=(),
        time=(),
        measured_at=measured_at,
        numbers=without_sentinels(numbers),
        quality=_quality(columns.get(QUALITY), n, wrong),
    )
    return found, wrong


def _times(column: Column, zone: ZoneInfo, wrong: list[_Wrong]) -> NDArray[np.int64]:
    if not isinstance(column, Texts):
        typed = column.astype(np.int64)
        wrong.append(("no_time", typed < 0, lambda row: "measured_at: missing, or before 1970"))
        return typed
    at: NDArray[np.int64] = times.read(column.distinct, zone)[column.at]

    def detail(row: int) -> str:
        text = column[row]
        if is_blank(text):
            return "measured_at: missing"
        return f"measured_at: {_shown(text)} is no time; write 2026-11-23 12:00:00"

    wrong.append(("bad_time", (at == UNREADABLE) | (at < 0), detail))
    return at


def _misnamed(column: Column) -> Iterator[_Wrong]:
    assert isinstance(column, Texts)
    good = np.array([is_name(text.strip()) for text in column.distinct], np.bool_)

    def detail(row: int) -> str:
        text = column[row].strip()
        if not text:
            return "monitor: missing"
        return f"monitor: {_shown(text)} is neither a code nor district/code"

    yield "no_monitor", ~good[column.at], detail


def is_name(text: str) -> bool:
    """A monitor's code, or district/code."""
    district, slash, code = text.rpartition("/")
    return is_code(code) and (not slash or is_code(district)) and len(text) <= 2 * LONGEST


def _monitors(column: Column) -> tuple[list[str], NDArray[np.int32]]:
    assert isinstance(column, Texts)
    return [text.strip() for text in column.distinct], column.at.astype(np.int32)


def _numbers(channel: Channel, column: Column, wrong: list[_Wrong]) -> NDArray[np.float64]:
    """In the channel's unit, NaN where missing or wrong."""
    if isinstance(column, Texts):
        read = _state if channel.is_state else _number
        table = np.array([read(text) for text in column.distinct], np.float64)
        found: NDArray[np.float64] = table[column.at]
    else:
        found = np.where(np.isinf(column), np.nan, column).astype(np.float64)
        if channel.is_state:
            found = np.where(np.isin(found, (0, 1, *_SENTINELS)) | np.isnan(found), found, _BAD)

    def detail(row: int) -> str:
        cell = column[row]
        shown = _shown(cell if isinstance(cell, str) else f"{cell:g}")
        if channel.is_state:
            return f"{channel.name}: {shown} is neither on nor off; write 1 or 0"
        return f"{channel.name}: {shown} is no number"

    wrong.append(("bad_state" if channel.is_state else "bad_value", found == _BAD, detail))
    return found


_SENTINELS: Final = (-999.0, -9999.0)


def _number(text: str) -> float:
    if is_blank(text):
        return np.nan
    value = plain(text)
    if isinstance(value, str) or text.strip().casefold() in ("true", "false"):
        return np.nan if _is_infinite(text) else _BAD
    return value


def _is_infinite(text: str) -> bool:
    return text.strip().casefold().lstrip("+-") in ("inf", "infinity")


def _state(text: str) -> float:
    if is_blank(text):
        return np.nan
    value = plain(text)
    if isinstance(value, str):
        return _STATES.get(value, _BAD)
    return value if value in (0, 1, *_SENTINELS) else _BAD


def _quality(column: Column | None, n: int, wrong: list[_Wrong]) -> NDArray[np.uint32]:
    if column is None:
        return np.full(n, ord("N"), np.uint32)
    assert isinstance(column, Texts)
    letters = [text.strip() or "N" for text in column.distinct]
    table = np.array([ord(x) if len(x) == 1 else 0 for x in letters], np.uint32)
    found: NDArray[np.uint32] = table[column.at]

    def detail(row: int) -> str:
        return f"quality: {_shown(column[row])} is no single ASCII letter, such as N"

    wrong.append(("bad_quality", (found <= ord(" ")) | (found > ord("~")), detail))
    return found


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
