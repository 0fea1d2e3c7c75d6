"""Deliver, with a real database and real servers to send to."""

import subprocess
import sys
import threading
import time
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fumewatch.core.alert import State
from fumewatch.deliver import Deliverer, Terms
from fumewatch.health import Health
from fumewatch.store import Database, alerts, outbox
from fumewatch.store.outbox import Notification
from tests.deliver.build import QUICK, Deliver, Door, Outbox, Remote, again, now, until, webhook
from tests.receivers.factories import a_body
from tests.receivers.servers import HANG, Answer, Request, WebhookServer


def test_a_notification_is_sent_and_settled_with_the_answer(
    box: Outbox, server: WebhookServer, deliver: Deliver, health: Health
) -> None:
    (key,) = box.add(State.FIRING)

    with deliver({"duty": webhook(server.url)}):
        (row,) = box.wait_for("sent")
        assert health.is_ready

    assert [request.key for request in server.requests] == [key]
    assert row[2:] == (1, '200 {"ok": true}', None)
    assert not health.is_ready  # stopped


def test_it_is_woken_at_once(box: Outbox, server: WebhookServer, deliver: Deliver) -> None:
    with deliver({"duty": webhook(server.url)}, replace(QUICK, poll=timedelta(minutes=1))) as run:
        box.add(State.FIRING, State.RESOLVED)
        run.wake.set()
        server.wait_for(2, timeout=5)  # the end as soon as the beginning is settled


