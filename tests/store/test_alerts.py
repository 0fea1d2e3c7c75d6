"""Alerts and transitions, kept and never rewritten."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.errors import StoreRefused
from fumewatch.store import Database, alerts, monitors
from tests.store.build import NOON, at


@pytest.fixture
def monitor(database: Database) -> int:
    with database.transaction() as conn:
        return monitors.register(conn, [("xuhui", "M1")])["xuhui", "M1"]


def alert(monitor: int, **overrides) -> Alert:
    fields = {
        "id": alert_id("exceedance", monitor, NOON),
        "rule": "exceedance",
        "kind": "threshold",
        "severity": Severity.WARNING,
        "monitor": monitor,
        "state": State.PENDING,
        "opened_at": NOON,
        "breached_at": NOON,
        "value": 1.4,
        "limit": 1.0,
        "evidence": {"mean": 1.4},
    }
    return Alert(**fields | overrides)


def opened(of: Alert) -> Transition:
    return Transition(of, None, of.opened_at, Reason.BREACHED)


def save(database: Database, *transitions: Transition) -> list[int]:
    with database.transaction() as conn:
        return alerts.save(conn, transitions)


def open_alerts(database: Database) -> list[Alert]:
    with database.transaction() as conn:
        return alerts.open_alerts(conn)


def test_an_open_alert_comes_back_as_it_was(database: Database, monitor: int) -> None:
    saved = alert(monitor, fired_at=at(1), state=State.FIRING)
    save(database, opened(saved))
    assert open_alerts(database) == [saved]


def test_from_pending_to_resolved(database: Database, monitor: int) -> None:
    pending = alert(monitor)
    firing = replace(pending, state=State.FIRING, fired_at=at(5))
    resolved = replace(firing, state=State.RESOLVED, resolved_at=at(9))
    first = save(database, opened(pending), Transition(firing, State.PENDING, at(5), Reason.HELD))
    last = save(database, Transition(resolved, State.FIRING, at(9), Reason.CLEARED))
    assert first + last == sorted(first + last)
    assert open_alerts(database) == []
    with database.transaction() as conn:
        rows = conn.execute("select before, after, reason from transition order by id").fetchall()
    assert rows == [
        (None, "pending", "breached"),
        ("pending", "firing", "breach held"),
        ("firing", "resolved", "cleared"),
    ]


def test_touch_changes_no_state(database: Database, monitor: int) -> None:
    pending = alert(monitor)
    save(database, opened(pending))
    touched = replace(pending, value=2.0, breached_at=at(1), clear_since=at(1))
    with database.transaction() as conn:
        alerts.touch(conn, [touched, replace(pending, state=State.FIRING, value=9.0)])
    assert open_alerts(database) == [touched]


def test_evidence_may_hold_what_json_cannot(database: Database, monitor: int) -> None:
    evidence = {"slope": float("nan"), "n": np.int64(3), "at": NOON, "why": "a\0b"}
    save(database, opened(alert(monitor, evidence=evidence, limit=float("nan"))))
    (found,) = open_alerts(database)
    assert found.evidence == {
        "slope": None,
        "n": 3,
        "at": "2026-11-23T12:00:00Z",
        "why": "a\N{REPLACEMENT CHARACTER}b",
    }


def test_one_open_alert_for_a_rule_and_monitor(database: Database, monitor: int) -> None:
    save(database, opened(alert(monitor)))
    second = alert(monitor, id=alert_id("exceedance", monitor, at(1)), opened_at=at(1))
    with pytest.raises(StoreRefused, match="alert_open"):
        save(database, opened(second))


@pytest.mark.parametrize(
    "statement",
    ["update transition set reason = 'x'", "delete from transition", "truncate transition cascade"],
)
def test_transitions_are_append_only(database: Database, monitor: int, statement: str) -> None:
    save(database, opened(alert(monitor)))
    with pytest.raises(StoreRefused, match="append-only"), database.transaction() as conn:
        conn.execute(statement)


def test_nothing_to_save(database: Database) -> None:
    assert save(database) == []
    with database.transaction() as conn:
        alerts.touch(conn, [])


def test_the_oldest_open_alert_comes_first(database: Database, monitor: int) -> None:
    late = alert(monitor, id=alert_id("b", monitor, NOON), rule="b", opened_at=at(2))
    save(database, opened(late), opened(alert(monitor)))
    assert [a.opened_at - NOON for a in open_alerts(database)] == [
        timedelta(0),
        timedelta(minutes=2),
    ]
