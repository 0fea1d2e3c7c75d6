"""Ingest: MQTT messages in, committed readings out; the broker's ack comes last.

A batch goes: taken from the inbox, decoded, stored in one transaction (new monitors, readings, dead
letters, statuses, what devices tell besides), answered where a device asks for it, acked, and only
then shown to the window and the roll-ups: of the readings, what was really new. A kill at any line
therefore costs nothing: what is not acked comes again, and the key (monitor, measured_at) makes a
second time harmless.

A dead letter whose replay is asked for goes the same way, and is settled in that transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import metrics
from fumewatch.config import Config
from fumewatch.core.decode.columns import Horizon
from fumewatch.core.device import Fact, Heartbeat, Reply
from fumewatch.core.errors import Deposed, StoreRefused, StoreUnavailable
from fumewatch.core.merge import Added
from fumewatch.core.sources import Source, Sources
from fumewatch.core.topic import Key, fill
from fumewatch.ingest.work import Work, buried, number_of, of_the_past, sort
from fumewatch.mqtt import TRUNCATED, Message, Subscriber
from fumewatch.store import Connection, Database, dead_letters, devices, monitors, readings
from fumewatch.store.dead_letters import DeadLetter, Due
from fumewatch.store.readings import Newest

__all__ = ["Ingest", "Limits", "Stored"]

log = structlog.get_logger()

REPLAY_LETTERS: Final = 500
REPLAY_BYTES: Final = 4 << 20
"""What one replay takes at most: messages wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages a transaction, how far ahead a monitor's clock may be, how old a reading may be."""

    max_batch: int
    future_tolerance: timedelta
    keep: timedelta

    @classmethod
    def of(cls, config: Config) -> Self:
        wanted = config.ingest
        return cls(wanted.max_batch, wanted.future_tolerance, config.retention.readings)


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch brought: `added` has only what no earlier message had.

    `heartbeats`: int32, the ids of the monitors that said that they are alive. `echoes`: of a
    daemon, not of monitors.
    """

    added: Added
    registered: int
    statuses: tuple[tuple[int, str], ...]
    heartbeats: NDArray[np.int32]
    echoes: tuple[bytes, ...] = ()

    @staticmethod
    def joined(first: "Stored", second: "Stored") -> "Stored":
        return Stored(
            Added.concatenate([first.added, second.added]),
            first.registered + second.registered,
            first.statuses + second.statuses,
            np.concatenate([first.heartbeats, second.heartbeats]),
            first.echoes + second.echoes,
        )


class Ingest:
    """Owned by one loop: not safe for threads. `received_at` starts at the store's mark.

    Without a subscriber it can only replay.
    """

    def __init__(
        self,
        database: Database,
        subscriber: Subscriber | None,
        sources: Sources,
        limits: Limits,
        now: Callable[[], datetime],
        received_at: datetime | None,
        post: Callable[[str, bytes], bool],
        may_store: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        """`post(topic, payload)` publishes without waiting; False where it cannot just now.

        may_store: whether a transaction is a leader's (store.leader.Leader.may_store); Deposed is
        raised where it is not.
        """
        self._may_store = may_store
        self._database = database
        self._subscriber = subscriber
        self._sources = sources
        self._limits = limits
        self._now = now
        self._post = post
        self._newest = Newest()
        self.received_at = received_at or datetime.fromtimestamp(0, UTC)
        """Of the last batch stored; each batch's is later than the one before."""

    def step(self, timeout: float) -> Stored | None:
        """Take one batch all the way; None where none came within `timeout` seconds.

        StoreUnavailable leaves it unknown what was stored: nothing is acked then, and window and
        roll-ups must be built anew from the store.
        """
        assert self._subscriber is not None, "nobody to take messages from"
        batch = self._subscriber.take(self._limits.max_batch, timeout)
        metrics.INBOX.set(self._subscriber.depth)
        if batch is None:
            return None
        with metrics.COMMIT_SECONDS.time():
            stored = self._persist(batch.messages)
        self._subscriber.ack(batch)
        metrics.MESSAGES.inc(len(batch.messages) - len(stored.echoes))
        return stored

    def _persist(self, messages: Sequence[Message]) -> Stored:
        """Store the batch; where that cannot be, ever, halve it to find the culprit.

        Whatever the culprit brings about, a mistake of ours included, it must not block the others.
        """
        received_at = self._later()
        try:
            work = self._sort(messages, received_at)
            stored = self._store(work, received_at)
        except (StoreUnavailable, Deposed):
            raise
        except Exception as error:
            if len(messages) > 1:
                middle = len(messages) // 2
                first = self._persist(messages[:middle])
                return Stored.joined(first, self._persist(messages[middle:]))
            work = self._bury(messages[0], error, received_at)
            stored = self._store(work, received_at)
        self.received_at = received_at
        self._answer(work.told)
        return stored

    def _later(self) -> datetime:
        """Now, or right after the last batch where the clock is behind it."""
        return max(self._now(), self.received_at + timedelta(microseconds=1))

    def replay(self) -> Stored | None:
        """Take some dead letters whose replay is asked for the way of messages; None: none is.

        What is now good of a letter is stored in any case; with all of it good the letter is
        replayed for good, else it stays open with the reason of now.
        """
        with self._database.transaction() as conn:
            due = dead_letters.due(conn, REPLAY_LETTERS, REPLAY_BYTES)
        return self._replay(due) if due else None

    def _replay(self, due: Sequence[Due]) -> Stored:
        """As `_persist`, with letters: the one that cannot be stored stays where it is."""
        messages = [_message(letter) for letter in due]
        received_at = self._later()
        try:
            came = [_us(letter.received_at) for letter in due]
            work = of_the_past(self._sort(messages, received_at, came))
            stored = self._store(work, received_at, due)
        except (StoreUnavailable, Deposed):
            raise
        except Exception as error:
            if len(due) > 1:
                middle = len(due) // 2
                first = self._replay(due[:middle])
                return Stored.joined(first, self._replay(due[middle:]))
            work = self._bury(messages[0], error, received_at)
            stored = self._store(work, received_at, due)
        self.received_at = received_at
        _count_replays(due, work, stored)
        return stored

    def _sort(
        self,
        messages: Sequence[Message],
        received_at: datetime,
        came: Sequence[int] | None = None,
    ) -> Work:
        now = self._now()  # received_at may be ahead of it: the clock may have been set back
        horizon = Horizon(_us(now - self._limits.keep), _us(now + self._limits.future_tolerance))
        return sort(messages, self._sources, received_at, _us(now), horizon, came)

    def _bury(self, message: Message, error: Exception, received_at: datetime) -> Work:
        is_refusal = isinstance(error, StoreRefused)
        log.error(
            "message set aside", topic=message[0][:120], error=str(error), exc_info=not is_refusal
        )
        return buried(message, self._sources[message[0]], error, received_at)

    def _store(self, work: Work, received_at: datetime, due: Sequence[Due] = ()) -> Stored:
        """`due`: the letters that the work is a replay of. Those are settled, and none is added."""
        strangers = work.strangers()
        with self._database.transaction() as conn:
            if not self._may_store(conn):
                raise Deposed
            numbers = monitors.register(conn, strangers) if strangers else {}
            rows = work.decoded.readings_of(work.monitors(numbers))
            added = readings.add(conn, rows, received_at, self._newest)
            told = [
                (number_of(source, numbers), fact)
                for source, fact in work.told
                if not isinstance(fact, Reply)
            ]
            devices.add(conn, told, received_at)
            statuses = tuple((number_of(source, numbers), word) for source, word in work.statuses)
            monitors.set_status(conn, [(*status, received_at) for status in statuses])
            if due:
                dead_letters.settle(conn, due, work.letters, received_at)
            else:
                dead_letters.add(conn, work.letters)
        _remember(work, numbers)
        _count(work, added, () if due else work.letters)
        return Stored(added, len(numbers), statuses, _alive(told), tuple(work.echoes))

    def _answer(self, told: Iterable[tuple[Source, Fact]]) -> None:
        """Only after the commit; a device that hears nothing sends again, which is harmless.

        For want of an answer nothing that is stored may count as lost.
        """
        for source, fact in told:
            if isinstance(fact, Reply):
                try:
                    topic = fill(fact.topic, source.district, source.code)
                    is_posted = topic is not None and self._post(topic, fact.frame)
                except Exception:
                    log.exception("answer not posted", monitor=source.code)
                    is_posted = False
                metrics.REPLIES.labels("posted" if is_posted else "dropped").inc()


