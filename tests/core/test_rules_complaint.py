"""Complaints near alerts. Times are local, of November 2026."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.alert import Severity, Verdict
from fumewatch.core.past import Openings, Past
from fumewatch.core.roster import Roster
from fumewatch.core.rules.complaint import Complaint, haversine
from tests.core.history import complaints, openings, past, rule_of
from tests.core.scene import place, roster_of

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
SITE = (31.2000, 121.4000)
NEAR = (31.2009, 121.4000)  # 100 m to the north
FAR = (31.2000, 121.4030)  # 285 m to the east


def complaint(**fields: Any) -> Complaint:
    rule: Complaint = rule_of(Complaint, **fields)
    return rule


def at_site(*monitors: int) -> Roster:
    return roster_of(*(place(monitor, latitude=SITE[0], longitude=SITE[1]) for monitor in monitors))


def seen(
    when: str,
    where: tuple[float, float] = NEAR,
    *,
    now: str = "23 18:00",
    rule: str = "exceedance",
    **facts: Any,
) -> Past:
    """A complaint, and an alert at the site that was opened at noon on the 23rd."""
    alerts: dict[str, Openings] = {rule: openings("23 12:00", **facts)}
    return past(now, alerts, roster=at_site(0), complaints=complaints((when, *where)))


def verdict(rule: Complaint, of: Past) -> Verdict:
    found = rule.judge(of)
    assert found.opens[0, 0] == found.stays[0, 0]
    return Verdict(found.opens[0, 0])


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        pytest.param(seen("23 12:30"), BREACH, id="half an hour later"),
        pytest.param(seen("23 10:00"), BREACH, id="two hours before"),
        pytest.param(seen("23 09:59"), CLEAR, id="longer before"),
        pytest.param(seen("23 14:00"), BREACH, id="two hours later"),
        pytest.param(seen("23 14:01"), CLEAR, id="longer after"),
        pytest.param(seen("23 16:00", is_open=True), BREACH, id="while it is open"),
        pytest.param(seen("23 12:30", FAR), CLEAR, id="too far away"),
        pytest.param(seen("23 12:30", (np.nan, np.nan)), CLEAR, id="nobody knows where"),
        pytest.param(seen("23 12:30", fired=False), CLEAR, id="an alert that never fired"),
        pytest.param(seen("23 12:30", false_alarm=True), CLEAR, id="a false alarm"),
        pytest.param(seen("23 12:30", now="23 12:29"), CLEAR, id="not yet"),
        pytest.param(seen("23 12:30", now="24 12:29"), BREACH, id="for a day"),
        pytest.param(seen("23 12:30", now="24 12:30"), CLEAR, id="for no longer"),
        pytest.param(seen("23 12:30", monitor=1), CLEAR, id="at another monitor"),
        pytest.param(seen("23 12:30", rule="it"), CLEAR, id="its own alert"),
    ],
)
def test_complaint(of: Past, expected: Verdict) -> None:
    assert verdict(complaint(), of) is expected


def test_only_alerts_of_the_named_rules() -> None:
    rule = complaint(rules=["exceedance", "purifier-off"])
    assert verdict(rule, seen("23 12:30", rule="purifier-off")) is BREACH
    assert verdict(rule, seen("23 12:30", rule="offline")) is CLEAR


def test_a_monitor_without_a_position_is_no_data() -> None:
    of = past("23 18:00", {"exceedance": openings("23 12:00")}, roster=roster_of(place()))
    assert verdict(complaint(), of) is NO_DATA


def test_it_is_an_advisory_unless_said_otherwise() -> None:
    assert complaint().severity is Severity.INFO


def test_the_nearest_of_several_is_told() -> None:
    of = past(
        "23 18:00",
        {"exceedance": openings("23 11:00", "23 12:00"), "bypass": openings("23 09:00")},
        roster=at_site(0),
        complaints=complaints(
            ("23 12:30", 31.2018, 121.4), ("23 12:40", *NEAR), ("23 08:00", *FAR)
        ),
    )
    assert complaint(radius=205).judge(of).value[0, 0] == pytest.approx(100.1, abs=0.1)
    assert complaint(radius=205).evidence(of, 0) == {
        "unit": "m",
        "value": 100,
        "limit": 205,
        "within_minutes": 120,
        "complaints": 2,
        "complaint_at": "2026-11-23T04:40:00+00:00",
        "alert": "exceedance",
        "alert_opened": "2026-11-23T04:00:00+00:00",
    }


def test_evidence_of_a_monitor_without_any() -> None:
    of = past("23 18:00", roster=at_site(0))
    assert complaint().evidence(of, 0) == {
        "unit": "m",
        "limit": 200,
        "within_minutes": 120,
        "complaints": 0,
    }


def test_each_monitor_by_itself() -> None:
    elsewhere = place(1, latitude=31.3, longitude=121.5)
    roster = roster_of(place(0, latitude=SITE[0], longitude=SITE[1]), elsewhere, place(2))
    alerts = {"exceedance": openings("23 12:00", "23 12:00", "23 12:00", monitor=[0, 1, 2])}
    told = complaints(("23 12:30", *NEAR))
    of = past("23 18:00", alerts, monitors=(0, 1, 2), roster=roster, complaints=told)
    assert complaint().judge(of).opens[0].tolist() == [BREACH, CLEAR, NO_DATA]


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        pytest.param((31.2, 121.4), (31.2, 121.4), 0, id="the same place"),
        pytest.param((0, 0), (0, 180), 20_015_115, id="half around the Earth"),
        pytest.param((90, 0), (-90, 50), 20_015_115, id="pole to pole"),
        pytest.param((31.2304, 121.4737), (39.9042, 116.4074), 1_067_313, id="Shanghai to Beijing"),
        pytest.param((0, 179.9995), (0, -179.9995), 111, id="over the date line"),
    ],
)
def test_haversine(one: tuple[float, float], other: tuple[float, float], metres: float) -> None:
    found = haversine(*(np.array(degrees, np.float64) for degrees in (*one, *other)))
    assert found == pytest.approx(metres, rel=1e-5, abs=1)


@given(
    st.floats(-60, 60),
    st.floats(-179, 179),
    st.floats(-0.005, 0.005),
    st.floats(-0.005, 0.005),
)
def test_near_each_other_the_earth_is_flat(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    there = (latitude + north, longitude + east)
    points = [np.array(degrees) for degrees in (latitude, longitude, *there)]
    narrow = np.cos(np.radians(latitude + north / 2))
    flat = np.hypot(north, east * narrow) * np.pi / 180 * 6_371_008.8
    assert haversine(*points) == pytest.approx(flat, rel=1e-4, abs=0.01)
    assert haversine(*points) == pytest.approx(haversine(*points[2:], *points[:2]))
