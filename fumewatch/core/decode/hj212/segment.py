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
_SEMICOLON: Final = ord(";")

_read_texts: Final = msgspec.json.Decoder(dict[str, str]).decode


def plain(payload: bytes) -> Frame | None:
    """A payload that is one frame without any oddity; None where it takes a longer look to say so.

    CP is turned into a JSON object by putting quotes at its separators: what has the right shape is
    read by a fast reader, and what has another is not JSON.
    """
    end = len(payload) - (6 if payload.endswith(b"\r\n") else 4)
    if payload[:6] != b"##%04d" % (end - 6) or end > _MOST + 6:
        return None
    segment = payload[6:end]
    try:
        crc = payload[end : end + 4].decode().upper()
        if printed(segment) != crc:
            return None
        head, _, body = segment.partition(b"CP=&&")
        fields = _plain_fields(body)
        header = _plain_header(head.decode())
    except (UnicodeError, msgspec.DecodeError):
        return None
    return Frame(header, fields, end - 6, crc) if header and fields is not None else None


def _plain_fields(body: bytes) -> dict[str, str] | None:
    """Of what follows `CP=&&`; None where keys repeat, or where it may hold more than items."""
    closed = body.find(b"&&")
    if closed < 0 or closed + 2 != len(body) or b'"' in body or b"\\" in body or b"//" in body:
        return None
    if not closed:
        return {}
    items = body[: closed - 1 if body[closed - 1] == _SEMICOLON else closed]
    quoted = items.replace(b",", b'","').replace(b";", b'","').replace(b"=", b'":"')
    fields = _read_texts(b'{"' + quoted + b'"}')
    count = ((len(quoted) - len(items)) // 2 + 1) // 2  # each separator has grown by two
    is_odd = len(fields) != count or len(fields.get("DataTime", "")) == WITH_MILLISECONDS
    return None if is_odd or count == 1 else fields  # one item alone may be ciphertext


def _plain_header(text: str) -> dict[str, str] | None:
    """All but QN is the same in every frame of a monitor, so it is remembered."""
    if text.startswith("QN=") and text[20:21] == ";" and text[3:20].isdigit():
        rest = _known_header(text[21:])
        return {"QN": text[3:20], **rest} if rest and "QN" not in rest else None
    if "QN=" in text:
        return None
    rest = _known_header(text)
    return rest and dict(rest)


@lru_cache(maxsize=16384)
def _known_header(text: str) -> dict[str, str] | None:
    header, oddities = header_items(text)
    return None if oddities else header


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
    if key is None:
        raise FrameError(
            "no_key", f"CP of MN {mn!r} is encrypted; give its SM4 key in the profile's sm4_keys"
        )
    return _clear(sm4.decrypt(key, blocks), mn)


def _clear(decrypted: bytes, mn: str) -> str:
    try:
        text = decrypted.decode()
    except UnicodeDecodeError:
        text = ""
    if "=" not in text:
        raise FrameError(
            "bad_cipher", f"CP of MN {mn!r} gives no item when deciphered; is its key right?"
        )
    return text
