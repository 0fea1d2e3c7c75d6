"""A batch of messages, sorted and decoded: what is to be stored of it, nothing stored yet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import assert_never

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.columns import Horizon
from fumewatch.core.decode.decoded import Decoded
from fumewatch.core.decode.decoder import Decoder, decode_each
from fumewatch.core.device import Fact, Heartbeat, Reply
from fumewatch.core.errors import DecodeError, StoreRefused
from fumewatch.core.sources import STATUSES, Kind, Source, Sources
from fumewatch.core.topic import Key
from fumewatch.mqtt import TRUNCATED, Message
from fumewatch.store.dead_letters import CUT, DeadLetter


@dataclass(frozen=True, slots=True)
class Work:
    """What a batch comes to.

    senders  the monitors that readings are of; some of them perhaps of none
    sender   intp [n]: of each row of `decoded`, an index into senders
    told     facts, each with its monitor
    echoes   payloads of our own: nothing of them is stored
    """

    senders: Sequence[Source]
    sender: NDArray[np.intp]
    decoded: Decoded
    told: Sequence[tuple[Source, Fact]]
    letters: Sequence[DeadLetter]
    statuses: Sequence[tuple[Source, str]]
    echoes: Sequence[bytes] = ()

    @property
    def talkers(self) -> list[Source]:
        """The monitors that sent a status or a fact."""
        return [source for source, _ in (*self.statuses, *self.told)]

    def strangers(self) -> set[Key]:
        """Monitors to register: those without a number that sent something good."""
        talkers = self.talkers
        if any(source.number < 0 for source in self.senders):
            talkers += [self.senders[i] for i in set(self.sender.tolist())]
        return {source.key for source in talkers if source.number < 0}

    def monitors(self, numbers: Mapping[Key, int]) -> NDArray[np.int32]:
        """int32 [n]: the number of each row's monitor; `numbers` has those just registered."""
        if numbers:
            found = [number_of(source, numbers) for source in self.senders]
        else:
            found = [source.number for source in self.senders]
        return np.array(found, np.int32)[self.sender]


def number_of(source: Source, numbers: Mapping[Key, int]) -> int:
    """`numbers` has those just registered."""
    return source.number if source.number >= 0 else numbers.get(source.key, -1)


def sort(
    messages: Sequence[Message],
    sources: Sources,
    received_at: datetime,
    now: int,
    horizon: Horizon,
    came: Sequence[int] | None = None,
) -> Work:
    """Statuses, readings by the profile of their topic, and a letter for each message with a fault.

    `now` in µs UTC; `came[i]` is when message i came, where that was not now.
    """
    came = came or [now] * len(messages)
    origins = [sources[message[0]] for message in messages]
    letters: list[DeadLetter] = []
    statuses: list[tuple[Source, str]] = []
    echoes: list[bytes] = []
    kinds = {source.kind for source in origins}
    if kinds != {Kind.READING} or any(message[3] & TRUNCATED for message in messages):
        for message, source in zip(messages, origins, strict=True):
            _sort_other(message, source, received_at, letters, statuses)
            if source.kind is Kind.ECHO:
                echoes.append(message[1])
        kept = [
            i for i, pair in enumerate(zip(messages, origins, strict=True)) if _is_reading(*pair)
        ]
        messages, origins = [messages[i] for i in kept], [origins[i] for i in kept]
        came = [came[i] for i in kept]
    decoded = _decode(messages, origins, now, horizon, came)
    letters += _letters(messages, origins, decoded.faults, received_at)
    senders, sender = _senders(sources, origins, decoded)
    told = [(sources.of(origins[x.message], x.monitor), x.fact) for x in decoded.facts]
    return Work(senders, sender, decoded, told, letters, statuses, echoes)


def buried(message: Message, source: Source, error: Exception, received_at: datetime) -> Work:
    """The one message that cannot be taken, as work that consists of its dead letter."""
    kind = "store_refused" if isinstance(error, StoreRefused) else "internal_error"
    letter = _letter(message, source, DecodeError(kind, str(error)), received_at)
    letters = [] if source.kind is Kind.ECHO else [letter]
    nothing = Decoded.nothing()
    return Work([], nothing.message, nothing, [], letters, [])


def of_the_past(work: Work) -> Work:
    """Of a replay: readings and events have their own time; what has not says nothing of now."""
    told = [pair for pair in work.told if not isinstance(pair[1], Heartbeat | Reply)]
    return replace(work, statuses=[], told=told)


def _decode(
    messages: Sequence[Message],
    origins: Sequence[Source],
    now: int,
    horizon: Horizon,
    came: Sequence[int],
) -> Decoded:
    if not messages:
        return Decoded.nothing()
    return decode_each(
        [_decoder(source) for source in origins],
        [message[1] for message in messages],
        [source.code for source in origins],
        now,
        horizon,
        came,
    )


def _decoder(source: Source) -> Decoder:
    assert source.decoder is not None, "a reading's topic has one"
    return source.decoder


def _senders(
    sources: Sources, origins: Sequence[Source], decoded: Decoded
) -> tuple[Sequence[Source], NDArray[np.intp]]:
    """Whose the rows are: their topics' monitors, or those that the payloads name."""
    if decoded.monitors is None:
        return origins, decoded.message
    pairs = zip(decoded.message.tolist(), decoded.monitors, strict=True)
    senders = [sources.of(origins[message], code) for message, code in pairs]
    return senders, np.arange(len(senders))


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
            letters.append(_letter(message, source, DecodeError("too_large", CUT), received_at))
        case Kind.READING | Kind.ECHO:
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
    origins: Sequence[Source],
    faults: Iterable[tuple[int, DecodeError]],
    received_at: datetime,
) -> list[DeadLetter]:
    """One letter a message, however many of its elements are wrong: it holds the whole payload."""
    letters = []
    for index, group in groupby(faults, key=lambda fault: fault[0]):
        (_, first), *others = group
        more = f" (and {len(others)} more in this payload)" if others else ""
        fault = DecodeError(first.kind, first.detail + more, first.at)
        letters.append(_letter(messages[index], origins[index], fault, received_at))
    return letters


def _letter(
    message: Message, source: Source, fault: DecodeError, received_at: datetime
) -> DeadLetter:
    topic = message[0].decode("utf-8", "replace")
    return DeadLetter(received_at, topic, message[1], fault.kind, fault.detail, source.profile)
