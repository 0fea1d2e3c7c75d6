"""Where heads and items stand in many payloads at once, all of them looked at as one array.

As `plain`, and stricter: what does not pass here may still be plain, or good in a longer look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.decode.hj212.crc import printed_of
from fumewatch.core.decode.hj212.plain import MOST, OPENINGS, QN_END

_Places = NDArray[np.intp]

_OPENINGS: Final = np.array([list(opening) for opening in OPENINGS[6:]], np.uint8)
_LONGEST: Final = 6 + MOST + 6
_MARGIN: Final = bytes(32)  # what is read before a frame's fields are known to be its own
_UPPER: Final = np.frombuffer(bytes(range(256)).upper(), np.uint8)


@dataclass(frozen=True, slots=True)
class Cut:
    """n frames whose checksum is right, and whose CP holds items and no log's text.

    places  [n]  of their payloads, ascending
    heads   [n]  what stands before CP; of one that begins with a QN, what follows that
    has_qn  [n]
    items   [n]  what stands in CP, not empty
    """

    places: list[int]
    heads: list[bytes]
    has_qn: list[bool]
    items: list[bytes]


def cut(payloads: Sequence[bytes]) -> Cut:
    short = [payload if len(payload) <= _LONGEST else b"" for payload in payloads]
    text = b"".join((_MARGIN, *short, _MARGIN))
    data = np.frombuffer(text, np.uint8)
    lengths = np.fromiter(map(len, short), np.intp, len(short))
    stops = len(_MARGIN) + np.cumsum(lengths)
    starts = stops - lengths
    ends = stops - np.where((data[stops - 2] == 13) & (data[stops - 1] == 10), 6, 4)
    is_good = _is_framed(data, starts, ends)
    cps, is_closed = _cps(data, starts, stops, ends)
    items_ends = ends - 2 - (data[ends - 3] == ord(";"))
    is_good &= is_closed & (cps < items_ends)
    is_good &= ~_has(data == ord("/"), cps, ends)
    if not text.isascii():
        is_good &= ~_has(data > 127, starts, stops)
    places = np.flatnonzero(is_good)
    places = places[_is_right(data, starts[places] + 6, ends[places])]
    return _cut(text, places, starts[places] + 6, cps[places], items_ends[places])


def _is_framed(data: NDArray[np.uint8], starts: _Places, ends: _Places) -> Mask:
    """They begin with ## and their right length."""
    sizes = ends - starts - 6
    is_sized: Mask = (sizes >= 0) & (sizes <= MOST)
    openings = _OPENINGS[np.where(is_sized, sizes, 0)]
    is_framed: Mask = is_sized & (_after(data, starts, 6) == openings).all(axis=1)
    return is_framed


def _cps(
    data: NDArray[np.uint8], starts: _Places, stops: _Places, ends: _Places
) -> tuple[_Places, Mask]:
    """Where the items begin; whether CP=&& stands before them, && behind, and no other &."""
    found = np.flatnonzero(data == ord("&"))
    firsts = np.searchsorted(found, starts)
    counts = np.searchsorted(found, stops) - firsts
    found = np.concatenate([found, np.full(4, len(_MARGIN))])
    opens = found[firsts]
    is_closed: Mask = (
        (counts == 4)
        & (found[firsts + 1] == opens + 1)
        & (found[firsts + 2] == ends - 2)
        & (found[firsts + 3] == ends - 1)
        & (_after(data, opens - 3, 3) == list(b"CP=")).all(axis=1)
    )
    return opens + 2, is_closed


def _is_right(data: NDArray[np.uint8], starts: _Places, ends: _Places) -> Mask:
    """The checksum sent is that of the segment."""
    sent = _UPPER[_after(data, ends, 4)]
    is_right: Mask = (sent == printed_of(data, starts, ends)).all(axis=1)
    return is_right


def _cut(text: bytes, places: _Places, starts: _Places, cps: _Places, ends: _Places) -> Cut:
    data = np.frombuffer(text, np.uint8)
    has_qn = (_after(data, starts, 3) == list(b"QN=")).all(axis=1)
    semicolons = _after(data, starts, QN_END + 1) == ord(";")
    has_qn &= semicolons[:, -1] & ~semicolons[:, :-1].any(axis=1)
    has_qn &= starts + QN_END < cps - 5
    begins = (starts + QN_END * has_qn).tolist()
    cps_list = cps.tolist()
    return Cut(
        places.tolist(),
        [text[begin : cp - 5] for begin, cp in zip(begins, cps_list, strict=True)],
        has_qn.tolist(),
        [text[cp:end] for cp, end in zip(cps_list, ends.tolist(), strict=True)],
    )


def _after(data: NDArray[np.uint8], starts: _Places, count: int) -> NDArray[np.uint8]:
    """[n, count]: the bytes from there on."""
    found: NDArray[np.uint8] = data[starts[:, None] + np.arange(count)]
    return found


def _has(mask: Mask, starts: _Places, ends: _Places) -> Mask:
    """Whether one of the bytes in between is set."""
    found = np.flatnonzero(mask)
    is_there: Mask = np.searchsorted(found, starts) < np.searchsorted(found, ends)
    return is_there
