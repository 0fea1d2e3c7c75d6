"""More than a receiver may be sent: bounded messages, nothing lost, nothing out of order."""

import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fumewatch.core.alert import State
from fumewatch.core.errors import Throttled
from fumewatch.deliver import Terms
from fumewatch.health import Health
from fumewatch.store import Database, outbox
from fumewatch.store.outbox import Notification
from tests.deliver.build import Deliver, Outbox, Remote, bot, now, until
from tests.receivers.servers import Answer, Request, WebhookServer
from tests.store.test_storm import alert, insert_many, of_alerts, row

BOT = Terms(most_per_minute=20, takes="groups")


class Limited(Remote):
    """A receiver with a limit of its own: so many, then none for a while."""

    def __init__(self, most: int, rest: timedelta) -> None:
        super().__init__()
        self._most = most
        self._rest = rest
        self._until = now()
        self._left = most

    def send(self, body: dict[str, Any], key: uuid.UUID) -> str:
        if now() >= self._until + self._rest:
            self._left, self._until = self._most, now()
        if not self._left:
            raise Throttled("so often", retry_after=self._until + self._rest - now())
        self._left -= 1
        return super().send(body, key)


def add(database: Database, *rows: Notification) -> None:
    with database.transaction() as conn:
        outbox.add(conn, rows)


