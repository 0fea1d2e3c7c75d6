"""A current against its own baseline."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from fumewatch.core.alert import Verdict
from fumewatch.core.days import Days
from tests.core.days_scene import ago, day_rule, days_of, opens, stays, value

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
LOW = day_rule(kind="baseline", clear_above=0.8)


def current(amperes: Sequence[float | None], cleaned: Sequence[date] = (), **more: Any) -> Days:
    return days_of({"purifier_current": amperes}, cleaned=cleaned, **more)


@pytest.mark.parametrize(
    ("amperes", "expected", "ratio"),
    [
        pytest.param([2.0] * 30, CLEAR, 1.0, id="as ever"),
        pytest.param([2.0] * 27 + [1.4] * 3, CLEAR, 0.7, id="70 %"),
        pytest.param([2.0] * 27 + [1.3] * 3, BREACH, 0.65, id="less"),
        pytest.param([2.0] * 28 + [1.0] * 2, BREACH, 0.5, id="two of three days"),
        pytest.param([2.0] * 29 + [1.0], CLEAR, 1.0, id="one bad day is not three"),
        pytest.param([2.0] * 26 + [1.0, None, 1.0, 1.2], BREACH, 0.55, id="two days known"),
        pytest.param([2.0] * 27 + [None, None, 1.0], NO_DATA, None, id="one is too few"),
        pytest.param([2.0] * 3 + [1.0] * 3, BREACH, 0.5, id="a baseline of three days"),
        pytest.param([2.0] * 2 + [1.0] * 3, NO_DATA, None, id="of two is none"),
        pytest.param([0.0] * 10 + [1.0] * 3, NO_DATA, None, id="nothing is no share of 0"),
        pytest.param([3.0, 1.0, 2.0] * 2 + [1.0] * 3, BREACH, 0.5, id="the median of them"),
        pytest.param([2.0] * 7 + [0.9] * 30, BREACH, 0.45, id="only the first seven days count"),
    ],
)
def test_against_the_oldest_days_known(
    amperes: Sequence[float | None], expected: Verdict, ratio: float | None
) -> None:
    days = current(amperes)
    assert opens(LOW, days) is expected
    assert value(LOW, days) == pytest.approx(float("nan") if ratio is None else ratio, nan_ok=True)


@pytest.mark.parametrize(
    ("amperes", "cleaned", "expected", "ratio"),
    [
        pytest.param(
            [4.0] * 20 + [2.0] * 10, [11], CLEAR, 1.0, id="a cleaning resets the baseline"
        ),
        pytest.param(
            [4.0] * 20 + [9.0] + [2.0] * 7, [7], CLEAR, 1.0, id="its own day is of neither"
        ),
        pytest.param(
            [4.0] * 20 + [2.0] * 5, [5], BREACH, 0.5, id="until three days are known: the old one"
        ),
        pytest.param([4.0] * 20 + [2.0] * 6, [6], CLEAR, 1.0, id="then the new one"),
        pytest.param([4.0] * 20 + [3.9] * 2, [2], CLEAR, 0.975, id="it helped"),
        pytest.param([4.0] * 20 + [1.0] + [3.9], [1], NO_DATA, None, id="one day tells nothing"),
        pytest.param([9.0] * 10 + [4.0] * 10 + [2.0] * 4, [4, 15], BREACH, 0.5, id="two cleanings"),
        pytest.param([4.0] * 30, [60], CLEAR, 1.0, id="before the days known"),
    ],
)
def test_against_the_days_after_a_cleaning(
    amperes: Sequence[float], cleaned: Sequence[int], expected: Verdict, ratio: float | None
) -> None:
    days = current(amperes, [ago(days) for days in cleaned])
    assert opens(LOW, days) is expected
    assert value(LOW, days) == pytest.approx(float("nan") if ratio is None else ratio, nan_ok=True)


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param([1.0], NO_DATA, id="the record alone clears nothing"),
        pytest.param([3.0, 3.0], BREACH, id="better, but not as it was"),
        pytest.param([3.5, 3.5], CLEAR, id="as it was"),
    ],
)
def test_a_firing_alert_after_a_cleaning(after: list[float], expected: Verdict) -> None:
    days = current([4.0] * 20 + [1.0] * 5 + after, [ago(len(after))])
    assert stays(LOW, days) is expected


def test_days_with_too_few_minutes_are_not_valid() -> None:
    amperes = [2.0] * 20 + [0.5, 0.5, 1.9]
    counted = [300] * 20 + [59, 60, 60]
    assert value(LOW, current(amperes, counted=counted)) == pytest.approx(0.6)


def test_it_looks_no_farther_back_than_told() -> None:
    rule = day_rule(kind="baseline", look_back="20d")
    assert opens(rule, current([4.0] * 10 + [2.0] * 20)) is CLEAR
    assert opens(LOW, current([4.0] * 10 + [2.0] * 20)) is BREACH


def test_the_fan_can_be_judged_too() -> None:
    rule = day_rule(kind="baseline", channel="fan_current")
    days = days_of({"fan_current": [8.0] * 10 + [4.0] * 3})
    assert opens(rule, days) is BREACH
    assert rule.title("zh") == "风机电流偏低"
    assert rule.title("en") == "fan current low"


def test_evidence() -> None:
    evidence = LOW.evidence(current([2.0] * 10 + [None] + [2.0] * 30 + [1.1] * 3, [ago(40)]), 0)
    json.dumps(evidence, allow_nan=False)
    shown = {name: evidence[name] for name in ("value", "limit", "now", "baseline", "cleaned")}
    assert shown == {
        "value": 0.55,
        "limit": 0.7,
        "now": 1.1,
        "baseline": 2.0,
        "cleaned": "2026-10-13",
    }
    assert evidence["baseline_since"] == "cleaning"
    assert evidence["baseline_days"][0] == "2026-10-14"
    assert evidence["baseline_days"][-1] == "2026-10-21"  # eight days, one of them not valid
    assert len(evidence["baseline_days"]) == 7
    assert (evidence["days"][-1], evidence["values"][-1]) == ("2026-11-22", 1.1)
    assert len(evidence["days"]) == 28
    oldest = LOW.evidence(current([2.0] * 10), 0)
    assert oldest["baseline_since"] == "oldest days known"
