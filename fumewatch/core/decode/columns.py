"""What payloads hold, in columns, and the rows among them that must not be stored."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from fumewatch.core.device import Told
from fumewatch.core.duration import show
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, MISSING, STATES
from fumewatch.core.topic import is_code

SENTINELS: Final = (-999.0, -9999.0)
"""What devices write for "missing"."""
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
    """n readings as written, one a row.

    message      intp [n]         the payload that row i came in
    element      [n]              its place in the payload, or None where it is all of it
    monitor      [n]              the monitor that the payload names, "" where it names none
    time         [n]              as written
    measured_at  int64 [n]        µs UTC, UNREADABLE where the time is none
    numbers      float64 [10, n]  in units, NaN where missing
    quality      uint32 [n]       code point of the data flag
    barred       int16 [n]        bit c set: channel c came with a flag that is not N

    and what else the payloads held: faults (payload, error), facts, and how often each known
    departure from the rules was met and forgiven.
    """

    message: NDArray[np.intp]
    element: Sequence[int | None]
    monitor: Sequence[str]
    time: Sequence[str | float]
    measured_at: NDArray[np.int64]
    numbers: NDArray[np.float64]
    quality: NDArray[np.uint32]
    barred: NDArray[np.int16] | None = None
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    @staticmethod
    def of(parsed: Parsed) -> "Columns":
        """Of canonical JSON."""
        entries = parsed.entries
        times = [entry.measured_at for entry in entries]
        return Columns(
            message=np.fromiter(parsed.message, np.intp, count=len(entries)),
            element=parsed.element,
            monitor=[entry.monitor for entry in entries],
            time=times,
            measured_at=instants(times),
            numbers=without_sentinels(_numbers(entries)),
            quality=code_points([entry.quality for entry in entries]),
            faults=parsed.faults,
        )

    def __len__(self) -> int:
        return len(self.message)

    def values(self) -> NDArray[np.int32]:
        """int32 [10, n] in thousandths, MISSING where missing; what does not fit is clipped."""
        return thousandths(self.numbers)

    def unjudged(self) -> NDArray[np.int16]:
        """int16 [n]: bit c set where channel c is barred or out of its plausible range."""
        strange = (self.numbers < _LOW) | (self.numbers > _HIGH)
        bits: NDArray[np.int16] = (strange * _BIT).sum(axis=0, dtype=np.int16)
        return bits if self.barred is None else bits | self.barred


def thousandths(numbers: NDArray[np.float64]) -> NDArray[np.int32]:
    """int32 [10, n] of float64 [10, n] in units; NaN becomes MISSING, what is too large clipped."""
    whole = np.rint(np.clip(numbers, -_MOST / _SCALE, _MOST / _SCALE) * _SCALE)
    return np.where(np.isnan(whole), MISSING, whole).astype(np.int32)


def without_sentinels(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """In place: NaN for what is not finite and for what devices write for "missing"."""
    is_sentinel = (numbers == SENTINELS[0]) | (numbers == SENTINELS[1])
    numbers[~np.isfinite(numbers) | is_sentinel] = np.nan
    return numbers


def code_points(letters: Sequence[str]) -> NDArray[np.uint32]:
    """uint32 [n] of n texts of one character."""
    text = "".join(letters).encode("utf-32-le", "surrogatepass")
    return np.frombuffer(text, np.uint32)


def _numbers(entries: Sequence[Entry]) -> NDArray[np.float64]:
    rows = map(_channels_of, entries)
    try:
        packed = b"".join(starmap(_pack, rows))
        return np.frombuffer(packed).reshape(-1, len(CHANNELS)).T.copy()
    except StructError:  # a null among them
        wide = [_channels_of(entry) for entry in entries]
        return np.array(wide, np.float64).reshape(-1, len(CHANNELS)).T.copy()


@dataclass(frozen=True, slots=True)
class Names:
    """What is asked of the monitors that rows name.

    topic[p]  the monitor of payload p's topic, "" where that tells none
    agree     a row that names another than the topic is refused
    must      a row that names none is refused
    """

    topic: Sequence[str]
    agree: bool = True
    must: bool = False


def refused(columns: Columns, names: Names, now: int, horizon: Horizon) -> dict[int, DecodeError]:
    """Row → why it must not be stored; the first reason of those below that applies."""
    found: dict[int, DecodeError] = {}
    for kind, mask, detail in _reasons(columns, names, now, horizon):
        for row in set(np.flatnonzero(mask).tolist()) - found.keys():
            place = columns.element[row]
            where = "$" if place is None else f"$[{place}]"
            found[row] = DecodeError(kind, f"{where}: {detail(row)}", place)
    return found


_Reason = tuple[str, Any, Callable[[int], str]]  # kind, mask of rows, detail of a row


def _reasons(columns: Columns, names: Names, now: int, horizon: Horizon) -> tuple[_Reason, ...]:
    at, quality, states = columns.measured_at, columns.quality, columns.numbers[_STATES]

    def misnamed(row: int) -> str:
        topic = names.topic[int(columns.message[row])]
        return f"names monitor {_quoted(columns.monitor[row])}, the topic {topic!r}"

    return (
        ("wrong_monitor", _misnamed(columns, names), misnamed),
        (
            "no_monitor",
            _unnamed(columns, names),
            lambda row: (
                f"{_quoted(columns.monitor[row])} does not name a monitor, nor does the topic"
            ),
        ),
        (
            "bad_time",
            at == UNREADABLE,
            lambda row: f"measured_at {_quoted(columns.time[row])} is no time",
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
            lambda row: f"quality {chr(quality[row])!r} is not an ASCII letter",
        ),
        ("no_channel", np.isnan(columns.numbers).all(axis=0), lambda row: "no channel has a value"),
    )


def _misnamed(columns: Columns, names: Names) -> Mask:
    if not names.agree or not any(columns.monitor):
        return np.zeros(len(columns), np.bool_)
    topics = map(names.topic.__getitem__, columns.message.tolist())
    pairs = zip(columns.monitor, topics, strict=True)
    return np.array([bool(name) and bool(topic) and name != topic for name, topic in pairs])


def _unnamed(columns: Columns, names: Names) -> Mask:
    if not names.must:
        return np.zeros(len(columns), np.bool_)
    return np.array([not is_code(name) for name in columns.monitor], np.bool_)


def _ago(micros: int) -> str:
    return show(timedelta(microseconds=micros))


def _quoted(written: str | float) -> str:
    return repr(written)[:60]
