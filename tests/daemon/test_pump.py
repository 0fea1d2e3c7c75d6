"""A leader's loop by itself, on a real broker and a real database, with a clock of the test's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fumewatch import judging
from fumewatch.ahead import Ahead
from fumewatch.config import load
from fumewatch.core.decode import Decoded
from fumewatch.core.decode.decoder import Decoder, decode_each
from fumewatch.core.errors import StoreUnavailable
from fumewatch.core.reading import INDEX
from fumewatch.health import Health
from fumewatch.ingest import work
from fumewatch.pump import Pump
from fumewatch.store import Database
from fumewatch.terms import PARTS
from tests.daemon.conftest import World, exceeding, reading, until

Adjust = Callable[[str], str]


class Clock:
    """The real time and an offset that a test moves; at each look `pace` later."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self.pace = timedelta(0)

    def __call__(self) -> datetime:
        self.offset += self.pace
        return datetime.now(UTC) + self.offset

    def begin(self) -> datetime:
        """Set back to the full minute, which comes back: else the next one may come in mid-test."""
        minute = self().replace(second=0, microsecond=0)
        self.offset += minute - self()
        return minute


@contextmanager
def pumping(world: World, clock: Clock, adjust: Adjust = lambda text: text) -> Iterator[Pump]:
    """Connected, and all is loaded."""
    health = Health(PARTS, clock)
    with entered(world, clock, health, adjust) as pump:
        turn_until(pump, lambda: health.parts()["broker"].is_up and pump.loaded_at is not None)
        yield pump


@contextmanager
def entered(
    world: World,
    clock: Clock,
    health: Health,
    adjust: Adjust = lambda text: text,
    *,
    stood_by: bool = False,
) -> Iterator[Pump]:
    """Nothing but the roster is loaded yet. `stood_by`: what there is was read ahead."""
    path = world.daemon().config
    path.write_text(adjust(path.read_text()))
    config = load(path)
    with ExitStack() as stack:
        database = Database(config.database)
        database.open()
        stack.callback(database.close)
        ahead = Ahead()
        if stood_by:
            with database.transaction() as conn:
                ahead.look(conn, config, clock())
        pump = Pump(config, database, health, clock, lambda *_: False, ahead=ahead)
        yield stack.enter_context(pump)


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


def test_a_clock_that_was_hours_ahead_silences_no_rule(world: World):
    world.assign("M1")
    clock = Clock()
    clock.offset = timedelta(hours=6)
    with pumping(world, clock) as pump:
        pump.turn()
        clock.offset, clock.pace = timedelta(0), timedelta(seconds=1)
        world.publish("M1", *exceeding())
        turn_until(pump, lambda: world.count("alert") == 1)


def test_a_clock_that_was_far_ahead_once_refuses_nobody_for_it(world: World):
    clock = Clock()
    clock.offset = timedelta(days=500)
    with pumping(world, clock) as pump:
        world.publish("M1", reading(-500 * 24 * 60))
        turn_until(pump, lambda: world.count("reading") == 1)
        clock.offset = timedelta(0)
        world.publish("M1", reading(), reading(-60))
        turn_until(pump, lambda: world.count("reading") == 2)
        assert world.rows("select kind from dead_letter") == [("future",)]


def test_minutes_that_end_while_nobody_judges_are_made_up_for_one_by_one(world: World):
    """A breach that began and ended meanwhile is told of, at the minutes at which it was one."""
    world.assign("M1")
    clock = Clock()
    clock.offset = timedelta(minutes=-40)
    began = clock.begin()
    with pumping(world, clock) as pump:
        clock.pace = timedelta(seconds=1)
        turn_until(pump, lambda: world.rows("select 1 from judged_mark") == [(1,)])
    for minute in range(30):
        at = (began + timedelta(minutes=minute)).isoformat()
        fume = (1.5 if 5 <= minute < 15 else 0.2) + minute / 100
        world.publish("M1", {"measured_at": at, "fume": fume, "fan_on": True})
    clock.offset, clock.pace = timedelta(0), timedelta(0)
    with pumping(world, clock) as pump:
        turn_until(pump, lambda: world.count("reading") == 30)
        clock.pace = timedelta(seconds=1)
        turn_until(pump, lambda: world.count("transition") == 2)
        moves = world.rows("select after, at from transition order by id")
        assert [after for after, _ in moves] == ["firing", "resolved"]
        minutes = [round((at - began) / timedelta(minutes=1)) for _, at in moves]
        assert minutes == [11, 21]


