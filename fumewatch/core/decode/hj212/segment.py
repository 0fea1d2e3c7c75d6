"""A data segment into a Frame, whatever is odd about it."""

from fumewatch.core.decode.hj212 import sm4
from fumewatch.core.decode.hj212.items import cp_items, header_items
from fumewatch.core.decode.hj212.plain import MOST
from fumewatch.core.decode.hj212.shape import VERSION_2025, Frame, FrameError, KeyOf, flag_of
from fumewatch.core.decode.hj212.values import WITH_MILLISECONDS


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
        "over_1024": len(segment) > MOST,
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
