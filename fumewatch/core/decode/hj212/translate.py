"""HJ 212 frames into readings and facts, by a profile: it says what each code means.

Which command is what (HJ 212-2017, 6.6; HJ 212-2025 adds 9015): 2011, 2051 and 2021 are readings,
2061 and 2031 the device's own statistics, 2021, 2081 and 3020 events.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.canonical import check_size
from fumewatch.core.decode.columns import Columns, code_points
from fumewatch.core.decode.hj212.alike import Origins, alike, in_order, read
from fumewatch.core.decode.hj212.cut import cut
from fumewatch.core.decode.hj212.facts import Facts
from fumewatch.core.decode.hj212.fields import FACILITY, Field, Layout, Text, fields, unmapped
from fumewatch.core.decode.hj212.frame import Frame, FrameError
from fumewatch.core.decode.hj212.plain import (
    MOST_KEYS,
    Head,
    Plain,
    Shape,
    head_in,
    plain,
    shape_of,
)
from fumewatch.core.decode.hj212.stream import all_of
from fumewatch.core.decode.profile import Profile
from fumewatch.core.decode.value import Derived, derivations, derive
from fumewatch.core.device import Told
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS
from fumewatch.core.topic import is_code

FEWEST: Final = 32
"""Payloads that are worth a look at all of them at once."""
_MOST_LAYOUTS: Final = 1000
_COMMANDS: Final = frozenset(
    (1011, 1061, 1062, 1063, 2011, 2021, 2031, 2041, 2051, 2061, 2081, 3019, 3020, 9011, 9012, 9013)
) | {9014, 9015}
"""That devices send: HJ 212-2017, 6.6.5, and the heartbeat of 2025."""

_Origin = tuple[int, int | None, str]
"""Payload, place of the frame in it (None: alone), monitor ("": the topic's)."""
_Row = tuple[int, int | None, str, str, int, str, int]
"""An origin, the time as written and in µs UTC, quality, barred channels."""


@dataclass(slots=True)
class _Found:
    """What the payloads hold, in the making.

    parts    rows of frames that were read together
    rows     of those read one by one
    numbers  of these: layout → (which of the rows have it, their numbers)
    """

    parts: list[Columns] = field(default_factory=list)
    rows: list[_Row] = field(default_factory=list)
    numbers: dict[Layout, tuple[list[int], list[list[float]]]] = field(default_factory=dict)
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def add(self, layout: Layout, row: _Row, numbers: list[float]) -> None:
        rows, values = self.numbers.setdefault(layout, ([], []))
        rows.append(len(self.rows))
        values.append(numbers)
        self.rows.append(row)

    def columns(self, derivations: Sequence[Derived]) -> Columns:
        whole = in_order([*self.parts, self._one_by_one()])
        return replace(
            whole,
            barred=_derive(whole.numbers, whole.barred, derivations),
            faults=self.faults,
            facts=self.facts,
            oddities=self.oddities,
        )

    def _one_by_one(self) -> Columns:
        columns = zip(*self.rows, strict=True) if self.rows else ((),) * 7
        message, element, monitor, time, measured_at, quality, barred = columns
        numbers = np.full((len(CHANNELS), len(self.rows)), np.nan)
        for layout, (rows, values) in self.numbers.items():
            numbers[np.ix_(layout.channels, rows)] = np.array(values).T
        return Columns(
            message=np.array(message, np.intp),
            element=element,
            monitor=monitor,
            time=time,
            measured_at=np.array(measured_at, np.int64),
            numbers=numbers,
            quality=code_points(quality),
            barred=np.array(barred, np.int16),
        )


class Translator:
    """Built once for a profile. For one thread: it remembers how frames are laid out."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._facts = Facts(profile)
        self._fields: dict[int, tuple[Field, ...]] = {
            command: fields(profile, command) for command in profile.readings
        }
        self._layouts: dict[tuple[int, Shape], Layout] = {}
        self._derivations = derivations(profile)
        self._is_named = profile.monitor_from == "payload"
        self._is_checked = profile.other_monitor == "refuse"
        keys = {mn: bytes.fromhex(key.get_secret_value()) for mn, key in profile.sm4_keys.items()}
        self.key_of = keys.get if keys else None

    def columns(self, payloads: Sequence[bytes], monitors: Sequence[str]) -> Columns:
        """Every reading, fact and fault of the frames in each payload.

        `monitors[p]`: the code in payload p's topic, "" where it has none. Packets into which a
        frame was split are rows of their own. They have the same monitor and DataTime, and rows of
        one instant become one in the store, whether they come in one payload, one batch or neither.
        """
        found = _Found()
        rest: Iterable[int] = range(len(payloads))
        if len(payloads) >= FEWEST:
            rest = self._take_alike(found, payloads, monitors)
        for message in rest:
            try:
                self._take_one(found, payloads[message], message, monitors[message])
            except DecodeError as fault:
                found.faults.append((message, fault))
        return found.columns(self._derivations)

    def _take_alike(
        self, found: _Found, payloads: Sequence[bytes], topics: Sequence[str]
    ) -> list[int]:
        """Append what most of a batch are: one reading and nothing besides, of keys that others
        have too; the places of the payloads that are something else.
        """
        frames = cut(payloads)
        heads = map(head_in, frames.heads, frames.has_qn)
        pairs = list(zip(heads, [topics[place] for place in frames.places], strict=True))
        meanings = {pair: self._meaning(*pair) for pair in set(pairs)}
        told = [meanings[pair] for pair in pairs]
        origins = Origins(frames.places, [monitor for _, monitor in told])
        is_left = np.ones(len(payloads), np.bool_)
        for group in alike([command for command, _ in told], frames.items):
            part = read(group, self._layout(group.command, group.shape), origins)
            if part is not None:
                found.parts.append(part)
                is_left[part.message] = False
        return np.flatnonzero(is_left).tolist()

    def _meaning(self, head: Head | None, topic: str) -> tuple[int | None, str]:
        """(command, monitor) of a frame that may give a reading and nothing besides; else None."""
        try:
            if head is not None and self._is_reading_only(head.frame):
                return head.frame.command, self._monitor(head.frame, topic)
        except DecodeError:
            pass  # one by one, it tells why
        return None, ""

    def _is_reading_only(self, frame: Frame) -> bool:
        """The header is enough."""
        return frame.command in self._fields and not self._facts.has(frame, frame.command)

    def _take_one(self, found: _Found, payload: bytes, message: int, topic: str) -> None:
        short = plain(payload)
        if short is not None:
            self._take_short(found, short, message, topic)
        else:
            self._take_long(found, payload, message, topic)

    def _take_short(self, found: _Found, short: Plain, message: int, topic: str) -> None:
        """What nearly all are, one reading and nothing besides, without even making a Frame."""
        head = short.head.frame
        origin = (message, None, self._monitor(head, topic))
        command = head.command
        if not self._is_reading_only(head):
            self._take(found, short.frame(), origin)
        elif not self._add_reading(found, command, short.shape, short.values, origin):
            self._without_values(found, short.frame())

    def _take_long(self, found: _Found, payload: bytes, message: int, topic: str) -> None:
        check_size(payload)
        is_modbus = self._profile.crc == "modbus"
        read = all_of(payload, modbus=is_modbus, key_of=self.key_of)
        for place, frame in enumerate(read):
            try:
                if isinstance(frame, FrameError):
                    raise frame
                monitor = self._monitor(frame, topic)
                self._take(found, frame, (message, place if len(read) > 1 else None, monitor))
            except DecodeError as fault:
                found.faults.append((message, fault))

    def _monitor(self, frame: Frame, topic: str) -> str:
        """The MN where it matters, "" where it does not."""
        named = frame.mn
        if self._is_named:
            if not is_code(named):
                detail = f"MN {named[:60]!r} does not name a monitor, nor does the topic"
                raise DecodeError("no_monitor", detail)
            return named
        if named == topic or not self._is_checked:
            return ""
        if topic and named:
            detail = f"MN names monitor {named[:60]!r}, the topic {topic!r}"
            raise DecodeError("wrong_monitor", detail)
        return named

    def _take(self, found: _Found, frame: Frame, origin: _Origin) -> None:
        """Append what one frame holds; DecodeError says why nothing of it is kept."""
        command = frame.command
        named = origin[2] if self._is_named else ""
        told = [Told(origin[0], named, fact) for fact in self._facts.of(frame, command)]
        if command in self._fields:
            shape, values = shape_of(tuple(frame.fields)), list(frame.fields.values())
            if not self._add_reading(found, command, shape, values, origin):
                self._without_values(found, frame)
        elif command not in self._facts:
            found.oddities[_unread(command)] += 1
        elif not told:  # statistics in a packet that has none of our channels
            found.oddities["packet_unmapped"] += 1
        found.facts += told
        if frame.oddities:
            found.oddities.update(frame.oddities)

    def _add_reading(
        self, found: _Found, command: int, shape: Shape, values: Sequence[Text], origin: _Origin
    ) -> bool:
        """False, and nothing is added, where no channel has a value."""
        layout = self._layout(command, shape)
        numbers, faults = layout.numbers(values)
        if (isnan(sum(numbers)) and all(map(isnan, numbers))) or not numbers:
            if faults:
                raise faults[0]
            return False
        row = (*origin, *layout.time(values), *layout.weigh(values, numbers))
        found.add(layout, row, numbers)
        found.faults += [(origin[0], fault) for fault in faults]
        return True

    def _layout(self, command: int, shape: Shape) -> Layout:
        if (known := self._layouts.get((command, shape))) is not None:
            return known
        if len(shape.keys) > MOST_KEYS:
            return Layout(self._fields[command], shape.keys, self._profile.no_flag)
        if len(self._layouts) >= _MOST_LAYOUTS:  # what devices send is not ours to trust
            self._layouts.clear()
        layout = Layout(self._fields[command], shape.keys, self._profile.no_flag)
        self._layouts[command, shape] = layout
        return layout

    def _without_values(self, found: _Found, frame: Frame) -> None:
        """Most often a fault; not where the frame is an event or part of one that is split."""
        layout = self._layout(frame.command, shape_of(tuple(frame.fields)))
        if layout.keys:
            raise layout.why_missing(list(frame.fields.values()))
        if _is_later_packet(frame):
            found.oddities["packet_unmapped"] += 1  # the first of its set may have what we want
        elif frame.command != FACILITY:
            raise unmapped(frame, self._profile.name)


def _is_later_packet(frame: Frame) -> bool:
    return frame.packet is not None and frame.packet[1] > 1


def _unread(command: int) -> str:
    """As an oddity; devices must not choose how many of these there are."""
    return f"command_{command}" if command in _COMMANDS else "command_unknown"


def _derive(
    numbers: NDArray[np.float64], barred: NDArray[np.int16] | None, derivations: Sequence[Derived]
) -> NDArray[np.int16]:
    """Fill in derived states, each as good as what it comes from; `barred` with theirs."""
    barred = np.zeros(numbers.shape[1], np.int16) if barred is None else barred
    for each in derivations:
        was_told = ~np.isnan(numbers[each.state])
        derive(numbers, [each])
        is_bad = ~was_told & (barred >> each.source & 1 == 1)
        barred |= is_bad.astype(np.int16) << each.state
    return barred
