"""A payload as a plain object: what `fumewatch decode` shows of it."""

from typing import Any

from fumewatch.core.decode.hj212.frame import Frame, FrameError, KeyOf, check_values, parse
from fumewatch.core.decode.hj212.stream import frames


def raw(
    payload: bytes, *, lenient: bool, modbus: bool = False, key_of: KeyOf | None = None
) -> dict[str, Any]:
    """The one frame of a payload, field by field, or {"error": kind, "detail": ..., "at": ...}.

    Lenient: of a payload that is more than one frame, all that can be had: {"frames": [...],
    "frames_recoverable": n, "faults": [...]}. Values that are none are errors here too.
    """
    if not lenient:
        try:
            return shown(parse(payload, lenient=False, key_of=key_of))
        except FrameError as fault:
            return blamed(fault)
    objects = [_object(each) for each in frames(payload, modbus=modbus, key_of=key_of)]
    if len(objects) == 1:
        return objects[0]
    good = [each for each in objects if "error" not in each]
    faults = [each for each in objects if "error" in each]
    return {"frames": good, "frames_recoverable": len(good), "faults": faults}


def shown(frame: Frame) -> dict[str, Any]:
    """A frame field by field; `flag` only where it has one."""
    found: dict[str, Any] = {
        "declared_length": frame.declared_length,
        "crc": frame.crc,
        "header": frame.header,
        "cp_fields": frame.cp_fields,
        "pollutants": frame.pollutants,
    }
    return found if frame.flag is None else found | {"flag": frame.flag._asdict()}


def blamed(fault: FrameError) -> dict[str, Any]:
    return {"error": fault.kind, "detail": fault.detail, "at": fault.at} | fault.facts


def _object(read: Frame | FrameError) -> dict[str, Any]:
    if isinstance(read, FrameError):
        return blamed(read)
    try:
        check_values(read, lenient=True)
    except FrameError as fault:
        return blamed(fault)
    return shown(read)
