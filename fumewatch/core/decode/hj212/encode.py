"""Frames to send."""

from collections.abc import Mapping
from typing import Final, Literal

from fumewatch.core.decode.hj212.crc import modbus, printed
from fumewatch.core.decode.hj212.shape import Frame, FrameError, number

DATA_ACKNOWLEDGED: Final = "9014"
_TO_THE_DEVICE: Final = "91"  # ST of what systems say to each other
_LONGEST: Final = 9999  # that four digits can tell


def encode(
    header: Mapping[str, str],
    cp: str,
    *,
    crlf: bool = True,
    crc: Literal["standard", "modbus"] = "standard",
) -> bytes:
    """The frame with `cp` between its `&&`; FrameError where that is more than a frame can hold."""
    items = "".join(f"{key}={value};" for key, value in header.items())
    segment = f"{items}CP=&&{cp}&&".encode()
    if len(segment) > _LONGEST:
        raise FrameError(
            "too_large", f"a data segment of {len(segment)} bytes; {_LONGEST} at most: split it"
        )
    checksum = printed(segment) if crc == "standard" else _low_byte_first(modbus(segment))
    return b"##%04d%b%b%b" % (len(segment), segment, checksum.encode(), b"\r\n" if crlf else b"")


def acknowledgement(frame: Frame) -> bytes:
    """What the device waits for whose Flag asks for it: 9014 with its QN, PW, MN and version."""
    own = frame.header
    flag = number(own.get("Flag", ""))
    version = None if flag is None else str(flag & ~3)
    header = {"QN": own.get("QN"), "ST": _TO_THE_DEVICE, "CN": DATA_ACKNOWLEDGED}
    header |= {"PW": own.get("PW"), "MN": own.get("MN"), "Flag": version}
    return encode({key: value for key, value in header.items() if value is not None}, "")


def _low_byte_first(crc: int) -> str:
    return crc.to_bytes(2, "little").hex().upper()
