"""A fleet at full speed: publishes canonical readings faster than one broker takes them.

Frames of all monitors have one length, so numpy writes packet ids, times and values into thousands
of them at once; one connection, many frames per write, a window of messages without a PUBACK.

    python tests/bench/generator.py --port 1883 --count 1000000 --monitors 1000
    {"sent": 1000000, "elapsed": 6.1, "rate": 163934, "cpu": 0.9, "cpu_us": 0.9}

Each (monitor, measured_at) occurs once, also over several runs. `elapsed` is seconds until the
broker has acked the last message, `cpu` seconds of this process.
"""

import argparse
import json
import random
import select
import socket
import time
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
from numpy.typing import NDArray

_CHINA = timezone(timedelta(hours=8))
_SHAPE = (
    '{{"measured_at":"{time}","fume":{whole}.FFF,"pm":1.PPP,"nmhc":3.NNN,"temperature":41.T,'
    '"humidity":55.H,"fan_on":true,"fan_current":3.A,"purifier_on":true,"purifier_current":1.B}}'
)
_DIGITS = ("FFF", "PPP", "NNN", "T", "H", "A", "B")  # digits that change, by the letter they bear
_TIME_LENGTH = len("2026-11-23T12:00:00.123456+08:00")
_TICK_S = 0.01
_CHUNK = 512
_PUBACK_BYTES = 4
_ZERO = ord("0")

Frames = NDArray[np.uint8]


class Fleet:
    """The frames of `count` monitors, [monitor, byte]."""

    def __init__(self, count: int, first: int, district: str, qos: int, exceeding: int) -> None:
        self.qos = qos
        frames = [
            self._encode(district, first + i, 2 if i < exceeding else 0) for i in range(count)
        ]
        self.frames = np.frombuffer(b"".join(frames), np.uint8).reshape(count, -1).copy()
        one = frames[0]
        self._id_at = one.index(b"/up") + 3
        self._time_at = one.index(b'"measured_at":"') + 15
        self._digits_at = np.concatenate([_places(one, letters) for letters in _DIGITS])
        self._random = np.random.default_rng(1)

    def _encode(self, district: str, number: int, whole: int) -> bytes:
        topic = f"fume/{district}/FM{number:07d}/up".encode()
        payload = _SHAPE.format(time="T" * _TIME_LENGTH, whole=whole).encode()
        body = len(topic).to_bytes(2, "big") + topic + b"\0\0" * (self.qos > 0) + payload
        return bytes([0x30 | self.qos << 1]) + length(len(body)) + body

    def stamp(self, first: int, count: int, packet_id: int, at_us: int) -> bytes:
        """Frames of monitors [first, first + count) measured at `at_us`, ready to be written."""
        frames = self.frames[first : first + count]
        if self.qos:
            ids = (packet_id + np.arange(count)) % 65535 + 1
            frames[:, self._id_at] = ids >> 8
            frames[:, self._id_at + 1] = ids & 255
        frames[:, self._time_at : self._time_at + _TIME_LENGTH] = np.frombuffer(
            iso(at_us), np.uint8
        )
        # No two monitors measure at one microsecond: a reader of times gets no help from repeats.
        micros = (at_us + np.arange(count)) % 1000
        last = self._time_at + 26
        for place, unit in ((last - 1, 1), (last - 2, 10), (last - 3, 100)):
            frames[:, place] = micros // unit % 10 + _ZERO
        digits = self._random.integers(0, 10, (count, len(self._digits_at)), np.uint8)
        frames[:, self._digits_at] = digits + _ZERO
        return frames.tobytes()


def _places(frame: bytes, letters: str) -> NDArray[np.intp]:
    at = frame.index(b"." + letters.encode()) + 1
    return np.arange(at, at + len(letters))


def length(size: int) -> bytes:
    """A remaining length as MQTT writes it."""
    out = bytearray()
    while True:
        out.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes(out)


