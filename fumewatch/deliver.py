"""Deliver: due outbox rows out to their receivers, at least once, each receiver at its own pace.

One loop claims rows under a lease and hands them to the desks of their receivers; a desk's threads
send them one by one, outside of any transaction, and settle each: sent, due again later, or failed
for good. A kill between sending and settling lets the lease run out, and the row is sent again with
the same key. The claim sees to it that a later notification of an alert waits for an earlier one.
"""

import queue
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from fumewatch import metrics
from fumewatch.core.duration import show
from fumewatch.core.errors import SendError, StoreRefused, StoreUnavailable
from fumewatch.health import Health
from fumewatch.receivers import Receiver, as_answer
from fumewatch.store import Database, outbox
from fumewatch.store.outbox import Claim, Outcome

log = structlog.get_logger()

ROOM: Final = 16
"""Rows a desk takes at a time for each of its threads: soon sent, and few to release at a stop."""
STORE_AWAY: Final = timedelta(seconds=2)
"""Between two tries while the database is away."""


@dataclass(frozen=True, slots=True)
class DeliverSettings:
    """`lease`: after a crash, rows in hand wait for so long; no send starts in its second half.

    `last_sends`: what sends under way get to end in after a stop.
    """

    poll: timedelta = timedelta(seconds=1)
    lease: timedelta = timedelta(minutes=1)
    first_delay: timedelta = timedelta(seconds=2)
    max_delay: timedelta = timedelta(minutes=15)
    longest_rest: timedelta = timedelta(seconds=30)
    give_up_after: timedelta = timedelta(hours=24)
    sweep_every: timedelta = timedelta(minutes=1)
    last_sends: timedelta = timedelta(seconds=5)


def decide(
    claim: Claim, error: SendError, now: datetime, jitter: float, settings: DeliverSettings
) -> Outcome:
    """What becomes of a row that was not taken: due again, or failed for good.

    Exponential back-off with full jitter, so that receivers which come back are not hit by all at
    once; never sooner than the receiver asked. `jitter` is in [0, 1).
    """
    if error.permanent:
        return Outcome(claim, "failed", error.detail)
    ceiling = min(settings.max_delay, settings.first_delay * (1 << min(claim.attempts, 20)))
    due_at = now + max(ceiling * jitter, error.retry_after or timedelta(0))
    if due_at - claim.created_at > settings.give_up_after:
        detail = f"gave up after {show(settings.give_up_after)}: {error.detail}"
        return Outcome(claim, "failed", detail)
    return Outcome(claim, "due", error.detail, due_at)


def rest_for(
    error: SendError, failures: int, jitter: float, settings: DeliverSettings
) -> timedelta:
    """How long the whole receiver is left alone after so many failures in a row (1 or more)."""
    ceiling = min(settings.longest_rest, timedelta(seconds=1) * (1 << min(failures - 1, 20)))
    asked = min(error.retry_after or timedelta(0), settings.max_delay)
    return max(ceiling * (0.5 + jitter / 2), asked)


