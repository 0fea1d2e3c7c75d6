"""Frames in bytes, wherever they begin and whatever stands between them.

A frame may end where its length says so, or after the `&&` that closes its CP. The first of these
ends that has the right checksum behind it counts. So a frame with a wrong length is found, and
which frames are found does not depend on how a stream was cut.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fumewatch.core.decode.hj212.crc import modbus, printed, standard
from fumewatch.core.decode.hj212.segment import read
from fumewatch.core.decode.hj212.shape import Frame, FrameError, KeyOf

MOST_BYTES: Final = 16 * 1024
"""Of one frame. Its four digits tell of 9999 at most."""

_HEADER: Final = re.compile(rb"##(?=\d{4}|[^#=;&\r\n]{0,6}(?:QN|ST|CN|PW|MN|Flag|CP)=)")
_LONGEST_HEADER: Final = 16
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{1,4}")
_AFTER_SHORT_CRC: Final = b"\r\n# \0"
_MOST_CLOSINGS: Final = 4  # of a CP's `&&`; each may have to be tried
_MOST_INNER_HEADERS: Final = 2  # in the texts of a frame
_BLANKS: Final = b" \t\r\n\0"
_LONG_TIME: Final = re.compile(rb"DataTime=\d{17}(?!\d)")


@dataclass(frozen=True, slots=True)
class Ways:
    """How frames are to be read: also with a Modbus CRC; encrypted ones with which keys."""

    modbus: bool = False
    key_of: KeyOf | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """`start` to `end`: its bytes, with the line's end where there is one (`is_terminated`).

    `length`: bytes of the data segment as they are.
    """

    start: int
    end: int
    what: Frame | FrameError
    length: int = 0
    is_terminated: bool = False


@dataclass(slots=True)
class Scan:
    """What there is to read, from `at` on; `junk`: bytes before it belong to no frame."""

    data: bytes
    ways: Ways
    is_final: bool = True
    base: int = 0
    junk: bool = False
    at: int = 0

    def found(self) -> Iterator[Found]:
        """Each frame and each fault, in order, up to what only more data can decide."""
        while header := _HEADER.search(self.data, self.at):
            self._skip_to(header.start())
            oddities = ("junk_before",) if self.junk else ()
            found = _Candidate(self, header.start(), oddities).read()
            if found is None:
                return
            self.at, self.junk = found.end, False
            yield found
        kept = 0 if self.is_final else _LONGEST_HEADER
        self._skip_to(max(self.at, len(self.data) - kept))

    def _skip_to(self, place: int) -> None:
        self.junk = self.junk or bool(self.data[self.at : place].strip(_BLANKS))
        self.at = place


@dataclass(frozen=True, slots=True)
class _Region:
    """Where a frame may lie: up to the line's end, the next header, or the most that one may have.

    `limit`: there it ends. `after`: there the search goes on if it holds no frame. `closed`: more
    data will not make it longer.
    """

    limit: int
    after: int
    closed: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What begins at `start` with the header of a frame."""

    scan: Scan
    start: int
    oddities: tuple[str, ...]

    def read(self) -> Found | None:
        """The frame, or why it is none; None where only more data can decide."""
        digits = self.scan.data[self.start + 2 : self.start + 6]
        if not digits.isdigit():
            shown = digits.decode("ascii", "replace")
            what = f"the length field is {shown!r}, not four digits; the device must send the bytes"
            return self._fault(self.start + 2, "bad_length_field", f"{what} of its data segment", 2)
        return self._sought(int(digits))

    def _sought(self, declared: int) -> Found | None:
        """What the first end with a right checksum behind it tells."""
        region = self._region()
        closings = self._closings(region)
        stop = self.start + 6 + declared
        for end in sorted({*closings, stop}):
            if end > len(self.scan.data):
                if self.scan.is_final:
                    break
                return None
            crc = self._crc_at(end)
            if crc is None:
                return None
            if not crc or self._holds_others(region.limit, end):
                continue
            if found := self._checked(end, crc, declared):
                return found
            is_last = region.closed and len(crc) == 4 and end + 4 == region.limit
            if end == stop and (end in closings or is_last):
                return self._wrong_crc(end, crc)
        return self._lost(declared, region, closings) if region.closed else None

    def _holds_others(self, limit: int, end: int) -> bool:
        """So many headers before `end` that no frame ends there: checksums of each would cost."""
        headers = _HEADER.finditer(self.scan.data, limit, end) if limit < end else ()
        return sum(1 for _ in islice(headers, _MOST_INNER_HEADERS + 1)) > _MOST_INNER_HEADERS

    def _region(self) -> _Region:
        data, body = self.scan.data, self.start + 6
        most = min(len(data), self.start + MOST_BYTES)
        header = _HEADER.search(data, body, most)
        limit = header.start() if header else most
        line_end = data.find(b"\r\n", body, limit)
        if line_end >= 0:
            return _Region(line_end, line_end + 2, closed=True)
        if header:
            return _Region(limit, limit, closed=True)
        if most == self.start + MOST_BYTES:
            return _Region(most, most - _LONGEST_HEADER, closed=True)
        return _Region(most, most, closed=self.scan.is_final)

    def _closings(self, region: _Region) -> list[int]:
        """Behind each `&&` that may close CP."""
        data = self.scan.data
        found: list[int] = []
        place = data.find(b"CP=&&", self.start + 6, region.limit)
        place = place + 5 if place >= 0 else region.limit
        while len(found) < _MOST_CLOSINGS:
            place = data.find(b"&&", place, region.limit)
            if place < 0:
                break
            place += 2
            found.append(place)
        return found

    def _crc_at(self, end: int) -> str | None:
        """The checksum written there, "" where there is none; None: it may go on."""
        data = self.scan.data
        match = _HEX.match(data, end)
        after = match.end() if match else end
        if after - end == 4:
            return data[end:after].decode()
        if after == len(data):
            return data[end:after].decode() if self.scan.is_final else None
        return data[end:after].decode() if data[after] in _AFTER_SHORT_CRC else ""

    def _checked(self, end: int, crc: str, declared: int) -> Found | None:
        """The frame up to `end` if `crc` is its checksum."""
        data = self.scan.data
        segment = data[self.start + 6 : end]
        variant = crc_variant(segment, crc)
        if variant != "standard" and not (variant and self.scan.ways.modbus):
            return None
        departures = {
            "length": len(segment) != declared,
            "crc_modbus": variant != "standard",
            "padded_crc": len(crc) < 4,
        }
        oddities = (*self.oddities, *filter(departures.get, departures))
        after = end + len(crc)
        is_terminated = data.startswith(b"\r\n", after)
        try:
            what: Frame | FrameError = read(segment, crc, declared, oddities, self.scan.ways.key_of)
        except FrameError as fault:
            fault.at = self.scan.base + self.start
            what = fault
        after += 2 if is_terminated else 0
        return Found(self.start, after, what, len(segment), is_terminated)

    def _wrong_crc(self, end: int, crc: str) -> Found:
        segment = self.scan.data[self.start + 6 : end]
        expected = printed(segment)
        facts: dict[str, object] = {"crc_expected": expected}
        hint = "the frame was damaged on its way, or its checksum is of another kind"
        if variant := crc_variant(segment, crc):
            facts |= {"crc_variant": variant, "over_1024": len(segment) > 1024}
            hint = 'it is an ordinary Modbus CRC: set crc = "modbus" in the device\'s profile'
        detail = f"the checksum is {crc.upper()}, {expected} by the standard; {hint}"
        return self._fault(end + len(crc), "crc_mismatch", detail, end - self.start, **facts)

    def _lost(self, declared: int, region: _Region, closings: list[int]) -> Found:
        """What to say of a header behind which no right checksum is found."""
        if not closings:
            there = max(region.limit - self.start - 6, 0)
            detail = f"{declared} bytes are declared; no && closes CP in the {there} that are there"
            return self._fault(region.after, "truncated", detail, 0)
        actual = closings[-1] - self.start - 6
        written = self.scan.data[closings[-1] : region.limit].strip(_BLANKS)
        if actual != declared:
            detail = f"the length field says {declared}, the data segment has {actual} bytes"
            facts = {"declared": declared, "actual": actual, "also": self._also(written, region)}
            return self._fault(region.after, "length_mismatch", detail, 2, **facts)
        if not written:
            detail = "the frame ends before its checksum"
            return self._fault(region.after, "truncated", detail, 6 + actual)
        detail = f"{_shown(written)} stands where the checksum, four hexadecimal digits, should"
        return self._fault(region.after, "crc_not_hex", detail, 6 + actual)

    def _also(self, written: bytes, region: _Region) -> list[str]:
        """What else is wrong with a frame of a wrong length."""
        crc = "crc_mismatch" if _HEX.fullmatch(written) else "crc_not_hex"
        long_time = _LONG_TIME.search(self.scan.data, self.start, region.limit)
        return [crc, *(["datatime_17_digits"] if long_time else [])]

    def _fault(self, end: int, kind: str, detail: str, at: int, **facts: object) -> Found:
        place = self.scan.base + self.start + at
        return Found(self.start, end, FrameError(kind, detail, place, **facts))


def crc_variant(segment: bytes, crc: str) -> str:
    """Which checksum of the segment `crc` is; "" where it is none that is known."""
    sent = int(crc, 16)
    if sent == standard(segment):
        return "standard"
    ordinary = modbus(segment)
    if sent == ordinary:
        return "modbus"
    return "modbus_low_byte_first" if sent == (ordinary & 0xFF) << 8 | ordinary >> 8 else ""


def _shown(written: bytes) -> str:
    return repr(written[:12].decode("utf-8", "replace"))
