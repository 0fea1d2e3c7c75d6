"""Days that get worse and worse."""

import json
from typing import Any

import numpy as np
import pytest

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Numbers
from fumewatch.core.days import Days
from tests.core.days_scene import ago, day_rule, days_of, opens, stays, value
from tests.core.test_stats import autocorrelated

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
AT = np.arange(28)
NOISE = autocorrelated(0.0, 28, 1)[:, 0]
NAN = float("nan")


def rule(**fields: Any) -> Any:
    return day_rule(kind="deterioration", **fields)


def fume(course: Numbers, ratio: float = 4.0, noise: float = 0.003, **more: Any) -> Days:
    """Medians in a little noise; a day's highest ten minutes are `ratio` times as much."""
    medians = course + noise * NOISE[-len(course) :]
    return days_of({"fume": medians}, peak={"fume": ratio * medians}, **more)


def rising(start: float, end: float, days: int = 28) -> Numbers:
    return np.linspace(start, end, days)


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        pytest.param(rising(0.08, 0.18), BREACH, id="0.32 to 0.72 at the peak, 0.4 a month"),
        pytest.param(rising(0.08, 0.10), CLEAR, id="too slow: beyond the horizon"),
        pytest.param(rising(0.18, 0.08), CLEAR, id="it falls"),
        pytest.param(rising(0.15, 0.15), CLEAR, id="it stays"),
        pytest.param(rising(0.235, 0.245), CLEAR, id="near the limit, but no matter"),
        pytest.param(rising(0.15, 0.30), CLEAR, id="beyond the limit: threshold rules speak"),
        pytest.param(rising(0.08, 0.18, 10), BREACH, id="in ten days"),
        pytest.param(rising(0.08, 0.18, 6), NO_DATA, id="six days are too few"),
        pytest.param(np.append(rising(0.08, 0.18), NAN), NO_DATA, id="closed on the last day"),
        pytest.param(np.where(AT % 7 == 3, NAN, rising(0.08, 0.18)), BREACH, id="closed weekly"),
        pytest.param(
            np.where(AT == 20, 0.5, rising(0.08, 0.18)), BREACH, id="a day out of the way"
        ),
        pytest.param(np.where(AT < 14, 0.08, 0.16), CLEAR, id="a step is no trend"),
        pytest.param(0.08 + 0.01 * np.maximum(AT - 14, 0), BREACH, id="it began two weeks ago"),
        pytest.param(0.05 * 1.05**AT, BREACH, id="faster and faster"),
        pytest.param(
            np.where(AT < 14, rising(0.08, 0.18), 0.05 + 0.008 * (AT - 14)),
            BREACH,
            id="worse again since a cleaning that nobody recorded",
        ),
    ],
)
def test_deterioration(course: Numbers, expected: Verdict) -> None:
    n = min(len(course), 28)
    known = course if n == len(course) else course[-n:]
    assert opens(rule(), fume(known)) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, CLEAR, id="0.88 at the peak, that is beyond 0.8"),
        pytest.param({"opens_below": "limit"}, BREACH, id="not beyond the limit"),
        pytest.param({"opens_below": 0.85}, CLEAR, id="beyond that"),
    ],
)
def test_what_it_reaches_may_be_less_than_where_thresholds_speak(
    fields: dict[str, Any], expected: Verdict
) -> None:
    judged = rule(reaches="0.8 * limit", **fields)
    assert opens(judged, fume(rising(0.10, 0.22))) is expected
    assert stays(judged, fume(rising(0.10, 0.22))) is BREACH


@pytest.mark.parametrize(
    ("cleaned", "expected"),
    [
        pytest.param(40, BREACH, id="before the window"),
        pytest.param(20, BREACH, id="twenty days ago"),
        pytest.param(7, BREACH, id="seven"),
        pytest.param(6, NO_DATA, id="six days since are too few"),
    ],
)
def test_only_days_since_a_cleaning_count(cleaned: int, expected: Verdict) -> None:
    course = np.concatenate([rising(0.05, 0.10, 21), rising(0.11, 0.19, 7)])
    days = fume(course, noise=0.001, cleaned=[ago(cleaned)])
    assert opens(rule(), days) is expected


def test_days_left_are_those_until_the_highest_ten_minutes_reach_the_limit() -> None:
    course = 0.10 + 0.005 * AT  # 0.235 on the last day
    assert value(rule(), fume(course, noise=0)) == pytest.approx((1.0 - 4 * 0.235) / (4 * 0.005))
    of_median = rule(of="median", reaches=0.3, min_rise=0.05)
    assert value(of_median, fume(course, noise=0)) == pytest.approx((0.3 - 0.235) / 0.005)
    assert opens(of_median, fume(course)) is BREACH
    assert np.isnan(value(rule(), fume(course[::-1], noise=0)))
    assert value(rule(), fume(2 * course, noise=0)) == 0.0


