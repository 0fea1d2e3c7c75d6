"""Threshold rules, as a table of scenes."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.alert import Verdict
from fumewatch.core.rules import Rule
from tests.core.scene import (
    Monitor,
    place,
    roster_of,
    rule_of,
    verdict,
    view_of,
    wavering,
)

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
FAN_ON, FAN_OFF = [1.0] * 30, [0.0] * 30


def exceedance(**fields: Any) -> Rule:
    basics = {"kind": "threshold", "channel": "fume", "window": "10m", "above": "limit"}
    return rule_of(**basics | fields)


@pytest.mark.parametrize(
    ("fume", "expected"),
    [
        pytest.param(wavering(1.2, 20), BREACH, id="above the limit"),
        pytest.param(wavering(1.0, 20), CLEAR, id="on the limit is not above it"),
        pytest.param(wavering(0.5, 20), CLEAR, id="below"),
        pytest.param([], NO_DATA, id="silent"),
        pytest.param([*wavering(1.2, 5), *[None] * 10], NO_DATA, id="silent for the whole window"),
        pytest.param([1.1, 1.2], NO_DATA, id="fewer than min_count minutes"),
        pytest.param([0.9, 1.2, 1.3], BREACH, id="min_count minutes are enough"),
        pytest.param([*wavering(0.1, 20), *wavering(1.6, 10)], BREACH, id="the window only"),
        pytest.param([*wavering(1.6, 20), *wavering(0.1, 10)], CLEAR, id="not what was before"),
        pytest.param([1.2] * 40, NO_DATA, id="held since before the window"),
        pytest.param([*wavering(0.5, 30), *[1.8] * 12], NO_DATA, id="held beyond the refresh"),
        pytest.param([*wavering(0.5, 8), 9.0, 0.5], BREACH, id="one spike can carry a mean"),
        pytest.param([1.2, None, 1.3, None, 1.4, None], BREACH, id="gaps do not matter"),
    ],
)
def test_the_mean_of_ten_fresh_minutes(fume: list[float | None], expected: Verdict) -> None:
    assert verdict(exceedance(), view_of({"fume": fume})) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"above": 0.5}, BREACH),
        ({"above": 0.9}, CLEAR),
        ({"above": "0.7 * limit"}, BREACH),
        ({"above": "2*limit"}, CLEAR),
        ({"above": None, "below": 0.9}, BREACH),
        ({"above": None, "below": 0.5}, CLEAR),
        ({"above": 5, "below": 0.9}, BREACH),
        ({"statistic": "max", "above": 1.5}, BREACH),
        ({"statistic": "max", "above": 1.7}, CLEAR),
        ({"statistic": "p95", "above": 1.5}, BREACH),
        ({"statistic": "share", "share_above": 1.0, "above": 0.05}, BREACH),
        ({"statistic": "share", "share_above": "limit", "above": 0.15}, CLEAR),
        ({"min_count": 10}, CLEAR),
    ],
)
def test_statistics_and_levels(fields: dict[str, Any], expected: Verdict) -> None:
    """Nine minutes of 0.7 and one of 1.6: a mean of 0.79."""
    fume = [*wavering(0.7, 9), 1.6]
    assert verdict(exceedance(**fields), view_of({"fume": fume})) is expected


def test_the_95th_percentile_leaves_out_one_minute_in_twenty() -> None:
    rule = exceedance(statistic="p95", window="20m", above=1.0)
    assert verdict(rule, view_of({"fume": [*wavering(0.7, 19), 1.6]})) is CLEAR
    assert verdict(rule, view_of({"fume": [*wavering(0.7, 18), 1.6, 1.7]})) is BREACH


@pytest.mark.parametrize(
    ("fume", "firing", "expected"),
    [
        (1.05, False, BREACH),
        (0.95, False, CLEAR),
        (0.95, True, BREACH),
        (0.85, True, CLEAR),
    ],
)
def test_a_firing_alert_clears_only_below_the_clear_level(
    fume: float, firing: bool, expected: Verdict
) -> None:
    rule = exceedance(clear_below="0.9 * limit")
    assert verdict(rule, view_of({"fume": wavering(fume, 12)}), firing=firing) is expected


def test_below_has_a_clear_level_too() -> None:
    rule = exceedance(above=None, below=0.5, clear_above=0.6)
    view = view_of({"fume": wavering(0.55, 12)})
    assert verdict(rule, view) is CLEAR
    assert verdict(rule, view, firing=True) is BREACH


HIGH = wavering(1.5, 30)


@pytest.mark.parametrize(
    ("monitor", "fields", "expected"),
    [
        pytest.param({"fan_on": FAN_ON}, {}, BREACH, id="fan on"),
        pytest.param({"fan_on": FAN_OFF}, {}, CLEAR, id="fan off"),
        pytest.param({}, {}, BREACH, id="no fan: skipped"),
        pytest.param({}, {"missing": "no_data"}, NO_DATA, id="no fan: no data"),
        pytest.param(
            {"fan_on": [*FAN_ON[:25], *[0.0] * 5]}, {}, BREACH, id="the minutes with the fan on"
        ),
        pytest.param(
            {"fan_on": [*FAN_OFF[:28], 1, 1]}, {}, CLEAR, id="too few minutes with the fan on"
        ),
        pytest.param(
            {"fan_on": [1.0, *[None] * 24]}, {}, BREACH, id="a state that is reported rarely"
        ),
        pytest.param(
            {"fan_current": [0.2] * 30},
            {"when": {"fan_current": "> 0.5"}},
            CLEAR,
            id="a current instead of a state",
        ),
        pytest.param(
            {"fan_on": FAN_ON, "purifier_on": FAN_ON},
            {"when": {"fan_on": True, "purifier_on": False}},
            CLEAR,
            id="all conditions must hold",
        ),
    ],
)
def test_when(monitor: Monitor, fields: dict[str, Any], expected: Verdict) -> None:
    rule = exceedance(**{"when": {"fan_on": True}} | fields)
    assert verdict(rule, view_of({"fume": HIGH, **monitor})) is expected


def test_held_values_with_the_fan_off_are_clear_not_unknown() -> None:
    """The noodle shop's night: the last value stands, the fan is off: the alert may resolve."""
    rule = exceedance(when={"fan_on": True})
    held = [1.8] * 40
    assert verdict(rule, view_of({"fume": held, "fan_on": [0.0] * 40})) is CLEAR
    assert verdict(rule, view_of({"fume": held, "fan_on": [1.0] * 40})) is NO_DATA


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ({"tags": ["hotpot"]}, BREACH),
        ({"tags": ["noodles"]}, CLEAR),
        ({"tags": ["noodles", "hotpot"]}, BREACH),
        ({"streets": ["天平路街道"]}, BREACH),
        ({"streets": ["elsewhere"]}, CLEAR),
        ({"districts": ["xuhui"], "tags": ["hotpot"]}, BREACH),
        ({"business_hours": True}, BREACH),
        ({"business_hours": False}, NO_DATA),
    ],
)
def test_whom_and_when_it_is_about(when: dict[str, Any], expected: Verdict) -> None:
    roster = roster_of(place(0, tags=("hotpot",)))
    assert verdict(exceedance(when=when), view_of({"fume": HIGH}, roster=roster)) is expected


