"""The echo: a message of our own that goes the way of readings, and so proves the way.

The lookout publishes it, the broker acks it, the subscriber's session brings it, and the step of
ingest that stores the batch it came in hands it back. An echo that the broker took and that does
not come back says that one of these is deaf. Safe from any thread: each field has one writer, and
what is written together is written under the lock.
"""

import threading
import time
from collections.abc import Callable
from typing import Final

from fumewatch.core.sources import ECHO

FILTER: Final = f"{ECHO}+"
"""What the subscriber asks for: a topic of each daemon's own would stay in the session for good."""
EVERY_S: Final = 10.0
_REMEMBERED: Final = 360
"""An hour of them: later ones prove as much."""


class Echo:
    def __init__(self, name: str, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`name`: of this daemon among all, fit for a topic."""
        self.topic: Final = f"{ECHO}{name}"
        self._name = name.encode()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._number = 0
        self._sent: dict[int, float] = {}
        self._owed: dict[int, float] = {}
        self._returned = 0
        self._is_open = False
        self._due_at = 0.0

    @property
    def is_proven(self) -> bool:
        """One has come back: from then on silence says something. Before, it may be an access list
        that lets them out and not in."""
        return self._returned > 0

    def open(self) -> None:
        """The subscriber is connected and subscribed."""
        with self._lock:
            self._is_open = True

    def close(self) -> None:
        """It is not any more: what is under way may be lost, and none is sent."""
        with self._lock:
            self._is_open = False
            self._sent.clear()
            self._owed.clear()

    @property
    def is_due(self) -> bool:
        return self._is_open and self._monotonic() >= self._due_at

    def send(self) -> tuple[int, bytes]:
        """(its number, the payload) of the next one, which is published now."""
        with self._lock:
            now = self._monotonic()
            self._number += 1
            self._sent[self._number] = now
            self._sent.pop(self._number - _REMEMBERED, None)
            self._due_at = now + EVERY_S
            return self._number, b"%s %d" % (self._name, self._number)

    def taken(self, number: int) -> None:
        """The broker has acked it: it owes it to the subscriber."""
        with self._lock:
            if number in self._sent:
                self._owed[number] = self._monotonic()

    def back(self, payload: bytes) -> float | None:
        """Ingest hands it back; seconds since it was sent. None: not ours, or not the first time.

        Those before it came, or got lost with an outage that mended itself.
        """
        name, _, number = payload.rpartition(b" ")
        if name != self._name or not number.isdigit():
            return None
        with self._lock:
            sent_at = self._sent.get(int(number))
            if sent_at is None:
                return None
            self._returned = int(number)
            self._sent = {n: at for n, at in self._sent.items() if n > self._returned}
            self._owed = {n: at for n, at in self._owed.items() if n > self._returned}
            return self._monotonic() - sent_at

    @property
    def owed_since(self) -> float | None:
        """When the broker acked the first of those that did not come back yet."""
        with self._lock:
            return min(self._owed.values(), default=None)