def _alive(told: Iterable[tuple[int, object]]) -> NDArray[np.int32]:
    found = sorted({number for number, fact in told if isinstance(fact, Heartbeat)})
    return np.array(found, np.int32)


def _remember(work: Work, numbers: Mapping[Key, int]) -> None:
    """Only after the commit: a number from a transaction that failed does not exist."""
    if numbers:
        for source in (*work.senders, *work.talkers):
            source.number = number_of(source, numbers)


def _count(work: Work, added: Added, letters: Iterable[DeadLetter]) -> None:
    metrics.READINGS.labels("new").inc(len(added))
    metrics.READINGS.labels("repeated").inc(len(work.decoded) - len(added))
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.profile, letter.kind).inc()
    for (profile, oddity), count in work.decoded.oddities.items():
        metrics.ODDITIES.labels(profile, oddity).inc(count)


def _message(letter: Due) -> Message:
    """A letter as the message that it was."""
    return letter.topic.encode(), letter.payload, 0, TRUNCATED if letter.is_cut else 0


def _count_replays(due: Sequence[Due], work: Work, stored: Stored) -> None:
    dead = {(letter.topic, letter.payload) for letter in work.letters}
    still_dead = sum((letter.topic, letter.payload) in dead for letter in due)
    replayed = len(due) - still_dead
    metrics.REPLAYS.labels("replayed").inc(replayed)
    metrics.REPLAYS.labels("still_dead").inc(still_dead)
    log.info(
        "dead letters replayed", replayed=replayed, still_dead=still_dead, new=len(stored.added)
    )


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
