"""Nothing lost, nothing told twice, whatever breaks; tests/faults/check.py says what that means."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from tests.faults import faults
from tests.faults.drill import MINUTES, Scenario, drill
from tests.faults.faults import Fault
from tests.faults.inside import POINTS
from tests.faults.stage import Stage

pytestmark = pytest.mark.timeout(400)

ROUNDS: Final = 8
SHIPPED: Final = "".join(
    f"{line}\n"
    for line in Path("deploy/mosquitto.conf").read_text().splitlines()
    if line.startswith(("autosave", "max_queued", "max_inflight", "memory_limit", "max_packet"))
)
"""What the broker that we ship keeps, and how often it saves that."""
SHORT = {
    "killed at commit and at ack": Scenario(kills=(("committed", 2), ("acked", 2)), minutes=6),
}
LONG = {
    "killed between send and settle": Scenario(kills=(("sent", 2),), minutes=6),
    "database killed": Scenario(
        faults={2: (faults.database_killed, 0)}, breaks_server=True, minutes=6
    ),
    "broker half-open": Scenario(
        faults={2: (faults.broker_half_open, 0)}, keepalive="1s", minutes=6
    ),
    "undisturbed": Scenario(),
    "broker killed": Scenario(faults={3: (faults.broker_killed, 0)}),
    "broker killed, and it keeps nothing": Scenario(
        faults={3: (faults.broker_killed_that_keeps_nothing, 0)}, broker="persistence false\n"
    ),
    "broker killed, as it is shipped": Scenario(
        faults={3: (faults.broker_killed_once_it_saved, 0)}, broker=SHIPPED
    ),
    "broker restarted, and it keeps nothing": Scenario(
        faults={3: (faults.broker_stopped_that_keeps_nothing, 0)}, broker="persistence false\n"
    ),
    "broker away": Scenario(faults={3: (faults.broker_stopped, 3)}),
    "broker frozen": Scenario(faults={3: (faults.broker_frozen, 0)}),
    "broker cut off": Scenario(faults={3: (faults.broker_cut, 3)}),
    "broker hears us no more": Scenario(
        faults={3: (faults.broker_half_open_one_way(asking=True), 0)}, keepalive="1s"
    ),
    "broker is heard no more": Scenario(
        faults={3: (faults.broker_half_open_one_way(answering=True), 0)}, keepalive="1s"
    ),
    "inbox full when the broker is killed": Scenario(
        faults={3: (faults.inbox_full_when_the_broker_dies, 0)}, broker="autosave_interval 1800\n"
    ),
    "database away": Scenario(faults={3: (faults.database_killed, 3)}, breaks_server=True),
    "database restarted": Scenario(faults={3: (faults.database_restarted, 0)}, breaks_server=True),
    "database cut off": Scenario(faults={3: (faults.database_cut, 3)}),
    "database half-open": Scenario(faults={3: (faults.database_half_open, 0)}),
    "database half-open for good": Scenario(faults={3: (faults.database_half_open_for_good, 0)}),
    "database hears us no more": Scenario(
        faults={3: (faults.database_half_open_one_way(asking=True), 0)}
    ),
    "database is heard no more": Scenario(
        faults={3: (faults.database_half_open_one_way(answering=True), 0)}
    ),
    "database read-only": Scenario(faults={3: (faults.database_read_only, 3)}),
    "database out of connections": Scenario(
        faults={3: (faults.database_out_of_connections, 3)}, breaks_server=True
    ),
    "database slow": Scenario(faults={3: (faults.database_slow, 0)}),
    "two at once": Scenario(daemons=2),
    "daemon away": Scenario(faults={3: (faults.leader_killed, 3)}),
    "leader killed": Scenario(faults={3: (faults.leader_killed, 3)}, daemons=2),
    "leader frozen": Scenario(faults={3: (faults.leader_frozen, 3)}, daemons=2),
    "clock set back": Scenario(faults={5: (faults.clock_stepped(timedelta(minutes=-3)), 0)}),
    "clock an hour ahead": Scenario(
        faults={5: (faults.clock_stepped(timedelta(hours=1)), 0)}, alerts=False
    ),
    "flood": Scenario(faults={3: (faults.flood, 0)}),
    "oversized": Scenario(faults={3: (faults.oversized, 0)}),
    "sent again": Scenario(faults={3: (faults.again, 0), 5: (faults.again, 0)}),
}
COMBINED = {
    "database cut off, and the broker killed": Scenario(
        faults={2: (faults.database_cut, 3), 4: (faults.broker_killed, 0)}
    ),
    "database cut off, and a flood": Scenario(
        faults={2: (faults.database_cut, 3), 4: (faults.flood, 0)}
    ),
    "database slow, and the leader killed": Scenario(
        kills=(("committed", 8),), faults={3: (faults.database_slow, 0)}, daemons=2, must_die=False
    ),
    "broker away, and the daemon killed": Scenario(
        faults={2: (faults.broker_stopped, 3), 4: (faults.leader_killed, 2)}
    ),
    "broker and database cut off, and the leader killed": Scenario(
        faults={
            2: (faults.database_cut, 4),
            3: (faults.broker_cut, 2),
            4: (faults.leader_killed, 2),
        },
        daemons=2,
    ),
    "clock set back, and the database killed": Scenario(
        kills=(("judged", 3),),
        faults={
            4: (faults.database_killed, 1),
            5: (faults.clock_stepped(timedelta(minutes=-3)), 0),
        },
        breaks_server=True,
    ),
}
Chances = tuple[tuple[Fault, ...], tuple[Fault, ...]]
CHANCES: Final[tuple[Chances, ...]] = (
    (
        (faults.broker_killed, faults.broker_frozen, faults.broker_half_open),
        (faults.broker_stopped, faults.broker_cut),
    ),
    (
        (*(faults.database_killed, faults.database_restarted), faults.database_half_open_for_good),
        (faults.database_killed, faults.database_cut, faults.database_read_only),
    ),
    ((faults.leader_killed,), (faults.leader_killed,)),
    ((faults.flood, faults.oversized, faults.again), ()),
)
"""What may break of a part, within a minute and over some; each breaks in one way at a time."""


@pytest.mark.parametrize("name", SHORT)
def test_short(stage_of: Callable[..., Stage], name: str) -> None:
    play(stage_of, SHORT[name])


def test_by_chance_in_short(stage_of: Callable[..., Stage], seed: int) -> None:
    """A kill somewhere, and something that was sent twice meanwhile."""
    chance = random.Random(seed)
    kill = (chance.choice(list(POINTS)), 1)
    repeated = {chance.randrange(1, 4): (faults.again, 0)}
    scenario = Scenario(kills=(kill,), faults=repeated, minutes=6, must_die=False)
    print(scenario)
    play(stage_of, scenario)


@pytest.mark.soak
@pytest.mark.parametrize("name", LONG)
def test_long(stage_of: Callable[..., Stage], name: str) -> None:
    play(stage_of, LONG[name])


@pytest.mark.soak
@pytest.mark.parametrize("name", COMBINED)
def test_combined(stage_of: Callable[..., Stage], name: str) -> None:
    play(stage_of, COMBINED[name])


@pytest.mark.soak
@pytest.mark.parametrize("at", [1, 3])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_stage(stage_of: Callable[..., Stage], point: str, at: int) -> None:
    play(stage_of, Scenario(kills=((point, at),), must_die=at == 1))


@pytest.mark.soak
def test_disk_full(stage_on_small_disk: Stage, small_disk: Path) -> None:
    drill(stage_on_small_disk, Scenario(faults={3: (faults.disk_full(small_disk), 3)}))


@pytest.mark.soak
@pytest.mark.parametrize("round_number", range(ROUNDS))
def test_by_chance(stage_of: Callable[..., Stage], seed: int, round_number: int) -> None:
    """Several kills and faults, each at any minute, one into the other; by one daemon or two."""
    scenario = by_chance(random.Random(seed + round_number))
    print(f"round {round_number}: {scenario}")
    play(stage_of, scenario)


def by_chance(chance: random.Random) -> Scenario:
    kills = tuple(
        (chance.choice(list(POINTS)), chance.randint(1, 3)) for _ in range(chance.randint(1, 4))
    )
    found: dict[int, tuple[Fault, int]] = {}
    whole_from = dict.fromkeys(CHANCES, 0)
    minute = chance.randint(1, 3)
    while minute < MINUTES - 1:
        part = chance.choice([each for each in CHANCES if whole_from[each] <= minute])
        within, over = part
        length = chance.randint(1, 3) if over and chance.random() < 0.5 else 0
        found[minute] = chance.choice(over if length else within), length
        whole_from[part] = minute + length + 1
        minute += chance.randint(1, 3)
    return Scenario(
        kills=kills,
        faults=found,
        daemons=chance.choice((1, 1, 2)),
        breaks_server=True,
        keepalive="1s",
        must_die=False,
    )


def play(stage_of: Callable[..., Stage], scenario: Scenario) -> None:
    drill(stage_of(scenario.broker, breaks_server=scenario.breaks_server), scenario)