def test_a_successor_whose_clock_is_behind_repeats_nothing(world: World):
    """It was judged already, up to minutes that are not over yet by its own clock."""
    world.assign("M1")
    clock = Clock()
    began = clock().replace(second=30, microsecond=0)
    clock.offset = began - clock()
    with pumping(world, clock) as pump:
        for ago in range(20, 0, -1):
            at = (began - timedelta(minutes=ago)).isoformat()
            fume = 0.2 + ago / 1000 if ago > 1 else 20.0
            world.publish("M1", {"measured_at": at, "fume": fume, "fan_on": True})
        turn_until(pump, lambda: world.count("reading") == 20)
        clock.pace = timedelta(seconds=1)
        turn_until(pump, lambda: world.rows("select after from transition") == [("firing",)])
    told = "select after, at from transition order by id"
    before, judged_to = world.rows(told), world.rows("select judged_to from judged_mark")
    clock.offset = began - timedelta(minutes=3) - datetime.now(UTC)
    with pumping(world, clock) as pump:
        for _ in range(5):
            pump.turn()
        assert world.rows("select judged_to from judged_mark") == judged_to
        clock.offset += timedelta(minutes=4)
        for _ in range(5):
            pump.turn()
        assert world.rows("select judged_to from judged_mark") > judged_to
        assert world.rows(told) == before


@pytest.mark.parametrize(("most", "stood_by"), [(200_000, False), (200_000, True), (1, False)])
def test_what_comes_while_it_loads_is_stored_at_once_and_judged_once(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, stood_by: bool
):
    """`most`: with more kept aside than this, what comes waits. A reading that was in the store is
    completed meanwhile: its fume counts, and once."""
    monkeypatch.setattr(judging, "ASIDE_MOST", most)
    world.assign("M1")
    clock = Clock()
    began = clock().replace(second=30, microsecond=0)
    clock.offset = began - clock()

    def tell(minute: int, **values: float | bool) -> None:
        at = (began + timedelta(minutes=minute)).isoformat()
        world.publish("M1", {"measured_at": at, **values})

    with pumping(world, clock) as pump:
        for minute in range(-10, -5):
            tell(minute, fan_on=True)
        turn_until(pump, lambda: world.count("reading") == 5)
    health = Health(PARTS, clock)
    with entered(world, clock, health, stood_by=stood_by) as pump:
        for minute in range(-10, 0):
            tell(minute, fume=1.5 + minute / 100, fan_on=True)
        until(lambda: pump._subscriber.depth == 10)
        pump.turn()
        assert pump.loaded_at is None
        assert world.count("reading where fume is not null") == 10
        assert (health.parts()["ingest"].is_up, health.parts()["evaluate"].is_up) == (True, False)
        tell(0, fume=1.5, fan_on=True)
        until(lambda: pump._subscriber.depth == 1)
        pump.turn()
        assert pump.loaded_at is None
        assert world.count("reading") == (11 if most > 10 else 10)
        turn_until(pump, lambda: world.count("reading") == 11 and pump.loaded_at is not None)
        clock.offset += timedelta(minutes=1)
        turn_until(pump, lambda: world.count("alert") == 1)
        assert world.rows("select value from alert") == [(pytest.approx(1.455),)]
        assert pump._judging.engine.window._lanes[INDEX["fume"]].cells.count.sum() == 11
        turn_until(pump, lambda: world.rows("select sum(fume_n) from rollup_10m") == [(11,)])


def test_a_reload_while_it_loads_begins_anew_with_all_that_is_stored(world: World):
    world.assign("M1")
    clock = Clock()
    began = clock.begin()
    with entered(world, clock, Health(PARTS, clock)) as pump:
        for minute in range(-10, 0):
            at = (began + timedelta(minutes=minute)).isoformat()
            world.publish("M1", {"measured_at": at, "fume": 1.5 + minute / 100, "fan_on": True})
        until(lambda: pump._subscriber.depth == 10)
        pump.turn()
        assert (world.count("reading"), pump.loaded_at) == (10, None)
        pump.reload(pump._config)
        assert pump.loaded_at is None
        turn_until(pump, lambda: world.count("alert") == 1)
        assert pump._judging.engine.window._lanes[INDEX["fume"]].cells.count.sum() == 10
    with entered(world, clock, Health(PARTS, clock)) as pump:
        pump.turn()
    assert world.rows(f"select count(*) {_LOADS}") == [(0,)], "a stop ends it, too"


_LOADS = (
    "from pg_stat_activity where datname = current_database() and state = 'idle in transaction'"
)


