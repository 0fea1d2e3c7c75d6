"""What a frame is once it has been read, and what is said of one that cannot be."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from fumewatch.core.errors import DecodeError

KeyOf = Callable[[str], bytes | None]
"""A monitor's MN to its SM4 key of 16 bytes, None where it has none."""

VERSION_2025: Final = "HJ 212-2025"
_VERSIONS: Final = {0: "HJ/T 212-2005", 1: "HJ 212-2017", 2: VERSION_2025}


class Flag(NamedTuple):
    """`ack`: the sender waits for an acknowledgement. `split`: one of several packets."""

    ack: bool
    split: bool
    version: str


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One frame whose checksum is right.

    header           as it stands: QN ST CN PW MN Flag PNUM PNO ..., wherever it stood
    fields           CP, flat: {"DataTime": "20211011123600", "a34041-Rtd": "0.82"}
    declared_length  of its length field
    crc              as sent, in upper case
    oddities         departures from the standard that were forgiven, each one a stable word
    """

    header: dict[str, str]
    fields: dict[str, str]
    declared_length: int
    crc: str
    oddities: tuple[str, ...] = ()

    @property
    def command(self) -> int:
        """CN, 0 where there is none."""
        return number(self.header.get("CN", "")) or 0

    @property
    def mn(self) -> str:
        return self.header.get("MN", "")

    @property
    def flag(self) -> Flag | None:
        return flag_of(self.header)

    @property
    def packet(self) -> tuple[int, int] | None:
        """(PNUM, PNO) of one of several packets."""
        total, place = (number(self.header.get(key, "")) for key in ("PNUM", "PNO"))
        return (total, place) if total and place and total > 1 else None

    @property
    def cp_fields(self) -> dict[str, str]:
        """What CP says of the frame as a whole."""
        return {key: value for key, value in self.fields.items() if "-" not in key}

    @property
    def pollutants(self) -> dict[str, dict[str, str]]:
        """What CP says code by code: {"a34041": {"Rtd": "0.82", "Flag": "N"}}."""
        found: dict[str, dict[str, str]] = {}
        for key, value in self.fields.items():
            code, dash, suffix = key.rpartition("-")
            if dash:
                found.setdefault(code, {})[suffix] = value
        return found


class FrameError(DecodeError):
    """A DecodeError with `facts`, for machines: crc_expected, declared, actual, field, ...

    `at`: the byte of the payload, or of the stream, where the fault is.
    """

    def __init__(self, kind: str, detail: str, at: int | None = None, **facts: Any) -> None:
        super().__init__(kind, detail, at)
        self.facts = facts


def flag_of(header: dict[str, str]) -> Flag | None:
    """None where there is none that is a number."""
    return _flag(header.get("Flag", ""))


@lru_cache(maxsize=256)
def _flag(text: str) -> Flag | None:
    bits = number(text)
    if bits is None:
        return None
    version = _VERSIONS.get(bits >> 2, f"unknown version {bits >> 2}")
    return Flag(bool(bits & 1), bool(bits & 2), version)


@lru_cache(maxsize=256)
def number(text: str) -> int | None:
    """Of a text that is digits and nothing else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
