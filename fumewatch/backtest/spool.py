"""Readings of a file sorted into days, in memory up to a bound and beyond it in temporary files.

The rows of a file may be in any order, and its last one may be of its first day: so it is read
once, whole, before anything is judged, and what is wrong with it shows before that too.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.backtest.cells import Part
from fumewatch.core.merge import unique
from fumewatch.core.reading import CHANNELS, Readings

MOST_BYTES: Final = 256 * 1024 * 1024
"""Held in memory; more of it goes to files."""
DAY_US: Final = 86_400_000_000
_ROW: Final = np.dtype(
    [
        ("monitor", "<i4"),
        ("measured_at", "<i8"),
        ("values", "<i4", (len(CHANNELS),)),
        ("quality", "u1"),
        ("unjudged", "<i2"),
    ]
)


@dataclass(slots=True)
class Twice:
    """Rows that had the monitor and the time of another; `differing`: and not all its values."""

    repeated: int = 0
    differing: int = 0


@dataclass(slots=True)
class Spool:
    """`names`: the monitors as the file writes them, by their number here."""

    most_bytes: int = MOST_BYTES
    names: list[str] = field(default_factory=list)
    rows: int = 0
    first: int | None = None
    last: int | None = None
    _numbers: dict[str, int] = field(default_factory=dict)
    _parts: dict[int, list[NDArray[Any]]] = field(default_factory=dict)
    _twice: dict[int, Twice] = field(default_factory=dict)
    _held: int = 0
    _folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> "Spool":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._folder:
            self._folder.cleanup()

    @property
    def days(self) -> list[int]:
        """Those of UTC that have readings, since 1970, ascending."""
        return sorted(self._parts)

    @property
    def twice(self) -> Twice:
        """Of all days that were loaded."""
        found = self._twice.values()
        return Twice(sum(x.repeated for x in found), sum(x.differing for x in found))

    def add(self, part: Part) -> None:
        if not len(part.readings):
            return
        rows = _pack(part.readings, self._number(part.names))
        day = rows["measured_at"] // DAY_US
        order = np.argsort(day, kind="stable")
        days, starts = np.unique(day[order], return_index=True)
        for number, rows_of_day in zip(
            days.tolist(), np.split(rows[order], starts[1:]), strict=True
        ):
            self._parts.setdefault(number, []).append(rows_of_day)
        at = part.readings.measured_at
        self._note(int(at.min()), int(at.max()), len(rows))
        if self._held > self.most_bytes:
            self._spill()

    def day(self, day: int, numbers: NDArray[np.int32]) -> Readings:
        """All of a day, by time and monitor, each once; monitor i is then called `numbers[i]`,
        and left out where that is negative.

        Rows of one monitor and time fill each other's gaps, as in the store; where they differ,
        the larger value counts, whatever their order in the file.
        """
        rows = self._rows(day)
        wanted = numbers[rows["monitor"]] >= 0
        readings = _unpack(rows if wanted.all() else rows[wanted], numbers)
        key = (readings.measured_at - day * DAY_US) * (int(numbers.max(initial=0)) + 1)
        key += readings.monitor
        order = np.argsort(key)
        readings, key = readings.take(order), key[order]
        again = np.append(False, key[1:] == key[:-1])
        if not again.any():
            return readings
        return self._without_repeats(day, readings, again)

    def _without_repeats(self, day: int, readings: Readings, again: NDArray[np.bool_]) -> Readings:
        several = again | np.append(again[1:], False)
        some = readings.take(several)
        order = np.lexsort(
            (*-some.values[::-1].astype(np.int64), some.quality, some.measured_at, some.monitor)
        )
        some = some.take(order)
        alike = (np.diff(some.values, axis=1) == 0).all(axis=0) & (np.diff(some.quality) == 0)
        same = (np.diff(some.monitor) == 0) & (np.diff(some.measured_at) == 0)
        self._twice[day] = Twice(int(again.sum()), int((same & ~alike).sum()))
        whole = Readings.concatenate([readings.take(~several), unique(some)])
        return whole.take(np.lexsort((whole.monitor, whole.measured_at)))

    def _number(self, names: Sequence[str]) -> NDArray[np.int32]:
        """Our numbers of a part's monitors."""
        for name in names:
            if name not in self._numbers:
                self._numbers[name] = len(self.names)
                self.names.append(name)
        return np.array([self._numbers[name] for name in names], np.int32)

    def _note(self, first: int, last: int, rows: int) -> None:
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        self.rows += rows
        self._held += rows * _ROW.itemsize

    def _spill(self) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="fumewatch-backtest-")
        for day, parts in self._parts.items():
            with self._file(day).open("ab") as file:
                for rows in parts:
                    file.write(rows.tobytes())
            parts.clear()
        self._held = 0

    def _file(self, day: int) -> Path:
        assert self._folder
        return Path(self._folder.name) / f"{day}"

    def _rows(self, day: int) -> NDArray[Any]:
        spilled = []
        if self._folder and self._file(day).exists():
            spilled.append(np.fromfile(self._file(day), _ROW))
        return np.concatenate([*spilled, *self._parts[day]])


def _pack(readings: Readings, numbers: NDArray[np.int32]) -> NDArray[Any]:
    rows = np.empty(len(readings), _ROW)
    rows["monitor"] = numbers[readings.monitor]
    rows["measured_at"] = readings.measured_at
    rows["values"] = readings.values.T
    rows["quality"] = readings.quality
    rows["unjudged"] = readings.unjudged
    return rows


def _unpack(rows: NDArray[Any], numbers: NDArray[np.int32]) -> Readings:
    return Readings(
        numbers[rows["monitor"]],
        rows["measured_at"].copy(),
        np.ascontiguousarray(rows["values"].T),
        rows["quality"].copy(),
        rows["unjudged"].copy(),
    )