def iso(at_us: int) -> bytes:
    whole = datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(_CHINA)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at_us % 1_000_000:06d}+08:00".encode()


class Run:
    """One connection that sends `count` readings at `rate` a second (0: as fast as it can)."""

    def __init__(self, fleet: Fleet, args: argparse.Namespace) -> None:
        self.fleet = fleet
        self.count: int = args.count
        self.rate: float = args.rate
        self.window: int = args.window if args.qos else args.count
        self.sent = 0
        self.acked = 0
        self._at_us = 0
        self._out = memoryview(b"")
        self._torn = 0  # bytes of a PUBACK of which the rest is still to come
        self._sock = greet(args.host, args.port, args.client_id)

    def go(self) -> float:
        """Seconds it took."""
        began = time.monotonic()
        while self.acked < self.count:
            self._fill(time.monotonic() - began)
            writes = [self._sock] if self._out else []
            _, writable, _ = select.select([self._sock], writes, [], _TICK_S)
            self._read()
            if writable:
                self._write()
        elapsed = time.monotonic() - began
        self._sock.sendall(b"\xe0\0")
        self._sock.close()
        return elapsed

    def _fill(self, elapsed: float) -> None:
        if self._out:
            return
        due = min(self.count, int(elapsed * self.rate)) if self.rate else self.count
        first = self.sent % len(self.fleet.frames)
        size = min(due - self.sent, _CHUNK, len(self.fleet.frames) - first)
        if 0 < size <= self.window - (self.sent - self.acked):  # whole chunks only: they are cheap
            self._at_us = max(time.time_ns() // 1000, self._at_us + 1)
            self._out = memoryview(self.fleet.stamp(first, size, self.sent, self._at_us))
            self.sent += size

    def _read(self) -> None:
        try:
            data = self._sock.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            raise SystemExit("the broker closed the connection")
        # Nothing but PUBACKs comes.
        whole, self._torn = divmod(self._torn + len(data), _PUBACK_BYTES)
        self.acked += whole

    def _write(self) -> None:
        written = self._sock.send(self._out)
        self._out = self._out[written:]
        if not self.fleet.qos and not self._out:
            self.acked = self.sent


def greet(host: str, port: int, client_id: str) -> socket.socket:
    sock = socket.create_connection((host, port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name = client_id.encode()
    body = b"\0\4MQTT\4\2\xff\xff" + len(name).to_bytes(2, "big") + name
    sock.sendall(b"\x10" + length(len(body)) + body)
    if sock.recv(4) != b"\x20\2\0\0":
        raise SystemExit("the broker refuses")
    sock.setblocking(False)
    # Wake for a chunk of PUBACKs, not for each.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, _CHUNK * _PUBACK_BYTES)
    return sock


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--count", type=int, default=100_000, help="readings to send")
    parser.add_argument("--rate", type=float, default=0, help="a second; 0: as fast as it can")
    parser.add_argument("--monitors", type=int, default=1000)
    parser.add_argument("--first", type=int, default=1, help="number of the first monitor")
    parser.add_argument("--exceeding", type=int, default=0, help="monitors with fume over 2 mg/m³")
    parser.add_argument("--district", default="xuhui")
    parser.add_argument("--qos", type=int, choices=(0, 1), default=1)
    parser.add_argument("--window", type=int, default=5000, help="messages without a PUBACK")
    parser.add_argument("--client-id", default=f"generator-{random.randrange(10**9)}")
    args = parser.parse_args()
    fleet = Fleet(args.monitors, args.first, args.district, args.qos, args.exceeding)
    run = Run(fleet, args)
    busy = time.process_time()
    began_at = time.time()
    elapsed = run.go()
    busy = time.process_time() - busy
    result = {
        "began_at": round(began_at, 3),
        "sent": run.sent,
        "elapsed": round(elapsed, 3),
        "rate": round(run.sent / elapsed),
        "cpu": round(busy, 3),
        "cpu_us": round(busy / run.sent * 1e6, 2),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
