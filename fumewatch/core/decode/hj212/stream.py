"""All frames of a payload, and of a stream of bytes."""

from typing import Final

from fumewatch.core.decode.hj212.plain import plain
from fumewatch.core.decode.hj212.scan import Scan, Ways
from fumewatch.core.decode.hj212.shape import Frame, FrameError, KeyOf

MOST_FAULTS: Final = 64
"""Of one payload; the rest of one that has more is not read."""


def frames(
    payload: bytes, *, modbus: bool = False, key_of: KeyOf | None = None
) -> list[Frame | FrameError]:
    """Every frame and every fault of a payload, in order; at least one of them."""
    if short := plain(payload):
        return [short.frame()]
    return all_of(payload, modbus=modbus, key_of=key_of)


def all_of(
    payload: bytes, *, modbus: bool = False, key_of: KeyOf | None = None
) -> list[Frame | FrameError]:
    """As `frames`, of a payload that is not `plain`."""
    read: list[Frame | FrameError] = []
    faults = 0
    for found in Scan(payload, Ways(modbus, key_of)).found():
        read.append(found.what)
        faults += isinstance(found.what, FrameError)
        if faults > MOST_FAULTS:
            detail = f"more than {MOST_FAULTS} faults; what follows byte {found.end} is not read"
            read[-1] = FrameError("stream", detail, found.end)
            break
    return read or [nothing_in(payload)]


def nothing_in(payload: bytes) -> FrameError:
    shown = repr(payload[:24].decode("utf-8", "replace"))
    return FrameError("not_hj212", f"{shown} holds no ## with four digits behind it", 0)


class Stream:
    """Frames out of bytes that come cut anywhere. What is kept between two cuts is bounded."""

    def __init__(self, *, modbus: bool = False, key_of: KeyOf | None = None) -> None:
        self._scan = Scan(b"", Ways(modbus, key_of), is_final=False)

    def feed(self, data: bytes) -> list[Frame | FrameError]:
        """The frames and faults that these bytes complete, in order."""
        scan = self._scan
        scan.data += data
        read = [found.what for found in scan.found()]
        scan.base += scan.at
        scan.data, scan.at = scan.data[scan.at :], 0
        return read

    @property
    def kept(self) -> int:
        """Bytes that wait for more."""
        return len(self._scan.data)

    def end(self) -> list[Frame | FrameError]:
        """What is left once no more bytes come."""
        self._scan.is_final = True
        read = self.feed(b"")
        self._scan.is_final = False
        return read
