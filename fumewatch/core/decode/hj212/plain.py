"""The short way to a frame, which nearly every payload takes: no oddity, keys that came before.

What frames have in common is read once and remembered: all of a header but QN, the keys of CP. Of
each frame only the values are left.
"""

from functools import lru_cache
from typing import Final

import msgspec

from fumewatch.core.decode.hj212.crc import printed
from fumewatch.core.decode.hj212.items import header_items
from fumewatch.core.decode.hj212.shape import Frame
from fumewatch.core.decode.hj212.values import WITH_MILLISECONDS

MOST_KEYS: Final = 256
"""Of a frame that is remembered by them; no honest one has more."""
MOST: Final = 1024
"""Bytes of a data segment, says the standard; devices send more."""
OPENINGS: Final = [b"##%04d" % max(end - 6, 0) for end in range(MOST + 7)]
"""What a frame begins with, by where its checksum does."""
QN_END: Final = 20  # of QN=, which comes first, and its 17 digits
_SEPARATORS: Final = b"=;,"
ONE_SEPARATOR: Final = bytes.maketrans(_SEPARATORS, b";;;")
ALL_BUT_SEPARATORS: Final = bytes(set(range(256)) - set(_SEPARATORS))


class Head:
    """A header but for its QN. `has_qn`: it goes on after one, which is left open here."""

    __slots__ = ("frame", "has_qn")

    def __init__(self, items: dict[str, str], *, has_qn: bool) -> None:
        self.frame = Frame(items, {}, 0, "")
        self.has_qn = has_qn


class Shape:
    """The keys of CPs that have the same ones in the same order; one object for all of them."""

    __slots__ = ("keys", "time_at")

    def __init__(self, keys: tuple[str, ...]) -> None:
        self.keys = keys
        self.time_at = keys.index("DataTime") if "DataTime" in keys else None


class Plain(msgspec.Struct, frozen=True, gc=False):
    """A frame without any oddity. `values`: ASCII, in the order of the shape's keys."""

    head: Head
    qn: bytes
    shape: Shape
    values: list[bytes]
    declared_length: int
    crc: str

    def frame(self) -> Frame:
        header = dict(self.head.frame.header)
        if self.head.has_qn:
            header["QN"] = self.qn.decode()
        fields = dict(zip(self.shape.keys, map(bytes.decode, self.values), strict=True))
        return Frame(header, fields, self.declared_length, self.crc)


def plain(payload: bytes) -> Plain | None:
    """A payload that is one such frame; None where it takes a longer look to say so."""
    end = len(payload) - (6 if payload[-2:] == b"\r\n" else 4)
    if not 6 <= end < len(OPENINGS) or payload[:6] != OPENINGS[end] or not payload.isascii():
        return None
    segment = payload[6:end]
    crc, sent = printed(segment), payload[end : end + 4].decode()
    if crc != sent and crc != sent.upper():
        return None
    before, _, body = segment.partition(b"CP=&&")
    has_qn = before[:3] == b"QN=" and before.find(b";") == QN_END
    head = head_in(before[QN_END:] if has_qn else before, has_qn)
    items = body[: -3 if body[-3:] == b";&&" else -2]
    if head is None or body[-2:] != b"&&" or b"&" in items or b"/" in items:
        return None  # an ampersand may be the end, slashes enclose a log's text
    parts = items.translate(ONE_SEPARATOR).split(b";") if items else []
    shape = shape_in(tuple(parts[::2]), items.translate(None, ALL_BUT_SEPARATORS))
    values = parts[1::2]
    if shape is None or (len(body) > 2 and not items):
        return None
    if shape.time_at is not None and len(values[shape.time_at]) == WITH_MILLISECONDS:
        return None
    return Plain(head, before[3:QN_END], shape, values, end - 6, crc)


def shape_of(keys: tuple[str, ...]) -> Shape:
    """Of a frame that came the long way."""
    return _shape_of(keys) if len(keys) <= MOST_KEYS else Shape(keys)


@lru_cache(maxsize=1024)
def _shape_of(keys: tuple[str, ...]) -> Shape:
    return Shape(keys)


@lru_cache(maxsize=16384)
def head_in(text: bytes, has_qn: bool) -> Head | None:
    """None where it is odd."""
    header, oddities = header_items(text.decode())
    if oddities or "QN" in header:
        return None
    return Head({"QN": "", **header} if has_qn else header, has_qn=has_qn)


@lru_cache(maxsize=4096)
def shape_in(keys: tuple[bytes, ...], separators: bytes) -> Shape | None:
    """None where keys and values do not alternate, a key repeats, or it may be ciphertext."""
    if not keys:
        return Shape(())
    alternate = separators[::2] == b"=" * len(keys) and b"=" not in separators[1::2]
    if len(keys) == 1 or not alternate or len(set(keys)) < len(keys):
        return None
    return Shape(tuple(key.decode() for key in keys))