def test_after_failures_it_is_sent_again_with_the_same_key(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    answers = iter([Answer(500), Answer(503), Answer(200)])
    server.behave = lambda request: next(answers)
    (key,) = box.add(State.FIRING)

    with deliver({"duty": webhook(server.url)}):
        (row,) = box.wait_for("sent")

    assert [request.key for request in server.requests] == [key] * 3
    assert row[2] == 3


def test_retry_after_is_kept_for_the_whole_receiver(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    times: list[float] = []

    def behave(request: Request) -> Answer:
        times.append(time.monotonic())
        return Answer(429, {"Retry-After": "1"}) if len(times) == 1 else Answer()

    server.behave = behave
    box.add_many(3)

    with deliver({"duty": webhook(server.url)}):
        box.wait_for("sent", "sent", "sent")

    assert times[1] - times[0] >= 0.95


def test_what_is_refused_for_good_is_kept_and_blocks_nothing(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    server.behave = lambda request: Answer(
        400 if request.body["state"] == "firing" else 200, body=b"no such monitor"
    )
    box.add(State.FIRING, State.RESOLVED)

    with deliver({"duty": webhook(server.url)}):
        rows = box.wait_for("failed", "sent")

    assert rows[0][2:4] == (1, "400 no such monitor")
    assert len(server.requests) == 2


def test_the_end_waits_for_the_beginning(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    """Also while the beginning is put off; another alert does not wait."""
    failing = threading.Event()
    failing.set()
    server.behave = lambda request: Answer(
        500 if failing.is_set() and request.body["rule"] == "exceedance" else 200
    )
    box.add(State.FIRING, State.RESOLVED)
    box.add(State.FIRING, rule="other")

    with deliver({"duty": webhook(server.url)}, terms={"duty": Terms(4)}):
        box.wait_for("due", "due", "sent")
        server.wait_for(4)
        assert {r.body["state"] for r in server.requests} == {"firing"}
        failing.clear()
        box.wait_for("sent", "sent", "sent")

    assert [r.body["state"] for r in server.requests][-2:] == ["firing", "resolved"]


def test_a_slow_receiver_does_not_delay_another(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    server.behave = lambda request: HANG
    box.add_many(40, receiver="slow")  # more than it may hold at a time
    box.add_many(3, receiver="quick")
    quick = Remote()

    with deliver({"slow": webhook(server.url, timeout=30), "quick": quick}) as run:
        run.wake.set()
        box.wait_for(*["due"] * 40, *["sent"] * 3, timeout=5)
        server.closing.set()  # lets the hung request go

    assert len(quick.sent) == 3
    assert len(server.requests) == 1


@pytest.mark.usefixtures("brand_new")
def test_a_claim_from_a_long_backlog_is_quick_though_nobody_expected_one(
    box: Outbox, database: Database
) -> None:
    """Mostly nothing is due, so that is what the planner believes when thousands are."""
    with database.transaction() as conn:
        conn.execute("analyze outbox")
        moves = box.moves(3000)
        rows = [
            Notification(uuid.uuid4(), "duty", move.alert.id, a_body(), now(), transition_id=number)
            for move, number in zip(moves, alerts.save(conn, moves), strict=True)
        ]
        outbox.add(conn, rows)
    begun = time.monotonic()
    with database.transaction() as conn:
        claims = outbox.claim(conn, {"duty": 16, "mail": 16}, now(), timedelta(minutes=1))

    assert len(claims) == 16
    assert time.monotonic() - begun < 1  # comparing each with each takes 9 s


def test_several_sends_to_one_receiver_at_a_time(box: Outbox, deliver: Deliver) -> None:
    together = threading.Barrier(3, timeout=10)
    remote = Remote(lambda body: f"{together.wait()}")
    box.add_many(3)

    with deliver({"duty": remote}, terms={"duty": Terms(3)}):
        box.wait_for("sent", "sent", "sent")


def test_two_deliverers_send_nothing_twice(
    box: Outbox, server: WebhookServer, deliver: Deliver
) -> None:
    keys = box.add_many(60)

    with deliver({"duty": webhook(server.url)}), deliver({"duty": webhook(server.url)}):
        box.wait_for(*["sent"] * 60)

    assert sorted(request.key for request in server.requests) == sorted(keys)


def test_a_receiver_that_is_no_longer_configured(box: Outbox, deliver: Deliver) -> None:
    box.add(State.FIRING, receiver="gone")

    with deliver({"duty": Remote()}):
        (row,) = box.wait_for("failed")

    assert "no receiver of this name" in row[3]


def test_after_a_day_it_gives_up(box: Outbox, server: WebhookServer, deliver: Deliver) -> None:
    server.behave = lambda request: Answer(503)
    box.add(State.FIRING, created_at=now() - timedelta(hours=24))

    with deliver({"duty": webhook(server.url)}):
        (row,) = box.wait_for("failed")

    assert row[3] == 'gave up after 1d: 503 {"ok": true}'


def test_a_broken_receiver_is_only_a_failure(box: Outbox, deliver: Deliver) -> None:
    def behave(body: dict[str, Any]) -> str:
        if len(tries) < 2:
            tries.append(body)
            raise ZeroDivisionError("our fault")
        return "ok"

    tries: list[Any] = []
    box.add(State.FIRING)

    with deliver({"duty": Remote(behave)}):
        (row,) = box.wait_for("sent")

    assert row[2] == 3


def test_what_a_remote_says_may_be_anything(box: Outbox, deliver: Deliver) -> None:
    """A NUL in a text is refused by PostgreSQL."""
    box.add(State.FIRING)

    with deliver({"duty": Remote(lambda body: "a\x00b\nc" + "x" * 10_000 + "\ud800")}):
        (row,) = box.wait_for("sent")

    assert row[3].startswith("a b c")
    assert len(row[3]) <= 300


def test_a_stop_lets_the_send_under_way_end_and_gives_back_the_rest(
    box: Outbox, deliver: Deliver
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def behave(body: dict[str, Any]) -> str:
        begun.set()
        go_on.wait(10)
        return "ok"

    box.add_many(3)
    with deliver({"duty": Remote(behave)}) as run:
        assert begun.wait(10)
        threading.Timer(0.3, go_on.set).start()
        run.stop()

    assert box.states() == ["sent", "due", "due"]
    assert [row[2] for row in box.rows()] == [1, 0, 0]
    assert [row[4] for row in box.rows()] == [None] * 3  # due at once, without a lease to wait for


def test_a_stop_does_not_wait_for_a_send_that_hangs(box: Outbox, deliver: Deliver) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def behave(body: dict[str, Any]) -> str:
        begun.set()
        go_on.wait(30)
        return "ok"

    box.add(State.FIRING)
    settings = replace(QUICK, last_sends=timedelta(milliseconds=300))
    with deliver({"duty": Remote(behave)}, settings) as run:
        assert begun.wait(10)
        assert run.stop() < 2
        assert box.states() == ["due"]
        go_on.set()
        box.wait_for("sent")  # the thread was left behind, not killed


def test_a_send_that_overruns_its_lease_is_not_begun_again_beside_it(
    box: Outbox, deliver: Deliver
) -> None:
    def behave(body: dict[str, Any]) -> str:
        time.sleep(1.2)
        return "at last"

    remote = Remote(behave)
    box.add(State.FIRING)

    terms = {"duty": Terms(3, sending=timedelta(milliseconds=400))}
    with deliver({"duty": remote}, terms=terms):
        box.wait_for("sent")
        time.sleep(0.3)

    assert len(remote.sent) == 1


def test_the_database_away_costs_nothing(
    box: Outbox, door: Door, server: WebhookServer, deliver: Deliver, health: Health
) -> None:
    with deliver({"duty": webhook(server.url)}):
        door.shut()
        until(lambda: not health.is_ready)
        door.open()
        (key,) = again(lambda: box.add(State.FIRING))
        box.wait_for("sent")
        until(lambda: health.is_ready)

    assert [request.key for request in server.requests] == [key]


def test_the_database_away_between_sending_and_settling_repeats_nothing(
    box: Outbox, door: Door, server: WebhookServer, deliver: Deliver, health: Health
) -> None:
    def behave(request: Request) -> Answer:
        door.shut()
        return Answer()

    server.behave = behave
    box.add(State.FIRING)
    with deliver({"duty": webhook(server.url)}):
        server.wait_for(1)
        until(lambda: not health.is_ready)
        door.open()
        again(box.states)
        box.wait_for("sent")

    assert len(server.requests) == 1


_DELIVER_ONE = """
import sys, threading
from datetime import UTC, datetime
from fumewatch.deliver import Deliverer, Terms
from fumewatch.health import Health
from fumewatch.store import Database, DatabaseSettings
from datetime import timedelta
from tests.deliver.build import QUICK, webhook

now = lambda: datetime.now(UTC)
database = Database(DatabaseSettings(url=sys.argv[1]))
database.open()
terms = {"duty": Terms(sending=timedelta(seconds=2))}
deliverer = Deliverer(
    database, {"duty": webhook(sys.argv[2])}, terms, now, Health(("deliver",), now), settings=QUICK
)
deliverer.run(threading.Event(), threading.Event())
"""


def test_killed_between_sending_and_settling_it_is_sent_again_after_the_lease(
    box: Outbox, database_url: str, server: WebhookServer, deliver: Deliver
) -> None:
    (key,) = box.add(State.FIRING)
    with subprocess.Popen(
        [sys.executable, "-c", _DELIVER_ONE, database_url, server.url],
        cwd=Path(__file__).parents[2],
    ) as daemon:

        def behave(request: Request) -> Answer:
            daemon.kill()  # it has sent, and never hears the answer
            return Answer()

        server.behave = behave
        try:
            server.wait_for(1, timeout=60)
        finally:
            daemon.kill()
    server.behave = lambda request: Answer()
    assert box.states() == ["due"]
    killed_at = time.monotonic()

    with deliver({"duty": webhook(server.url)}):
        box.wait_for("sent")

    assert [request.key for request in server.requests] == [key, key]
    assert 1 < time.monotonic() - killed_at < 10


@pytest.mark.parametrize(("leads", "left"), [(False, ["due", "due"]), (True, ["failed"])])
def test_who_leads_no_more_leaves_everything_to_the_successor(
    database: Database, health: Health, box: Outbox, leads: bool, left: list[str]
) -> None:
    """Whose configuration may know a receiver that ours does not."""
    box.add(State.FIRING, receiver="duty")
    box.add(State.FIRING, receiver="new")
    deliverer = Deliverer(
        database, {"duty": Remote()}, {}, now, health, settings=QUICK, leads=lambda _: leads
    )
    deliverer._round()
    with database.transaction() as conn:
        rows = conn.execute("select state from outbox where claimed_until is null").fetchall()
    assert [state for (state,) in rows] == left