def test_what_it_loads_from_may_go_away_and_it_begins_anew(world: World):
    """The connection that holds the snapshot, and no other: the next term goes on as ever."""
    world.assign("M1")
    clock = Clock()
    with entered(world, clock, Health(PARTS, clock)) as pump:
        for _ in range(5):
            pump.turn()
        assert pump.loaded_at is None
        oldest = f"select pid {_LOADS} order by xact_start limit 1"
        assert world.rows(f"select pg_terminate_backend(pid) from ({oldest}) as x") == [(True,)]
        with pytest.raises(StoreUnavailable):
            turn_until(pump, lambda: False)
    with pumping(world, clock) as pump:
        world.publish("M1", reading())
        turn_until(pump, lambda: world.count("reading") == 1)


def test_what_a_minute_changes_of_an_alert_is_saved_with_its_mark(world: World):
    """Also soon after the last time: who begins at that mark does not judge the minute again."""
    world.assign("M1")
    clock = Clock()
    began = clock.begin()

    def tell(*minutes: int) -> None:
        for minute in minutes:
            at = (began + timedelta(minutes=minute)).isoformat()
            world.publish("M1", {"measured_at": at, "fume": 1.5 + minute / 100, "fan_on": True})

    with pumping(world, clock) as pump:
        tell(*range(-10, 0))
        turn_until(pump, lambda: world.count("alert") == 1)
        for minute, second in ((1, 45), (2, 5)):
            tell(minute - 1)
            turn_until(pump, lambda: world.count("reading") == 10 + minute)  # noqa: B023
            clock.offset += began + timedelta(minutes=minute, seconds=second) - clock()
            pump.turn()
            (row,) = world.rows("select judged_to, value from alert, judged_mark")
            assert row == (began + timedelta(minutes=minute), pytest.approx(1.445 + minute / 100))


def test_what_a_minute_changes_of_an_alert_that_the_same_turn_opened_is_saved_too(world: World):
    world.assign("M1")
    clock = Clock()
    began = clock.begin()
    levels = [0.2] * 10 + [20.0, 20.0, 30.0]
    with pumping(world, clock) as pump:
        for minute, fume in enumerate(levels, -10):
            at = (began + timedelta(minutes=minute)).isoformat()
            world.publish("M1", {"measured_at": at, "fume": fume, "fan_on": True})
            if minute == -1:
                turn_until(pump, lambda: world.count("reading") == 10)
                pump.turn()
        until(lambda: pump._subscriber.depth == 3)
        clock.offset += began + timedelta(minutes=3, seconds=30) - clock()
        turn_until(pump, lambda: world.count("alert") == 1)
        opened = world.rows("select value, evidence->>'peak' from transition")[0]
        now = world.rows("select value, evidence->>'peak' from alert")[0]
        assert now[0] > opened[0]
        assert float(now[1]) > float(opened[1])


def test_a_message_that_breaks_our_reader_is_set_aside_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    def fragile(decoders: Sequence[Decoder], payloads: Sequence[bytes], *others: Any) -> Decoded:
        if b"break" in payloads:
            raise ZeroDivisionError("our mistake")
        return decode_each(decoders, payloads, *others)

    monkeypatch.setattr(work, "decode_each", fragile)
    with pumping(world, Clock()) as pump:
        for i in range(5):
            world.publish(f"M{i}", reading())
            if i == 3:
                world.publish_raw("fume/xuhui/M3/up", b"break")
        turn_until(pump, lambda: world.count("reading") == 5)
        turn_until(pump, lambda: world.count("dead_letter") == 1)
        assert world.rows("select kind, detail, payload from dead_letter") == [
            ("internal_error", "our mistake", b"break")
        ]


def test_statuses_by_the_dozen_load_the_roster_once(world: World, monkeypatch: pytest.MonkeyPatch):
    world.assign("M1")
    loads: list[object] = []
    with pumping(world, Clock()) as pump:
        load_roster = pump._load_roster
        monkeypatch.setattr(pump, "_load_roster", lambda conn: [loads.append(0), load_roster(conn)])
        world.publish_raw("fume/xuhui/M1/status", b"offline")
        turn_until(pump, lambda: world.count("monitor where status is not null") == 1)
        loads.clear()  # that of its registration, if the topic was new
        for status in (b"online", b"offline") * 4:
            world.publish_raw("fume/xuhui/M1/status", status)
            turn_until(pump, lambda s=status: world.count(f"monitor where status = '{s.decode()}'"))
        assert len(loads) <= 1
