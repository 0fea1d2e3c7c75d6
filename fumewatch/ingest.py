"""Ingest: MQTT messages in, committed readings out; the broker's ack comes last.

A batch goes: taken from the inbox, decoded, stored in one transaction (new monitors, readings, dead
letters, statuses), acked, and only then shown to the window and the roll-ups: of the readings, what
was really new. A kill at any line therefore costs nothing: what is not acked comes again, and the
key (monitor, measured_at) makes a second time harmless.

A dead letter whose replay is asked for goes the same way, and is settled in that transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, assert_never

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import metrics
from fumewatch.core.decode import Decoded, Horizon, decode
from fumewatch.core.errors import DecodeError, StoreRefused, StoreUnavailable
from fumewatch.core.merge import Added
from fumewatch.core.topic import Kind, Source, Sources
from fumewatch.mqtt import TRUNCATED, Message, Subscriber
from fumewatch.store import Database, dead_letters, monitors, readings
from fumewatch.store.dead_letters import CUT, DeadLetter, Due
from fumewatch.store.readings import Newest

log = structlog.get_logger()

STATUSES: Final = (b"online", b"offline")
REPLAY_LETTERS: Final = 500
REPLAY_BYTES: Final = 4 << 20
"""What one replay takes at most: messages wait meanwhile."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages a transaction, how far ahead a monitor's clock may be, how old a reading may be."""

    max_batch: int
    future_tolerance: timedelta
    keep: timedelta


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch brought: `added` has only what no earlier message had."""

    added: Added
    registered: int
    statuses: tuple[tuple[int, str], ...]

    @staticmethod
    def joined(first: "Stored", second: "Stored") -> "Stored":
        return Stored(
            Added.concatenate([first.added, second.added]),
            first.registered + second.registered,
            first.statuses + second.statuses,
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A batch decoded and sorted, nothing of it stored yet. `decoded.message` indexes `sources`."""

    sources: list[Source]
    decoded: Decoded
    letters: list[DeadLetter]
    statuses: list[tuple[Source, str]]


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
    ) -> None:
        self._database = database
        self._subscriber = subscriber
        self._sources = sources
        self._limits = limits
        self._now = now
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
        metrics.MESSAGES.inc(len(batch.messages))
        return stored

    def _persist(self, messages: Sequence[Message]) -> Stored:
        """Store the batch; where that cannot be, ever, halve it to find the culprit.

        Whatever the culprit brings about, a mistake of ours included, it must not block the others.
        """
        received_at = self._later()
        try:
            stored = self._store(self._sort(messages, received_at), received_at)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(messages) > 1:
                middle = len(messages) // 2
                first = self._persist(messages[:middle])
                return Stored.joined(first, self._persist(messages[middle:]))
            stored = self._store(_buried(messages[0], error, received_at), received_at)
        self.received_at = received_at
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
            work = _of_the_past(self._sort(messages, received_at))
            stored = self._store(work, received_at, due)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(due) > 1:
                middle = len(due) // 2
                first = self._replay(due[:middle])
                return Stored.joined(first, self._replay(due[middle:]))
            work = _buried(messages[0], error, received_at)
            stored = self._store(work, received_at, due)
        self.received_at = received_at
        _count_replays(due, work, stored)
        return stored

    def _sort(self, messages: Sequence[Message], received_at: datetime) -> Work:
        sources = [self._sources[message[0]] for message in messages]
        letters: list[DeadLetter] = []
        statuses: list[tuple[Source, str]] = []
        kinds = {source.kind for source in sources}
        if kinds != {Kind.READING} or any(message[3] & TRUNCATED for message in messages):
            pairs = list(zip(messages, sources, strict=True))
            for message, source in pairs:
                _sort_other(message, source, received_at, letters, statuses)
            pairs = [pair for pair in pairs if _is_reading(*pair)]
            messages, sources = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        now = self._now()  # received_at may be ahead of it: the clock may have been set back
        decoded = decode(
            [message[1] for message in messages],
            [source.code for source in sources],
            _us(now),
            Horizon(_us(now - self._limits.keep), _us(now + self._limits.future_tolerance)),
        )
        letters += _letters(messages, decoded.faults, received_at)
        return Work(sources, decoded, letters, statuses)

    def _store(self, work: Work, received_at: datetime, due: Sequence[Due] = ()) -> Stored:
        """`due`: the letters that the work is a replay of. Those are settled, and none is added."""
        strangers = _strangers(work)
        with self._database.transaction() as conn:
            numbers = monitors.register(conn, strangers) if strangers else {}
            ids = _ids(work.sources, numbers)
            added = readings.add(conn, work.decoded.readings(ids), received_at, self._newest)
            statuses = tuple((_number(source, numbers), word) for source, word in work.statuses)
            if not due:
                dead_letters.add(conn, work.letters)
            if statuses:
                monitors.set_status(conn, [(*status, received_at) for status in statuses])
            if due:
                dead_letters.settle(conn, due, work.letters, received_at)
        _remember(work, numbers)
        _count(work, added, () if due else work.letters)
        return Stored(added, len(numbers), statuses)


