"""Where in an HJ 212 frame a profile's channels stand, and what is written there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan
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
    suffix = each.suffix if each.suffix and command != FACILITY else SUFFIX[command]
    return tuple((key, f"{code}-Flag") for code in each.code for key in (f"{code}-{suffix}", code))


class Layout:
    """What a profile reads of frames that have the same keys, as all of one monitor mostly have.

    `channels` of the values, in order, and the `keys` under which they stand.
    """

    def __init__(self, wanted: Sequence[Field], has: Mapping[str, str], no_flag: str) -> None:
        found = [
            (each, *next(pair for pair in each.keys if pair[0] in has))
            for each in wanted
            if any(key in has for key, _ in each.keys)
        ]
        self.channels = tuple(each.channel for each, _, _ in found)
        self.keys = tuple(key for _, key, _ in found)
        self._reads = tuple(each.read for each, _, _ in found)
        self._texts = _getter(self.keys)
        self._no_flag = no_flag
        self._flag_keys = tuple(flag for _, _, flag in found)
        sent = [flag for flag in self._flag_keys if flag in has]
        self._flags = _getter(sent)
        self._all_normal = ("N",) * len(sent) if no_flag == "N" else None

    def numbers(self, frame: Frame) -> list[float]:
        """Of each channel, NaN where the frame says "missing"."""
        texts = self._texts(frame.fields)
        try:
            return list(map(call, self._reads, texts))
        except ValueError:
            raise self._why_wrong(texts) from None

    def weigh(self, frame: Frame, numbers: Sequence[float]) -> tuple[str, int]:
        """One quality for the row, and the bits of the channels whose own is another.

        As where two frames of one instant differ: the row is N, so that what is good is judged.
        """
        if self._flags(frame.fields) == self._all_normal:
            return "N", 0
        flags = [frame.fields.get(key) or self._no_flag for key in self._flag_keys]
        rows = zip(self.channels, flags, numbers, strict=True)
        channels = [(channel, letter(flag)) for channel, flag, number in rows if not isnan(number)]
        letters = {each for _, each in channels}
        if len(letters) == 1:
            return letters.pop(), 0
        return "N", sum(1 << channel for channel, each in channels if each != "N")

    def why_missing(self, frame: Frame) -> DecodeError:
        """Every channel is there and says nothing: the first one's reason."""
        key = self.keys[0]
        written = frame.fields[key]
        try:
            is_number = not isnan(float(written))
        except ValueError:
            is_number = False
        kind = "sentinel_value" if is_number else "bad_value"
        what = f"{key} is {written[:30]!r}, no measurement, and no other is there"
        return DecodeError(kind, what)

    def _why_wrong(self, texts: Sequence[str]) -> DecodeError:
        for key, read, text in zip(self.keys, self._reads, texts, strict=True):
            try:
                read(text)
            except ValueError as error:
                return _bad_value(key, error)
        raise AssertionError("one of them was wrong")


def _getter(keys: Sequence[str]) -> Callable[[Mapping[str, str]], tuple[str, ...]]:
    """What a mapping has under these keys; itemgetter alone gives no tuple of a single one."""
    if len(keys) > 1:
        return itemgetter(*keys)
    return lambda found: tuple(found[key] for key in keys)


def instant(frame: Frame, key: str) -> tuple[str, int]:
    """The time in this field, as written and in µs UTC."""
    written = frame.fields.get(key)
    if written is None:
        raise DecodeError("no_time", f"a frame of command {frame.command} without {key}")
    at = instant_of(written)
    if at == UNREADABLE:
        raise DecodeError("bad_datatime", f"{key} {written[:30]!r} is no time")
    return written, at


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
