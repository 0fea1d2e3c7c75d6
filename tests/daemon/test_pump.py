"""A leader's loop by itself, on a real broker and a real database, with a clock of the test's."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

from fumewatch.app import PARTS
from fumewatch.config import load
from fumewatch.health import Health
from fumewatch.pump import Pump
from fumewatch.store import Database
from tests.daemon.conftest import World, exceeding

Adjust = Callable[[str], str]


class Clock:
    """The real time and an offset that a test moves; at each look `pace` later."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.pace = timedelta(0)

    def __call__(self) -> datetime:
        self.offset += self.pace
        return datetime.now(UTC) + self.offset


@contextmanager
def pumping(world: World, clock: Clock, adjust: Adjust = lambda text: text) -> Iterator[Pump]:
    path = world.daemon().config
    path.write_text(adjust(path.read_text()))
    config = load(path)
    with ExitStack() as stack:
        database = Database(config.database)
        database.open()
        stack.callback(database.close)
        yield stack.enter_context(Pump(config, database, Health(PARTS, clock), clock))


def turn_until(pump: Pump, is_true: Callable[[], bool]) -> None:
    for _ in range(100):
        pump.turn()
        if is_true():
            return
    raise AssertionError("100 turns in vain")


def for_everyone(text: str) -> str:
    """The rule's limit as a number: it holds for monitors that nobody has assigned, too."""
    return text.replace('"limit"', "1.0").replace('"0.9 * limit"', "0.9")


def test_a_monitor_never_heard_of_may_breach_in_its_first_message(world: World):
    clock = Clock()
    with pumping(world, clock, for_everyone) as pump:
        clock.pace = timedelta(seconds=1)  # so that each turn judges
        world.publish("NEW", *exceeding())
        turn_until(pump, lambda: world.count("reading") == 10)
        assert world.rows("select state, monitor_id from alert") == [("firing", 1)]


def test_a_clock_set_back_stops_neither_rules_nor_rollups(world: World):
    world.assign("M1")
    clock = Clock()
    clock.offset = timedelta(minutes=4)
    with pumping(world, clock) as pump:
        pump.turn()
        clock.offset, clock.pace = timedelta(0), timedelta(seconds=1)
        world.publish("M1", *exceeding())
        turn_until(pump, lambda: world.count("alert") == 1)
        turn_until(pump, lambda: world.rows("select sum(readings) from rollup_10m") == [(10,)])
