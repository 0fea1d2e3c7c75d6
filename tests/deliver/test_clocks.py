"""A clock that is set back: nothing waits until it has caught up."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest

from fumewatch.core.alert import State
from fumewatch.deliver.desk import Desk, Terms
from tests.deliver.build import Outbox, Remote, now
from tests.deliver.conftest import Running

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SOON, HOUR = timedelta(seconds=30), timedelta(hours=1)


@pytest.mark.parametrize("kind", ["rest", "throttle"])
def test_a_rest_ends_where_the_clock_is_set_back(kind: str) -> None:
    desk = Desk("duty", Remote(), Terms())
    rest = getattr(desk, kind)
    rest(NOON + SOON)
    assert [desk.room(NOON) > 0, desk.room(NOON + SOON) > 0] == [False, True]
    assert desk.room(NOON - HOUR) > 0
    rest(NOON - HOUR + SOON)
    assert [desk.room(NOON - HOUR) > 0, desk.room(NOON - HOUR + SOON) > 0] == [False, True]


def test_what_is_of_the_future_is_due(
    box: Outbox, deliver: Callable[..., AbstractContextManager[Running]]
) -> None:
    box.add(State.FIRING, created_at=now() + HOUR)
    with deliver({"duty": Remote()}):
        box.wait_for("sent")
