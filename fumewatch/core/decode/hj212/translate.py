"""HJ 212 frames into readings and facts, by a profile: it says what each code means.

Which command is what (HJ 212-2017, 6.6; HJ 212-2025 adds 9015): 2011, 2051 and 2021 are readings,
2061 and 2031 the device's own statistics, 2021, 2081 and 3020 events.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import starmap
from struct import Struct
from typing import Final

import numpy as np

from fumewatch.core.decode.columns import Columns, code_points
from fumewatch.core.decode.hj212.facts import Facts
from fumewatch.core.decode.hj212.fields import (
    FACILITY,
    Field,
    bad_value,
    fields,
    instant,
    unmapped,
    weigh,
    why_missing,
)
from fumewatch.core.decode.hj212.frame import Frame
from fumewatch.core.decode.hj212.packets import merged
from fumewatch.core.decode.hj212.stream import frames
from fumewatch.core.decode.profile import Profile
from fumewatch.core.decode.value import Derived, derivations, derive
from fumewatch.core.device import Told
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS

_NONE: Final = (float("nan"),) * len(CHANNELS)
_pack: Final = Struct(f"{len(CHANNELS)}d").pack


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a frame comes from: payload, place in it (None: alone), monitor ("": the topic's)."""

    message: int
    place: int | None
    monitor: str


@dataclass(slots=True)
class _Rows:
    """Columns in the making."""

    origin: list[_Origin] = field(default_factory=list)
    time: list[str] = field(default_factory=list)
    measured_at: list[int] = field(default_factory=list)
    numbers: list[Sequence[float]] = field(default_factory=list)
    quality: list[str] = field(default_factory=list)
    barred: list[int] = field(default_factory=list)
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def columns(self, derivations: Sequence[Derived]) -> Columns:
        packed = b"".join(starmap(_pack, self.numbers))
        numbers = np.frombuffer(packed).reshape(-1, len(CHANNELS)).T.copy()
        barred = np.array(self.barred, np.int16)
        for each in derivations:
            was_told = ~np.isnan(numbers[each.state])
            derive(numbers, [each])
            is_bad = ~was_told & (barred >> each.source & 1 == 1)
            barred |= is_bad.astype(np.int16) << each.state  # as good as what it comes from
        return Columns(
            message=np.array([origin.message for origin in self.origin], np.intp),
            element=[origin.place for origin in self.origin],
            monitor=[origin.monitor for origin in self.origin],
            time=self.time,
            measured_at=np.array(self.measured_at, np.int64),
            numbers=numbers,
            quality=code_points(self.quality),
            barred=barred,
            faults=self.faults,
            facts=self.facts,
            oddities=self.oddities,
        )


class Translator:
    """Built once for a profile; safe from any thread."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._facts = Facts(profile)
        self._fields: dict[int, tuple[Field, ...]] = {
            command: fields(profile, command) for command in profile.readings
        }
        self._derivations = derivations(profile)
        keys = {mn: bytes.fromhex(key.get_secret_value()) for mn, key in profile.sm4_keys.items()}
        self.key_of = keys.get if keys else None

    def columns(self, payloads: Sequence[bytes], monitors: Sequence[str]) -> Columns:
        """Every reading, fact and fault of the frames in each payload.

        `monitors[p]`: the code in payload p's topic, "" where it has none. Split packets need not
        wait for each other: those of one payload are put together, and those that come apart have
        the same DataTime, and rows of one instant become one in the store.
        """
        rows = _Rows()
        is_modbus = self._profile.crc == "modbus"
        for message, payload in enumerate(payloads):
            found = frames(payload, modbus=is_modbus, key_of=self.key_of)
            good = [frame for frame in found if isinstance(frame, Frame)]
            faults = [fault for fault in found if not isinstance(fault, Frame)]
            rows.faults += [(message, fault) for fault in faults]
            for place, frame in enumerate(merged(good) if len(good) > 1 else good):
                try:
                    monitor = self._monitor(frame, monitors[message])
                    origin = _Origin(message, place if len(found) > 1 else None, monitor)
                    self._take(rows, frame, origin)
                except DecodeError as fault:
                    rows.faults.append((message, fault))
        return rows.columns(self._derivations)

    def _monitor(self, frame: Frame, topic: str) -> str:
        """The MN where it matters, "" where it does not."""
        profile = self._profile
        if profile.monitor_from == "payload":
            if not frame.mn:
                raise DecodeError("no_monitor", "the frame has no MN, which would name the monitor")
            return frame.mn
        if profile.other_monitor == "ignore":
            return ""
        if topic and frame.mn and frame.mn != topic:
            detail = f"MN names monitor {frame.mn[:60]!r}, the topic {topic!r}"
            raise DecodeError("wrong_monitor", detail)
        return frame.mn

    def _take(self, rows: _Rows, frame: Frame, origin: _Origin) -> None:
        """Append what one frame holds; DecodeError says why nothing of it is kept."""
        command = frame.command
        named = origin.monitor if self._profile.monitor_from == "payload" else ""
        told = [Told(origin.message, named, fact) for fact in self._facts.of(frame, command)]
        if command in self._fields:
            self._add_reading(rows, frame, origin)
        elif command not in self._facts:
            rows.oddities[f"command_{command}"] += 1
        rows.facts += told
        if frame.oddities:
            rows.oddities.update(frame.oddities)

    def _add_reading(self, rows: _Rows, frame: Frame, origin: _Origin) -> None:
        numbers, flags, absent = self._values(frame)
        if not flags:
            if frame.command == FACILITY:
                return  # an event all the same
            if absent is None and frame.packet:
                rows.oddities["packet_unmapped"] += 1  # the others of its set may have what we want
                return
            raise absent or unmapped(frame, self._profile.name)
        measured_at = instant(frame, "DataTime")
        quality, barred = weigh(flags)
        rows.origin.append(origin)
        rows.time.append(frame.fields["DataTime"])
        rows.measured_at.append(measured_at)
        rows.numbers.append(numbers)
        rows.quality.append(quality)
        rows.barred.append(barred)

    def _values(
        self, frame: Frame
    ) -> tuple[Sequence[float], list[tuple[int, str]], DecodeError | None]:
        """The channels' numbers, (channel, flag) of each that has one, why the first has none."""
        written_at, no_flag = frame.fields.get, self._profile.no_flag
        numbers = list(_NONE)
        flags: list[tuple[int, str]] = []
        absent: DecodeError | None = None
        for each in self._fields[frame.command]:
            for key, flag_key in each.keys:
                written = written_at(key)
                if written is None:
                    continue
                try:
                    number = each.read(written)
                except ValueError as error:
                    raise bad_value(key, error) from None
                if number == number:
                    numbers[each.channel] = number
                    flags.append((each.channel, written_at(flag_key) or no_flag))
                else:
                    absent = absent or why_missing(key, written)
                break
        return numbers, flags, absent
