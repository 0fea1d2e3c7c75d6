"""How a monitor stands: the worst fact wins."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fumewatch.core.fleet import FleetState, OpenAlert, Seen, Standing, Why, standing, tally
from fumewatch.core.reading import INDEX

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EXCEEDANCE = OpenAlert("threshold", is_exceedance=True)
NEAR_LIMIT = OpenAlert("threshold", is_exceedance=False)
OFFLINE = OpenAlert("absence", is_exceedance=False)
LINKAGE = OpenAlert("linkage", is_exceedance=False)
LOST = {"measured_at": NOW - 30 * MINUTE, "status": "offline", "status_at": NOW - 2 * MINUTE}
HEALTHY = Seen(is_assigned=True, measured_at=NOW - MINUTE)


@pytest.mark.parametrize(
    ("facts", "state", "why"),
    [
        ({}, "normal", "reporting"),
        ({"is_assigned": False, "alerts": (EXCEEDANCE,)}, "unassigned", "no site yet"),
        ({"alerts": (OFFLINE, EXCEEDANCE)}, "exceeding", "exceedance alert open"),
        ({"alerts": (NEAR_LIMIT,)}, "warned", "other alert open"),
        ({"alerts": (OFFLINE, LINKAGE)}, "warned", "other alert open"),
        ({"alerts": (OFFLINE,)}, "offline", "offline alert open"),
        ({"measured_at": None}, "offline", "no reading yet"),
        ({"status": "offline", "status_at": NOW}, "offline", "connection lost"),
        ({"status": "offline", "status_at": NOW - 2 * MINUTE}, "normal", "reporting"),
        ({"status": "offline", "status_at": None}, "normal", "reporting"),
        ({"status": "online", "status_at": NOW}, "normal", "reporting"),
        ({"quality": "D"}, "fault", "data flag not normal"),
        ({"quality": "F"}, "normal", "reporting"),
        ({"unjudged": 1 << INDEX["fume"]}, "fault", "fume out of plausible range"),
        ({"unjudged": 1 << INDEX["humidity"]}, "normal", "reporting"),
        ({"measured_at": NOW - 10 * MINUTE}, "normal", "reporting"),
        ({"measured_at": NOW - 11 * MINUTE}, "stale", "no recent reading"),
        ({"measured_at": NOW - 11 * MINUTE, "quality": "B"}, "fault", "data flag not normal"),
        ({"measured_at": NOW - 11 * MINUTE, "alerts": (EXCEEDANCE,)}, "exceeding", None),
        ({"measured_at": NOW + MINUTE}, "normal", "reporting"),
        (
            {"measured_at": NOW - 11 * MINUTE, "heard_at": NOW},
            "stale",
            "alive, but measures nothing",
        ),
        ({"measured_at": None, "heard_at": NOW}, "stale", "alive, but measures nothing"),
        ({"measured_at": None, "heard_at": NOW - 11 * MINUTE}, "offline", "no reading yet"),
        (
            {"measured_at": NOW - 12 * MINUTE, "heard_at": NOW - 11 * MINUTE},
            "stale",
            "no recent reading",
        ),
        ({"heard_at": NOW}, "normal", "reporting"),
        ({**LOST, "heard_at": NOW}, "stale", "alive, but measures nothing"),
        ({**LOST, "heard_at": NOW - 3 * MINUTE}, "offline", "connection lost"),
        ({**LOST, "measured_at": None, "heard_at": NOW - 3 * MINUTE}, "offline", "connection lost"),
        ({"heard_at": NOW, "alerts": (OFFLINE,)}, "offline", "offline alert open"),
    ],
)
def test_the_worst_fact_wins(facts: dict[str, object], state: str, why: str | None) -> None:
    found = standing(replace(HEALTHY, **facts), NOW)
    assert found.state == state
    assert why in (None, found.why)


def test_a_tally_names_every_state_worst_first() -> None:
    offline = Standing(FleetState.OFFLINE, Why.NEVER_SEEN)
    assert list(tally([offline, offline]).items())[:4] == [
        ("exceeding", 0),
        ("warned", 0),
        ("offline", 2),
        ("fault", 0),
    ]
