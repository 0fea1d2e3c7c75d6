from collections.abc import Iterator
from typing import Any

import pytest

from fumewatch.receivers.bot import Bot
from tests.receivers.bots import BotServer
from tests.receivers.kinds import KINDS, Clock, Kind, make
from tests.receivers.notices import NOW


@pytest.fixture(scope="module", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture(scope="module")
def running(kind: Kind) -> Iterator[tuple[BotServer, Clock]]:
    clock = Clock()
    with kind.server(now=NOW.timestamp, clock=clock) as server:
        yield server, clock


@pytest.fixture
def server(running: tuple[BotServer, Clock]) -> BotServer:
    running[0].reset()
    return running[0]


@pytest.fixture
def clock(running: tuple[BotServer, Clock]) -> Clock:
    running[1].now = 0.0
    return running[1]


@pytest.fixture
def receiver(kind: Kind, server: BotServer, clock: Clock) -> Iterator[Bot[Any]]:
    receiver = make(kind, server.url, clock)
    yield receiver
    receiver.close()
