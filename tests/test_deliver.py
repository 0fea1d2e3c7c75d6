"""Deliver, with a real database and real servers to send to."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fumewatch.core.alert import State, Transition
from fumewatch.core.errors import SendError, StoreUnavailable
from fumewatch.deliver import DeadMan, Deliverer, DeliverSettings, Terms, decide, rest_for
from fumewatch.health import Health
from fumewatch.receivers import Receiver
from fumewatch.receivers.webhook import Webhook, WebhookSettings
from fumewatch.store import Database, alerts, monitors, outbox
from fumewatch.store.outbox import Claim, Notification
from tests.core.transitions import a_transition
from tests.receivers.factories import a_body
from tests.receivers.servers import HANG, Answer, Request, WebhookServer, webhook_server

NOBODY = DeadMan()
QUICK = DeliverSettings(
    poll=timedelta(milliseconds=50),
    lease=timedelta(seconds=20),
    first_delay=timedelta(milliseconds=50),
    longest_rest=timedelta(milliseconds=50),
    last_sends=timedelta(seconds=2),
)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def health() -> Health:
    return Health(("deliver",), now)


def webhook(url: str, timeout: float = 5) -> Webhook:
    table = {"kind": "webhook", "name": "duty", "url": url, "timeout": timeout}
    return Webhook(WebhookSettings.model_validate(table), now)


@dataclass
class Remote:
    """A receiver in our own process, for what a server on loopback cannot do."""

    behave: Callable[[dict[str, Any]], str] = lambda body: "ok"
    sent: list[dict[str, Any]] = field(default_factory=list)

    def send(self, body: dict[str, Any], key: uuid.UUID) -> str:
        answer = self.behave(body)
        self.sent.append(body)
        return answer

    def close(self) -> None:
        pass


class Outbox:
    """Writes notifications as evaluate does; reads what became of them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        with database.transaction() as conn:
            self._monitor = monitors.register(conn, [("xuhui", "MN0001")])[("xuhui", "MN0001")]

    def add(
        self,
        *states: State,
        receiver: str = "duty",
        rule: str = "exceedance",
        created_at: datetime | None = None,
    ) -> list[uuid.UUID]:
        """One notification per state of one alert, in order; their keys."""
        with self._database.transaction() as conn:
            moves = [a_transition(s, rule=rule, monitor=self._monitor) for s in states]
            numbers = alerts.save(conn, moves)
            rows = [
                Notification(
                    uuid.uuid4(),
                    receiver,
                    move.alert.id,
                    a_body(state=state.value, rule=rule),
                    created_at or now(),
                    transition_id=number,
                )
                for number, state, move in zip(numbers, states, moves, strict=True)
            ]
            outbox.add(conn, rows)
        return [row.idempotency_key for row in rows]

    def moves(self, count: int) -> list[Transition]:
        """As many alerts firing, not saved."""
        return [
            a_transition(State.FIRING, rule=f"rule-{n}", monitor=self._monitor)
            for n in range(count)
        ]

    def add_many(self, count: int, receiver: str = "duty") -> list[uuid.UUID]:
        """As many alerts firing."""
        keys = []
        for n in range(count):
            keys += self.add(State.FIRING, receiver=receiver, rule=f"rule-{n}")
        return keys

    def rows(self) -> list[Any]:
        """(key, state, attempts, answer, claimed_until) in the order of writing."""
        with self._database.transaction() as conn:
            return conn.execute(
                "select idempotency_key, state, attempts, answer, claimed_until"
                " from outbox order by id"
            ).fetchall()

    def states(self) -> list[str]:
        return [row[1] for row in self.rows()]

    def wait_for(self, *states: str, timeout: float = 15) -> list[Any]:
        """Until the rows are in these states."""
        until = time.monotonic() + timeout
        while self.states() != list(states):
            assert time.monotonic() < until, f"still {self.rows()}"
            time.sleep(0.02)
        return self.rows()


@pytest.fixture
def box(database: Database) -> Outbox:
    return Outbox(database)


@dataclass
class Running:
    wake: threading.Event
    stop: Callable[[], float]
    """Stops and waits; the seconds that took."""