def test_without_a_peak_or_a_limit_there_is_no_data() -> None:
    course = rising(0.08, 0.18)
    assert opens(rule(), days_of({"fume": course})) is NO_DATA
    assert opens(rule(), fume(course, limit="")) is NO_DATA
    assert opens(rule(reaches=1.0, min_rise=0.15), fume(course, limit="")) is BREACH


@pytest.mark.parametrize(
    ("course", "expected"),
    [
        pytest.param(rising(0.08, 0.145), BREACH, id="44 days left"),
        pytest.param(rising(0.15, 0.30), BREACH, id="gone beyond the limit meanwhile"),
        pytest.param(rising(0.08, 0.12), CLEAR, id="92 days left"),
        pytest.param(0.2 + 0 * AT, CLEAR, id="it stays where it is"),
        pytest.param(np.where(AT < 23, rising(0.08, 0.20), 0.05), CLEAR, id="a step down"),
        pytest.param(np.where(AT < 23, rising(0.08, 0.10), 0.18), NO_DATA, id="a step up"),
    ],
)
def test_a_firing_alert(course: Numbers, expected: Verdict) -> None:
    assert stays(rule(), fume(course)) is expected
    assert opens(rule(), fume(course)) is not BREACH


def test_a_firing_alert_clears_with_a_recorded_cleaning() -> None:
    course = rising(0.08, 0.18)
    assert stays(rule(), fume(course)) is BREACH
    cleaned = fume(course, cleaned=[ago(0)])
    assert (opens(rule(), cleaned), stays(rule(), cleaned)) == (NO_DATA, CLEAR)


def test_evidence() -> None:
    evidence = rule().evidence(fume(rising(0.08, 0.18), cleaned=[ago(40)]), 0)
    json.dumps(evidence, allow_nan=False)
    assert evidence["value"] == evidence["days_to_limit"] == pytest.approx(18.9, abs=1.5)
    low, high = evidence["days_to_limit_between"]
    assert low < evidence["days_to_limit"] < high
    low, high = evidence["slope_per_week_between"]
    assert low < evidence["slope_per_week"] < high
    assert evidence["slope_per_week"] == pytest.approx(7 * 0.1 / 27, abs=0.002)
    assert evidence["ratio"] == pytest.approx(4.0)
    assert evidence["rise"] == pytest.approx(0.4, abs=0.03)
    assert evidence["p"] < 0.001
    assert evidence["tau"] > 0.9
    assert (evidence["unit"], evidence["limit"], evidence["level"]) == ("d", 30, 1.0)
    assert (evidence["step"], evidence["cleaned"]) == (None, "2026-10-13")
    assert evidence["line"]["start"] == ["2026-10-26", pytest.approx(0.08, abs=0.005)]
    assert evidence["line"]["end"] == ["2026-11-22", pytest.approx(0.18, abs=0.005)]
    assert (len(evidence["days"]), len(evidence["values"])) == (28, 28)


def test_a_step_is_named_with_its_day_and_size() -> None:
    course = np.where(AT < 12, 0.16, 0.06 + 0.008 * (AT - 12))
    evidence = rule().evidence(fume(course), 0)
    assert evidence["step"]["day"] == ago(15).isoformat()
    assert evidence["step"]["size"] < -0.05
    assert evidence["step"]["before"] > evidence["step"]["after"]
    assert evidence["days_judged"] == 16
    assert evidence["line"]["start"][0] == ago(15).isoformat()
    assert len(evidence["days"]) == 28


def test_a_bend_is_named_with_its_day() -> None:
    evidence = rule().evidence(fume(0.08 + 0.01 * np.maximum(AT - 14, 0), noise=0.001), 0)
    assert (evidence["bend"], evidence["step"]) == (ago(13).isoformat(), None)
    assert evidence["days_judged"] == 14
    assert evidence["slope_per_week"] == pytest.approx(0.07, abs=0.003)


def test_evidence_where_little_is_known() -> None:
    for course in (np.full(28, NAN), np.append(np.full(27, NAN), 0.1)):
        evidence = rule().evidence(fume(course), 0)
        json.dumps(evidence, allow_nan=False)
        assert (evidence["value"], evidence["line"]) == (None, None)


@pytest.mark.parametrize("r", [0.0, 0.5])
def test_healthy_sites_seldom_open_one(r: float) -> None:
    """Two sites in three at 0.8 of the limit at their peak: days differ by a quarter."""
    medians = 0.2 * np.exp(0.25 * autocorrelated(r, 28, 1000))
    days = days_of({"fume": medians}, peak={"fume": 4 * medians})
    assert np.mean(rule().judge(days).opens == BREACH) < 0.04


def test_sites_that_get_worse_do() -> None:
    course = rising(0.08, 0.18)[:, None]
    medians = course * np.exp(0.25 * autocorrelated(0.0, 28, 500))
    days = days_of({"fume": medians}, peak={"fume": 4 * medians})
    assert np.mean(rule().judge(days).opens == BREACH) > 0.6
