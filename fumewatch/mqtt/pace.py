"""How many bytes may wait in the socket before reading is worth a wake-up: pure.

Waiting for much saves CPU, unless the broker itself waits: it sends no more than its window of
un-acked messages. MQTT 5 lets us name the window, but the broker may keep a smaller one (20 and 32
are common) and never says so. It shows when reading ends, time after time, at the very same count.
"""

from typing import Final

FLUSH_BYTES: Final = 64 << 10
FLUSH_S: Final = 0.2
"""Nothing waits longer than this, however little there is."""
_WITNESSES: Final = 3
_FIRST_GUESS: Final = 256  # bytes of a message with its header


class Pace:
    def __init__(self, most_unacked: int) -> None:
        self._most = most_unacked
        self._window = most_unacked
        self._message_bytes = float(_FIRST_GUESS)
        self._peak = 0
        self._witnesses = 0

    @property
    def window(self) -> int:
        """How many un-acked messages the broker allows, as far as we have seen."""
        return self._window

    def note(self, count: int, size: int, unacked: int, *, was_late: bool) -> None:
        """A read brought `count` messages in `size` bytes, and `unacked` of them stand now.

        `was_late`: it was the clock that made us read, not enough bytes.
        """
        self._message_bytes += (size / count - self._message_bytes) / 8
        if unacked > self._window:
            self._window = self._most
        if not was_late:
            return
        self._witnesses = self._witnesses + 1 if unacked == self._peak else 1
        self._peak = unacked
        if self._witnesses >= _WITNESSES:
            self._window = unacked

    def is_urgent(self, unacked: int) -> bool:
        """The broker is about to wait for acks."""
        return 2 * unacked >= self._window

    def low_water(self, unacked: int) -> int:
        """Bytes worth a wake-up: half of what the broker may still send, at most FLUSH_BYTES.

        A power of two, so that it seldom changes.
        """
        room = int((self._window - unacked) * self._message_bytes / 2)
        return min(1 << max(room, 1).bit_length() - 1, FLUSH_BYTES)
