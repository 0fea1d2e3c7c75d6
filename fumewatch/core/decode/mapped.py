"""Vendors' JSON by a profile's mapping, into columns."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np

from fumewatch.core.decode.canonical import check_size, kind_of, leniently, numbered
from fumewatch.core.decode.columns import Columns, code_points
from fumewatch.core.decode.instant import UNREADABLE, clock
from fumewatch.core.decode.lookup import WHOLE, first, gives, lookup
from fumewatch.core.decode.profile import ChannelMap, Profile
from fumewatch.core.decode.scalar import Scalar, is_blank, shown
from fumewatch.core.decode.value import derivations, derive, reader
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, INDEX

_NONE = float("nan")
_SECOND = 1_000_000
_LONGEST_TIME = 64


class _Found(NamedTuple):
    """One reading inside a payload: `where` as a person would write the way to it."""

    payload: Any
    reading: Any
    where: str
    place: int | None

    def at(self, path: str) -> str:
        if path.startswith(WHOLE):
            return path
        return f"{self.where}{path}" if path.startswith("[") else f"{self.where}.{path}"


class _Row(NamedTuple):
    place: int | None
    monitor: str
    time: str | float
    measured_at: int
    numbers: list[float]
    quality: str


class _Field:
    """One value of a reading: where it stands, and what it is for."""

    def __init__(self, role: str, *paths: str) -> None:
        self.role = role
        self.paths = tuple(path for path in paths if path)
        self.look = first(self.paths)

    def find(self, found: _Found) -> Any:
        """None where there is none."""
        try:
            return self.look(found.reading, found.payload)
        except ValueError as error:
            raise self.fault("wrong_type", found, str(error)) from None

    def fault(self, kind: str, found: _Found, what: str) -> DecodeError:
        return DecodeError(kind, f"{self._at(found)} ({self.role}): {what}", found.place)

    def _at(self, found: _Found) -> str:
        """The path that gave what is wrong; all of them where that cannot be told."""
        for path in self.paths:
            with contextlib.suppress(ValueError):
                if gives(lookup(path)(found.reading, found.payload)):
                    return found.at(path)
        return " or ".join(map(found.at, self.paths)) or found.where


class _Channel:
    def __init__(self, name: str, mapping: ChannelMap, missing: Sequence[Scalar]) -> None:
        self.index = INDEX[name]
        self.field = _Field(name, *mapping.path)
        self.read = reader(name, mapping, missing)
        self._wrong = "bad_state" if CHANNELS[self.index].is_state else "wrong_type"

    def number(self, found: _Found) -> float:
        """The long way, which tells what is wrong."""
        value = self.field.find(found)
        try:
            return self.read(value)
        except ValueError as error:
            raise self.field.fault(self._wrong, found, str(error)) from None


class Mapped:
    """Reads the JSON of one profile whose channels have paths."""

    def __init__(self, profile: Profile) -> None:
        self._items_path = profile.items
        self._items = lookup(profile.items) if profile.items else None
        self._shapes = (dict, list) if profile.items else dict  # a list: [time, value, value]
        self._monitor = _Field("monitor", profile.monitor_field)
        self._time = _Field("time", profile.time)
        self._clock: Callable[[str | float], int] = clock(
            profile.time_format, ZoneInfo(profile.time_zone)
        )
        self._form = profile.time_format
        self._takes_ours = profile.no_time == "received"
        self._quality = _Field("quality", profile.quality)
        self._channels = tuple(
            _Channel(name, mapping, profile.missing)
            for name, mapping in profile.channel.items()
            if mapping.path
        )
        self._steps = tuple(
            (channel.index, channel.field.look, channel.read, channel) for channel in self._channels
        )
        self._derivations = derivations(profile)

    def columns(self, payloads: Sequence[bytes], received: Sequence[int]) -> Columns:
        """One row a reading, and a fault for every payload, or reading of one, that is wrong.

        `received[p]`, in µs UTC, is the time of readings of payload p that have none, where the
        profile says so.
        """
        rows: list[_Row] = []
        message: list[int] = []
        faults: list[tuple[int, DecodeError]] = []
        for number, payload in enumerate(payloads):
            try:
                for found in self._readings(payload):
                    try:
                        row, wrong = self._row(found, received[number])
                        rows.append(row)
                        message.append(number)
                        faults += [(number, fault) for fault in wrong]
                    except DecodeError as fault:
                        faults.append((number, fault))
            except DecodeError as fault:
                faults.append((number, fault))
        return self._columns(rows, message, faults)

    def _columns(
        self, rows: list[_Row], message: list[int], faults: list[tuple[int, DecodeError]]
    ) -> Columns:
        numbers = np.array([row.numbers for row in rows]).reshape(-1, len(CHANNELS)).T.copy()
        derive(numbers, self._derivations)
        return Columns(
            message=np.array(message, np.intp),
            element=[row.place for row in rows],
            monitor=[row.monitor for row in rows],
            time=[row.time for row in rows],
            measured_at=np.array([row.measured_at for row in rows], np.int64),
            numbers=numbers,
            quality=code_points([row.quality for row in rows]),
            faults=faults,
        )

    def _readings(self, payload: bytes) -> Iterator[_Found]:
        raw = _parsed(payload)
        where, inside = "$", raw
        if self._items is not None:
            where = f"$.{self._items_path.removeprefix(WHOLE)}"
            try:
                inside = self._items(raw, raw)
            except ValueError as error:
                raise DecodeError("wrong_type", f"{where} (items): {error}") from None
        if isinstance(inside, list):
            for place, reading in numbered(inside):
                yield _Found(raw, reading, f"{where}[{place}]", place)
        elif inside is None and self._items is not None:
            raise DecodeError("no_reading", f"{where} (items): there is nothing")
        else:
            yield _Found(raw, inside, where, None)

    def _row(self, found: _Found, received: int) -> tuple[_Row, list[DecodeError]]:
        """The reading, and what of it cannot be read: one such value must not cost the others."""
        if not isinstance(found.reading, self._shapes):
            what = f"{found.where} is {kind_of(found.reading)}, not an object"
            raise DecodeError("not_object", what, found.place)
        time, measured_at = self._instant(found, received)
        numbers = [_NONE] * len(CHANNELS)
        wrong: list[DecodeError] = []
        reading, payload = found.reading, found.payload
        for index, look, read, channel in self._steps:
            try:
                numbers[index] = read(look(reading, payload))
            except ValueError:
                try:
                    numbers[index] = channel.number(found)
                except DecodeError as fault:
                    wrong.append(fault)
        if all(number != number for number in numbers):
            raise wrong[0] if wrong else self._nothing(found)
        name, flag = self._name(found), self._flag(found)
        return _Row(found.place, name, time, measured_at, numbers, flag), wrong

    def _instant(self, found: _Found, received: int) -> tuple[str | float, int]:
        written = self._time.find(found)
        if is_blank(written):
            if self._takes_ours:
                ours = received - received % _SECOND
                return ours / _SECOND, ours
            raise self._time.fault("no_time", found, "there is none")
        at = UNREADABLE
        if _may_be_a_time(written):
            at = self._clock(written)
        if at == UNREADABLE:
            as_form = "" if self._form == "auto" else f" as {self._form}"
            raise self._time.fault("bad_time", found, f"{shown(written)} is no time{as_form}")
        return written, at

    def _name(self, found: _Found) -> str:
        name = self._monitor.find(found)
        if name is None:
            return ""
        if isinstance(name, bool) or not isinstance(name, (str, int)):
            raise self._monitor.fault("wrong_type", found, f"{shown(name)} is no code")
        return str(name).strip()

    def _flag(self, found: _Found) -> str:
        flag = self._quality.find(found)
        if is_blank(flag):
            return "N"
        text = str(flag).strip() if isinstance(flag, (str, int)) else ""
        if len(text) != 1 or not "!" <= text <= "~":
            raise self._quality.fault(
                "wrong_type", found, f"{shown(flag)} is no data flag of one letter"
            )
        return text

    def _nothing(self, found: _Found) -> DecodeError:
        looked = ", ".join(
            f"{channel.field.role} in {' or '.join(channel.field.paths)}"
            for channel in self._channels
        )
        what = f"{found.where}: no channel has a value; the profile looks for {looked}"
        return DecodeError("no_channel", what, found.place)


def _may_be_a_time(written: object) -> bool:
    """A long text is none; to find that out again for each of many readings would take long."""
    if isinstance(written, str):
        return len(written) <= _LONGEST_TIME
    return isinstance(written, (int, float)) and not isinstance(written, bool)


def _parsed(payload: bytes) -> Any:
    check_size(payload)
    try:
        return msgspec.json.decode(payload)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return leniently(payload)
