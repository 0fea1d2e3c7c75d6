"""paho's client, reading and acknowledging in batches.

paho reads a message with four system calls and acks it with another. BatchClient reads up to
256 KiB at once, cuts out the messages itself and hands every other frame to paho; many acks are one
write. For that it leans on some of paho's private parts, which `find_fault` tries out. Where they
are not as expected, PlainClient does the same with paho's public parts: slower, no less safe.
"""

import socket
import ssl
import struct
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, Final

import structlog
from paho.mqtt import MQTTException
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from fumewatch.mqtt import reasons
from fumewatch.mqtt.frames import (
    EXCERPT,
    PUBLISH,
    TRUNCATED,
    Frame,
    Message,
    ProtocolError,
    Splitter,
)

READ_BYTES: Final = 256 << 10
_PUBACK: Final = 0x40
_PINGREQ: Final = 0xC0
_NO_SUCH_TOPIC: Final = "fumewatch/keepalive"

_log = structlog.get_logger(__name__)

Receive = Callable[[list[Message], int], None]
"""Called in the network thread with messages and the bytes they came in, those of earlier reads
included where a message is longer than one. It must not fail."""


class PlainClient(Client):
    """One connection, by paho's public parts only."""

    can_wait = False
    """Whether one loop_read takes all that has come, so that waiting for more bytes is safe."""

    def __init__(
        self, client_id: str, version: int, *, clean: bool, receive: Receive, max_message: int
    ) -> None:
        is_5 = version == MQTTProtocolVersion.MQTTv5
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if is_5 else clean,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self.failure: str | None = None
        """Why reading failed, in words, where we know more than paho tells."""
        self.has_heard = False
        """Set when something comes; whoever watches the connection clears it."""
        self._receive = receive
        self._max_message = max_message
        self.on_message = self._on_message_received

    @property
    def is_drained(self) -> bool:
        """Nothing is left that select cannot see."""
        sock = self.socket()
        return not (isinstance(sock, ssl.SSLSocket) and sock.pending())

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        self.has_heard = True
        return super().loop_read(max_packets)

    def acknowledge(self, mids: Sequence[int]) -> None:
        for mid in mids:
            self.ack(mid, 1)

    def ping(self) -> None:
        # paho keeps its PINGREQ to itself; any packet will do, and this one changes nothing.
        self.unsubscribe(_NO_SUCH_TOPIC)

    def _on_message_received(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._receive([_as_message(message, self._max_message)], len(message.payload))


class BatchClient(PlainClient):
    """The same, in few system calls."""

    can_wait = True

    def __init__(
        self, client_id: str, version: int, *, clean: bool, receive: Receive, max_message: int
    ) -> None:
        super().__init__(client_id, version, clean=clean, receive=receive, max_message=max_message)
        self._splitter = Splitter(has_properties=version == 5, max_frame=max_message)
        self._is_drained = True
        self._unfinished = 0  # bytes of earlier reads that completed no message

    @property
    def is_drained(self) -> bool:
        return self._is_drained

    def acknowledge(self, mids: Sequence[int]) -> None:
        if mids:
            frames = struct.pack(f"!{len(mids)}I", *[_PUBACK << 24 | 2 << 16 | mid for mid in mids])
            self._packet_queue(_PUBACK, frames, 0, 1)

    def ping(self) -> None:
        self._packet_queue(_PINGREQ, struct.pack("!BB", _PINGREQ, 0), 0, 0)

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """One read, and all that came in it."""
        try:
            data = self._sock_recv(READ_BYTES)
        except BlockingIOError:
            self._is_drained = True
            return MQTTErrorCode.MQTT_ERR_SUCCESS
        except OSError as error:
            self.failure = reasons.of_error(error)
            data = b""
        if not data:
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
        self.has_heard = True
        # TLS hands out one record at a time: there is more until it says there is not.
        self._is_drained = len(data) < READ_BYTES and not isinstance(self.socket(), ssl.SSLSocket)
        return self._digest(data)

    def _digest(self, data: bytes) -> MQTTErrorCode:
        try:
            messages, frames = self._splitter.feed(data)
            self._unfinished += len(data)
            if messages:
                size, self._unfinished = self._unfinished, 0
                self._receive(messages, size)
            for frame in frames:
                if (rc := self._hand_over(frame)) or self.socket() is None:
                    return self._loop_rc_handle(rc)
        except (ProtocolError, MQTTException) as error:
            self.failure = f"protocol error: {error}"
            return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _hand_over(self, frame: Frame) -> MQTTErrorCode:
        head, body = frame
        packet = self._in_packet
        packet["command"], packet["packet"] = head, bytearray(body)
        packet["remaining_length"], packet["pos"] = len(body), 0
        return self._packet_handle()


def _as_message(message: MQTTMessage, max_message: int) -> Message:
    try:
        topic = message.topic.encode()
    except UnicodeDecodeError:
        topic = b""  # refused further on, as any strange topic
    flags = PUBLISH | message.dup << 3 | message.qos << 1 | message.retain
    payload = bytes(message.payload)
    if len(payload) > max_message:
        return topic, payload[:EXCERPT], message.mid, flags | TRUNCATED
    return topic, payload, message.mid, flags


def find_fault(kind: type[BatchClient] = BatchClient) -> str | None:
    """Why BatchClient would not work with this paho; None if it does.

    It is tried on a socket pair with what it is for: messages and another frame in, acks and a ping
    out, then bytes that are not MQTT.
    """
    ours, theirs = socket.socketpair()
    seen: list[object] = []
    try:
        with ours, theirs:
            ours.setblocking(False)
            theirs.settimeout(1)
            client = kind(
                "trial", 5, clean=True, receive=lambda m, _: seen.extend(m), max_message=64
            )
            client.on_subscribe = lambda _client, _data, mid, *_: seen.append(mid)
            client.on_disconnect = lambda *_: seen.append("disconnected")
            client._sock = ours
            return _try(client, theirs, seen)
    except Exception as error:  # whatever it is, it would have come in service
        return f"{type(error).__name__}: {error}"


def _try(client: BatchClient, broker: socket.socket, seen: list[object]) -> str | None:
    broker.sendall(b"\x32\x07\0\1t\0\1\0p" + b"\x90\x04\0\7\0\1" + b"\xd0\0" + b"\x30\x04\0\1t\0")
    client.loop_read()
    if seen != [(b"t", b"p", 1, 0x32), (b"t", b"", 0, 0x30), 7]:
        return f"frames are not understood: {seen}"
    client.acknowledge([1, 2])
    client.ping()
    client.loop_write()
    if (sent := broker.recv(64)) != b"\x40\2\0\1" + b"\x40\2\0\2" + b"\xc0\0":
        return f"acks are not written: {sent.hex()}"
    broker.sendall(b"\x32\xff\xff\xff\xff\xff")
    client.loop_read()
    if client.socket() is not None or seen[-1] != "disconnected":
        return "a broken stream does not end the connection"
    return None


def choose_client() -> type[PlainClient]:
    """The fast client, unless this paho is not as it expects."""
    if fault := find_fault():
        _warn(fault)
        return PlainClient
    return BatchClient


@cache  # once is enough
def _warn(fault: str) -> None:
    _log.warning("mqtt_slow_reader", reason=fault)
