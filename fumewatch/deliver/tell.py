"""What delivery says of itself in the log and the metrics."""

from collections.abc import Iterable
from datetime import datetime

import structlog

from fumewatch import metrics
from fumewatch.core.dead_man import Waiting, Word
from fumewatch.store.outbox import Outcome
from fumewatch.store.storm import Storm

log = structlog.get_logger()


def outcome(outcome: Outcome, now: datetime) -> None:
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
            seconds = (now - claim.created_at).total_seconds()
            metrics.DELIVERY_SECONDS.labels(claim.receiver).observe(seconds)
            log.info("notification sent", **fields)
        case "due":
            log.warning("notification put off", **fields, due_at=outcome.due_at)
        case "failed":
            log.error("notification failed", **fields)


def unknown(rows: Iterable[tuple[int, str]]) -> None:
    for row, receiver in rows:
        metrics.NOTIFICATIONS.labels(receiver, "failed").inc()
        log.error("notification failed", receiver=receiver, outbox=row, answer="not configured")


def storms(storms: Iterable[Storm]) -> None:
    for storm in storms:
        metrics.NOTIFICATIONS.labels(storm.receiver, "merged").inc(storm.merged)
        log.warning(
            "storm merged",
            receiver=storm.receiver,
            addressee=storm.addressee,
            notifications=storm.merged,
            outbox=storm.id,
        )


def words(words: Iterable[Word]) -> None:
    for word in words:
        fields = {"receiver": word.waiting.receiver, "since": word.since}
        if word.is_over:
            log.info("delivery works again", **fields)
        else:
            waiting = word.waiting
            log.error(
                "nothing delivered", **fields, due=waiting.due, failed=waiting.failed,
                answer=waiting.error,
            )  # fmt: skip


def waiting(waiting: Iterable[Waiting], silent: Iterable[str], now: datetime) -> None:
    for each in waiting:
        age = (now - each.due_since).total_seconds() if each.due_since else 0.0
        metrics.OUTBOX_DUE.labels(each.receiver).set(each.due)
        metrics.OUTBOX_OLDEST_DUE.labels(each.receiver).set(max(age, 0.0))
        metrics.RECEIVER_UP.labels(each.receiver).set(each.receiver not in silent)


def stopped() -> None:
    """Others deliver now, or other receivers are served: what was measured is of the past."""
    for gauge in (metrics.OUTBOX_DUE, metrics.OUTBOX_OLDEST_DUE, metrics.RECEIVER_UP):
        gauge.clear()
