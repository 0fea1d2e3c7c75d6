"""The dead man's message: somebody is told that a receiver's notifications do not get out.

A receiver is silent where notifications wait for it, or were refused, for so long, and it has taken
none in that time. Its silence is told once, again each `repeat` while it lasts, and its end once.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.notice import Body, Reason, notice

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-646561646d61")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is undelivered at a receiver: due, or failed since it took something.

    since: when the first of that was written; None: nothing is undelivered. sent_at: when it last
    took one; None: never. error: the last, "" where there was none. due_since: of those due alone.
    """

    receiver: str
    due: int
    failed: int
    since: datetime | None
    sent_at: datetime | None
    error: str = ""
    due_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What was last told of a receiver: silent since, or that it is over; and when."""

    since: datetime
    at: datetime
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """To be told of a receiver. `round`: 0 at first, then one more for each repetition."""

    waiting: Waiting
    since: datetime
    at: datetime
    is_over: bool = False
    round: int = 0

    @property
    def told(self) -> Told:
        return Told(self.since, self.at, self.is_over)


def silent_since(waiting: Waiting, now: datetime, after: timedelta) -> datetime | None:
    """Since when nothing reaches it that should; None while that is no longer than `after`."""
    if waiting.since is None:
        return None
    since = max(waiting.since, waiting.sent_at or waiting.since)
    return since if now - since >= after else None


def decide(
    waiting: Iterable[Waiting],
    told: Mapping[str, Told],
    now: datetime,
    after: timedelta,
    repeat: timedelta,
) -> Iterator[Word]:
    """`told` by receiver. What is told now is to be kept there as well."""
    for each in waiting:
        last, since = told.get(each.receiver), silent_since(each, now, after)
        is_known = last is not None and not last.is_over
        if since is None:
            if last is not None and is_known and each.sent_at and each.sent_at > last.since:
                yield Word(each, last.since, now, is_over=True)
        elif last is None or not is_known:
            yield Word(each, since, now)
        elif now - last.at >= repeat:
            yield Word(each, last.since, now, round=(now - last.since) // repeat)


def key_of(word: Word, to: str) -> uuid.UUID:
    """The same after a restart, so that nobody is told twice."""
    what = "over" if word.is_over else f"round {word.round}"
    return uuid.uuid5(_NAMESPACE, f"{word.waiting.receiver}/{to}/{word.since.isoformat()}/{what}")


def thread_of(receiver: str) -> uuid.UUID:
    """Of all that is told of a receiver: its end comes last."""
    return uuid.uuid5(_NAMESPACE, receiver)


def notice_of(word: Word, to: str, zone: ZoneInfo) -> Body:
    """For the receiver `to`. "about" and "since" are for us, to know after a restart."""
    body = notice(
        [],
        key=key_of(word, to),
        reason=Reason.DEAD_MAN,
        at=word.at,
        receiver=to,
        title=_over(word, zone) if word.is_over else _silent(word, zone),
    )
    return body | {
        "state": "resolved" if word.is_over else "firing",
        "severity": "info" if word.is_over else "critical",
        "about": word.waiting.receiver,
        "since": word.since.isoformat(),
    }


def told_by(body: Body) -> tuple[str, Told]:
    """The receiver that a notice is about and what it told of it."""
    since, at = datetime.fromisoformat(body["since"]), datetime.fromisoformat(body["at"])
    return body["about"], Told(since, at, body["state"] == "resolved")


def _silent(word: Word, zone: ZoneInfo) -> dict[str, str]:
    waiting, facts = word.waiting, _facts(word, zone)
    zh = "通知送不出去：“{name}”自 {since} 起没有收到任何通知".format_map(facts)
    en = "Notifications do not get out: {name} has taken none since {since}".format_map(facts)
    if waiting.due:
        zh, en = f"{zh}，{waiting.due} 条待发", f"{en}; {waiting.due} wait"
    if waiting.failed:
        zh, en = f"{zh}，{waiting.failed} 条失败", f"{en}; {waiting.failed} failed"
    if waiting.error:
        zh, en = f"{zh}。最近一次错误：{waiting.error}", f"{en}. Last error: {waiting.error}"
    return {"zh": zh, "en": en}


def _over(word: Word, zone: ZoneInfo) -> dict[str, str]:
    facts = _facts(word, zone)
    return {
        "zh": "通知恢复送达：“{name}”已能收到通知（中断自 {since} 起）".format_map(facts),
        "en": "Delivery works again: {name} takes notifications (it took none from {since} on)"
        .format_map(facts),
    }  # fmt: skip


def _facts(word: Word, zone: ZoneInfo) -> dict[str, str]:
    return {
        "name": word.waiting.receiver,
        "since": f"{word.since.astimezone(zone):%Y-%m-%d %H:%M}",
    }
