"""Where in an HJ 212 frame a profile's channels stand, and what is written there."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from fumewatch.core.decode.hj212.frame import Frame, instant_of
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.decode.profile import ChannelMap, Profile
from fumewatch.core.decode.value import Reader, reader
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
            raise bad_value(key, error) from None


def fields(profile: Profile, command: int) -> tuple[Field, ...]:
    """What of a frame of this command the profile reads."""
    return tuple(
        Field(INDEX[name], _keys(each, command), reader(name, each, profile.missing))
        for name, each in profile.channel.items()
        if each.code
    )


def _keys(each: ChannelMap, command: int) -> tuple[tuple[str, str], ...]:
    """(key of the value, key of its flag): with the suffix, else bare, as name-keyed devices do."""
    suffix = each.suffix if each.suffix and command != FACILITY else SUFFIX[command]
    return tuple((key, f"{code}-Flag") for code in each.code for key in (f"{code}-{suffix}", code))


def instant(frame: Frame, *keys: str) -> int:
    """µs UTC of the first of these fields that is there."""
    written = next((frame.fields[key] for key in keys if key in frame.fields), None)
    if written is None:
        raise DecodeError("no_time", f"a frame of command {frame.command} without {keys[-1]}")
    at = instant_of(written)
    if at == UNREADABLE:
        raise DecodeError("bad_datatime", f"{written[:30]!r} is no time")
    return at


def letter(flag: str) -> str:
    """A data flag as one ASCII letter; what is none is kept as ?, which nothing judges."""
    flag = flag.strip().upper()
    return flag if len(flag) == 1 and "!" <= flag <= "~" else _UNKNOWN_FLAG


def weigh(flags: Sequence[tuple[int, str]]) -> tuple[str, int]:
    """One quality for the row, and the bits of the channels whose own is another: (channel, flag).

    As where two frames of one instant differ: the row is N, so that what is good is judged.
    """
    if all(flag == "N" for _, flag in flags):
        return "N", 0
    channels = [(channel, letter(flag)) for channel, flag in flags]
    letters = {each for _, each in channels}
    if len(letters) == 1:
        return letters.pop(), 0
    return "N", sum(1 << channel for channel, each in channels if each != "N")


def bad_value(key: str, error: ValueError) -> DecodeError:
    return DecodeError("bad_value", f"{key}: {error}")


def why_missing(key: str, written: str) -> DecodeError:
    """A channel that is there and says nothing; the reason counts if no other says more."""
    try:
        is_number = not isnan(float(written))
    except ValueError:
        is_number = False
    kind = "sentinel_value" if is_number else "bad_value"
    return DecodeError(kind, f"{key} is {written[:30]!r}, no measurement, and no other is there")


def unmapped(frame: Frame, profile: str) -> DecodeError:
    codes = ", ".join(list(frame.pollutants)[:12]) or "no value"
    return DecodeError(
        "no_channel",
        f"profile {profile!r} knows none of what this frame of command {frame.command} has:"
        f" {codes}; give a channel its code in a [[profile]]",
    )
