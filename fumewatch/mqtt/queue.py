"""What the broker holds for us, by its own figures: pure.

mosquitto tells them as retained messages under $SYS/broker, every `sys_interval` (10 s). What they
mean was tried with mosquitto 2.0.11, a persistent session away, and publishers at QoS 1:

- `store/messages/count` has each message once, in however many queues it waits; beside the queues
  it has retained messages, those of $SYS itself included (78 in an empty broker), and what is on
  its way to clients that have not acked it: it falls at the ack, not when the message is sent.
- `store/messages/bytes` are payloads only; `heap/current` grew by 500 bytes for one of 200.
- `retained messages/count` are the retained ones. With a status for each monitor that is a fleet.
- With `max_queued_messages` reached the publisher still gets its PUBACK, "success": the newest are
  dropped. Only `publish/messages/dropped` tells, by one for each message and each queue it was
  meant for. Dropped for a slow client of QoS 0 counts there as well.
- Topics that nobody subscribes to leave no trace.

So what is held for us is at most store less retained, and just that where nobody else has a
persistent session; a status that is both retained and queued is not counted.
Brokers of another make have no such figures: nothing is known then, and nothing is wrong.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_AT: Final = "$SYS/broker/"
TOPICS: Final = {
    f"{_AT}store/messages/count": "stored",
    f"{_AT}store/messages/bytes": "bytes",
    f"{_AT}retained messages/count": "retained",
    f"{_AT}publish/messages/dropped": "dropped",
    f"{_AT}clients/connected": "clients",
    f"{_AT}version": "version",
    f"{_AT}uptime": "uptime",
}
NOTICE_AT: Final = 0.5
WARN_AT: Final = 0.8
_SLACK: Final = 0.05
"""So far below its mark a level ends, so that it does not come and go."""
_SAMPLE_S: Final = 5.0
_LOOK_BACK_S: Final = 120.0
_SHORTEST_LOOK_S: Final = 15.0
DROPPING_S: Final = 600.0
"""So long after the last message was dropped we speak of it in the present tense."""
NOT_TOLD: Final = (
    "the broker does not tell ($SYS): it is not mosquitto, its sys_interval is 0, or an access list"
    " keeps it from us; grant our user: topic read $SYS/broker/#"
)


class Level(StrEnum):
    UNKNOWN = "unknown"
    EASY = "easy"
    NOTICE = "notice"
    WARNING = "warning"
    DROPPING = "dropping"

    @property
    def rank(self) -> int:
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Pressure:
    """How near the broker's queue is to its limit. None: not known.

    `messages`: held, see above. `most`: the limit, 0 where none is known. `seconds_left`: until it
    is full, at the pace of the last two minutes; None also where it does not fill. `dropped`: since
    we look, of all clients.
    """

    level: Level
    detail: str
    most: int
    messages: int | None = None
    bytes: int | None = None
    share: float | None = None
    seconds_left: float | None = None
    dropped: int = 0
    clients: int | None = None
    version: str = ""
    uptime: str = ""


def unknown(why: str, most: int, dropped: int = 0) -> Pressure:
    return Pressure(Level.UNKNOWN, f"unknown: {why}", most, dropped=dropped)


class Queue:
    """What was told so far, and how it moves. All times are seconds of one monotonic clock."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._figures: dict[str, str] = {}
        self._samples: deque[tuple[float, int]] = deque()
        self._level = Level.UNKNOWN
        self._dropped = 0
        self._dropped_at: float | None = None

    def forget(self) -> None:
        """The connection is gone; a broker that restarts counts from the beginning."""
        self._figures.clear()
        self._samples.clear()

    def hear(self, topic: str, payload: bytes, now: float) -> None:
        """A message of one of TOPICS."""
        if (name := TOPICS.get(topic)) is None:
            return
        before = _number(self._figures.get(name))
        self._figures[name] = payload[:80].decode("utf-8", "replace")
        after = _number(self._figures[name])
        if name == "dropped" and before is not None and after is not None and after > before:
            self._dropped += after - before
            self._dropped_at = now

    def judge(self, now: float) -> Pressure:
        stored = _number(self._figures.get("stored"))
        if stored is None:
            self._level = Level.UNKNOWN
            return unknown(NOT_TOLD, self._most, self._dropped)
        held = max(0, stored - (_number(self._figures.get("retained")) or 0))
        self._sample(now, held)
        share = held / self._most if self._most else None
        left = self._seconds_left(held)
        is_dropping = self._dropped_at is not None and now - self._dropped_at < DROPPING_S
        self._level = Level.DROPPING if is_dropping else level_of(share, self._level)
        return Pressure(
            self._level,
            _say(held, self._most, share, left, self._dropped if is_dropping else 0),
            self._most,
            held,
            _number(self._figures.get("bytes")),
            share,
            left,
            self._dropped,
            _number(self._figures.get("clients")),
            self._figures.get("version", ""),
            self._figures.get("uptime", ""),
        )

    def _sample(self, now: float, held: int) -> None:
        if not self._samples or now - self._samples[-1][0] >= _SAMPLE_S:
            self._samples.append((now, held))
        while now - self._samples[0][0] > _LOOK_BACK_S:
            self._samples.popleft()

    def _seconds_left(self, held: int) -> float | None:
        (began, first), (ended, last) = self._samples[0], self._samples[-1]
        if not self._most or last <= first or ended - began < _SHORTEST_LOOK_S:
            return None
        return max(0, self._most - held) * (ended - began) / (last - first)


def level_of(share: float | None, before: Level) -> Level:
    """`share` of the limit, None where there is no limit."""
    for level, mark in ((Level.WARNING, WARN_AT), (Level.NOTICE, NOTICE_AT)):
        is_in_it = level.rank <= before.rank <= Level.WARNING.rank
        if share is not None and share >= mark - is_in_it * _SLACK:
            return level
    return Level.EASY


def _say(held: int, most: int, share: float | None, left: float | None, dropped: int) -> str:
    if share is None:
        said = f"{held:,} messages, no limit known"
    else:
        said = f"{held:,} of {most:,} messages, {share:.0%}"
    if left is not None:
        said += f", full in {lasting(left)} at this pace"
    if dropped:
        said += f"; the broker has dropped {dropped:,} messages, ours or those of another client"
    return said


def lasting(seconds: float) -> str:
    """Roughly.

    >>> lasting(5400)
    '1.5 h'
    """
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            amount = seconds / size
            return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:.0f} {unit}"
    return f"{seconds:.0f} s"


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
