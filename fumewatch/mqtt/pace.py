"""How many bytes may wait in the socket before reading is worth a wake-up: pure.

Waiting for much saves CPU, unless the broker itself waits: it sends no more than its window of
un-acked messages. MQTT 5 lets us name the window, but the broker may keep a smaller one (10, 20 and
32 are common) and does not say so. It gives itself away in two steps: twice in a row the clock ends
our waiting at the very same count; then, when we wait for less, that is there at once, again and
again. A steady fleet may bring the same count twice, but then takes its time as before.
"""

from typing import Final

FLUSH_BYTES: Final = 128 << 10
FLUSH_S: Final = 0.5
"""Nothing waits longer than this, however little there is."""
_AT_ONCE_S: Final = 0.05
_PROOFS: Final = 3
_FIRST_GUESS: Final = 256  # bytes of a message with its header


class Pace:
    """Of one connection."""

    def __init__(self, most_unacked: int) -> None:
        self._most = most_unacked
        self._window = most_unacked
        self._message_bytes = float(_FIRST_GUESS)
        self._peak = 0
        self._is_suspicious = False
        self._proofs = 0

    @property
    def window(self) -> int:
        """How many un-acked messages the broker allows, as far as we have seen."""
        return self._window

    def note(self, count: int, size: int, unacked: int, *, waited: float, was_late: bool) -> None:
        """A read brought `count` messages in `size` bytes, `waited` seconds after the one before.

        `unacked` messages stand now. `was_late`: it was the clock that made us read, not enough
        bytes.
        """
        self._message_bytes += (size / count - self._message_bytes) / 8
        if unacked > self._window:
            self._window = self._most
        if was_late:
            self._is_suspicious = unacked == self._peak
            self._peak = unacked
            self._proofs = 0
        elif self._is_suspicious:
            is_at_once = waited < _AT_ONCE_S
            self._proofs += is_at_once
            if self._proofs == _PROOFS:
                self._window = max(self._peak, unacked)
            self._is_suspicious = is_at_once and self._proofs < _PROOFS

    def is_urgent(self, unacked: int) -> bool:
        """The broker is about to wait for acks."""
        return 2 * unacked >= self._assumed

    def low_water(self, unacked: int) -> int:
        """Bytes worth a wake-up: half of what the broker may still send, at most FLUSH_BYTES.

        A power of two, so that it seldom changes.
        """
        room = int((self._assumed - unacked) * self._message_bytes / 2)
        return min(1 << max(room, 1).bit_length() - 1, FLUSH_BYTES)

    @property
    def _assumed(self) -> int:
        return self._peak if self._is_suspicious else self._window
