"""Where in an HJ 212 frame a profile's channels stand, and what is written there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from operator import call, itemgetter
from typing import Final

from fumewatch.core.decode.hj212.frame import Frame, instant_of
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.decode.profile import ChannelMap, Profile
from fumewatch.core.decode.value import Reader, text_reader
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import INDEX

FACILITY: Final = 2021
SUFFIX: Final = {2011: "Rtd", 2051: "Avg", 2061: "Avg", 2031: "Avg", FACILITY: "RS"}
"""Where a command's values stand, where a profile does not say otherwise."""
CONVERTED: Final = "Zs"
"""Before Rtd, Min, Avg, Max: not as measured, but converted to reference conditions."""
_UNKNOWN_FLAG: Final = "?"


@dataclass(frozen=True, slots=True)
class Field:
    """Where a channel's value may stand in a frame, each with its data flag, and how it is read."""

    channel: int
    keys: tuple[tuple[str, str], ...]
    read: Reader

    def number(self, frame: Frame, key: str) -> float:
        """In the channel's unit; NaN where the frame has no such key, or says "missing" there."""
        written = frame.fields.get(key)
        if written is None:
            return float("nan")
        try:
            return self.read(written)
        except ValueError as error:
            raise _bad_value(key, error) from None


def fields(profile: Profile, command: int) -> tuple[Field, ...]:
    """What of a frame of this command the profile reads."""
    return tuple(
        Field(INDEX[name], _keys(each, command), text_reader(name, each, profile.missing))
        for name, each in profile.channel.items()
        if each.code
    )


def _keys(each: ChannelMap, command: int) -> tuple[tuple[str, str], ...]:
    """(key of the value, key of its flag): with the suffix, else bare, as name-keyed devices do."""
    suffix = _suffix(each.suffix, command)
    return tuple((key, f"{code}-Flag") for code in each.code for key in (f"{code}-{suffix}", code))


def _suffix(given: str, command: int) -> str:
    """A profile's own counts for readings; Zs, converted, for every command's statistic."""
    usual = SUFFIX[command]
    if command == FACILITY or not given:
        return usual
    if given.startswith(CONVERTED):
        return CONVERTED + usual
    return given if command in (2011, 2051) else usual


Text = str | bytes
"""What is written in a frame; bytes are ASCII."""


class Layout:
    """What a profile reads of frames that have the same keys, as all of one monitor mostly have.

    `channels` of the values, in order, and the `keys` under which they stand. The methods take the
    values of all of a frame's keys, in order.
    """

    def __init__(self, wanted: Sequence[Field], has: Sequence[str], no_flag: str) -> None:
        places = {key: place for place, key in enumerate(has)}
        found = [
            (each, *next(pair for pair in each.keys if pair[0] in places))
            for each in wanted
            if any(key in places for key, _ in each.keys)
        ]
        self.channels = tuple(each.channel for each, _, _ in found)
        self.keys = tuple(key for _, key, _ in found)
        self.time_at = places.get("DataTime")
        self._reads = tuple(each.read for each, _, _ in found)
        value_places = [places[key] for key in self.keys]
        self.wanted = tuple(zip(self.channels, value_places, self._reads, strict=True))
        """Of each channel: itself, the place of its value, how that is read."""
        self._texts = _getter(value_places)
        self._no_flag = no_flag
        self._flag_places = tuple(places.get(flag) for _, _, flag in found)
        self.sent_flags = [place for place in self._flag_places if place is not None]
        self._flags = _getter(self.sent_flags)
        self.is_normal_unless_told = no_flag == "N"
        normal = [(flag,) * len(self.sent_flags) for flag in ("N", b"N")]
        self._all_normal = normal if self.is_normal_unless_told else []

    def numbers(self, values: Sequence[Text]) -> tuple[list[float], list[DecodeError]]:
        """Of each channel, NaN where the frame says "missing" or what is no value; the latter are
        told: one value that cannot be read must not cost the others.
        """
        texts = self._texts(values)
        try:
            return list(map(call, self._reads, texts)), []
        except ValueError:
            return self._one_by_one(texts)

    def weigh(self, values: Sequence[Text], numbers: Sequence[float]) -> tuple[str, int]:
        """One quality for the row, and the bits of the channels whose own is another.

        As where two frames of one instant differ: the row is N, so that what is good is judged.
        """
        if self._flags(values) in self._all_normal:
            return "N", 0
        flags = [
            (_as_text(values[place]) if place is not None else "") or self._no_flag
            for place in self._flag_places
        ]
        rows = zip(self.channels, flags, numbers, strict=True)
        channels = [(channel, letter(flag)) for channel, flag, number in rows if not isnan(number)]
        letters = {each for _, each in channels}
        if len(letters) == 1:
            return letters.pop(), 0
        return "N", sum(1 << channel for channel, each in channels if each != "N")

    def time(self, values: Sequence[Text]) -> tuple[str, int]:
        """As written and in µs UTC."""
        if self.time_at is None:
            raise no_time("DataTime")
        written = _as_text(values[self.time_at])
        return written, _instant("DataTime", written)

    def why_missing(self, values: Sequence[Text]) -> DecodeError:
        """Every channel is there and says nothing: the first one's reason."""
        key, written = self.keys[0], _as_text(self._texts(values)[0])
        try:
            is_number = not isnan(float(written))
        except ValueError:
            is_number = False
        kind = "sentinel_value" if is_number else "bad_value"
        what = f"{key} is {written[:30]!r}, no measurement, and no other is there"
        return DecodeError(kind, what)

    def _one_by_one(self, texts: Sequence[Text]) -> tuple[list[float], list[DecodeError]]:
        numbers: list[float] = []
        faults: list[DecodeError] = []
        for key, read, text in zip(self.keys, self._reads, texts, strict=True):
            try:
                numbers.append(read(text))
            except ValueError as error:
                numbers.append(nan)
                faults.append(_bad_value(key, error))
        return numbers, faults


def _getter(places: Sequence[int]) -> Callable[[Sequence[Text]], tuple[Text, ...]]:
    """What stands at these places; itemgetter alone gives no tuple of a single one."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda values: tuple(values[place] for place in places)


def _as_text(text: Text) -> str:
    return text if isinstance(text, str) else text.decode()


def instant(frame: Frame, key: str) -> int:
    """µs UTC of the time in this field."""
    written = frame.fields.get(key)
    if written is None:
        raise no_time(key)
    return _instant(key, written)


def _instant(key: str, written: str) -> int:
    at = instant_of(written)
    if at == UNREADABLE:
        raise DecodeError("bad_datatime", f"{key} {written[:30]!r} is no time")
    return at


def no_time(key: str) -> DecodeError:
    return DecodeError("no_time", f"the frame has no {key}")


def letter(flag: str) -> str:
    """A data flag as one ASCII letter; what is none is kept as ?, which nothing judges."""
    flag = flag.strip().upper()
    return flag if len(flag) == 1 and "!" <= flag <= "~" else _UNKNOWN_FLAG


def unmapped(frame: Frame, profile: str) -> DecodeError:
    codes = ", ".join(list(frame.pollutants)[:12]) or "no value"
    return DecodeError(
        "no_channel",
        f"profile {profile!r} knows none of what this frame of command {frame.command} has:"
        f" {codes}; give a channel its code in a [[profile]]",
    )


def _bad_value(key: str, error: ValueError) -> DecodeError:
    return DecodeError("bad_value", f"{key}: {error}")
