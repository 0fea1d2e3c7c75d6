"""What devices tell: stored once, changes only, the newest; whatever a device may write."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Heartbeat, Interval
from fumewatch.core.reading import INDEX, MISSING
from fumewatch.store import Connection, Database, devices, monitors
from fumewatch.store.devices import LONGEST_TEXT, MOST_ENTRIES, Fact
from fumewatch.store.wire import to_us
from tests.store.build import NOON, at

FUME = INDEX["fume"]
ON, OFF = {"SB1-RS": "1"}, {"SB1-RS": "0"}


@pytest.fixture
def told(database: Database) -> "Told":
    """Monitors 1 and 2."""
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])
    return Told(database)


class Told:
    """Tells the store, each time a second later, and reads back what it kept."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = NOON

    def __call__(self, *facts: Fact, monitor: int = 1) -> None:
        self.batch(*((monitor, fact) for fact in facts))

    def batch(self, *told: tuple[int, Fact]) -> None:
        self.clock += timedelta(seconds=1)
        with self.database.transaction() as conn:
            devices.add(conn, told, self.clock)

    def events(self, monitor: int = 1) -> list[tuple[str, float, dict[str, str]]]:
        """(kind, minutes from noon, detail) by time."""
        rows = self.rows(
            "select kind, at, detail from device_event where monitor_id = %s order by at, kind",
            monitor,
        )
        return [(kind, (when - NOON) / timedelta(minutes=1), detail) for kind, when, detail in rows]

    def states(self, monitor: int = 1) -> list[tuple[float, dict[str, str]]]:
        return [(when, detail) for kind, when, detail in self.events(monitor) if kind == "facility"]

    def rows(self, query: str, *params: object) -> list[tuple[Any, ...]]:
        with self.database.transaction() as conn:
            return conn.execute(query, params).fetchall()


def event(kind: str, minutes: float, **detail: str) -> DeviceEvent:
    return DeviceEvent(EventKind(kind), to_us(at(minutes)), detail)


def state(minutes: float, detail: dict[str, str]) -> DeviceEvent:
    return DeviceEvent(EventKind.FACILITY, to_us(at(minutes)), detail)


def aggregate(mean: int, minutes: float = 0, **fields: Any) -> DeviceAggregate:
    known: dict[str, Any] = {"interval": Interval.HOUR, "channel": FUME, "mean": mean}
    return DeviceAggregate(start=to_us(at(minutes)), **(known | fields))


def test_an_event_told_again_is_kept_once(told: Told) -> None:
    restart, log = event("restart", 1, RestartTime="x"), event("log", 2, Info="door open")
    told(restart, log, restart)
    told(log)
    told(restart, monitor=2)
    assert told.events() == [
        ("restart", 1, {"RestartTime": "x"}),
        ("log", 2, {"Info": "door open"}),
    ]
    assert told.events(2) == [("restart", 1, {"RestartTime": "x"})]


def test_two_logs_of_one_instant_are_two(told: Told) -> None:
    told(event("log", 1, Info="a"), event("log", 1, Info="b"), event("log", 1, Info="a"))
    assert [detail["Info"] for _, _, detail in told.events()] == ["a", "b"]


def test_nothing_told_is_fine(told: Told) -> None:
    told()
    assert told.events() == []


# ── Facility states ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("apart", [True, False], ids=["message by message", "in one batch"])
@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param([(0, ON), (5, ON), (10, ON)], [(0, ON)], id="the same again and again"),
        pytest.param([(0, ON), (5, OFF), (10, OFF)], [(0, ON), (5, OFF)], id="a change"),
        pytest.param([(0, ON), (5, OFF), (10, ON)], [(0, ON), (5, OFF), (10, ON)], id="and back"),
        pytest.param([(10, ON), (0, ON)], [(0, ON)], id="late, the change was earlier"),
        pytest.param([(0, ON), (10, OFF), (5, OFF)], [(0, ON), (5, OFF)], id="late, off earlier"),
        pytest.param([(0, ON), (10, OFF), (5, ON)], [(0, ON), (10, OFF)], id="late, still on"),
        pytest.param(
            [(0, ON), (10, ON), (5, OFF), (15, ON)],
            [(0, ON), (5, OFF), (15, ON)],
            id="late, off for a while: the next message says that it was over",
        ),
        pytest.param([(0, ON), (0, OFF)], [(0, ON)], id="of one instant the first"),
        pytest.param(
            [(0, ON), (5, OFF), (5, ON), (10, OFF)], [(0, ON), (5, OFF)], id="contradiction"
        ),
    ],
)
def test_only_changes_of_state_are_kept(
    told: Told, sent: list[Any], kept: list[Any], apart: bool
) -> None:
    if apart:
        for minutes, detail in sent:
            told(state(minutes, detail))
    else:
        kept = changes(sent)
        told(*(state(minutes, detail) for minutes, detail in sent))
    assert told.states() == kept