def _is_reading(message: Message, source: Source) -> bool:
    return source.kind is Kind.READING and not message[3] & TRUNCATED


def _sort_other(
    message: Message,
    source: Source,
    received_at: datetime,
    letters: list[DeadLetter],
    statuses: list[tuple[Source, str]],
) -> None:
    """A message that is no reading goes where it belongs; a cleared status says nothing."""
    payload = message[1]
    match source.kind:
        case Kind.READING | Kind.STRANGE if message[3] & TRUNCATED:
            letters.append(_letter(message, DecodeError("too_large", CUT), received_at))
        case Kind.READING:
            pass
        case Kind.STATUS if payload in STATUSES:
            statuses.append((source, payload.decode()))
        case Kind.STATUS if payload:
            detail = f"a status is online or offline, not {payload[:40]!r}"
            letters.append(_letter(message, DecodeError("bad_status", detail), received_at))
        case Kind.STATUS:
            pass
        case Kind.STRANGE:
            detail = "the topic does not name a monitor as the configured filters tell"
            letters.append(_letter(message, DecodeError("bad_topic", detail), received_at))
        case _:
            assert_never(source.kind)


def _letters(
    messages: Sequence[Message], faults: Iterable[tuple[int, DecodeError]], received_at: datetime
) -> list[DeadLetter]:
    """One letter a message, however many of its elements are wrong: it holds the whole payload."""
    letters = []
    for index, group in groupby(faults, key=lambda fault: fault[0]):
        (_, first), *others = group
        more = f" (and {len(others)} more in this payload)" if others else ""
        fault = DecodeError(first.kind, first.detail + more, first.at)
        letters.append(_letter(messages[index], fault, received_at))
    return letters


def _letter(message: Message, fault: DecodeError, received_at: datetime) -> DeadLetter:
    topic = message[0].decode("utf-8", "replace")
    return DeadLetter(received_at, topic, message[1], fault.kind, fault.detail)


def _buried(message: Message, error: Exception, received_at: datetime) -> Work:
    """The one message that cannot be taken, as work that consists of its dead letter."""
    is_refusal = isinstance(error, StoreRefused)
    log.error(
        "message set aside", topic=message[0][:120], error=str(error), exc_info=not is_refusal
    )
    fault = DecodeError("store_refused" if is_refusal else "internal_error", str(error))
    letter = _letter(message, fault, received_at)
    nothing = decode([], [], 0, Horizon(0, 0))
    return Work([], nothing, [letter], [])


def _strangers(work: Work) -> set[tuple[str, str]]:
    """Monitors to register: those without a number that sent something good."""
    talkers = [source for source, _ in work.statuses]
    if any(source.number < 0 for source in work.sources):
        talkers += [work.sources[i] for i in set(work.decoded.message.tolist())]
    return {source.key for source in talkers if source.number < 0}


def _ids(sources: Sequence[Source], numbers: Mapping[tuple[str, str], int]) -> NDArray[np.int32]:
    if numbers:
        return np.array([_number(source, numbers) for source in sources], np.int32)
    return np.array([source.number for source in sources], np.int32)


def _number(source: Source, numbers: Mapping[tuple[str, str], int]) -> int:
    return source.number if source.number >= 0 else numbers.get(source.key, -1)


def _remember(work: Work, numbers: Mapping[tuple[str, str], int]) -> None:
    """Only after the commit: a number from a transaction that failed does not exist."""
    if numbers:
        for source in (*work.sources, *[source for source, _ in work.statuses]):
            source.number = _number(source, numbers)


def _count(work: Work, added: Added, letters: Iterable[DeadLetter]) -> None:
    metrics.READINGS.labels("new").inc(len(added))
    metrics.READINGS.labels("repeated").inc(len(work.decoded) - len(added))
    for letter in letters:
        metrics.DEAD_LETTERS.labels(letter.kind, letter.profile).inc()


def _message(letter: Due) -> Message:
    """A letter as the message that it was."""
    return letter.topic.encode(), letter.payload, 0, TRUNCATED if letter.is_cut else 0


def _of_the_past(work: Work) -> Work:
    """Readings have their own time; a status has not, and an old one says nothing of now."""
    return replace(work, statuses=[])


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