@pytest.fixture
def deliver(database: Database, health: Health) -> Callable[..., "AbstractContextManager[Running]"]:
    @contextmanager
    def running(
        receivers: Mapping[str, Receiver],
        settings: DeliverSettings = QUICK,
        terms: Mapping[str, Terms] | None = None,
        dead_man: DeadMan = NOBODY,
    ) -> Iterator[Running]:
        deliverer = Deliverer(
            database,
            receivers,
            terms or {},
            now,
            health,
            jitter=lambda: 0.5,
            settings=settings,
            dead_man=dead_man,
        )
        stop, wake = threading.Event(), threading.Event()
        thread = threading.Thread(target=deliverer.run, args=(stop, wake), name="deliver")
        thread.start()

        def halt() -> float:
            begun = time.monotonic()
            stop.set()
            wake.set()
            thread.join(15)
            assert not thread.is_alive()
            return time.monotonic() - begun

        try:
            yield Running(wake, halt)
        finally:
            halt()
            for receiver in receivers.values():
                receiver.close()

    return running


Deliver = Callable[..., Any]


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

    settings = replace(QUICK, lease=timedelta(milliseconds=400))
    with deliver({"duty": remote}, settings, {"duty": Terms(3)}):
        box.wait_for("sent")
        time.sleep(0.3)

    assert len(remote.sent) == 1


@pytest.fixture
def door(database_url: str) -> Iterator["Door"]:
    name = database_url.rsplit("/", 1)[-1].split("?")[0]
    admin_url = database_url.replace(f"/{name}", "/postgres", 1)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        yield Door(admin, name)


@dataclass
class Door:
    """Refused connections are what a restart and a crash of the database look like from here."""

    admin: psycopg.Connection[Any]
    name: str

    def shut(self) -> None:
        self.admin.execute(f"alter database {self.name} with allow_connections false")
        self.admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [self.name]
        )

    def open(self) -> None:
        self.admin.execute(f"alter database {self.name} with allow_connections true")


def test_the_database_away_costs_nothing(
    box: Outbox, door: Door, server: WebhookServer, deliver: Deliver, health: Health
) -> None:
    with deliver({"duty": webhook(server.url)}):
        door.shut()
        _until(lambda: not health.is_ready)
        door.open()
        (key,) = _again(lambda: box.add(State.FIRING))
        box.wait_for("sent")
        _until(lambda: health.is_ready)

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
        _until(lambda: not health.is_ready)
        door.open()
        _again(box.states)
        box.wait_for("sent")

    assert len(server.requests) == 1


_DELIVER_ONE = """
import sys, threading
from datetime import UTC, datetime
from fumewatch.deliver import Deliverer
from fumewatch.health import Health
from fumewatch.store import Database, DatabaseSettings
from tests.test_deliver import QUICK, replace, timedelta, webhook

now = lambda: datetime.now(UTC)
database = Database(DatabaseSettings(url=sys.argv[1]))
database.open()
settings = replace(QUICK, lease=timedelta(seconds=2))
deliverer = Deliverer(
    database, {"duty": webhook(sys.argv[2])}, {}, now, Health(("deliver",), now), settings=settings
)
deliverer.run(threading.Event(), threading.Event())
"""


def test_killed_between_sending_and_settling_it_is_sent_again_after_the_lease(
    box: Outbox, database_url: str, server: WebhookServer, deliver: Deliver
) -> None:
    (key,) = box.add(State.FIRING)
    with subprocess.Popen(
        [sys.executable, "-c", _DELIVER_ONE, database_url, server.url],
        cwd=Path(__file__).parents[1],
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


def _until(fact: Callable[[], bool], timeout: float = 20) -> None:
    until = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < until
        time.sleep(0.02)


def _again(action: Callable[[], Any], timeout: float = 20) -> Any:
    """Until the pool has its connections back."""
    until = time.monotonic() + timeout
    while True:
        try:
            return action()
        except StoreUnavailable:
            assert time.monotonic() < until
            time.sleep(0.1)


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
