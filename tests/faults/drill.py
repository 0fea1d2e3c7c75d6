"""A drill: monitors send minute after minute while things break, then all of it is checked."""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Final

from fumewatch.dispatch import ROUND_SECONDS
from tests.faults.check import check, is_told
from tests.faults.faults import Fault
from tests.faults.stage import Kill, Stage

MINUTES: Final = 9
MORE_MINUTES: Final = 12
"""At most, for what is left to be told: a lease that a kill left behind takes one."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What breaks, and when.

    kills      where the daemon dies, one process after the other
    faults     minute → (what breaks then, for how many minutes); 0: within that minute
    daemons    how many
    alerts     whether they must be an undisturbed run's
    """

    kills: tuple[Kill, ...] = ()
    faults: Mapping[int, tuple[Fault, int]] = field(default_factory=dict)
    daemons: int = 1
    alerts: bool = True
    broker: str = ""
    breaks_server: bool = False
    keepalive: str = "5s"
    minutes: int = MINUTES
    pause_s: float = 0.3
    must_die: bool = True


def drill(stage: Stage, scenario: Scenario) -> None:
    try:
        _play(stage, scenario)
        check(stage, alerts=scenario.alerts)
    finally:
        print(stage.log())


def _play(stage: Stage, scenario: Scenario) -> None:
    stage.kills = list(scenario.kills)
    for _ in range(scenario.daemons):
        stage.start(stage.daemon(scenario.keepalive))
    stage.catch_up()
    with ExitStack() as stack:
        breaking: list[tuple[int, ExitStack]] = []
        for minute in range(scenario.minutes):
            if found := scenario.faults.get(minute):
                fault, length = found
                broken = stack.enter_context(ExitStack())
                broken.enter_context(fault(stage))
                breaking.append((minute + length, broken))
            _minute(stage, minute)
            if breaking:
                time.sleep(scenario.pause_s)
            for end, broken in [each for each in breaking if each[0] <= minute]:
                breaking.remove((end, broken))
                broken.close()
            if not breaking:
                stage.catch_up()
            stage.next_minute()
    assert not stage.kills or not scenario.must_die, f"nobody died at {stage.kills}"
    _wind_up(stage)


def _minute(stage: Stage, minute: int) -> None:
    """In any order within the minute."""
    readings = stage.monitors.minute(minute)
    stage.chance.shuffle(readings)
    stage.feed.send(readings)


def _wind_up(stage: Stage) -> None:
    """Quiet minutes, until all is told; then the daemons stop in order."""
    for _ in range(MORE_MINUTES):
        _minute(stage, stage.minute)
        stage.catch_up()
        stage.next_minute()
        if _is_over(stage):
            break
    stage.stop()


def _is_over(stage: Stage) -> bool:
    """Also a round of dispatch later."""
    if not _comes_true(lambda: is_told(stage), stage):
        return False
    time.sleep(ROUND_SECONDS * 1.2)
    return is_told(stage)


def _comes_true(what: Callable[[], bool], stage: Stage, seconds: float = 3.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stage.tend()
        if what():
            return True
        time.sleep(0.05)
    return False
