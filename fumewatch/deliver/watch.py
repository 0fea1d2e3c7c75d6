"""Watching that what is due gets out; telling others where it does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.dead_man import (
    Told,
    Word,
    decide,
    key_of,
    notice_of,
    silent_since,
    thread_of,
)
from fumewatch.core.duration import show
from fumewatch.core.notice import Reason
from fumewatch.deliver import tell
from fumewatch.deliver.desk import Terms
from fumewatch.store import Connection, delivery, outbox
from fumewatch.store.outbox import Notification

REMEMBERED: Final = timedelta(days=8)
"""More than the longest `repeat`."""


@dataclass(frozen=True, slots=True)
class DeadMan:
    """Who is told that a receiver has taken nothing `after` so long; nobody: log and health do."""

    receivers: tuple[str, ...] = ()
    after: timedelta = timedelta(minutes=15)
    repeat: timedelta = timedelta(hours=4)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


NOBODY: Final = DeadMan()


@dataclass(frozen=True, slots=True)
class Seen:
    """`silent`: by receiver, since when it has taken nothing of what waits for it."""

    silent: Mapping[str, datetime]
    words: Sequence[Word]


class Watch:
    """Of the deliverer's loop alone."""

    def __init__(self, terms: Mapping[str, Terms], dead_man: DeadMan, every: timedelta) -> None:
        self._terms = terms
        self._dead_man = dead_man
        self._every = every
        self._told: dict[str, Told] | None = None
        self._looked_at = datetime.min.replace(tzinfo=UTC)
        self._silent: Mapping[str, datetime] = {}

    def look(self, conn: Connection, now: datetime) -> Seen | None:
        """Write what is to be told, in this transaction; None where it is not time yet.

        `keep` it once that is committed.
        """
        if timedelta(0) <= now - self._looked_at < self._every:
            return None
        told = delivery.told(conn, now - REMEMBERED) if self._told is None else self._told
        found = delivery.waiting(conn, list(self._terms), now)
        after, repeat = self._dead_man.after, self._dead_man.repeat
        words = list(decide(found, told, now, after, repeat))
        outbox.add(conn, [each for word in words for each in self._notifications(word)])
        silent = {
            each.receiver: since for each in found if (since := silent_since(each, now, after))
        }
        tell.waiting(found, silent, now)
        self._told = told
        return Seen(silent, words)

    def keep(self, seen: Seen, now: datetime) -> None:
        self._looked_at = now
        self._silent = seen.silent
        told = {word.waiting.receiver: word.told for word in seen.words}
        self._told = (self._told or {}) | told
        tell.words(seen.words)

    def is_silent(self) -> bool:
        return bool(self._silent)

    def troubles(self, now: datetime) -> list[str]:
        return [
            f"{name}: nothing delivered for {show(_minutes(now - since))}"
            for name, since in self._silent.items()
        ]

    def _notifications(self, word: Word) -> list[Notification]:
        about = word.waiting.receiver
        return [
            self._notification(word, name)
            for name in self._dead_man.receivers
            if name != about and name in self._terms
        ]

    def _notification(self, word: Word, to: str) -> Notification:
        return Notification(
            key_of(word, to),
            to,
            thread_of(word.waiting.receiver),
            notice_of(word, to, self._dead_man.zone),
            word.at,
            reason=Reason.DEAD_MAN,
        )


def _minutes(duration: timedelta) -> timedelta:
    return duration - duration % timedelta(minutes=1)
