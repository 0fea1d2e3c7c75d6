"""Nothing lost, nothing told twice, whatever breaks; tests/faults/check.py says what that means."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.faults import faults
from tests.faults.drill import Scenario, drill
from tests.faults.inside import POINTS
from tests.faults.stage import Stage

pytestmark = pytest.mark.timeout(300)

SHORT = {
    "undisturbed": Scenario(),
    "killed between commit and ack": Scenario(kills=(("committed", 2), ("acked", 2))),
    "killed between send and settle": Scenario(kills=(("sent", 2),)),
    "database killed": Scenario(faults={3: (faults.database_killed, 0)}, breaks_server=True),
    "half-open broker": Scenario(faults={3: (faults.broker_half_open, 0)}, keepalive="1s"),
}
LONG = {
    "broker killed": Scenario(faults={3: (faults.broker_killed, 0)}),
    "broker away": Scenario(faults={3: (faults.broker_stopped, 3)}),
    "broker frozen": Scenario(faults={3: (faults.broker_frozen, 0)}),
    "broker cut off": Scenario(faults={3: (faults.broker_cut, 3)}),
    "database away": Scenario(faults={3: (faults.database_killed, 3)}, breaks_server=True),
    "database restarted": Scenario(faults={3: (faults.database_restarted, 0)}, breaks_server=True),
    "database cut off": Scenario(faults={3: (faults.database_cut, 3)}),
    "database half-open": Scenario(faults={3: (faults.database_half_open, 0)}),
    "database half-open for good": Scenario(faults={3: (faults.database_half_open_for_good, 0)}),
    "database read-only": Scenario(faults={3: (faults.database_read_only, 3)}),
    "database out of connections": Scenario(
        faults={3: (faults.database_out_of_connections, 3)}, breaks_server=True
    ),
    "database slow": Scenario(faults={3: (faults.database_slow, 0)}),
    "leader killed": Scenario(faults={3: (faults.leader_killed, 3)}, daemons=2),
    "leader frozen": Scenario(faults={3: (faults.leader_frozen, 3)}, daemons=2),
    "daemon away": Scenario(faults={3: (faults.leader_killed, 3)}),
    "clock set back": Scenario(faults={5: (faults.clock_stepped(timedelta(minutes=-3)), 0)}),
    "flood": Scenario(faults={3: (faults.flood, 0)}),
    "inbox when the broker dies": Scenario(
        faults={3: (faults.inbox_full_when_the_broker_dies, 0)}, broker="autosave_interval 1800\n"
    ),
    "clock an hour ahead": Scenario(
        faults={5: (faults.clock_stepped(timedelta(hours=1)), 0)}, alerts=False
    ),
    "oversized": Scenario(faults={3: (faults.oversized, 0)}),
    "again": Scenario(faults={3: (faults.again, 0), 5: (faults.again, 0)}),
}


@pytest.mark.parametrize("name", SHORT)
def test_short(stage_of: Callable[..., Stage], name: str) -> None:
    play(stage_of, SHORT[name])


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_long(stage_of: Callable[..., Stage], name: str) -> None:
    play(stage_of, LONG[name])


@pytest.mark.soak
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_stage(stage_of: Callable[..., Stage], point: str, at: int) -> None:
    play(stage_of, Scenario(kills=((point, at),)))


def play(stage_of: Callable[..., Stage], scenario: Scenario) -> None:
    drill(stage_of(scenario.broker, breaks_server=scenario.breaks_server), scenario)
