"""What a mail plots of an alert, out of a real database."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.fresh import Freshness
from fumewatch.core.letter.curve import Curve
from fumewatch.store import Database, alerts, monitors, plots, readings
from tests.store.build import NOON, at, batch, reading

HOUR = timedelta(hours=1)


@pytest.fixture
def monitor(database: Database) -> int:
    """It measures every ten minutes from 9:00 to 12:30, and sends its last value all the time."""
    with database.transaction() as conn:
        monitor = monitors.register(conn, [("xuhui", "M1")])["xuhui", "M1"]
        rows = [reading(monitor, n, fume=_fume(n), pm=5) for n in range(-600, 240)]
        readings.add(conn, batch(*rows), NOON)
    return monitor


def _fume(minute: int) -> int:
    return 100 + 10 * (min(max(minute, -180), 30) // 10 + 18)


def stored(database: Database, monitor: int, **overrides: Any) -> UUID:
    fields: dict[str, Any] = {
        "rule": "exceedance",
        "kind": "threshold",
        "severity": Severity.WARNING,
        "state": State.FIRING,
        "opened_at": NOON,
        "breached_at": NOON,
        "value": 0.3,
        "limit": 0.25,
        "evidence": {"channel": "fume"},
    } | overrides
    id = alert_id(fields["rule"], monitor, fields["opened_at"])
    alert = Alert(id=id, monitor=monitor, **fields)
    with database.transaction() as conn:
        alerts.save(conn, [Transition(alert, None, alert.opened_at, Reason.HELD)])
    return id


def curve(database: Database, alert: UUID, minute: int) -> Curve | None:
    with database.transaction() as conn:
        return plots.curve(conn, alert, at(minute), Freshness())


def test_the_hours_around_it_with_what_was_held(database: Database, monitor: int) -> None:
    found = curve(database, stored(database, monitor), 60)

    assert found is not None
    assert (found.channel, found.unit, found.limit) == ("fume", "mg/m³", 0.25)
    assert (found.at[0], found.at[-1]) == (at(-60), at(59))
    assert (found.values[0], found.values[60]) == (0.22, 0.28)
    held = [n for n, is_fresh in enumerate(found.fresh) if not is_fresh]
    assert 100 <= held[0] <= 106  # 12:30 and one refresh period
    assert held == list(range(held[0], 120))
    assert (found.opened_at, found.closed_at) == (NOON, None)


@pytest.mark.parametrize(
    ("overrides", "now", "first", "last"),
    [
        ({}, 5, -115, 4),  # two hours at least
        ({}, 200, -60, 199),
        ({"opened_at": NOON - 8 * HOUR}, 0, -360, -1),  # six at most
        (
            {"state": State.RESOLVED, "resolved_at": at(20)},
            200,
            -70,
            49,
        ),  # until soon after its end
        ({"state": State.RESOLVED, "resolved_at": at(20)}, 25, -95, 24),
    ],
)
def test_how_much_is_shown(
    database: Database,
    monitor: int,
    overrides: dict[str, Any],
    now: int,
    first: int,
    last: int,
) -> None:
    found = curve(database, stored(database, monitor, **overrides), now)

    assert found is not None
    assert (found.at[0], found.at[-1]) == (at(first), at(last))


@pytest.mark.parametrize(
    ("overrides", "channel", "limit"),
    [
        ({"evidence": {"channel": "pm"}, "limit": 5.0}, "pm", 5.0),
        ({"evidence": {"channel": "fume", "share_above": 1.5}, "limit": 0.6}, "fume", 1.5),
        ({"kind": "linkage", "evidence": {}, "limit": 10.0}, "fume", None),
        ({"kind": "absence", "evidence": {"channel": "fan_on"}}, "fume", None),
        ({"limit": float("nan")}, "fume", None),
    ],
)
def test_which_channel_and_which_level(
    database: Database, monitor: int, overrides: dict[str, Any], channel: str, limit: float | None
) -> None:
    found = curve(database, stored(database, monitor, **overrides), 30)

    assert found is not None
    assert (found.channel, found.limit) == (channel, limit)


def test_without_values_or_without_the_alert_there_is_nothing(
    database: Database, monitor: int
) -> None:
    empty = stored(database, monitor, evidence={"channel": "nmhc"})

    assert curve(database, empty, 30) is None
    assert curve(database, UUID(int=1), 30) is None
