"""What pages show of devices: each monitor's newest, and no more than asked for."""

from datetime import timedelta

import pytest

from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Interval
from fumewatch.core.integrity import Comparison, Outcome
from fumewatch.store import Connection, Database, comparisons, monitors
from fumewatch.store import devices as store
from fumewatch.store.pages import devices
from fumewatch.store.wire import to_us
from tests.store.build import NOON, at

LONG_AGO = NOON - timedelta(days=30)


@pytest.fixture
def conn(database: Database) -> Connection:
    """With monitors 1 and 2."""
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])
        yield conn


def restarts(conn: Connection, monitor: int, minutes: list[int], received: float) -> None:
    events = [DeviceEvent(EventKind.RESTART, to_us(at(minute))) for minute in minutes]
    store.add(conn, [(monitor, event) for event in events], at(received))


def compared(conn: Connection, monitor: int, *outcomes: Outcome) -> None:
    """An hour each, backwards from noon."""
    told = [
        DeviceAggregate(Interval.HOUR, to_us(at(-60 * n)), 0, mean=1000)
        for n in range(len(outcomes))
    ]
    store.add(conn, [(monitor, one) for one in told], at(60))
    due = sorted(comparisons.due(conn, at(600), 100), key=lambda one: one.start, reverse=True)
    found = [Comparison(outcome, 500, 6) for outcome in outcomes]
    comparisons.record(conn, list(zip(due, found, strict=True)), at(60))


def test_the_newest_events_of_each_monitor(conn: Connection) -> None:
    restarts(conn, 1, [1, 3, 2], received=5)
    restarts(conn, 1, [-9000], received=6)
    restarts(conn, 2, [4], received=4)
    found = [(row.monitor_id, row.at) for row in devices.events(conn, [1, 2], LONG_AGO, 3)]
    assert found == [(1, at(-9000)), (1, at(3)), (1, at(2)), (2, at(4))], "by our clock, then its"
    assert devices.events(conn, [1, 2], at(6.5), 3) == []
    assert devices.events(conn, [], LONG_AGO, 3) == []


def test_what_was_compared_is_counted_and_the_newest_findings_shown(conn: Connection) -> None:
    differs, agrees = Outcome.DIFFERS, Outcome.AGREES
    compared(conn, 1, agrees, differs, Outcome.TOO_FEW, differs, differs)
    compared(conn, 2, Outcome.NOT_JUDGED, Outcome.UNALIGNED)
    assert devices.compared(conn, [1, 2], LONG_AGO) == [devices.ComparedRow(1, 4, 3)]
    found = devices.findings(conn, [1, 2], LONG_AGO, 2)
    assert [(row.start, row.mean, row.our_mean) for row in found] == [
        (at(-60), 1000, 500),
        (at(-180), 1000, 500),
    ]
    assert devices.compared(conn, [1], at(-60)) == [devices.ComparedRow(1, 2, 1)]


def test_figures_of_all(conn: Connection) -> None:
    compared(conn, 1, Outcome.AGREES, Outcome.DIFFERS, Outcome.TOO_FEW)
    restarts(conn, 1, [1, 2], received=5)
    restarts(conn, 2, [1], received=-100)
    assert devices.figures(conn, at(0)) == devices.Figures(2, 1, 2)
    assert devices.figures(conn, at(61)) == devices.Figures(0, 0, 0)