def changes(sent: list[tuple[int, dict[str, str]]]) -> list[tuple[int, dict[str, str]]]:
    """What is to be kept of states told at once: in order, of one instant the first."""
    found: dict[int, dict[str, str]] = {}
    for minutes, detail in sent:
        found.setdefault(minutes, detail)
    kept: list[tuple[int, dict[str, str]]] = []
    for minutes, detail in sorted(found.items()):
        if not kept or kept[-1][1] != detail:
            kept.append((minutes, detail))
    return kept


def test_a_state_is_compared_with_what_lies_between(told: Told) -> None:
    told(state(0, ON), state(5, OFF))
    told(state(3, OFF), state(8, ON), state(9, ON))
    assert told.states() == [(0, ON), (3, OFF), (8, ON)]


def test_each_facility_has_its_own_states(told: Told) -> None:
    fan, purifier = {"SB1-RS": "1"}, {"SB2-RS": "0"}
    for minutes in (0, 5, 10):
        told(state(minutes, fan), state(minutes + 1, purifier))
        told(state(minutes, OFF), monitor=2)
    assert told.states() == [(0, fan), (1, purifier)]
    assert told.states(2) == [(0, OFF)]


steps = st.lists(
    st.lists(st.tuples(st.integers(0, 8), st.sampled_from([ON, OFF, {"SB1-RS": "4"}])), max_size=5),
    max_size=5,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_states_in_any_order_and_any_batches(told: Told, sent: list[list[Any]]) -> None:
    """No two neighbours are alike, all of it was told, and told in order it comes to rest."""
    with told.database.transaction() as conn:
        conn.execute("truncate device_event")
    for batch in sent:
        told(*(state(minutes, detail) for minutes, detail in batch))
    everything = [one for batch in sent for one in batch]
    states = told.states()
    assert all(one != after for (_, one), (_, after) in pairwise(states))
    assert all(one in everything for one in states)
    first: dict[int, Any] = {}
    for minutes, detail in everything:
        first.setdefault(minutes, detail)
    in_order = sorted(first.items())
    told(*(state(minutes, detail) for minutes, detail in in_order))
    settled = told.states()
    told(*(state(minutes, detail) for minutes, detail in in_order))
    assert told.states() == settled


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from([ON, OFF]), max_size=12), st.integers(1, 5))
def test_states_in_order_are_exact_and_again_change_nothing(
    told: Told, sent: list[dict[str, str]], size: int
) -> None:
    with told.database.transaction() as conn:
        conn.execute("truncate device_event")
    stream = [state(minutes, detail) for minutes, detail in enumerate(sent)]
    for start in range(0, len(stream), size):
        told(*stream[start : start + size])
        told(*stream[start : start + size])
    assert told.states() == changes(list(enumerate(sent)))


# ── Whatever a device writes ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("half \ud83d", "half ?"),
        ("\\u0000", "\\ufffd"),  # the six letters: still text
        ("x" * 100_000, "x" * (LONGEST_TEXT - 1) + "…"),
        ("'; drop table device_event; --", "'; drop table device_event; --"),
        ('{"a": [1,2}', '{"a": [1,2}'),
        ("", ""),
    ],
    ids=["zero", "surrogate", "escape", "long", "sql", "json", "empty"],
)
@pytest.mark.parametrize("kind", EventKind)
def test_hostile_texts_break_nothing(told: Told, kind: str, written: str, stored: str) -> None:
    told(event(kind, 1, **{written[:200] or "k": written}), event("restart", 2, good="yes"))
    told(event(kind, 1, **{written[:200] or "k": written}))
    (found,) = [detail for of, when, detail in told.events() if (of, when) == (kind, 1)]
    assert list(found.values()) == [stored]
    assert ("restart", 2, {"good": "yes"}) in told.events()


def test_a_detail_of_many_entries_is_cut(told: Told) -> None:
    told(event("log", 1, **{f"k{n}": "x" for n in range(10_000)}))
    assert len(told.events()[0][2]) == MOST_ENTRIES


@pytest.mark.parametrize("us", [-(2**63), -1, 2**63 - 1])
def test_a_time_that_is_none_is_stored_as_the_nearest(told: Told, us: int) -> None:
    told(DeviceEvent(EventKind.RESTART, us), DeviceEvent(EventKind.FACILITY, us, ON))
    told(aggregate(1, 0), DeviceAggregate(Interval.HOUR, us, FUME, mean=5))
    years = {row[0].year for row in told.rows("select at from device_event")}
    assert years <= {1970, 2255}
    assert len(told.rows("select start from device_aggregate")) == 2


