"""A desk: one receiver's rows in hand and how it has fared. Shared by its threads and the loop."""

import queue
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from fumewatch.receivers import Receiver
from fumewatch.store.outbox import Claim

ROOM: Final = 16
"""Rows a desk takes at a time for each of its threads: soon sent, and few to release at a stop."""

SENDING: Final = timedelta(seconds=30)
"""What a send may take where its receiver has no time-out of its own."""

LONGEST_REST: Final = timedelta(minutes=15)
"""DeliverSettings.max_delay, which bounds what a receiver may ask for."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a receiver is served. parallel: sends under way at one time.

    most_per_minute: what is due beyond it is merged into one message; 0: nothing ever is. takes:
    the shape of what it is sent. That of machines is never merged. sending: longer than a send
    takes; should we die in one, the row waits until then.
    """

    parallel: int = 1
    most_per_minute: int = 0
    takes: Literal["transitions", "groups"] = "transitions"
    sending: timedelta = SENDING

    @property
    def merges(self) -> bool:
        return self.takes == "groups" and self.most_per_minute > 0


class Desk:
    def __init__(self, name: str, receiver: Receiver, terms: Terms) -> None:
        self.name = name
        self.receiver = receiver
        self.terms = terms
        self.lanes = terms.parallel
        self.inbox: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._leases: dict[int, datetime] = {}
        self._failures = 0
        self._resting_until: datetime | None = None
        self._throttled_until: datetime | None = None
        self._last_error = ""

    def room(self, now: datetime) -> int:
        """Rows it can take now; nothing until half of what it took is done, to claim in batches.

        Nor while a send overruns its lease: that row would be claimed, and sent, a second time.
        """
        with self._lock:
            most = ROOM * self.lanes
            is_busy = len(self._leases) > most // 2 or min(self._leases.values(), default=now) < now
            return 0 if is_busy or self._is_resting(now) else most - len(self._leases)

    def take(self, claim: Claim) -> None:
        with self._lock:
            self._leases[claim.id] = claim.claimed_until
        self.inbox.put(claim)

    def began(self, claim: Claim) -> None:
        """Its lease is that of a send now."""
        with self._lock:
            self._leases[claim.id] = claim.claimed_until

    def done(self, claim: Claim) -> bool:
        """One row less in hand; true where there is room for more."""
        with self._lock:
            self._leases.pop(claim.id, None)
            return len(self._leases) <= ROOM * self.lanes // 2

    def may_send(self, claim: Claim, now: datetime, lease: timedelta) -> bool:
        with self._lock:
            return not self._is_resting(now) and claim.claimed_until - now >= lease / 2

    def _is_resting(self, now: datetime) -> bool:
        """A rest that would be longer than any was begun by a clock that was set back since."""
        rests = (self._resting_until, self._throttled_until)
        return any(until and now < until <= now + LONGEST_REST for until in rests)

    def rest(self, until: datetime) -> None:
        """After a failure; the next success ends it."""
        with self._lock:
            self._resting_until = _later(self._resting_until, until)

    def throttle(self, until: datetime) -> None:
        """The receiver's own limit is used up: no success of another thread makes room."""
        with self._lock:
            self._throttled_until = _later(self._throttled_until, until)

    def worked(self) -> None:
        with self._lock:
            self._failures = 0
            self._resting_until = None

    def failed(self, detail: str) -> int:
        """How many failures in a row that makes."""
        with self._lock:
            self._failures += 1
            self._last_error = detail
            return self._failures

    @property
    def trouble(self) -> str:
        """What to show of a receiver that does not take anything, or nothing."""
        with self._lock:
            return f"{self.name}: {self._last_error}" if self._failures else ""

    def close(self) -> list[Claim]:
        """Let the threads end after the sends under way; the rows nobody has begun."""
        unsent = []
        while True:
            try:
                claim = self.inbox.get_nowait()
            except queue.Empty:
                break
            if claim is not None:
                unsent.append(claim)
        for _ in range(self.lanes):
            self.inbox.put(None)
        return unsent


def _later(before: datetime | None, until: datetime) -> datetime:
    is_longer = before is not None and until < before <= until + LONGEST_REST
    return before if before and is_longer else until