def test_a_monitor_without_the_limit_gives_no_data() -> None:
    view = view_of({"fume": HIGH}, {"fume": HIGH}, roster=roster_of(place(1)))
    found = exceedance().judge(view)
    assert found.opens.tolist() == [[NO_DATA, BREACH]]
    assert verdict(exceedance(above=1.2), view) is BREACH


def test_a_share_of_an_unknown_limit_is_no_data_too() -> None:
    rule = exceedance(statistic="share", share_above="limit", above=0.5)
    assert verdict(rule, view_of({"fume": HIGH}, roster=roster_of())) is NO_DATA
    assert verdict(rule, view_of({"fume": HIGH})) is BREACH


def test_the_judgement_is_in_the_channels_unit() -> None:
    found = exceedance().judge(view_of({"fume": HIGH}))
    assert (round(float(found.value[0, 0]), 3), found.limit[0, 0]) == (1.5, 1.0)


def test_without_a_verdict_there_is_no_value() -> None:
    found = exceedance().judge(view_of({"fume": []}))
    assert math.isnan(found.value[0, 0])


def test_evidence() -> None:
    fume = [*wavering(1.2, 12), None, 1.3, 1.3]
    view = view_of({"fume": fume})
    rule = exceedance(when={"fan_on": True}, clear_below="0.9 * limit")
    assert rule.evidence(view, 0, 0) == {
        "channel": "fume",
        "unit": "mg/m³",
        "statistic": "mean",
        "above": "1 * limit",
        "value": 1.214,
        "limit": 1.0,
        "window": {"from": "2026-11-23T03:50:00+00:00", "to": "2026-11-23T04:00:00+00:00"},
        "times": [f"2026-11-23T03:5{minute}:00+00:00" for minute in (0, 1, 2, 3, 4, 5, 6, 8)],
        "values": [1.21, 1.19, 1.21, 1.19, 1.21, 1.19, 1.21, 1.3],
        "fresh": 8,
        "held": 1,
        "refresh_minutes": 1,
        "refresh_learned": True,
        "skipped": ["fan_on"],
    }


minutes = st.lists(st.none() | st.sampled_from([0.2, 0.9, 1.1, 3.0]), min_size=1, max_size=25)


@settings(max_examples=40)
@given(minutes, st.sampled_from(["mean", "max", "p95"]))
def test_a_higher_level_is_never_easier_to_breach(fume: list[float | None], statistic: str) -> None:
    view = view_of({"fume": fume})
    low, high = (verdict(exceedance(statistic=statistic, above=x), view) for x in (0.8, 1.2))
    assert (low is NO_DATA) == (high is NO_DATA)
    assert high is not BREACH or low is BREACH


@settings(max_examples=40)
@given(minutes)
def test_a_firing_alert_is_never_easier_to_breach_than_to_keep(fume: list[float | None]) -> None:
    rule, view = exceedance(clear_below=0.9), view_of({"fume": fume})
    assert verdict(rule, view) is not BREACH or verdict(rule, view, firing=True) is BREACH


@settings(max_examples=15)
@given(st.lists(minutes, min_size=2, max_size=4))
def test_monitors_are_judged_alike_alone_and_together(monitors: list[list[float | None]]) -> None:
    rule = exceedance(min_count=1)
    together = rule.judge(view_of(*({"fume": fume} for fume in monitors)))
    alone = [verdict(rule, view_of({"fume": fume})) for fume in monitors]
    assert together.opens[0].tolist() == alone
