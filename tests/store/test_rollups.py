"""Roll-ups in the database: exact after any sequence of batches, flushes and kills."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.merge import Added, unique
from fumewatch.core.reading import Readings
from fumewatch.core.rollup import ADDITIVE, HIGHEST, Rollup, RollupDelta
from fumewatch.store import Database, monitors, readings, rollups, sites, summary
from fumewatch.store.wire import from_us
from tests.fixtures.database import on_engines
from tests.store.build import NOON, at, batch, reading, told

pytestmark = on_engines("plain", "timescaledb")

SHANGHAI = ZoneInfo("Asia/Shanghai")
STREETS = {1: ("xuhui", "Tianlin"), 2: ("xuhui", "Tianlin"), 3: ("xuhui", "Caohejing")}
VALUES = ", ".join((*ADDITIVE, *HIGHEST))


class Process:
    """A daemon's part that counts: can be killed, and started again on the same database."""

    def __init__(self, database: Database, clock: datetime = NOON) -> None:
        self.database = database
        self.clock = clock
        self.start()

    def start(self) -> None:
        self.rollup, self.newest = Rollup(SHANGHAI), readings.Newest()
        with self.database.transaction() as conn:
            rollups.recover(conn, SHANGHAI)

    kill = start

    def add(self, rows: Readings) -> Added:
        self.clock += timedelta(seconds=1)
        with self.database.transaction() as conn:
            added = readings.add(conn, rows, self.clock, self.newest)
        self.rollup.add(added)
        return added

    def flush(self) -> bool:
        delta = self.rollup.drain(STREETS)
        with self.database.transaction() as conn:
            return rollups.flush(conn, delta, self.clock)

    def repair(self) -> int:
        with self.database.transaction() as conn:
            return rollups.repair(conn, at(-5000), at(5000), SHANGHAI)


@pytest.fixture
def process(database: Database) -> Process:
    """Monitors 1 and 2 in one street, 3 in another, 4 nobody knows where."""
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", f"M{i}") for i in (1, 2, 3, 4)])
        sites.replace(
            conn,
            Facts(
                (
                    SiteFacts("A", "A", "xuhui", "Tianlin"),
                    SiteFacts("B", "B", "xuhui", "Caohejing"),
                ),
                (OutletFacts("A", "A", ("A",), "x"), OutletFacts("B", "B", ("B",), "x")),
                (
                    MonitorFacts("xuhui", "M1", "A"),
                    MonitorFacts("xuhui", "M2", "A"),
                    MonitorFacts("xuhui", "M3", "B"),
                ),
            ),
        )
    return Process(database)


def counted(delta: RollupDelta) -> dict[str, dict]:
    """A delta from nothing, as `stored` tells it."""

    def lines(sums: Any, key: Any) -> dict:
        values = [*sums.additive.T.tolist()], [*sums.highest.T.tolist()]
        return {
            key(k, from_us(us)): (*a, *(v if v > -(2**31) else None for v in h))
            for k, us, a, h in zip(sums.key.tolist(), sums.start.tolist(), *values, strict=True)
        }

    return {
        "rollup_10m": lines(delta.ten_minutes, lambda k, start: (k, start)),
        "rollup_day": lines(delta.days, lambda k, start: (k, start.date())),
        "rollup_street": lines(delta.streets, lambda k, start: (*delta.street_names[k], start)),
        "monitor_latest": told(delta.latest),
    }


def stored(database: Database) -> dict[str, Any]:
    keys = {
        "rollup_10m": "monitor_id, bucket",
        "rollup_day": "monitor_id, day",
        "rollup_street": "district, street, bucket",
    }
    with database.transaction() as conn:
        found: dict[str, Any] = {
            table: {
                row[: -len(ADDITIVE + HIGHEST)]: row[-len(ADDITIVE + HIGHEST) :]
                for row in conn.execute(f"select {key}, {VALUES} from {table}")
            }
            for table, key in keys.items()
        }
        latest = conn.execute("select monitor_id, measured_at, fume, pm from monitor_latest")
        found["latest"] = {row[0]: row[1:] for row in latest}
    return found


