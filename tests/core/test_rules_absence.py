"""Silent monitors. Business hours 10:00-14:00 and 16:30-22:00, Shanghai; times here are local."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.core.alert import Alert, Verdict
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule
from fumewatch.core.view import View
from tests.core.scene import ZONE, judge, micros, place, roster_of, rule_of, verdict, window_of

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA


def offline(**fields: Any) -> Rule:
    return rule_of(kind="absence", in_hours="30m", out_of_hours="24h", **fields)


def local(clock: str, day: int = 23) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(ZONE))


def view(
    last: datetime | None,
    now: datetime,
    roster: Roster | None = None,
    beat: datetime | None = None,
) -> View:
    """`last`: its last reading. `beat`: its last heartbeat."""
    window = window_of(now=now)
    if last:
        window.saw(np.array([0], np.int32), np.array([micros(last)], np.int64))
    if beat:
        window.heard(np.array([0], np.int32), np.array([micros(beat)], np.int64))
    return window.view(np.array([0], np.int32), roster or roster_of(place()))


@pytest.mark.parametrize(
    ("last", "now", "firing", "expected"),
    [
        pytest.param("11:59", "12:00", False, CLEAR, id="alive"),
        pytest.param("11:31", "12:00", False, CLEAR, id="29 minutes"),
        pytest.param("11:30", "12:00", False, BREACH, id="30 minutes in business hours"),
        pytest.param("02:00", "10:05", False, CLEAR, id="just opened after a silent night"),
        pytest.param("02:00", "10:30", False, BREACH, id="open for 30 minutes"),
        pytest.param("13:50", "15:00", False, CLEAR, id="silent, but closed"),
        pytest.param("13:50", "16:45", False, CLEAR, id="reopened a quarter of an hour ago"),
        pytest.param("13:50", "17:00", False, BREACH, id="reopened half an hour ago"),
        pytest.param("13:20", "15:00", True, BREACH, id="closing time brings no data back"),
        pytest.param("15:00", "15:01", True, CLEAR, id="heard of again"),
    ],
)
def test_absence(last: str, now: str, firing: bool, expected: Verdict) -> None:
    assert verdict(offline(), view(local(last), local(now)), firing=firing) is expected


@pytest.mark.parametrize(
    ("last", "beat", "firing", "expected"),
    [
        pytest.param("11:00", "11:59", False, CLEAR, id="measures nothing, but beats"),
        pytest.param("11:59", "11:00", False, CLEAR, id="beats no more, but measures"),
        pytest.param("11:00", "11:30", False, BREACH, id="neither for 30 minutes"),
        pytest.param("11:00", "11:31", False, CLEAR, id="a beat 29 minutes ago"),
        pytest.param(None, "11:59", False, CLEAR, id="never measured, but beats"),
        pytest.param(None, "11:30", False, BREACH, id="never measured, beats no more"),
        pytest.param("11:00", "11:59", True, CLEAR, id="a beat proves the link again"),
        pytest.param("11:00", "11:20", True, BREACH, id="still silent"),
    ],
)
def test_a_heartbeat_is_a_sign_of_life(
    last: str | None, beat: str, firing: bool, expected: Verdict
) -> None:
    seen = view(local(last) if last else None, local("12:00"), beat=local(beat))
    assert verdict(offline(), seen, firing=firing) is expected


@pytest.mark.parametrize(
    ("beat", "expected"),
    [
        pytest.param("11:51", CLEAR, id="it beat after its last will"),
        pytest.param("11:49", BREACH, id="its last will came later"),
    ],
)
def test_a_heartbeat_outlives_an_earlier_last_will(beat: str, expected: Verdict) -> None:
    rule = offline(after_last_will="5m")
    seen = view(local("11:40"), local("12:00"), gone("11:50"), local(beat))
    assert verdict(rule, seen) is expected


def test_outside_business_hours_a_day_of_silence_counts() -> None:
    assert verdict(offline(), view(local("08:00", 22), local("07:59"))) is CLEAR
    assert verdict(offline(), view(local("08:00", 22), local("08:00"))) is BREACH


def test_a_monitor_never_heard_of_is_no_data() -> None:
    assert verdict(offline(), view(None, local("12:00"))) is NO_DATA


def test_a_monitor_that_nobody_assigned_keeps_the_default_hours() -> None:
    unassigned = roster_of(place(site_id=None, limit_profile=""))
    assert verdict(offline(), view(local("11:00"), local("12:00"), unassigned)) is BREACH
    assert verdict(offline(), view(local("11:00"), local("12:00"), roster_of())) is BREACH


def test_a_site_has_its_own_hours() -> None:
    evening = BusinessHours.parse("18:00-02:00", ZONE)
    roster = roster_of(place(hours=evening))
    assert verdict(offline(), view(local("11:00"), local("12:00"), roster)) is CLEAR
    assert verdict(offline(), view(local("23:00", 22), local("01:00"), roster)) is BREACH


def gone(will: str | None) -> Roster:
    offline_since = {0: local(will).astimezone(UTC)} if will else {}
    return roster_of(place(), offline_since=offline_since)


@pytest.mark.parametrize(
    ("will", "last", "now", "expected"),
    [
        pytest.param("11:50", "11:50", "12:00", BREACH, id="told, and ten minutes' silence since"),
        pytest.param("11:50", "11:53", "12:00", CLEAR, id="it has measured since"),
        pytest.param(None, "11:50", "12:00", CLEAR, id="not told"),
        pytest.param("02:00", "02:00", "10:15", CLEAR, id="power cut for the night, not yet back"),
        pytest.param("02:00", "02:00", "10:30", BREACH, id="open for 30 minutes"),
        pytest.param("13:58", "13:58", "14:10", CLEAR, id="power cut at closing"),
    ],
)
def test_a_last_will_while_open_shortens_the_wait(
    will: str | None, last: str, now: str, expected: Verdict
) -> None:
    rule = offline(after_last_will="5m")
    assert verdict(rule, view(local(last), local(now), gone(will))) is expected


def test_a_connection_that_is_back_is_no_sign_of_life() -> None:
    rule = offline(after_last_will="5m")
    assert verdict(rule, view(local("11:50"), local("12:00"), gone(None)), firing=True) is BREACH
    assert verdict(rule, view(local("11:59"), local("12:00"), gone(None)), firing=True) is CLEAR


def test_a_silence_over_the_night_counts_whole() -> None:
    alerts: dict[int, Alert] = {}
    for now in (local("21:30"), local("23:00"), local("08:00", 24)):
        (step,) = judge(offline(), view(local("21:00"), now), alerts)
        assert step.alert
        alerts[0] = step.alert
    assert alerts[0].evidence["peak"] == 11 * 60
    assert alerts[0].limit == 30


def test_the_judgement_is_in_minutes() -> None:
    found = offline().judge(view(local("11:00"), local("12:00")))
    assert (found.value[0, 0], found.limit[0, 0]) == (60.0, 30.0)
    found = offline().judge(view(local("11:00", 20), local("09:00")))
    assert found.limit[0, 0] == 24 * 60


def test_evidence() -> None:
    at = local("11:15")
    roster = roster_of(place(), offline_since={0: at})
    assert offline().evidence(view(at, local("12:00"), roster, local("11:05")), 0, 0) == {
        "unit": "min",
        "value": 45.0,
        "limit": 30.0,
        "last_measured": "2026-11-23T03:15:00+00:00",
        "last_heartbeat": "2026-11-23T03:05:00+00:00",
        "last_will": "2026-11-23T03:15:00+00:00",
        "open_for_minutes": 120,
        "at": "2026-11-23T04:00:00+00:00",
        "skipped": [],
    }


def test_evidence_of_a_monitor_that_only_beats() -> None:
    told = offline().evidence(view(None, local("12:00"), beat=local("11:15")), 0, 0)
    assert (told["last_measured"], told["last_will"]) == (None, None)
    assert (told["last_heartbeat"], told["value"]) == ("2026-11-23T03:15:00+00:00", 45.0)


def test_the_view_needs_no_channel_for_it() -> None:
    assert offline().channels_needed == frozenset()
    assert offline().minutes_needed == 1
