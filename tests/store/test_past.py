"""What patterns are judged on, read back from the store."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fumewatch.core.alert import State, alert_id
from fumewatch.core.complaints_csv import Complaint
from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Interval
from fumewatch.core.facts import Facts, OutletFacts, SiteFacts
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.past import Past, false_alarms
from fumewatch.store import Database, actions, alerts, complaints, devices, monitors, past, sites
from fumewatch.store.wire import to_us
from tests.core.scene import roster_of
from tests.store.build import NOON, at
from tests.store.test_alerts import alert, opened


@pytest.fixture
def load(database: Database):
    """What is known `minutes` after noon of the hour before; monitors 1 and 2."""
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])

    def load(minutes: float = 0) -> Past:
        ids = np.array([1, 2], np.int32)
        now = to_us(at(minutes))
        with database.transaction() as conn:
            return past.load(conn, now - 3_600_000_000, now, ids, roster_of())

    return load


def minutes(instants: np.ndarray) -> list[float]:
    return ((instants - to_us(NOON)) / 60_000_000).tolist()


def test_alerts_by_rule_as_known_at_the_time(database: Database, load) -> None:
    told = [
        (1, "a", -70, None, None),
        (1, "a", -10, -5, 5),
        (2, "a", -30, -20, -1),
        (2, "b", -20, None, -15),
        (1, "b", 1, None, None),
    ]
    for monitor, rule, opened_at, fired_at, resolved_at in told:
        state = State.RESOLVED if resolved_at else State.FIRING if fired_at else State.PENDING
        made = alert(
            monitor,
            id=alert_id(rule, monitor, at(opened_at)),
            rule=rule,
            state=state,
            opened_at=at(opened_at),
            fired_at=at(fired_at) if fired_at else None,
            resolved_at=at(resolved_at) if resolved_at else None,
        )
        with database.transaction() as conn:
            alerts.save(conn, [opened(made)])
    assert load(-1000).alerts == {}
    with database.transaction() as conn:
        whole = past.alerts(conn, to_us(at(-25)))
    assert [(made.rule, made.monitor) for made in whole] == [
        *[("a", 1), ("b", 2), ("a", 1), ("b", 1)]
    ]
    assert {
        rule: list(
            zip(
                of.monitor.tolist(),
                minutes(of.opened_at),
                of.fired.tolist(),
                of.is_open.tolist(),
                of.false_alarm.tolist(),
                strict=True,
            )
        )
        for rule, of in load().alerts.items()
    } == {
        "a": [(2, -30, True, False, False), (1, -10, True, True, False)],
        "b": [(2, -20, False, False, False)],
    }


def test_false_alarms_as_known_at_the_time(database: Database, load) -> None:
    """Found at the fifth minute, reopened at the tenth, found to be right at the twentieth."""
    made = alert(1, opened_at=at(-10), fired_at=at(-10), state=State.FIRING)
    other = alert(2, id=alert_id("exceedance", 2, at(-5)), opened_at=at(-5), fired_at=at(-5))
    with database.transaction() as conn:
        alerts.save(conn, [opened(made), opened(other)])
        for kind, minute, detail in [
            (ActionKind.ACKNOWLEDGED, 1, {}),
            (ActionKind.OUTCOME, 5, {"outcome": "false alarm"}),
            (ActionKind.NOTE, 6, {}),
            (ActionKind.REOPENED, 10, {}),
            (ActionKind.OUTCOME, 20, {"outcome": "confirmed"}),
        ]:
            done = Action(made.id, at(minute), kind, "Li Wei", "command", detail=detail)
            actions.append(conn, [done])
        outcomes = past.outcomes(conn, to_us(at(-60)), to_us(at(15)))
    assert [(o.alert, o.rule, o.monitor, o.opened_at, o.is_false) for o in outcomes] == [
        (made.id, made.rule, 1, made.opened_at, is_false) for is_false in (True, False)
    ]
    for minute, known in [(4, False), (5, True), (9, True), (10, False), (30, False)]:
        found = load(minute).alerts["exceedance"].false_alarm.tolist()
        assert found == [known, False], minute
        assert false_alarms(outcomes, to_us(at(minute))) == ({made.id} if known else set())


def test_restarts_and_no_other_events(database: Database, load) -> None:
    with database.transaction() as conn:
        for monitor, kind, when in [
            (2, EventKind.RESTART, -5),
            (1, EventKind.RESTART, -30),
            (1, EventKind.LOG, -20),
            (1, EventKind.RESTART, -61),
            (1, EventKind.RESTART, 1),
        ]:
            devices.add(conn, [(monitor, DeviceEvent(kind, to_us(at(when))))], NOON)
    found = load().restarts
    assert (found.monitor.tolist(), minutes(found.at)) == ([1, 2], [-30, -5])


def test_a_finding_for_each_interval_that_differs(database: Database, load) -> None:
    with database.transaction() as conn:
        for channel, start in [(0, -30), (1, -30), (0, -20), (0, -70)]:
            told = DeviceAggregate(Interval.MINUTES, to_us(at(start)), channel, mean=1)
            devices.add(conn, [(1, told)], NOON)
        conn.execute(
            "update device_aggregate set compared_at = now(), outcome ="
            " case when start = %s then 'agrees' else 'differs' end",
            [at(-20)],
        )
    found = load().findings
    assert (found.monitor.tolist(), minutes(found.at)) == ([1], [-30])


def test_complaints_that_can_be_placed(database: Database, load) -> None:
    site = SiteFacts("S1", "Noodles", "xuhui", "Tianlin")
    facts = Facts((site,), (OutletFacts("O1", "S1", ("S1",), "DB31"),), ())
    told = [
        Complaint("1", at(-10), 31.0, 121.0),
        Complaint("2", at(-20), site_code="S1"),
        Complaint("3", at(-15)),
        Complaint("4", at(-5), 31.5, 121.5, "S1"),
        Complaint("5", NOON - timedelta(days=1), 31.0, 121.0),
    ]
    with database.transaction() as conn:
        sites.replace(conn, facts)
        complaints.add(conn, told)
        assert complaints.unplaced(conn, ["1", "2", "3"]) == {"2", "3"}
    assert load().complaints.latitude.tolist() == [31.0, 31.5]
    with database.transaction() as conn:
        sites.replace(conn, replace(facts, sites=(replace(site, latitude=30.0, longitude=120.0),)))
    found = load().complaints
    assert minutes(found.at) == [-20, -10, -5]
    assert found.latitude.tolist() == [30.0, 31.0, 31.5]
    assert found.longitude.tolist() == [120.0, 121.0, 121.5]


def test_a_later_file_adds_to_a_complaint_and_takes_nothing_away(database: Database) -> None:
    whole = Complaint("1", at(-10), 31.0, 121.0, address="1 Road", text="smoke")
    with database.transaction() as conn:
        assert complaints.add(conn, [Complaint("1", at(-10), text="smoke")]).new == 1
        assert complaints.add(conn, [whole]).changed == 1
        assert complaints.add(conn, [Complaint("1", at(-10))]).unchanged == 1
        (row,), count, without = complaints.newest(conn, 10)
    assert (row.latitude, row.address, row.text) == (31.0, "1 Road", "smoke")
    assert (count, without) == (1, 0)