class Deliverer:
    """`parallel`: how many sends may be under way to a receiver at one time (default 1)."""

    def __init__(
        self,
        database: Database,
        receivers: Mapping[str, Receiver],
        parallel: Mapping[str, int],
        now: Callable[[], datetime],
        health: Health,
        *,
        jitter: Callable[[], float] = random.random,
        settings: DeliverSettings = DeliverSettings(),
    ) -> None:
        self._database = database
        self._now = now
        self._health = health
        self._jitter = jitter
        self._settings = settings
        self._desks = {
            name: _Desk(name, receiver, parallel.get(name, 1))
            for name, receiver in receivers.items()
        }
        self._swept_at: datetime | None = None
        self._is_away = False

    def run(self, stop: threading.Event, wake: threading.Event) -> None:
        """Deliver until `stop`; `wake` says that rows were written, or that the stop has come.

        After the stop, sends under way get `last_sends` to end; rows not begun are released.
        """
        threads = [
            threading.Thread(
                target=self._work, args=(desk, stop, wake), name=f"deliver-{desk.name}", daemon=True
            )
            for desk in self._desks.values()
            for _ in range(desk.lanes)
        ]
        for thread in threads:
            thread.start()
        while not stop.is_set():
            wake.clear()
            wake.wait(self._round().total_seconds())
        self._close(threads)

    def _round(self) -> timedelta:
        """Claim what is due and hand it out; how long to wait for the next round."""
        now = self._now()
        try:
            claims = self._claim(now)
        except (StoreUnavailable, StoreRefused) as error:
            self._store_away(error)
            return STORE_AWAY
        except Exception as error:  # our fault; to go on is better than to be silent for good
            log.exception("claiming failed")
            self._health.down("deliver", repr(error))
            return STORE_AWAY
        self._store_back()
        for claim in claims:
            self._desks[claim.receiver].take(claim)
        return self._settings.poll

    def _claim(self, now: datetime) -> list[Claim]:
        room = {name: desk.room(now) for name, desk in self._desks.items()}
        is_sweep_due = self._swept_at is None or now - self._swept_at >= self._settings.sweep_every
        with self._database.transaction() as conn:
            unknown = outbox.fail_unknown(conn, self._desks, now) if is_sweep_due else []
            claims = outbox.claim(conn, room, now, self._settings.lease)
        if is_sweep_due:
            self._swept_at = now
            _tell_unknown(unknown)
        return claims

    def _work(self, desk: "_Desk", stop: threading.Event, wake: threading.Event) -> None:
        """A desk's thread: ends when it is handed None."""
        while (claim := desk.inbox.get()) is not None:
            try:
                if stop.is_set() or not desk.may_send(claim, self._now(), self._settings.lease):
                    self._release([claim])
                else:
                    self._settle(self._send(desk, claim), stop)
            except Exception:  # a desk without its thread would be silent for good
                log.exception("delivery failed", receiver=desk.name, outbox=claim.id)
            if desk.done(claim):
                wake.set()

    def _send(self, desk: "_Desk", claim: Claim) -> Outcome:
        try:
            answer = desk.receiver.send(claim.body, claim.idempotency_key)
        except SendError as error:
            return self._refused(desk, claim, error)
        except Exception as error:
            log.exception("receiver broke", receiver=desk.name, outbox=claim.id)
            return self._refused(desk, claim, SendError(as_answer(repr(error)), permanent=False))
        desk.worked()
        return Outcome(claim, "sent", as_answer(answer))

    def _refused(self, desk: "_Desk", claim: Claim, error: SendError) -> Outcome:
        now = self._now()
        if not error.permanent:
            failures = desk.failed(error.detail)
            desk.rest(now + rest_for(error, failures, self._jitter(), self._settings))
        return decide(claim, error, now, self._jitter(), self._settings)

    def _settle(self, outcome: Outcome, stop: threading.Event) -> None:
        """Keep trying while the database is away: the row was sent, and need not be sent twice."""
        claim = outcome.claim
        while True:
            try:
                with self._database.transaction() as conn:
                    settled = outbox.settle(conn, [outcome], self._now())
            except StoreUnavailable as error:
                self._store_away(error)
                if stop.wait(STORE_AWAY.total_seconds()):
                    return
            else:
                break
        if claim.id not in settled:
            log.warning("lease lost, may be sent twice", receiver=claim.receiver, outbox=claim.id)
        _tell(outcome)

    def _release(self, claims: list[Claim]) -> None:
        """Give rows back unsent. Where that cannot be, their leases run out all the same."""
        if not claims or self._is_away:
            return
        try:
            with self._database.transaction() as conn:
                outbox.release(conn, claims)
        except (StoreUnavailable, StoreRefused) as error:
            self._store_away(error)

    def _close(self, threads: list[threading.Thread]) -> None:
        self._release([claim for desk in self._desks.values() for claim in desk.close()])
        deadline = time.monotonic() + self._settings.last_sends.total_seconds()
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for thread in threads:
            if thread.is_alive():
                log.warning("send cut off, will be sent again", thread=thread.name)
        self._health.down("deliver", "stopped")

    def _store_away(self, error: Exception) -> None:
        self._health.down("deliver", str(error))
        if not self._is_away:
            self._is_away = True
            log.warning("database away, notifications wait", error=str(error))

    def _store_back(self) -> None:
        self._health.up("deliver", "; ".join(d.trouble for d in self._desks.values() if d.trouble))
        if self._is_away:
            self._is_away = False
            log.info("database back, notifications go out")


class _Desk:
    """One receiver's rows in hand and how it has fared. Shared by its threads and the loop."""

    def __init__(self, name: str, receiver: Receiver, lanes: int) -> None:
        self.name = name
        self.receiver = receiver
        self.lanes = lanes
        self.inbox: queue.SimpleQueue[Claim | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._leases: dict[int, datetime] = {}
        self._failures = 0
        self._resting_until: datetime | None = None
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

    def done(self, claim: Claim) -> bool:
        """One row less in hand; true where there is room for more."""
        with self._lock:
            self._leases.pop(claim.id, None)
            return len(self._leases) <= ROOM * self.lanes // 2

    def may_send(self, claim: Claim, now: datetime, lease: timedelta) -> bool:
        with self._lock:
            return not self._is_resting(now) and claim.claimed_until - now >= lease / 2

    def _is_resting(self, now: datetime) -> bool:
        return self._resting_until is not None and now < self._resting_until

    def rest(self, until: datetime) -> None:
        with self._lock:
            self._resting_until = max(self._resting_until or until, until)

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


def _tell(outcome: Outcome) -> None:
    word = "retry" if outcome.state == "due" else outcome.state
    claim = outcome.claim
    metrics.NOTIFICATIONS.labels(claim.receiver, word).inc()
    fields = {
        "receiver": claim.receiver,
        "outbox": claim.id,
        "attempt": claim.attempts + 1,
        "answer": outcome.answer,
    }
    match outcome.state:
        case "sent":
            log.info("notification sent", **fields)
        case "due":
            log.warning("notification put off", **fields, due_at=outcome.due_at)
        case "failed":
            log.error("notification failed", **fields)


def _tell_unknown(rows: list[tuple[int, str]]) -> None:
    for row, receiver in rows:
        metrics.NOTIFICATIONS.labels(receiver, "failed").inc()
        log.error("notification failed", receiver=receiver, outbox=row, answer="not configured")
