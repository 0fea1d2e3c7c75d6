"""That notifications do not get out is told, once, and so is that they do again."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs

from fumewatch.core.alert import State
from fumewatch.core.errors import SendError
from fumewatch.deliver import DeadMan, Terms, pinging
from fumewatch.deliver.watch import Watch
from fumewatch.health import Health
from fumewatch.store import Database, outbox
from tests.deliver.build import QUICK, Deliver, Outbox, Remote, now, until

SOON = DeadMan(("mail",), timedelta(seconds=0.5), timedelta(hours=4), ZoneInfo("Asia/Shanghai"))
WATCHFUL = replace(QUICK, watch_every=timedelta(milliseconds=100))
TERMS = {"mail": Terms(takes="groups"), "log": Terms()}


class Failing(Remote):
    """Takes nothing until it is mended."""

    def __init__(self, *, permanent: bool = False) -> None:
        super().__init__(self._refuse)
        self.is_mended = False
        self._permanent = permanent

    def _refuse(self, body: dict[str, Any]) -> str:
        if self.is_mended:
            return "ok"
        raise SendError("503 busy", permanent=self._permanent)


@pytest.mark.parametrize("permanent", [False, True])
def test_others_are_told_once_and_of_the_end(
    box: Outbox, deliver: Deliver, health: Health, permanent: bool
) -> None:
    """Also where each is refused for good, as it is by a bot whose token was revoked."""
    duty, mail = Failing(permanent=permanent), Remote()
    box.add(State.FIRING)
    with deliver({"duty": duty, "mail": mail}, WATCHFUL, TERMS, SOON):
        until(lambda: len(mail.sent) == 1)
        until(lambda: "duty: nothing delivered for" in health.parts()["deliver"].detail)
        assert health.is_ready  # it does what can be done
        assert gauge("fumewatch_receiver_up", "duty") == 0
        duty.is_mended = True
        box.add(State.FIRING, rule="other")
        until(lambda: len(mail.sent) == 2)
        until(lambda: gauge("fumewatch_receiver_up", "duty") == 1)

    silent, works = mail.sent
    assert (silent["about"], silent["state"], works["state"]) == ("duty", "firing", "resolved")
    assert "503 busy" in silent["title"]["zh"]


def gauge(name: str, receiver: str) -> float | None:
    return REGISTRY.get_sample_value(name, {"receiver": receiver})


def test_a_restart_repeats_nothing(box: Outbox, deliver: Deliver) -> None:
    mail = Remote()
    box.add(State.FIRING)
    for _ in range(2):
        with deliver({"duty": Failing(), "mail": mail}, WATCHFUL, TERMS, SOON) as run:
            until(lambda: len(mail.sent) == 1)
            until(lambda: gauge("fumewatch_outbox_due", "duty") == 1)
            run.stop()

    assert [body["state"] for body in mail.sent] == ["firing"]


def test_nobody_to_tell_is_told_by_log_and_health(
    box: Outbox, deliver: Deliver, health: Health
) -> None:
    box.add(State.FIRING)
    dead_man = replace(SOON, receivers=())
    with capture_logs() as logs, deliver({"duty": Failing()}, WATCHFUL, dead_man=dead_man):
        until(lambda: "nothing delivered" in health.parts()["deliver"].detail)
        until(lambda: bool(told(logs)))

    assert [(entry["receiver"], entry["due"]) for entry in told(logs)] == [("duty", 1)]


def told(logs: list[Any]) -> list[Any]:
    return [entry for entry in logs if entry["event"] == "nothing delivered"]


def at(minutes: float, begun: datetime) -> datetime:
    return begun + timedelta(minutes=minutes)


def test_by_the_clock_it_is_repeated_and_survives_restarts(database: Database, box: Outbox) -> None:
    """Minutes after the first was written → what each of the two others is told by then."""
    begun = now()
    box.add(State.FIRING, created_at=begun)
    terms = {"duty": Terms(), "mail": Terms(takes="groups"), "log": Terms()}
    dead_man = DeadMan(("duty", "mail", "log"), timedelta(minutes=15), timedelta(hours=4))

    def told_by(minutes: float, watch: Watch) -> int:
        with database.transaction() as conn:
            seen = watch.look(conn, at(minutes, begun))
            assert seen is not None
            rows = conn.execute("select receiver from outbox where reason = 'dead man'").fetchall()
        watch.keep(seen, at(minutes, begun))
        settle_others(database, at(minutes, begun))
        assert ("duty",) not in rows
        return len(rows) // 2

    watch = Watch(terms, dead_man, timedelta(seconds=15))
    assert [told_by(minutes, watch) for minutes in (14, 15, 16, 254, 255)] == [0, 1, 1, 1, 2]
    again = Watch(terms, dead_man, timedelta(seconds=15))
    assert [told_by(minutes, again) for minutes in (256, 494, 495)] == [2, 2, 3]


def settle_others(database: Database, when: datetime) -> None:
    with database.transaction() as conn:
        claims = outbox.claim(conn, {"mail": 9, "log": 9}, when, timedelta(minutes=1))
        outbox.settle(conn, [outbox.Outcome(one, "sent", "ok") for one in claims], when)


@contextmanager
def watchdog(status: int = 200) -> Iterator[tuple[str, list[str]]]:
    """Its address, which is secret, and the paths that were fetched."""
    came: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/ping/s3cret", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_watchdog_is_fetched_while_delivery_works() -> None:
    works = threading.Event()
    with watchdog() as (url, came), pinging(SecretStr(url), works.is_set, EVERY):
        assert not threading.Event().wait(0.1)
        assert came == []
        works.set()
        until(lambda: len(came) >= 2)

    assert set(came) == {"/ping/s3cret"}


@pytest.mark.parametrize("status", [404, None])
def test_a_watchdog_that_fails_is_told_once_without_its_address(status: int | None) -> None:
    with watchdog(status or 200) as (url, came), capture_logs() as logs:
        wrong = url if status else "http://127.0.0.1:9/ping/s3cret"
        with pinging(SecretStr(wrong), lambda: True, EVERY):
            until(lambda: bool(logs) and (len(came) >= 3 or status is None))

    assert [entry["event"] for entry in logs] == ["ping failed"]
    assert "s3cret" not in str(logs)


EVERY = timedelta(milliseconds=20)
