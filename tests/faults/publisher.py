"""Monitors that number what they send, and know what the broker acknowledged of it."""

import json
import queue
import random
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fumewatch.core.errors import BrokerUnavailable
from fumewatch.mqtt import MqttSettings, Publisher

DISTRICT = "xuhui"


@dataclass(frozen=True, slots=True)
class Numbered:
    """A reading whose values say which one it is."""

    number: int
    monitor: str
    measured_at: datetime
    fume: float
    """mg/m³; over the limit in some minutes, and never the same twice in a row."""
    pm: float

    @property
    def topic(self) -> str:
        return f"fume/{DISTRICT}/{self.monitor}/up"

    @property
    def values(self) -> dict[str, Any]:
        return {"fume": self.fume, "pm": self.pm, "fan_on": 1.0}

    @property
    def payload(self) -> bytes:
        at = self.measured_at.isoformat()
        return json.dumps({"measured_at": at, **self.values, "fan_on": True}).encode()


class Monitors:
    """What `count` monitors measure, from `begin` on, by the minute."""

    def __init__(self, count: int, begin: datetime) -> None:
        self.codes = [f"M{i}" for i in range(count)]
        self._begin = begin
        self._number = 0

    def minute(self, minute: int, readings: int = 3) -> list[Numbered]:
        return [
            self._reading(i, minute, timedelta(seconds=5 + 20 * slot))
            for slot in range(readings)
            for i in range(len(self.codes))
        ]

    def flood(self, minute: int, count: int) -> list[Numbered]:
        """Of the first monitor alone: one each 10 ms of the minute."""
        return [
            self._reading(0, minute, timedelta(milliseconds=7 + 10 * slot)) for slot in range(count)
        ]

    def _reading(self, i: int, minute: int, within: timedelta) -> Numbered:
        self._number += 1
        level = 1.4 if (minute + 2 * i) % 9 in (2, 3, 4, 5) else 0.3
        return Numbered(
            self._number,
            self.codes[i],
            self._begin + timedelta(minutes=minute) + within,
            round(level + self._number % 97 / 1000, 3),
            round(self._number % 5000 / 1000, 3),
        )


class Feed:
    """Sends in a thread of its own, each message until the broker has acknowledged it."""

    def __init__(self, url: str) -> None:
        self.acked: dict[int, Numbered] = {}
        self.oversized = 0
        self._url = url
        self._queue: queue.SimpleQueue[list[tuple[Numbered | None, str, bytes]] | None]
        self._queue = queue.SimpleQueue()
        self._publisher = Publisher(MqttSettings(url=url))
        self._under_way = 0
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)
        self._thread.start()

    @property
    def is_idle(self) -> bool:
        """Whatever was asked for is acknowledged."""
        with self._lock:
            return self._under_way == 0

    def send(self, readings: Iterable[Numbered]) -> None:
        self._put([(one, one.topic, one.payload) for one in readings])

    def send_again(self, share: float, chance: random.Random) -> None:
        """Some of what was acknowledged, in any order: a monitor that did not hear of it."""
        known = list(self.acked.values())
        again = chance.sample(known, round(share * len(known)))
        self._put([(one, one.topic, one.payload) for one in again])

    def send_oversized(self, monitor: str, size: int = 1 << 20) -> None:
        """What no monitor of ours sends."""
        self.oversized += 1
        self._put([(None, f"fume/{DISTRICT}/{monitor}/up", b"[" + b" " * (size - 2) + b"]")])

    def _put(self, messages: list[tuple[Numbered | None, str, bytes]]) -> None:
        with self._lock:
            self._under_way += len(messages)
        self._queue.put(messages)

    def _run(self) -> None:
        while (messages := self._queue.get()) is not None:
            while messages and not self._ends.is_set():
                messages = self._send(messages)

    def _send(
        self, messages: list[tuple[Numbered | None, str, bytes]]
    ) -> list[tuple[Numbered | None, str, bytes]]:
        """What is still to be sent: all of a part again where its end was not acknowledged."""
        part, rest = messages[:50], messages[50:]
        try:
            self._publisher.publish_many(
                ((topic, payload, False) for _, topic, payload in part), timeout=3.0
            )
        except BrokerUnavailable:
            self._publisher.stop()
            time.sleep(0.1)
            self._publisher = Publisher(MqttSettings(url=self._url))
            return messages
        self.acked |= {one.number: one for one, _, _ in part if one}
        with self._lock:
            self._under_way -= len(part)
        return rest

    def close(self) -> None:
        self._ends.set()
        self._queue.put(None)
        self._thread.join(20)
        self._publisher.stop()
