"""What becomes of a row that was not taken."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fumewatch.core.errors import SendError
from fumewatch.deliver import DeliverSettings, decide, rest_for
from fumewatch.store.outbox import Claim

CREATED = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""When the row of the tables below was written; it is an hour later."""
THEN = CREATED + timedelta(hours=1)


def a_claim(**overrides: Any) -> Claim:
    return Claim(
        **{
            "id": 1,
            "idempotency_key": uuid.UUID(int=1),
            "receiver": "duty",
            "body": {},
            "attempts": 0,
            "created_at": CREATED,
            "claimed_until": THEN + timedelta(minutes=3),
            **overrides,
        }
    )


@pytest.mark.parametrize(
    ("attempts", "jitter", "retry_after", "wait"),
    [
        (0, 1.0, None, timedelta(seconds=2)),
        (1, 1.0, None, timedelta(seconds=4)),
        (5, 1.0, None, timedelta(seconds=64)),
        (9, 1.0, None, timedelta(minutes=15)),
        (10_000, 1.0, None, timedelta(minutes=15)),
        (5, 0.5, None, timedelta(seconds=32)),  # full jitter: anything from nothing on
        (5, 0.0, None, timedelta(0)),
        (5, 0.0, timedelta(seconds=30), timedelta(seconds=30)),  # never sooner than asked
        (5, 1.0, timedelta(seconds=30), timedelta(seconds=64)),
        (0, 1.0, timedelta(hours=2), timedelta(hours=2)),
    ],
)
def test_how_long_a_row_waits(
    attempts: int, jitter: float, retry_after: timedelta | None, wait: timedelta
) -> None:
    error = SendError("503", permanent=False, retry_after=retry_after)
    outcome = decide(a_claim(attempts=attempts), error, THEN, jitter, DeliverSettings())

    assert (outcome.state, outcome.answer) == ("due", "503")
    assert outcome.due_at == THEN + wait


@pytest.mark.parametrize(
    ("age", "error", "answer"),
    [
        (timedelta(0), SendError("400", permanent=True), "400"),
        (timedelta(hours=24), SendError("503", permanent=False), "gave up after 1d: 503"),
        (
            timedelta(hours=20),
            SendError("429", permanent=False, retry_after=timedelta(hours=5)),
            "gave up after 1d: 429",
        ),
    ],
)
def test_when_a_row_has_failed(age: timedelta, error: SendError, answer: str) -> None:
    outcome = decide(a_claim(), error, CREATED + age, 0.5, DeliverSettings())

    assert (outcome.state, outcome.answer, outcome.due_at) == ("failed", answer, None)


@pytest.mark.parametrize(
    ("failures", "jitter", "retry_after", "rest"),
    [
        (1, 0.0, None, timedelta(seconds=0.5)),
        (1, 1.0, None, timedelta(seconds=1)),
        (3, 1.0, None, timedelta(seconds=4)),
        (100, 1.0, None, timedelta(seconds=30)),
        (1, 1.0, timedelta(minutes=2), timedelta(minutes=2)),
        (1, 1.0, timedelta(hours=9), timedelta(minutes=15)),
    ],
)
def test_how_long_a_receiver_rests(
    failures: int, jitter: float, retry_after: timedelta | None, rest: timedelta
) -> None:
    error = SendError("503", permanent=False, retry_after=retry_after)

    assert rest_for(error, failures, jitter, DeliverSettings()) == rest
