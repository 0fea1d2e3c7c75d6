"""Fixtures of delivery: real servers to send to, a deliverer that runs."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import psycopg
import pytest

from fumewatch.deliver import DeadMan, Deliverer, DeliverSettings, Terms
from fumewatch.health import Health
from fumewatch.receivers import Receiver
from fumewatch.store import Database
from tests.deliver.build import NOBODY, QUICK, Door, Outbox, now
from tests.receivers.servers import WebhookServer, webhook_server


@pytest.fixture
def server() -> Iterator[WebhookServer]:
    with webhook_server() as server:
        yield server


@pytest.fixture
def health() -> Health:
    return Health(("deliver",), now)


@pytest.fixture
def box(database: Database) -> Outbox:
    return Outbox(database)


@dataclass
class Running:
    wake: threading.Event
    stop: Callable[[], float]
    """Stops and waits; the seconds that took."""


@pytest.fixture
def deliver(database: Database, health: Health) -> Callable[..., AbstractContextManager[Running]]:
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


@pytest.fixture
def door(database_url: str) -> Iterator[Door]:
    name = database_url.rsplit("/", 1)[-1].split("?")[0]
    admin_url = database_url.replace(f"/{name}", "/postgres", 1)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        yield Door(admin, name)
