"""Ingest: MQTT messages in, committed readings out; the broker's ack comes last.

A batch goes: taken from the inbox, decoded, stored in one transaction (new monitors, readings, dead
letters, statuses, what devices tell besides), answered where a device asks for it, acked, and only
then shown to the window and the roll-ups: of the readings, what was really new. A kill at any line
therefore costs nothing: what is not acked comes again, and the key (monitor, measured_at) makes a
second time harmless.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final, assert_never

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import metrics
from fumewatch.core.decode.columns import Horizon
from fumewatch.core.decode.decoded import Decoded
from fumewatch.core.decode.decoder import Decoder, decode_each
from fumewatch.core.device import DeviceAggregate, DeviceEvent, Fact, Heartbeat, Reply
from fumewatch.core.errors import DecodeError, StoreRefused, StoreUnavailable
from fumewatch.core.merge import Added
from fumewatch.core.sources import Kind, Source, Sources
from fumewatch.core.topic import fill
from fumewatch.mqtt import TRUNCATED, Message, Subscriber
from fumewatch.store import Database, dead_letters, devices, monitors, readings
from fumewatch.store.dead_letters import DeadLetter
from fumewatch.store.readings import Newest

log = structlog.get_logger()

STATUSES: Final = (b"online", b"offline")


@dataclass(frozen=True, slots=True)
class Limits:
    """Messages a transaction, how far ahead a monitor's clock may be, how old a reading may be."""

    max_batch: int
    future_tolerance: timedelta
    keep: timedelta


@dataclass(frozen=True, slots=True)
class Stored:
    """What a batch brought: `added` has only what no earlier message had.

    `heartbeats`: int32, the ids of the monitors that said that they are alive.
    """

    added: Added
    registered: int
    statuses: tuple[tuple[int, str], ...]
    heartbeats: NDArray[np.int32]

    @staticmethod
    def joined(first: "Stored", second: "Stored") -> "Stored":
        return Stored(
            Added.concatenate([first.added, second.added]),
            first.registered + second.registered,
            first.statuses + second.statuses,
            np.concatenate([first.heartbeats, second.heartbeats]),
        )


@dataclass(frozen=True, slots=True)
class Work:
    """A batch decoded and sorted, nothing of it stored yet.

    senders  the monitors that readings and facts are of, some perhaps of none
    sender   intp [n]: of each row of `decoded`, an index into senders
    told     facts, each with its sender
    """

    senders: list[Source]
    sender: NDArray[np.intp]
    decoded: Decoded
    told: list[tuple[Source, Fact]]
    letters: list[DeadLetter]
    statuses: list[tuple[Source, str]]


class Ingest:
    """Owned by one loop: not safe for threads. `received_at` starts at the store's mark."""

    def __init__(
        self,
        database: Database,
        subscriber: Subscriber,
        sources: Sources,
        limits: Limits,
        now: Callable[[], datetime],
        received_at: datetime | None,
        post: Callable[[str, bytes], bool],
    ) -> None:
        """`post(topic, payload)` publishes without waiting; False where it cannot just now."""
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
        received_at = max(self._now(), self.received_at + timedelta(microseconds=1))
        try:
            stored = self._store(self._sort(messages, received_at), received_at)
        except StoreUnavailable:
            raise
        except Exception as error:
            if len(messages) > 1:
                middle = len(messages) // 2
                first = self._persist(messages[:middle])
                return Stored.joined(first, self._persist(messages[middle:]))
            source = self._sources[messages[0][0]]
            stored = self._store(_buried(messages[0], source, error, received_at), received_at)
        self.received_at = received_at
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
        decoded = _decode(
            messages,
            sources,
            _us(now),
            Horizon(_us(now - self._limits.keep), _us(now + self._limits.future_tolerance)),
        )
        letters += _letters(messages, sources, decoded.faults, received_at)
        senders, sender = self._senders(sources, decoded)
        told = [
            (self._sources.of(sources[told.message], told.monitor), told.fact)
            for told in decoded.facts
        ]
        return Work(senders, sender, decoded, told, letters, statuses)

    def _senders(
        self, sources: list[Source], decoded: Decoded
    ) -> tuple[list[Source], NDArray[np.intp]]:
        """Whose the rows are: their topics' monitors, or those that the payloads name."""
        if decoded.monitors is None:
            return sources, decoded.message
        pairs = zip(decoded.message.tolist(), decoded.monitors, strict=True)
        senders = [self._sources.of(sources[message], code) for message, code in pairs]
        return senders, np.arange(len(senders))

    def _store(self, work: Work, received_at: datetime) -> Stored:
        strangers = _strangers(work)
        with self._database.transaction() as conn:
            numbers = monitors.register(conn, strangers) if strangers else {}
            rows = work.decoded.readings_of(_ids(work.senders, numbers)[work.sender])
            added = readings.add(conn, rows, received_at, self._newest)
            told = [(_number(source, numbers), fact) for source, fact in work.told]
            if told:
                devices.add(conn, _stored(told), received_at)
            statuses = tuple((_number(source, numbers), word) for source, word in work.statuses)
            if work.letters:
                dead_letters.add(conn, work.letters)
            if statuses:
                monitors.set_status(conn, [(*status, received_at) for status in statuses])
        _remember(work, numbers)
        _count(work, added)
        self._answer(work.told)
        heartbeats = [number for number, fact in told if isinstance(fact, Heartbeat)]
        return Stored(added, len(numbers), statuses, np.array(heartbeats, np.int32))

    def _answer(self, told: Sequence[tuple[Source, Fact]]) -> None:
        """Only after the commit; a device that hears nothing sends again, which is harmless."""
        for source, fact in told:
            if isinstance(fact, Reply) and source.decoder is not None:
                topic = fill(source.decoder.profile.downlink, source.district, source.code)
                is_posted = topic is not None and self._post(topic, fact.frame)
                metrics.REPLIES.labels("posted" if is_posted else "dropped").inc()


