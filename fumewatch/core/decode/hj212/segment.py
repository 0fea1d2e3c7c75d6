"""A data segment into a Frame: the short way that nearly every payload takes, and the long one."""

from functools import lru_cache
from typing import Final

import msgspec

from fumewatch.core.decode.hj212 import sm4
from fumewatch.core.decode.hj212.crc import printed
from fumewatch.core.decode.hj212.items import cp_items, header_items
from fumewatch.core.decode.hj212.shape import VERSION_2025, Frame, FrameError, KeyOf, flag_of
from fumewatch.core.decode.hj212.values import WITH_MILLISECONDS

_MOST: Final = 1024  # bytes of a data segment, says the standard; devices send more
_OPENINGS: Final = [b"##%04d" % max(end - 6, 0) for end in range(_MOST + 7)]
"""What a frame begins with, by where its checksum does."""
_QN_END: Final = 20  # of QN=, which comes first, and its 17 digits
_COMMA_AS_SEMICOLON: Final = bytes.maketrans(b",", b";")
_NOT_PLAIN: Final = b'"\\&/'  # would mean something else in JSON, or a log's text

_read_texts: Final = msgspec.json.Decoder(dict[str, str]).decode


def plain(payload: bytes) -> Frame | None:
    """A payload that is one frame without any oddity; None where it takes a longer look to say so.

    CP is turned into a JSON object by putting quotes at its separators: what has the right shape is
    read by a fast reader, and what has another is not JSON.
    """
    end = len(payload) - (6 if payload[-2:] == b"\r\n" else 4)
    if not 6 <= end < len(_OPENINGS) or payload[:6] != _OPENINGS[end]:
        return None
    segment = payload[6:end]
    try:
        crc = payload[end : end + 4].decode().upper()
        if printed(segment) != crc:
            return None
        head, _, body = segment.partition(b"CP=&&")
        fields = _plain_fields(body)
        header = _plain_header(head)
    except (UnicodeError, msgspec.DecodeError):
        return None
    return Frame(header, fields, end - 6, crc) if header and fields is not None else None


def _plain_fields(body: bytes) -> dict[str, str] | None:
    """Of what follows `CP=&&`; None where keys repeat, or where it may hold more than items."""
    length = len(body) - (3 if body[-3:] == b";&&" else 2)
    items = body[:length].translate(_COMMA_AS_SEMICOLON, _NOT_PLAIN)
    if body[-2:] != b"&&" or len(items) != length:
        return None
    if not items:
        return {} if length == len(body) - 2 else None
    quoted = items.replace(b";", b'","').replace(b"=", b'":"')
    fields = _read_texts(b'{"' + quoted + b'"}')
    count = ((len(quoted) - length) // 2 + 1) // 2  # each separator has grown by two
    is_odd = len(fields) != count or len(fields.get("DataTime", "")) == WITH_MILLISECONDS
    return None if is_odd or count == 1 else fields  # one item alone may be ciphertext


def _plain_header(head: bytes) -> dict[str, str] | None:
    """All but QN is the same in every frame of a monitor, so it is remembered."""
    if head[:3] == b"QN=" and head.find(b";") == _QN_END:
        known = _known_header(head[_QN_END:])
        if known is None:
            return None
        header = known.copy()
        header["QN"] = head[3:_QN_END].decode()
        return header
    known = None if b"QN=" in head else _known_header(head)
    return known and known.copy()


@lru_cache(maxsize=16384)
def _known_header(head: bytes) -> dict[str, str] | None:
    """None where it is odd. What begins with a semicolon goes on after a QN, which is left open."""
    header, oddities = header_items(head.decode())
    if oddities or "QN" in header:
        return None
    return {"QN": "", **header} if head.startswith(b";") else header


def read(
    segment: bytes, crc: str, declared: int, oddities: tuple[str, ...], key_of: KeyOf | None
) -> Frame:
    """The frame of a data segment whose checksum `crc` is right; FrameError where it is none.

    1. UTF-8, or GB18030 where it is not that.
    2. Whatever stands before `CP=&&` or after the last `&&` is the header.
    3. CP of a frame of 2025 that holds no item is deciphered.
    """
    text, misread = _text(segment)
    head, opened, rest = text.partition("CP=&&")
    if not opened:
        raise FrameError("no_cp", "the data segment has no CP=&&...&&: this is no HJ 212 frame")
    body, closed, tail = rest.rpartition("&&")
    if not closed:
        body, tail = tail, ""
    header, odd_header = header_items(head + ";" + tail)
    fields, odd_fields = cp_items(_deciphered(body, header, key_of))
    departures = {
        "over_1024": len(segment) > _MOST,
        "header_after_cp": bool(tail.strip(";")),
        "cp_unclosed": not closed,
        "datatime_17_digits": len(fields.get("DataTime", "")) == WITH_MILLISECONDS,
    }
    found = [*oddities, *misread, *odd_header, *odd_fields, *filter(departures.get, departures)]
    return Frame(header, fields, declared, crc.upper(), tuple(dict.fromkeys(found)))


def _text(segment: bytes) -> tuple[str, tuple[str, ...]]:
    for encoding, oddity in (("utf-8", ()), ("gb18030", ("gb18030",))):
        try:
            return segment.decode(encoding), oddity
        except UnicodeDecodeError:
            continue
    return segment.decode("utf-8", "replace"), ("unreadable_text",)


def _deciphered(body: str, header: dict[str, str], key_of: KeyOf | None) -> str:
    """CP's items, in the clear."""
    flag = flag_of(header)
    if not body or flag is None or flag.version != VERSION_2025:
        return body
    blocks = sm4.ciphertext(body)
    if blocks is None and "=" in body:
        return body
    if blocks is None:
        raise FrameError("bad_cipher", "CP holds no item, and no SM4 blocks in hex or base64")
    mn = header.get("MN", "")
    key = key_of(mn) if key_of else None
    if key is None or len(key) != sm4.KEY_BYTES:
        has = "is encrypted" if key is None else f"is encrypted, and its key has {len(key)} bytes"
        hint = f"give {2 * sm4.KEY_BYTES} hexadecimal digits in the profile's sm4_keys"
        raise FrameError("no_key", f"CP of MN {mn[:40]!r} {has}; {hint}")
    return _clear(sm4.decrypt(key, blocks), mn)


def _clear(decrypted: bytes, mn: str) -> str:
    try:
        text = decrypted.decode()
    except UnicodeDecodeError:
        text = ""
    if "=" not in text:
        raise FrameError(
            "bad_cipher", f"CP of MN {mn[:40]!r} gives no item when deciphered; is its key right?"
        )
    return text
