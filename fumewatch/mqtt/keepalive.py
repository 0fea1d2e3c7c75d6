"""When to ping the broker and when to give it up: pure.

paho's own watch takes a PINGRESP that we did not read for one that did not come. Ours knows whether
we listen: while the inbox is full the socket is left alone, and the broker is not blamed for it.
"""

from enum import Enum
from typing import Final

_EARLY: Final = 0.75  # of the interval: the broker counts from the ping's arrival
_LATE: Final = 1.5


class Step(Enum):
    REST = "rest"
    PING = "ping"
    GIVE_UP = "give up"


class Keepalive:
    """All times are seconds of one monotonic clock."""

    def __init__(self, interval: float, now: float) -> None:
        self.interval = interval
        self._sent = now
        self._heard = now
        self._pinged = now - interval

    def sent(self, now: float) -> None:
        self._sent = now

    def heard(self, now: float) -> None:
        """Something came, or we were not listening."""
        self._heard = now

    def step(self, now: float) -> Step:
        """What to do now; after PING the caller has pinged."""
        if now - self._heard >= _LATE * self.interval:
            return Step.GIVE_UP
        early = _EARLY * self.interval
        is_quiet = now - min(self._sent, self._heard) >= early
        if is_quiet and now - self._pinged >= early:
            self._pinged = self._sent = now
            return Step.PING
        return Step.REST
