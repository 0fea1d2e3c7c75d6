"""One HJ 212 frame: the door to this package for those who have exactly one."""

from typing import Final

from fumewatch.core.decode.hj212.scan import Found, Scan, Ways
from fumewatch.core.decode.hj212.shape import Flag, Frame, FrameError, KeyOf
from fumewatch.core.decode.hj212.stream import frames, nothing_in
from fumewatch.core.decode.hj212.values import check_values, instant_of

__all__ = ["Flag", "Frame", "FrameError", "KeyOf", "check_values", "instant_of", "parse", "several"]

_DEPARTURES: Final = {
    "padded_crc": "the checksum has fewer than four digits; it should begin with zeros",
    "gb18030": "the text is GB18030; it should be UTF-8",
    "unreadable_text": "the text is neither UTF-8 nor GB18030",
    "duplicate_key": "a key comes twice; only the last one of them counts",
    "stray_item": "an item has no = in it",
    "over_1024": "the data segment has more than 1024 bytes; it should be split into packets",
    "header_after_cp": "items stand behind CP; they should stand before it",
    "cp_unclosed": "no && closes CP",
    "datatime_17_digits": "DataTime has 17 digits; it should have 14, YYYYMMDDhhmmss",
}


def parse(
    data: bytes, *, lenient: bool = True, modbus: bool = False, key_of: KeyOf | None = None
) -> Frame:
    """The one frame in `data`; FrameError where it is faulty, or where there is more than one.

    Lenient: as devices send them, and without a look at the values. Otherwise every departure from
    the standard is an error, and so are values that say nothing.
    """
    if not lenient:
        return _strict(data, key_of)
    read = frames(data, modbus=modbus, key_of=key_of)
    if len(read) > 1:
        raise several(read)
    if isinstance(read[0], FrameError):
        raise read[0]
    return read[0]


def several(read: list[Frame | FrameError]) -> FrameError:
    """What to say of a payload that is not exactly one frame."""
    good = [each for each in read if isinstance(each, Frame)]
    detail = f"not one frame: {len(good)} good and {len(read) - len(good)} faulty ones"
    if len(read) == 1:
        detail = "one frame with other bytes before or behind it"
    values = [_first_value(each) for each in good]
    return FrameError("stream", detail, 0, frames_recoverable=len(good), values=values)


def _first_value(frame: Frame) -> str:
    measured = (
        value
        for field, value in frame.fields.items()
        if "-" in field and not field.endswith("-Flag")
    )
    return next(measured, "")


def _strict(data: bytes, key_of: KeyOf | None) -> Frame:
    all_found = list(Scan(data, Ways(key_of=key_of)).found())
    if not all_found:
        raise nothing_in(data)
    found = all_found[0]
    if len(all_found) > 1:
        raise several([each.what for each in all_found])
    if isinstance(found.what, FrameError):
        raise found.what
    if found.start or data[found.end :].strip():
        raise several([found.what])
    _check_form(found, found.what)
    check_values(found.what)
    return found.what


def _check_form(found: Found, frame: Frame) -> None:
    """Raise the first departure of a frame that a lenient reader would forgive."""
    others = [oddity for oddity in frame.oddities if oddity != "length"]
    if found.length != frame.declared_length:
        detail = f"the length field says {frame.declared_length}, the data segment has"
        raise FrameError(
            "length_mismatch",
            f"{detail} {found.length} bytes; it counts bytes of UTF-8, not characters",
            2,
            declared=frame.declared_length,
            actual=found.length,
            **({"also": others} if others else {}),
        )
    if not found.is_terminated:
        raise FrameError("missing_crlf", "no CR LF follows the checksum", found.end)
    if others:
        raise FrameError(others[0], _DEPARTURES[others[0]], 0, crc_ok=True)