def from_the_rows(database: Database) -> dict[str, Any]:
    """The same, counted anew from every row."""
    with database.transaction() as conn:
        rows = unique(batch(*readings.since(conn, at(-100_000))))
    rollup = Rollup(SHANGHAI)
    rollup.add(Added.only_new(rows))
    delta = rollup.drain(STREETS)
    latest = {
        monitor: (at(minutes), values.get("fume"), values.get("pm"))
        for monitor, minutes, _, _, values in told(delta.latest)
    }
    found = counted(delta)
    del found["monitor_latest"]
    return {**found, "latest": latest}


def test_flushed_batches_add_up(process: Process) -> None:
    process.add(batch(reading(1, 0, fume=800, fan_on=1), reading(3, 241, pm=2)))
    assert process.flush()
    process.add(batch(reading(1, 1, fume=900), reading(1, 0, purifier_on=1), reading(4, 0, pm=1)))
    assert process.flush()
    found = stored(process.database)
    assert found == from_the_rows(process.database)
    assert {key[1] for key in found["rollup_day"]} == {date(2026, 11, 23), date(2026, 11, 24)}


def test_a_flush_counts_once(process: Process) -> None:
    """The answer to a commit may be lost: the same delta again changes nothing."""
    process.add(reading(1, 0, fume=800))
    delta = process.rollup.drain(STREETS)
    for expected in (True, False):
        with process.database.transaction() as conn:
            assert rollups.flush(conn, delta, process.clock) is expected
    assert stored(process.database) == from_the_rows(process.database)


def test_an_empty_flush_changes_nothing(process: Process) -> None:
    assert not process.flush()
    with process.database.transaction() as conn:
        assert rollups.received_to(conn) is None


def test_a_kill_loses_nothing_however_late_the_rows(process: Process) -> None:
    process.add(batch(reading(1, 0, fume=800), reading(1, -2000, fume=1)))
    process.flush()
    process.add(batch(reading(1, -2001, fume=2), reading(1, 0, pm=3), reading(2, 5, fume=4)))
    process.kill()
    assert stored(process.database) == from_the_rows(process.database)
    with process.database.transaction() as conn:
        assert rollups.received_to(conn) == process.clock
        assert rollups.recover(conn, SHANGHAI) == 0
        assert summary.counts(conn).readings_stored == 4


def test_a_repair_mends_what_somebody_broke(process: Process) -> None:
    process.add(batch(*[reading(m, t, fume=t) for m in (1, 2, 3) for t in (0, 30)]))
    process.flush()
    with process.database.transaction() as conn:
        conn.execute("update rollup_10m set fume_sum = 99, fume_max = 99")
        conn.execute("delete from rollup_day")
        conn.execute("update rollup_street set readings = 0")
    assert process.repair() == 6
    assert stored(process.database) == from_the_rows(process.database)


def test_a_repair_leaves_alone_what_is_not_counted_yet(process: Process) -> None:
    process.add(batch(reading(1, 0, fume=1), reading(1, 10, fume=2)))
    process.flush()
    process.add(reading(1, 1, fume=3))
    assert process.repair() == 1
    process.flush()
    assert stored(process.database) == from_the_rows(process.database)


ROWS = st.lists(
    st.builds(
        lambda monitor, minutes, quality, channels: reading(monitor, minutes, quality, **channels),
        st.integers(1, 4),
        st.sampled_from([-3000, -130, 0, 1, 2, 11, 239, 240]),
        st.sampled_from("NND"),
        st.dictionaries(
            st.sampled_from(["fume", "pm", "fan_on", "purifier_on"]), st.integers(0, 1)
        ),
    ),
    min_size=1,
    max_size=5,
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), ROWS), st.sampled_from([("flush",), ("kill",), ("repair",)])
    ),
    max_size=8,
)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(STEPS)
def test_whatever_happens_the_roll_ups_are_those_of_the_rows(
    process: Process, steps: list[tuple]
) -> None:
    with process.database.transaction() as conn:
        for table in ("reading", "rollup_10m", "rollup_day", "rollup_street", "monitor_latest"):
            conn.execute(f"delete from {table}")
    process.start()
    for name, *argument in steps:
        getattr(process, name)(*[batch(*rows) for rows in argument])
    process.flush()
    assert stored(process.database) == from_the_rows(process.database)