def counted(bodies: list[dict[str, Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for body in bodies:
        counts.update(body["counts"])
    return counts


@pytest.mark.timeout(60)
def test_ten_thousand_alerts_at_once_are_a_message_and_none_is_lost(
    database: Database, box: Outbox, deliver: Deliver
) -> None:
    with database.transaction() as conn:
        insert_many(conn, 10_000, at=now())
    add(database, *(row(alert(n), receiver="log", due_at=now()) for n in range(3)))
    people, log = Remote(), Remote()
    with deliver({"bot": people, "log": log}, terms={"bot": BOT}):
        until(lambda: len(people.sent) == 1 and len(log.sent) == 3)
        until(lambda: Counter(box.states()) == {"merged": 10_000, "sent": 4})

    assert counted(people.sent)["firing"] == 10_000
    assert people.sent[0]["left_out"] == 9950


def test_machines_get_each_by_itself(database: Database, deliver: Deliver) -> None:
    add(database, *(row(alert(n), due_at=now()) for n in range(30)))
    machine = Remote()
    terms = {"bot": replace(BOT, takes="transitions")}
    with deliver({"bot": machine}, terms=terms):
        until(lambda: len(machine.sent) == 30)


def test_a_receivers_own_limit_is_no_failure(
    database: Database, box: Outbox, deliver: Deliver, health: Health
) -> None:
    """No attempt is counted, nobody is warned, and what waits for it goes out in order."""
    add(database, *(row(of_alerts(alert(n)), due_at=now()) for n in range(12)))
    people = Limited(most=5, rest=timedelta(seconds=0.4))
    with capture_logs() as logs, deliver({"bot": people}, terms={"bot": BOT}):
        until(lambda: len(people.sent) == 5)
        assert (health.is_ready, health.parts()["deliver"].detail) == (True, "")
        box.wait_for(*["sent"] * 12)

    assert [body["alerts"][0]["id"][-2:] for body in people.sent] == [f"{n:02x}" for n in range(12)]
    assert {row[2] for row in box.rows()} == {1}
    assert [entry for entry in logs if entry["log_level"] in ("warning", "error")] == []


def test_while_a_receiver_rests_what_comes_is_merged(
    database: Database, box: Outbox, deliver: Deliver
) -> None:
    terms = {"bot": replace(BOT, most_per_minute=5)}
    people = Limited(most=5, rest=timedelta(seconds=1))
    add(database, *(row(of_alerts(alert(n)), due_at=now()) for n in range(5)))
    with deliver({"bot": people}, terms=terms) as run:
        until(lambda: len(people.sent) == 5)
        for n in range(5, 40):
            add(database, row(of_alerts(alert(n)), due_at=now()))
            run.wake.set()
        until(lambda: counted(people.sent)["firing"] == 40)

    assert len(people.sent) <= 10
    assert "due" not in box.states()


_DELIVER_STORM = """
import sys, threading
from datetime import timedelta
from fumewatch.deliver import Deliverer, Terms
from fumewatch.health import Health
from fumewatch.store import Database, DatabaseSettings
from tests.deliver.build import QUICK, bot, now

database = Database(DatabaseSettings(url=sys.argv[1]))
database.open()
deliverer = Deliverer(
    database,
    {"bot": bot(sys.argv[2])},
    {"bot": Terms(most_per_minute=2, takes="groups", sending=timedelta(seconds=2))},
    now,
    Health(("deliver",), now),
    settings=QUICK,
)
deliverer.run(threading.Event(), threading.Event())
"""


@contextmanager
def daemon(database_url: str, server: WebhookServer) -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(
        [sys.executable, "-c", _DELIVER_STORM, database_url, server.url],
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_a_storm_killed_between_sending_and_settling_is_sent_again_with_its_key(
    database: Database, box: Outbox, database_url: str, server: WebhookServer, deliver: Deliver
) -> None:
    add(database, *(row(of_alerts(alert(n)), due_at=now()) for n in range(5)))
    with daemon(database_url, server) as process:

        def behave(request: Request) -> Answer:
            process.send_signal(signal.SIGKILL)
            return Answer()

        server.behave = behave
        server.wait_for(1, timeout=60)
    server.behave = lambda request: Answer()
    assert box.states() == ["merged"] * 5 + ["due"]

    with deliver({"bot": bot(server.url)}, terms={"bot": BOT}):
        box.wait_for(*["merged"] * 5, "sent")

    first, again = server.requests
    assert (first.key, first.body) == (again.key, again.body)
    assert again.body["counts"] == {"firing": 5, "resolved": 0}


def test_two_deliverers_send_five_hundred_once_each(
    database: Database, box: Outbox, deliver: Deliver
) -> None:
    """Two of them with several threads each, on one outbox."""
    add(database, *(row(alert(n), receiver="duty", due_at=now()) for n in range(500)))
    lock, sent = threading.Lock(), []

    def behave(body: dict[str, Any]) -> str:
        with lock:
            sent.append(body["id"])
        return "ok"

    terms = {"duty": Terms(4)}
    first, second = Remote(behave), Remote(behave)
    with deliver({"duty": first}, terms=terms), deliver({"duty": second}, terms=terms):
        box.wait_for(*["sent"] * 500, timeout=60)

    assert len(sent) == len(set(sent)) == 500
    assert first.sent
    assert second.sent


def test_two_deliverers_make_one_storm(database: Database, box: Outbox, deliver: Deliver) -> None:
    add(database, *(row(of_alerts(alert(n)), due_at=now()) for n in range(200)))
    first, second = Remote(), Remote()
    terms = {"bot": BOT}
    with deliver({"bot": first}, terms=terms), deliver({"bot": second}, terms=terms):
        until(lambda: "due" not in box.states())

    assert counted(first.sent + second.sent)["firing"] == 200


def test_the_end_of_an_alert_never_overtakes_a_storm(
    database: Database, box: Outbox, deliver: Deliver
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def behave(body: dict[str, Any]) -> str:
        begun.set()
        go_on.wait(10)
        return "ok"

    people = Remote(behave)
    add(database, *(row(of_alerts(alert(n)), due_at=now()) for n in range(30)))
    with deliver({"bot": people}, terms={"bot": replace(BOT, parallel=4)}) as run:
        assert begun.wait(10)
        add(database, row(of_alerts(alert(3, State.RESOLVED.value)), due_at=now()))
        add(database, row(of_alerts(alert(99)), due_at=now()))
        run.wake.set()
        until(lambda: any(claimed for *_, claimed in box.rows()[-1:]))
        assert box.rows()[-2][4] is None  # the end is not even claimed
        go_on.set()
        until(lambda: len(people.sent) == 3)

    assert people.sent[-1]["state"] == "resolved"
