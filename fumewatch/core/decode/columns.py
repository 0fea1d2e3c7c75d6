"""Entries into columns, and the rows among them that must not be stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import starmap
from operator import attrgetter
from struct import Struct
from struct import error as StructError
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.decode.canonical import Entry, Parsed
from fumewatch.core.decode.instant import UNREADABLE, instants
from fumewatch.core.duration import show
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, MISSING, STATES

_SENTINELS: Final = (-999.0, -9999.0)  # what devices write for "missing"
_MOST: Final = 2**31 - 1

_channels_of: Final = attrgetter(*(channel.name for channel in CHANNELS))
_pack: Final = Struct(f"{len(CHANNELS)}d").pack
_SCALE: Final = np.array([[channel.scale] for channel in CHANNELS], np.float64)
_LOW: Final = np.array([[channel.low] for channel in CHANNELS])
_HIGH: Final = np.array([[channel.high] for channel in CHANNELS])
_BIT: Final = np.array([[1 << i] for i in range(len(CHANNELS))], np.int16)
_STATES: Final = list(STATES)


@dataclass(frozen=True, slots=True)
class Horizon:
    """The instants, in µs UTC, between which a reading is taken."""

    oldest: int
    newest: int


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """`parsed`, one entry a row. `numbers`: float64 [10, n] in units, NaN where missing."""

    parsed: Parsed
    message: NDArray[np.intp]
    measured_at: NDArray[np.int64]
    numbers: NDArray[np.float64]
    quality: NDArray[np.uint32]

    @staticmethod
    def of(parsed: Parsed) -> "Columns":
        entries = parsed.entries
        return Columns(
            parsed,
            np.fromiter(parsed.message, np.intp, count=len(entries)),
            instants([entry.measured_at for entry in entries]),
            _numbers(entries),
            _code_points([entry.quality for entry in entries]),
        )

    def values(self) -> NDArray[np.int32]:
        """int32 [10, n] in thousandths, MISSING where missing; what does not fit is clipped."""
        whole = np.rint(np.clip(self.numbers, -_MOST / _SCALE, _MOST / _SCALE) * _SCALE)
        return np.where(np.isnan(whole), MISSING, whole).astype(np.int32)

    def unjudged(self) -> NDArray[np.int16]:
        """int16 [n]: bit c set where channel c is out of its plausible range."""
        strange = (self.numbers < _LOW) | (self.numbers > _HIGH)
        bits: NDArray[np.int16] = (strange * _BIT).sum(axis=0, dtype=np.int16)
        return bits


def _numbers(entries: Sequence[Entry]) -> NDArray[np.float64]:
    rows = map(_channels_of, entries)
    try:
        packed = b"".join(starmap(_pack, rows))
        numbers = np.frombuffer(packed).reshape(-1, len(CHANNELS)).T.copy()
    except StructError:  # a null among them
        wide = [_channels_of(entry) for entry in entries]
        numbers = np.array(wide, np.float64).reshape(-1, len(CHANNELS)).T.copy()
    is_sentinel = (numbers == _SENTINELS[0]) | (numbers == _SENTINELS[1])
    numbers[~np.isfinite(numbers) | is_sentinel] = np.nan
    return numbers


def _code_points(letters: Sequence[str]) -> NDArray[np.uint32]:
    text = "".join(letters).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(text, np.uint32)


def refused(
    columns: Columns, monitors: Sequence[str], now: int, horizon: Horizon
) -> dict[int, DecodeError]:
    """Row → why it must not be stored; the first reason of those below that applies."""
    found: dict[int, DecodeError] = {}
    for kind, mask, detail in _reasons(columns, monitors, now, horizon):
        for row in set(np.flatnonzero(mask).tolist()) - found.keys():
            place = columns.parsed.element[row]
            where = "$" if place is None else f"$[{place}]"
            found[row] = DecodeError(kind, f"{where}: {detail(row)}", place)
    return found


_Reason = tuple[str, Any, Callable[[int], str]]  # kind, mask of rows, detail of a row


def _reasons(
    columns: Columns, monitors: Sequence[str], now: int, horizon: Horizon
) -> tuple[_Reason, ...]:
    entries, at = columns.parsed.entries, columns.measured_at
    quality, states = columns.quality, columns.numbers[_STATES]

    def topic(row: int) -> str:
        return monitors[int(columns.message[row])]

    return (
        (
            "wrong_monitor",
            _misnamed(columns, monitors),
            lambda row: f"names monitor {_quoted(entries[row].monitor)}, the topic {topic(row)!r}",
        ),
        (
            "bad_time",
            at == UNREADABLE,
            lambda row: f"measured_at {_quoted(entries[row].measured_at)} is no time",
        ),
        ("too_old", at < horizon.oldest, lambda row: f"measured {_ago(now - int(at[row]))} ago"),
        (
            "future",
            at > horizon.newest,
            lambda row: f"measured {_ago(int(at[row]) - now)} ahead of us",
        ),
        (
            "wrong_type",
            (~np.isnan(states) & (states != 0) & (states != 1)).any(axis=0),
            lambda row: "fan_on and purifier_on are true, false, 0 or 1",
        ),
        (
            "wrong_type",
            (quality <= ord(" ")) | (quality > ord("~")),
            lambda row: f"quality {entries[row].quality!r} is not an ASCII letter",
        ),
        ("no_channel", np.isnan(columns.numbers).all(axis=0), lambda row: "no channel has a value"),
    )


def _misnamed(columns: Columns, monitors: Sequence[str]) -> Mask:
    names = [entry.monitor for entry in columns.parsed.entries]
    if not any(names):
        return np.zeros(len(names), np.bool_)
    pairs = zip(names, columns.parsed.message, strict=True)
    return np.array([bool(name) and name != monitors[message] for name, message in pairs])


def _ago(micros: int) -> str:
    return show(timedelta(microseconds=micros))


def _quoted(written: str | float) -> str:
    return repr(written)[:60]
