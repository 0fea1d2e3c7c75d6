"""Frames that have the same keys, of a batch: read key by key, not one by one.

A batch has thousands of frames and a handful of layouts; what is done once for all frames that
have the same one costs nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.decode.columns import Columns
from fumewatch.core.decode.hj212.fields import Layout
from fumewatch.core.decode.hj212.plain import ALL_BUT_SEPARATORS, ONE_SEPARATOR, Shape, shape_in
from fumewatch.core.decode.hj212.values import WITH_MILLISECONDS, instant_of
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.decode.value import Reader
from fumewatch.core.reading import CHANNELS

FEWEST: Final = 4
"""Frames with the same keys for which it pays."""
_BETWEEN: Final = b"\xff"  # which no item holds
_ALL_BUT_THESE: Final = bytes(set(ALL_BUT_SEPARATORS) - set(_BETWEEN))


@dataclass(frozen=True, slots=True)
class Origins:
    """Of each frame of a batch: the message it came in, and whose it is, "" for the topic's."""

    messages: Sequence[int]
    monitors: Sequence[str]


@dataclass(frozen=True, slots=True)
class Alike:
    """Frames of one command whose keys are the same: `places` says which of the batch's."""

    command: int
    shape: Shape
    places: Sequence[int]
    parts: list[bytes]
    """Key, value, key, value, ... of all frames, one after the other."""

    def column(self, place: int) -> list[bytes]:
        """Of each frame, the value of this of the shape's keys."""
        return self.parts[2 * place + 1 :: 2 * len(self.shape.keys)]

    def values(self, row: int) -> list[bytes]:
        """Of one frame, all values."""
        return _row(self.parts, row, 2 * len(self.shape.keys))[1::2]


def alike(commands: Sequence[int | None], items: Sequence[bytes]) -> Iterator[Alike]:
    """Frames by what they have in common; left out are those that have it with few others, and
    those without a command.
    """
    if not items:
        return
    separators = _BETWEEN.join(items).translate(None, _ALL_BUT_THESE).split(_BETWEEN)
    groups: dict[tuple[int | None, bytes], list[int]] = {}
    for place, key in enumerate(zip(commands, separators, strict=True)):
        groups.setdefault(key, []).append(place)
    for (command, between), places in groups.items():
        if command is not None and len(places) >= FEWEST:
            yield from _of_separators(command, between, places, [items[place] for place in places])


def _of_separators(
    command: int, separators: bytes, places: list[int], items: list[bytes]
) -> Iterator[Alike]:
    width = len(separators) + 1
    if width % 2:
        return  # an item without =
    parts = b";".join(items).translate(ONE_SEPARATOR).split(b";")
    if parts[::2] == parts[:width:2] * len(items):
        found = [(places, parts)]
    else:
        found = [
            (
                [places[row] for row in rows],
                [part for row in rows for part in _row(parts, row, width)],
            )
            for rows in _by_keys(parts, width)
            if len(rows) >= FEWEST
        ]
    for of_keys, their_parts in found:
        shape = shape_in(tuple(their_parts[:width:2]), separators)
        if shape is not None:
            yield Alike(command, shape, of_keys, their_parts)