@pytest.mark.parametrize(("flag", "kept"), [("N", "N"), ("d", "d"), ("数", "?"), ("\0", "?")])
def test_a_flag_is_one_letter(told: Told, flag: str, kept: str) -> None:
    told(aggregate(1, quality=flag))
    assert told.rows("select quality::text from device_aggregate") == [(kept,)]


# ── Aggregates ──────────────────────────────────────────────────────────────────────────────────

AGGREGATES = """
    select interval, start, channel, least, mean, most, received_at from device_aggregate
    order by interval, start, channel
"""


def test_an_aggregate_is_kept_as_told(told: Told) -> None:
    told(aggregate(820, -60, least=10, most=2000), aggregate(MISSING, -60, channel=INDEX["pm"]))
    told(aggregate(700, -1440, interval=Interval.DAY))
    first, second = at(1 / 60), at(2 / 60)
    assert told.rows(AGGREGATES) == [
        ("day", at(-1440), "fume", None, 700, None, second),
        ("hour", at(-60), "fume", 10, 820, 2000, first),
        ("hour", at(-60), "pm", None, None, None, first),
    ]


def compared(conn: Connection) -> None:
    conn.execute(
        "update device_aggregate set outcome = 'agrees', our_mean = 1, our_count = 1,"
        " compared_at = now()"
    )


def test_an_aggregate_told_again_changes_nothing(told: Told) -> None:
    told(aggregate(820))
    with told.database.transaction() as conn:
        compared(conn)
    before = told.rows("select * from device_aggregate")
    told(aggregate(820), aggregate(820))
    assert told.rows("select * from device_aggregate") == before


def test_the_newest_aggregate_wins_and_is_to_be_compared_again(told: Told) -> None:
    told(aggregate(820))
    with told.database.transaction() as conn:
        compared(conn)
    told(aggregate(900), aggregate(950))
    columns = "mean, received_at, outcome, our_mean, our_count, compared_at"
    found = told.rows(f"select {columns} from device_aggregate")
    assert found == [(950, told.clock, None, None, None, None)]


# ── Heartbeats ──────────────────────────────────────────────────────────────────────────────────


def test_a_heartbeat_was_heard_when_it_was_received(told: Told) -> None:
    told(Heartbeat(), Heartbeat())
    with told.database.transaction() as conn:
        ids, instants = devices.heard(conn)
    assert (ids.tolist(), instants.tolist()) == ([1], [to_us(told.clock)])
    assert (ids.dtype, instants.dtype) == (np.int32, np.int64)


def test_the_last_heartbeat_only_moves_forward(told: Told) -> None:
    told(Heartbeat())
    with told.database.transaction() as conn:
        devices.add(conn, [(1, Heartbeat()), (2, Heartbeat())], NOON - timedelta(hours=1))
        ids, instants = devices.heard(conn)
    found = dict(zip(ids.tolist(), instants.tolist(), strict=True))
    assert found == {1: to_us(told.clock), 2: to_us(NOON - timedelta(hours=1))}


def test_nobody_has_beaten_yet(told: Told) -> None:
    with told.database.transaction() as conn:
        ids, instants = devices.heard(conn)
    assert (len(ids), len(instants)) == (0, 0)


def test_what_is_old_goes_bit_by_bit(told: Told) -> None:
    told(*(event("log", n, Info="x") for n in range(5)), *(aggregate(1, 60 * n) for n in range(5)))
    told(event("restart", 9), aggregate(2, 600))
    dropped = []
    while not dropped or dropped[-1]:
        with told.database.transaction() as conn:
            dropped.append(devices.drop_before(conn, told.clock, 2))
    assert dropped == [4, 4, 2, 0]
    assert [kind for kind, _, _ in told.events()] == ["restart"]
    assert told.rows("select mean from device_aggregate") == [(2,)]


def test_a_large_batch_of_everything(told: Told) -> None:
    facts: list[tuple[int, Fact]] = []
    for n in range(2000):
        facts += [
            (1 + n % 2, state(n, ON if n // 7 % 2 else OFF)),
            (1 + n % 2, aggregate(n, 10 * n, interval=Interval.MINUTES)),
            (1 + n % 2, event("log", n, Info=str(n))),
            (1 + n % 2, Heartbeat()),
        ]
    told.batch(*facts)
    assert told.rows("select kind, count(*) from device_event group by 1 order by 1")[1] == (
        "log",
        2000,
    )
    assert told.rows("select count(*) from device_aggregate") == [(2000,)]
