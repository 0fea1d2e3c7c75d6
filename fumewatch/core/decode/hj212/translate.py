"""HJ 212 frames into readings and facts, by a profile: it says what each code means.

Which command is what (HJ 212-2017, 6.6; HJ 212-2025 adds 9015): 2011, 2051 and 2021 are readings,
2061 and 2031 the device's own statistics, 2021, 2081 and 3020 events.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isnan
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.columns import Columns, code_points
from fumewatch.core.decode.hj212.facts import Facts
from fumewatch.core.decode.hj212.fields import FACILITY, Field, Layout, fields, instant, unmapped
from fumewatch.core.decode.hj212.frame import Frame
from fumewatch.core.decode.hj212.packets import merged
from fumewatch.core.decode.hj212.stream import frames
from fumewatch.core.decode.profile import Profile
from fumewatch.core.decode.value import Derived, derivations, derive
from fumewatch.core.device import Told
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS

_MOST_LAYOUTS: Final = 1000

_Origin = tuple[int, int | None, str]
"""Payload, place of the frame in it (None: alone), monitor ("": the topic's)."""
_Row = tuple[int, int | None, str, str, int, str, int]
"""An origin, the time as written and in µs UTC, quality, barred channels."""


@dataclass(slots=True)
class _Found:
    """What the payloads hold, in the making. `numbers`: of the rows of one layout, one by one."""

    rows: list[_Row] = field(default_factory=list)
    numbers: dict[Layout, tuple[list[int], list[list[float]]]] = field(default_factory=dict)
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def columns(self, derivations: Sequence[Derived]) -> Columns:
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
            barred=_derive(numbers, np.array(barred, np.int16), derivations),
            faults=self.faults,
            facts=self.facts,
            oddities=self.oddities,
        )


class Translator:
    """Built once for a profile. For one thread: it remembers how frames are laid out."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._facts = Facts(profile)
        self._fields: dict[int, tuple[Field, ...]] = {
            command: fields(profile, command) for command in profile.readings
        }
        self._layouts: dict[tuple[int | str, ...], Layout] = {}
        self._derivations = derivations(profile)
        self._is_named = profile.monitor_from == "payload"
        self._is_checked = profile.other_monitor == "refuse"
        self._tells_always = bool(profile.downlink)
        keys = {mn: bytes.fromhex(key.get_secret_value()) for mn, key in profile.sm4_keys.items()}
        self.key_of = keys.get if keys else None

    def columns(self, payloads: Sequence[bytes], monitors: Sequence[str]) -> Columns:
        """Every reading, fact and fault of the frames in each payload.

        `monitors[p]`: the code in payload p's topic, "" where it has none. Split packets need not
        wait for each other: those of one payload are put together, and those that come apart have
        the same DataTime, and rows of one instant become one in the store.
        """
        found = _Found()
        is_modbus = self._profile.crc == "modbus"
        for message, payload in enumerate(payloads):
            read = frames(payload, modbus=is_modbus, key_of=self.key_of)
            if len(read) == 1:
                self._try(found, read[0], message, None, monitors[message])
                continue
            faults = [each for each in read if not isinstance(each, Frame)]
            good = merged([each for each in read if isinstance(each, Frame)])
            several: list[Frame | DecodeError] = [*good, *faults]
            for place, each in enumerate(several):
                self._try(found, each, message, place, monitors[message])
        return found.columns(self._derivations)

    def _try(
        self,
        found: _Found,
        read: Frame | DecodeError,
        message: int,
        place: int | None,
        topic: str,
    ) -> None:
        try:
            if isinstance(read, DecodeError):
                raise read
            self._take(found, read, (message, place, self._monitor(read, topic)))
        except DecodeError as fault:
            found.faults.append((message, fault))

    def _monitor(self, frame: Frame, topic: str) -> str:
        """The MN where it matters, "" where it does not."""
        named = frame.mn
        if self._is_named:
            if not named:
                raise DecodeError("no_monitor", "the frame has no MN, which would name the monitor")
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
        told: list[Told] = []
        if self._tells_always or command in self._facts:
            named = origin[2] if self._is_named else ""
            told = [Told(origin[0], named, fact) for fact in self._facts.of(frame, command)]
        if command in self._fields:
            self._add_reading(found, frame, command, origin)
        elif command not in self._facts:
            found.oddities[f"command_{command}"] += 1
        found.facts += told
        if frame.oddities:
            found.oddities.update(frame.oddities)

    def _add_reading(self, found: _Found, frame: Frame, command: int, origin: _Origin) -> None:
        layout = self._layout(frame, command)
        numbers = layout.numbers(frame)
        if (isnan(sum(numbers)) and all(map(isnan, numbers))) or not numbers:
            self._without_values(found, frame, layout)
            return
        time, measured_at = instant(frame, "DataTime")
        quality, barred = layout.weigh(frame, numbers)
        rows, values = found.numbers.setdefault(layout, ([], []))
        rows.append(len(found.rows))
        values.append(numbers)
        found.rows.append((*origin, time, measured_at, quality, barred))

    def _layout(self, frame: Frame, command: int) -> Layout:
        shape: tuple[int | str, ...] = (command, *frame.fields)
        if shape not in self._layouts:
            if len(self._layouts) >= _MOST_LAYOUTS:  # what devices send is not ours to trust
                self._layouts.clear()
            wanted = self._fields[command]
            self._layouts[shape] = Layout(wanted, frame.fields, self._profile.no_flag)
        return self._layouts[shape]

    def _without_values(self, found: _Found, frame: Frame, layout: Layout) -> None:
        """Most often a fault; not where the frame is an event or part of one that is split."""
        if layout.keys:
            raise layout.why_missing(frame)
        if frame.packet:
            found.oddities["packet_unmapped"] += 1  # the others of its set may have what we want
        elif frame.command != FACILITY:
            raise unmapped(frame, self._profile.name)


def _derive(
    numbers: NDArray[np.float64], barred: NDArray[np.int16], derivations: Sequence[Derived]
) -> NDArray[np.int16]:
    """Fill in derived states, each as good as what it comes from; `barred` with theirs."""
    for each in derivations:
        was_told = ~np.isnan(numbers[each.state])
        derive(numbers, [each])
        is_bad = ~was_told & (barred >> each.source & 1 == 1)
        barred |= is_bad.astype(np.int16) << each.state
    return barred