def _by_keys(parts: list[bytes], width: int) -> Iterable[list[int]]:
    groups: dict[tuple[bytes, ...], list[int]] = {}
    for row in range(len(parts) // width):
        groups.setdefault(tuple(_row(parts, row, width)[::2]), []).append(row)
    return groups.values()


def _row(parts: list[bytes], row: int, width: int) -> list[bytes]:
    return parts[row * width : (row + 1) * width]


def read(frames: Alike, layout: Layout, origins: Origins) -> Columns | None:
    """Of the frames that give a reading; left out are those that give none, which one by one
    tell why.
    """
    if layout.time_at is None or not layout.channels:
        return None
    written = frames.column(layout.time_at)
    measured_at = _instants(written)
    numbers = np.full((len(CHANNELS), len(written)), np.nan)
    is_good = measured_at != UNREADABLE
    for channel, place, reader in layout.wanted:
        numbers[channel] = _numbers(frames.column(place), reader, is_good)
    is_good &= ~np.isnan(numbers).all(axis=0)
    quality, barred = _weighed(frames, layout, numbers)
    columns = Columns(
        message=np.array([origins.messages[place] for place in frames.places], np.intp),
        element=(None,) * len(written),
        monitor=[origins.monitors[place] for place in frames.places],
        time=list(map(bytes.decode, written)),
        measured_at=measured_at,
        numbers=numbers,
        quality=quality,
        barred=barred,
    )
    return columns if is_good.all() else taken(columns, np.flatnonzero(is_good))


def _instants(written: list[bytes]) -> NDArray[np.int64]:
    """UNREADABLE also where there are milliseconds, which are an oddity."""
    known = {
        each: instant_of(each.decode()) if len(each) != WITH_MILLISECONDS else UNREADABLE
        for each in set(written)
    }
    return np.fromiter(map(known.__getitem__, written), np.int64, len(written))


def _numbers(texts: list[bytes], reader: Reader, is_good: Mask) -> Numbers:
    """`is_good` is cleared where one cannot be read."""
    try:
        return np.fromiter(map(reader, texts), np.float64, len(texts))
    except ValueError:
        readable = [_is_readable(text, reader) for text in texts]
    is_good &= readable
    return np.array([reader(x) if ok else np.nan for x, ok in zip(texts, readable, strict=True)])


def _is_readable(text: bytes, reader: Reader) -> bool:
    try:
        reader(text)
    except ValueError:
        return False
    return True


def _weighed(
    frames: Alike, layout: Layout, numbers: Numbers
) -> tuple[NDArray[np.uint32], NDArray[np.int16]]:
    """As Layout.weigh: quality, and barred channels, of each frame."""
    count = numbers.shape[1]
    quality, barred = np.full(count, ord("N"), np.uint32), np.zeros(count, np.int16)
    rows: set[int] = set() if layout.is_normal_unless_told else set(range(count))
    for place in layout.sent_flags:
        flags = frames.column(place)
        if flags.count(b"N") < count:
            rows.update(row for row, flag in enumerate(flags) if flag != b"N")
    for row in rows:
        told = numbers[layout.channels, row].tolist()
        letter, bits = layout.weigh(frames.values(row), told)
        quality[row], barred[row] = ord(letter), bits
    return quality, barred


def in_order(parts: Sequence[Columns]) -> Columns:
    """All their rows, by message; what is no row is left out. At least one part."""
    filled = [part for part in parts if len(part)] or parts[:1]
    if len(filled) == 1:
        return filled[0]
    whole = Columns(
        message=np.concatenate([part.message for part in filled]),
        element=[each for part in filled for each in part.element],
        monitor=[each for part in filled for each in part.monitor],
        time=[each for part in filled for each in part.time],
        measured_at=np.concatenate([part.measured_at for part in filled]),
        numbers=np.concatenate([part.numbers for part in filled], axis=1),
        quality=np.concatenate([part.quality for part in filled]),
        barred=np.concatenate([part.barred for part in filled if part.barred is not None]),
    )
    return taken(whole, np.argsort(whole.message, kind="stable"))


def taken(columns: Columns, rows: NDArray[np.intp]) -> Columns:
    """These rows, in this order; what is no row is left out."""
    places = rows.tolist()
    return Columns(
        message=columns.message[rows],
        element=[columns.element[place] for place in places],
        monitor=[columns.monitor[place] for place in places],
        time=[columns.time[place] for place in places],
        measured_at=columns.measured_at[rows],
        numbers=columns.numbers[:, rows],
        quality=columns.quality[rows],
        barred=columns.barred[rows] if columns.barred is not None else None,
    )
