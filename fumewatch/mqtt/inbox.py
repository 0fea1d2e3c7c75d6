"""The inbox: messages received and not yet stored, bounded, between two threads."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from fumewatch.mqtt.frames import Message

MOST_MESSAGES: Final = 50_000
"""With what one read may bring on top (15,420 of the smallest) this stays under 65,535: beyond it
the broker uses packet ids again, and an ack would be for the wrong message."""
MOST_BYTES: Final = 64 << 20
BATCH_BYTES: Final = 8 << 20
"""A batch ends here, or with the message that goes beyond: decoding costs many times as much."""
LINGER_S: Final = 0.05
"""How long `take` waits for a full batch once the first message is there."""
_RESUME: Final = 0.8  # of the limits, so that reading does not stop and start for each ack


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages in the order of their coming, all of one connection (`generation`)."""

    generation: int
    messages: list[Message]
    size: int = 0
    """What the inbox counts for them, in bytes."""


@dataclass(frozen=True, slots=True)
class Filling:
    """How full an inbox is. `messages`, `bytes`: received and not yet stored. `unacked`: of these,
    the ones that the broker waits for."""

    messages: int
    bytes: int
    unacked: int
    most_messages: int
    most_bytes: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    generation: int
    messages: list[Message]
    size: int
    came_at: float

    def split(self, count: int) -> "tuple[_Chunk, _Chunk]":
        size = self.size * count // len(self.messages)
        return (
            _Chunk(self.generation, self.messages[:count], size, self.came_at),
            _Chunk(self.generation, self.messages[count:], self.size - size, self.came_at),
        )


class Inbox:
    """Safe from any thread. A message counts until it is released, not merely until it is taken."""

    def __init__(
        self,
        most: int = MOST_MESSAGES,
        most_bytes: int = MOST_BYTES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 1 <= most <= MOST_MESSAGES:
            raise ValueError(f"an inbox holds 1 to {MOST_MESSAGES} messages, not {most}")
        self._most = most
        self._most_bytes = most_bytes
        self._monotonic = monotonic
        self._changed = threading.Condition()
        self._chunks: deque[_Chunk] = deque()
        self._generation = 0
        self._waiting = 0  # messages in _chunks
        self._held = 0  # messages and bytes that count
        self._held_bytes = 0
        self._unacked = 0  # messages of this generation not yet released
        self._enough = 1  # `take` sleeps until so many wait
        self._is_urgent = False
        self._is_full = False
        self._is_closed = False

    @property
    def generation(self) -> int:
        return self._generation

    @property
    def held(self) -> int:
        return self._held

    @property
    def unacked(self) -> int:
        return self._unacked

    def filling(self) -> Filling:
        with self._changed:
            return Filling(
                self._held, self._held_bytes, self._unacked, self._most, self._most_bytes
            )

    def has_room(self) -> bool:
        """False from a limit reached until a good part of it is free again."""
        with self._changed:
            self._is_full = self._share() >= (_RESUME if self._is_full else 1)
            return not self._is_full

    def _share(self) -> float:
        return max(self._held / self._most, self._held_bytes / self._most_bytes)

    def open(self) -> int:
        """A new connection begins; its generation. What was taken before can no longer be acked.

        What still waits stays, to be stored: a broker that was killed may know us and not that any
        more. Where it does send it again, the second time is harmless.
        """
        with self._changed:
            self._generation += 1
            self._held = self._waiting
            self._held_bytes = sum(chunk.size for chunk in self._chunks)
            self._unacked = 0
            return self._generation

    def put(self, messages: list[Message], size: int, *, is_urgent: bool = False) -> None:
        """`size` in bytes. `is_urgent`: the broker waits for acks, so `take` must not linger."""
        with self._changed:
            now = self._monotonic()
            self._chunks.append(_Chunk(self._generation, messages, size, now))
            self._waiting += len(messages)
            self._held += len(messages)
            self._held_bytes += size
            self._unacked += len(messages)
            self._is_urgent = is_urgent or self._share() >= 1
            if self._is_urgent or self._waiting >= self._enough:
                self._changed.notify()

    def take(self, limit: int, timeout: float, linger: float = LINGER_S) -> Batch | None:
        """Up to `limit` messages of one connection, of BATCH_BYTES or a little more; None if none
        came within `timeout` seconds.

        Once there is one, wait at most `linger` more seconds for the batch to fill.
        """
        with self._changed:
            if not self._wait(1, timeout):
                return None
            age = self._monotonic() - self._chunks[0].came_at
            if not self._is_urgent and linger > age:
                self._wait(limit, linger - age)
            return self._collect(limit) if self._chunks else None

    def _wait(self, enough: int, timeout: float) -> bool:
        self._enough = enough
        try:
            self._changed.wait_for(
                lambda: self._waiting >= enough or self._is_closed or self._is_lingering_in_vain(),
                timeout,
            )
        finally:
            self._enough = 1
        return self._waiting > 0

    def _is_lingering_in_vain(self) -> bool:
        return self._is_urgent and self._waiting > 0

    def _collect(self, limit: int) -> Batch:
        generation = self._chunks[0].generation
        messages: list[Message] = []
        size = 0
        while self._chunks and len(messages) < limit and size < BATCH_BYTES:
            if self._chunks[0].generation != generation:
                break
            chunk = self._chunks.popleft()
            if len(messages) + len(chunk.messages) > limit:
                chunk, rest = chunk.split(limit - len(messages))
                self._chunks.appendleft(rest)
            messages += chunk.messages
            size += chunk.size
            self._waiting -= len(chunk.messages)
            if generation < self._generation:  # nobody will release it
                self._held -= len(chunk.messages)
                self._held_bytes -= chunk.size
        return Batch(generation, messages, size)

    def release(self, batch: Batch) -> bool:
        """The batch is stored. False if its connection is gone: its packet ids mean nothing now."""
        with self._changed:
            if batch.generation != self._generation:
                return False
            self._held -= len(batch.messages)
            self._held_bytes -= batch.size
            self._unacked -= len(batch.messages)
            return True

    def close(self) -> None:
        """Wake `take` for good."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
