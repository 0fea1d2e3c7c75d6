"""MQTT frames out of a stream of bytes: pure, no socket, no paho.

A frame is one header byte, its length in one to four bytes of seven bits each (low first), and a
body. The body of a PUBLISH is topic, packet id (QoS above 0), properties (MQTT 5), payload.
"""

from typing import Final

Message = tuple[bytes, bytes, int, int]
"""(topic, payload, packet id, flags): flags are the PUBLISH header byte, plus TRUNCATED."""

Frame = tuple[int, bytes]
"""(header byte, body)."""

PUBLISH: Final = 0x30
DUP: Final = 0x08
QOS: Final = 0x06
RETAIN: Final = 0x01
TRUNCATED: Final = 0x100
"""The message was too long: of its payload only the beginning is here."""
EXCERPT: Final = 1024
"""Bytes that are kept of such a payload."""

_QOS_2: Final = 0x04
_UNKNOWN: Final = 1 << 28  # longer than any frame
_PREFIX: Final = 1 << 17  # holds any topic and packet id, sane properties, and an excerpt


class ProtocolError(Exception):
    """The bytes are not MQTT; the connection is of no more use."""


class Splitter:
    """Cuts one connection's stream into frames, however the network cut it into pieces."""

    def __init__(self, *, has_properties: bool, max_frame: int) -> None:
        """`has_properties`: MQTT 5. `max_frame`: bytes of the longest body that is kept whole."""
        self._has_properties = has_properties
        self._max_frame = max_frame
        self._pieces: list[bytes] = []
        self._wanted = 0  # no frame is complete before this many bytes are held
        self._held = 0
        self._to_skip = 0  # bytes of a long message still to come
        self._long: Message | None = None

    def feed(self, data: bytes) -> tuple[list[Message], list[Frame]]:
        """The QoS 0 and 1 messages that `data` completes, and every other frame, each in order.

        Raise ProtocolError where the stream is malformed.
        """
        messages: list[Message] = []
        frames: list[Frame] = []
        try:
            if self._long:
                data = self._skip(data, messages)
            if data := self._join(data):
                self._hold(data[self._split(data, messages, frames) :])
        except IndexError:
            raise ProtocolError("a frame ends within its header") from None
        return messages, frames

    def _split(self, data: bytes, messages: list[Message], frames: list[Frame]) -> int:
        """Take what is complete; return where the incomplete rest begins."""
        has_properties = self._has_properties
        end = len(data)
        at = 0
        while end - at >= 2:
            head = data[at]
            size = data[at + 1]
            body = at + 2
            if size > 127 and end > body and (high := data[body]) < 128:  # most lengths
                size = size & 127 | high << 7
                body += 1
            elif size > 127:
                size, body = read_length(data, at + 1)
            after = body + size
            if after > end:
                return self._wait_for(data, at, body, size)
            if size > self._max_frame:
                messages.append(_read_excerpt(data[:after], head, body, has_properties))
            elif head & 0xF0 == PUBLISH and head & QOS < _QOS_2:
                messages.append(read_publish(data, head, body, after, has_properties))
            else:
                frames.append((head, data[body:after]))
            at = after
        self._wanted = 2
        return at

    def _wait_for(self, data: bytes, at: int, body: int, size: int) -> int:
        """Note how many bytes the frame at `at` still needs; begin to skip it if it is too long."""
        if size == _UNKNOWN:
            self._wanted = len(data) - at + 1
        elif size <= max(self._max_frame, _PREFIX):
            self._wanted = body - at + size
        elif len(data) - body < _PREFIX:
            self._wanted = body - at + _PREFIX
        else:
            self._long = _read_excerpt(data, data[at], body, self._has_properties)
            self._to_skip = body + size - len(data)
            return len(data)
        return at

    def _skip(self, data: bytes, messages: list[Message]) -> bytes:
        """What of `data` lies behind the long message; that goes to `messages` once it is over."""
        skipped = min(self._to_skip, len(data))
        self._to_skip -= skipped
        if not self._to_skip and self._long:
            messages.append(self._long)
            self._long = None
        return data[skipped:]

    def _join(self, data: bytes) -> bytes:
        """All that is held with `data` behind it, or nothing while that completes no frame.

        So a frame that comes in a thousand pieces is put together once, not a thousand times.
        """
        if not self._pieces:
            return data
        self._pieces.append(data)
        self._held += len(data)
        if self._held < self._wanted:
            return b""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data

    def _hold(self, rest: bytes) -> None:
        if rest:
            self._pieces.append(rest)
        self._held = len(rest)


def read_length(data: bytes, at: int) -> tuple[int, int]:
    """(length, where the body begins); while the length itself is incomplete, (2**28, at)."""
    size = 0
    for i in range(4):
        if at + i >= len(data):
            return _UNKNOWN, at
        byte = data[at + i]
        size |= (byte & 127) << 7 * i
        if byte < 128:
            return size, at + i + 1
    raise ProtocolError("a length of more than four bytes")


def read_publish(data: bytes, head: int, body: int, after: int, has_properties: bool) -> Message:
    """The message whose body is data[body:after]."""
    topic = body + 2
    at = topic_end = topic + (data[body] << 8 | data[body + 1])
    mid = 0
    if head & QOS:
        mid = data[at] << 8 | data[at + 1]
        at += 2
    if has_properties:
        size = data[at]
        if size > 127:
            size, at = read_length(data, at)
        else:
            at += 1
        at += size
    if at > after:
        raise ProtocolError("a message ends within its header")
    return data[topic:topic_end], data[at:after], mid, head


def _read_excerpt(data: bytes, head: int, body: int, has_properties: bool) -> Message:
    """As read_publish, of a message whose end is not here; ProtocolError if it is no message."""
    if head & 0xF0 != PUBLISH or head & QOS >= _QOS_2:
        raise ProtocolError(f"a frame of type {head >> 4} is too long")
    try:
        topic, payload, mid, _ = read_publish(data, head, body, len(data), has_properties)
    except ProtocolError:  # properties longer than what is here; the ack needs only the id
        topic, _, mid, _ = read_publish(data, head, body, len(data), False)
        payload = b""
    return topic, payload[:EXCERPT], mid, head | TRUNCATED