def _decode(
    messages: Sequence[Message], sources: Sequence[Source], now: int, horizon: Horizon
) -> Decoded:
    if not messages:
        return Decoded.nothing()
    return decode_each(
        [_decoder(source) for source in sources],
        [message[1] for message in messages],
        [source.code for source in sources],
        now,
        horizon,
    )


def _decoder(source: Source) -> Decoder:
    assert source.decoder is not None, "a reading's topic has one"
    return source.decoder


def _stored(
    told: Sequence[tuple[int, Fact]],
) -> list[tuple[int, DeviceEvent | DeviceAggregate | Heartbeat]]:
    return [(number, fact) for number, fact in told if not isinstance(fact, Reply)]


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
        case Kind.READING if message[3] & TRUNCATED:
            detail = "longer than max_message of [mqtt]; only its beginning is kept"
            letters.append(_letter(message, source, DecodeError("too_large", detail), received_at))
        case Kind.READING:
            pass
        case Kind.STATUS if payload in STATUSES:
            statuses.append((source, payload.decode()))
        case Kind.STATUS if payload:
            detail = f"a status is online or offline, not {payload[:40]!r}"
            letters.append(_letter(message, source, DecodeError("bad_status", detail), received_at))
        case Kind.STATUS:
            pass
        case Kind.STRANGE:
            detail = "the topic does not name a monitor as the configured filters tell"
            letters.append(_letter(message, source, DecodeError("bad_topic", detail), received_at))
        case _:
            assert_never(source.kind)


def _letters(
    messages: Sequence[Message],
    sources: Sequence[Source],
    faults: Iterable[tuple[int, DecodeError]],
    received_at: datetime,
) -> list[DeadLetter]:
    """One letter a message, however many of its elements are wrong: it holds the whole payload."""
    letters = []
    for index, group in groupby(faults, key=lambda fault: fault[0]):
        (_, first), *others = group
        more = f" (and {len(others)} more in this payload)" if others else ""
        fault = DecodeError(first.kind, first.detail + more, first.at)
        letters.append(_letter(messages[index], sources[index], fault, received_at))
    return letters


def _letter(
    message: Message, source: Source, fault: DecodeError, received_at: datetime
) -> DeadLetter:
    topic = message[0].decode("utf-8", "replace")
    return DeadLetter(
        received_at, topic, message[1], fault.kind, fault.detail, profile=source.profile
    )


def _buried(message: Message, source: Source, error: Exception, received_at: datetime) -> Work:
    """The one message that cannot be taken, as work that consists of its dead letter."""
    is_refusal = isinstance(error, StoreRefused)
    log.error(
        "message set aside", topic=message[0][:120], error=str(error), exc_info=not is_refusal
    )
    fault = DecodeError("store_refused" if is_refusal else "internal_error", str(error))
    letter = _letter(message, source, fault, received_at)
    nothing = Decoded.nothing()
    return Work([], nothing.message, nothing, [], [letter], [])


def _strangers(work: Work) -> set[tuple[str, str]]:
    """Monitors to register: those without a number that sent something good."""
    talkers = [source for source, _ in (*work.statuses, *work.told)]
    if any(source.number < 0 for source in work.senders):
        talkers += [work.senders[i] for i in set(work.sender.tolist())]
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
        talkers = [source for source, _ in (*work.statuses, *work.told)]
        for source in (*work.senders, *talkers):
            source.number = _number(source, numbers)


def _count(work: Work, added: Added) -> None:
    metrics.READINGS.labels("new").inc(len(added))
    metrics.READINGS.labels("repeated").inc(len(work.decoded) - len(added))
    for letter in work.letters:
        metrics.DEAD_LETTERS.labels(letter.profile, letter.kind).inc()
    for (profile, oddity), count in work.decoded.oddities.items():
        metrics.ODDITIES.labels(profile, oddity).inc(count)


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
