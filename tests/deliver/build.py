"""What tests of delivery share: an outbox to write to, receivers, ways to wait."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from fumewatch.core.alert import State, Transition
from fumewatch.core.errors import StoreUnavailable
from fumewatch.deliver import DeadMan, DeliverSettings
from fumewatch.receivers.webhook import Webhook, WebhookSettings
from fumewatch.store import Database, alerts, monitors, outbox
from fumewatch.store.outbox import Notification
from tests.core.transitions import a_transition
from tests.receivers.factories import a_body

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


def webhook(url: str, timeout: float = 5) -> Webhook:
    table = {"kind": "webhook", "name": "duty", "url": url, "timeout": timeout}
    return Webhook(WebhookSettings.model_validate(table), now)


class Bot(Webhook):
    """Shows a notice by its title."""

    def send(self, body: dict[str, Any], key: uuid.UUID) -> str:
        return super().send({**body, "text": body["title"]}, key)


def bot(url: str) -> Bot:
    settings = {"kind": "webhook", "name": "bot", "url": url, "takes": "groups"}
    return Bot(WebhookSettings.model_validate(settings), now)


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


def until(fact: Callable[[], bool], timeout: float = 20) -> None:
    end = time.monotonic() + timeout
    while not fact():
        assert time.monotonic() < end
        time.sleep(0.02)


def again(action: Callable[[], Any], timeout: float = 20) -> Any:
    """Until the pool has its connections back."""
    end = time.monotonic() + timeout
    while True:
        try:
            return action()
        except StoreUnavailable:
            assert time.monotonic() < end
            time.sleep(0.1)


Deliver = Callable[..., Any]
