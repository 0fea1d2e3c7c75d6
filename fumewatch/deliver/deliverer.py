"""The deliverer: the loop that claims, the threads that send and settle."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from fumewatch.core.errors import SendError, StoreRefused, StoreUnavailable, Throttled
from fumewatch.deliver import tell
from fumewatch.deliver.decide import USUAL, DeliverSettings, decide, rest_for
from fumewatch.deliver.desk import Desk, Terms
from fumewatch.deliver.watch import NOBODY, DeadMan, Watch
from fumewatch.health import Health
from fumewatch.receivers import Receiver, as_answer
from fumewatch.store import Connection, Database, outbox, storm
from fumewatch.store.outbox import Claim, Outcome

log = structlog.get_logger()

STORE_AWAY: Final = timedelta(seconds=2)
"""Between two tries while the database is away."""


class Deliverer:
    """`terms` by receiver; one that has none is served on the usual ones."""

    def __init__(
        self,
        database: Database,
        receivers: Mapping[str, Receiver],
        terms: Mapping[str, Terms],
        now: Callable[[], datetime],
        health: Health,
        *,
        jitter: Callable[[], float] = random.random,
        settings: DeliverSettings = USUAL,
        dead_man: DeadMan = NOBODY,
        leads: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        """`leads`: whether we lead now (store.leader.Leader.leads); who does not changes nothing
        any more but what it has under way. Its successor's configuration may be another one."""
        self._database = database
        self._leads = leads
        self._now = now
        self._health = health
        self._jitter = jitter
        self._settings = settings
        self._desks = {
            name: Desk(name, receiver, terms.get(name, Terms()))
            for name, receiver in receivers.items()
        }
        self._watch = Watch(
            {name: desk.terms for name, desk in self._desks.items()}, dead_man, settings.watch_every
        )
        self._swept_at: datetime | None = None
        self._is_away = False
        self._has_begun = False

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
            self._health.beat("deliver")
            wake.clear()
            wake.wait(self._round().total_seconds())
        self._health.rest("deliver")
        self._close(threads)

    def works(self) -> bool:
        """The store answers, and no receiver waits in vain. From any thread."""
        return self._has_begun and not self._is_away and not self._watch.is_silent()

    def _round(self) -> timedelta:
        """Claim what is due and hand it out; how long to wait for the next round."""
        now = self._now()
        try:
            self._try_merge(now)
            self._claim(now)
            self._look(now)
        except (StoreUnavailable, StoreRefused) as error:
            self._store_away(error)
            return STORE_AWAY
        except Exception as error:  # our fault; to go on is better than to be silent for good
            log.exception("claiming failed")
            self._health.down("deliver", repr(error))
            return STORE_AWAY
        self._store_back(now)
        return self._settings.poll

    def _try_merge(self, now: datetime) -> None:
        """A crowd that cannot be merged goes out one by one, and stops nobody else."""
        try:
            self._merge(now)
        except StoreUnavailable:
            raise
        except Exception:
            log.exception("merging failed")

    def _merge(self, now: datetime) -> None:
        """Of what is beyond a receiver's pace make one message, where one could go out now."""
        most = {
            name: desk.terms.most_per_minute
            for name, desk in self._desks.items()
            if desk.terms.merges and desk.room(now)
        }
        if not most:
            return
        with self._database.transaction() as conn:
            crowds = storm.crowds(conn, most, now) if self._leads(conn) else []
            storms = [made for crowd in crowds if (made := storm.merge(conn, crowd, now))]
        tell.storms(storms)

    def _claim(self, now: datetime) -> None:
        room = {name: desk.room(now) for name, desk in self._desks.items()}
        since = now - self._swept_at if self._swept_at else self._settings.sweep_every
        is_sweep_due = not timedelta(0) <= since < self._settings.sweep_every
        with self._database.transaction() as conn:
            if not self._leads(conn):
                return
            if is_sweep_due:
                outbox.hasten(conn, now)
            unknown = outbox.fail_unknown(conn, self._desks, now) if is_sweep_due else []
            has_room = any(room.values())
            claims = outbox.claim(conn, room, now, self._settings.lease) if has_room else []
        for claim in claims:
            self._desks[claim.receiver].take(claim)
        if is_sweep_due:
            self._swept_at = now
            tell.unknown(unknown)

    def _look(self, now: datetime) -> None:
        with self._database.transaction() as conn:
            seen = self._watch.look(conn, now) if self._leads(conn) else None
        if seen is not None:
            self._watch.keep(seen, now)

    def _work(self, desk: Desk, stop: threading.Event, wake: threading.Event) -> None:
        """A desk's thread: ends when it is handed None."""
        while (claim := desk.inbox.get()) is not None:
            self._health.beat("send")
            try:
                self._serve(desk, claim, stop)
            except Exception:  # a desk without its thread would be silent for good
                log.exception("delivery failed", receiver=desk.name, outbox=claim.id)
            self._health.rest("send")
            if desk.done(claim):
                wake.set()

    def _serve(self, desk: Desk, claim: Claim, stop: threading.Event) -> None:
        if stop.is_set() or not desk.may_send(claim, self._now(), self._settings.lease):
            self._release([claim])
        elif (begun := self._begin(desk, claim, stop)) is not None:
            if (outcome := self._send(desk, begun)) is not None:
                self._settle(outcome, stop)
            else:
                self._release([begun])

    def _begin(self, desk: Desk, claim: Claim, stop: threading.Event) -> Claim | None:
        """None: it is another's by now, or the stop came while the database was away."""
        while True:
            try:
                with self._database.transaction() as conn:
                    begun = outbox.begin(conn, claim, self._now(), desk.terms.sending)
            except StoreUnavailable as error:
                self._store_away(error)
                if stop.wait(STORE_AWAY.total_seconds()):
                    return None
            else:
                break
        if begun is None:
            log.info("notification left to another", receiver=desk.name, outbox=claim.id)
        else:
            desk.began(begun)
        return begun

    def _send(self, desk: Desk, claim: Claim) -> Outcome | None:
        """None: it was not tried, and is due as before."""
        try:
            answer = desk.receiver.send(claim.body, claim.idempotency_key)
        except Throttled as error:
            self._throttled(desk, error)
            return None
        except SendError as error:
            return self._refused(desk, claim, error)
        except Exception as error:
            log.exception("receiver broke", receiver=desk.name, outbox=claim.id)
            return self._refused(desk, claim, SendError(as_answer(repr(error)), permanent=False))
        desk.worked()
        return Outcome(claim, "sent", as_answer(answer))

    def _throttled(self, desk: Desk, error: Throttled) -> None:
        asked = error.retry_after or self._settings.poll
        desk.throttle(self._now() + min(asked, self._settings.max_delay))
        log.debug("receiver rests", receiver=desk.name, seconds=asked.total_seconds())

    def _refused(self, desk: Desk, claim: Claim, error: SendError) -> Outcome:
        now = self._now()
        if not error.permanent:
            failures = desk.failed(error.detail)
            desk.rest(now + rest_for(error, failures, self._jitter(), self._settings))
        return decide(claim, error, now, self._jitter(), self._settings)

    def _settle(self, outcome: Outcome, stop: threading.Event) -> None:
        """Keep trying while the database is away: the row was sent, and need not be sent twice."""
        claim = outcome.claim
        while True:
            self._health.beat("send")
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
        tell.outcome(outcome, self._now())

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
        tell.stopped()
        self._health.down("deliver", "stopped")

    def _store_away(self, error: Exception) -> None:
        self._health.down("deliver", str(error))
        if not self._is_away:
            self._is_away = True
            log.warning("database away, notifications wait", error=str(error))

    def _store_back(self, now: datetime) -> None:
        troubles = [desk.trouble for desk in self._desks.values() if desk.trouble]
        self._health.up("deliver", "; ".join([*self._watch.troubles(now), *troubles]))
        self._has_begun = True
        if self._is_away:
            self._is_away = False
            log.info("database back, notifications go out")
