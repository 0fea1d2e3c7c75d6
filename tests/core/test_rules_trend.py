"""Rising values that will reach the limit."""

from typing import Any

import numpy as np
import pytest

from fumewatch.core.alert import Verdict
from fumewatch.core.rules import Rule
from tests.core.scene import rule_of, verdict, view_of, wavering

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA


def forecast(**fields: Any) -> Rule:
    basics = {"kind": "trend", "channel": "fume", "window": "48m", "horizon": "30m"}
    return rule_of(**basics | {"reaches": "limit"} | fields)


def ramp(start: float, end: float, minutes: int = 48, noise: float = 0.0) -> list[float]:
    shake = np.random.default_rng(1).normal(0, noise, minutes)
    return np.round(np.linspace(start, end, minutes) + shake, 3).tolist()


JUMP = [*ramp(0.2, 0.6, 36), *wavering(1.2, 12)]


@pytest.mark.parametrize(
    ("fume", "firing", "expected"),
    [
        pytest.param(ramp(0.3, 0.8), False, BREACH, id="0.8 now, 1.11 in half an hour"),
        pytest.param(ramp(0.3, 0.8, noise=0.05), False, BREACH, id="with noise"),
        pytest.param(ramp(0.3, 0.6), False, CLEAR, id="it would take longer"),
        pytest.param(ramp(0.8, 0.95), False, CLEAR, id="the rise is too small"),
        pytest.param(wavering(0.9, 48), False, CLEAR, id="level"),
        pytest.param(ramp(0.9, 0.3), False, CLEAR, id="falling"),
        pytest.param(ramp(0.8, 1.4), False, CLEAR, id="beyond it already: a threshold's business"),
        pytest.param(JUMP, False, CLEAR, id="beyond it already, though the line is not"),
        pytest.param(ramp(0.8, 1.4), True, BREACH, id="it came true"),
        pytest.param(ramp(0.75, 0.9), True, BREACH, id="firing, not yet below clear_below"),
        pytest.param(ramp(0.8, 0.6), True, CLEAR, id="firing and falling"),
        pytest.param([*wavering(0.3, 44), *[5.0, 5.1, 5.0, 5.1]], False, CLEAR, id="one spike"),
        pytest.param(ramp(0.3, 0.8)[-12:], False, NO_DATA, id="too few points"),
        pytest.param([0.7] * 70, False, NO_DATA, id="held"),
        pytest.param([], False, NO_DATA, id="silent"),
    ],
)
def test_trend(fume: list[float], firing: bool, expected: Verdict) -> None:
    rule = forecast(clear_below="0.8 * limit")
    view = view_of({"fume": fume}, open_alerts={rule.id: {0} if firing else {}})
    assert verdict(rule, view, firing=firing) is expected


@pytest.mark.parametrize(
    ("opens_above", "expected"),
    [(None, BREACH), ("0.6 * limit", BREACH), ("0.9 * limit", CLEAR), (0.79, BREACH)],
)
def test_it_opens_only_where_the_line_has_come_far_enough(
    opens_above: str | float | None, expected: Verdict
) -> None:
    """It stands at 0.8 mg/m³; a firing alert does not ask."""
    rule = forecast(opens_above=opens_above)
    view = view_of({"fume": ramp(0.3, 0.8)})
    assert verdict(rule, view, firing=False) is expected
    assert verdict(rule, view, firing=True) is BREACH


def test_a_monitor_that_refreshes_every_ten_minutes_has_a_trend_too() -> None:
    steps = [value for value in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8) for _ in range(10)]
    assert verdict(forecast(), view_of({"fume": steps})) is BREACH


def test_gaps_do_not_bend_the_line() -> None:
    fume: list[float | None] = list(ramp(0.3, 0.8))
    for minute in range(48):
        if minute % 3 == 0 or 16 <= minute < 28:
            fume[minute] = None
    assert verdict(forecast(), view_of({"fume": fume})) is BREACH


def test_with_the_fan_off_it_is_clear() -> None:
    rule = forecast(when={"fan_on": True})
    view = view_of({"fume": ramp(0.3, 0.8), "fan_on": [0.0] * 48})
    assert verdict(rule, view) is CLEAR


def test_value_and_evidence_are_of_the_line() -> None:
    view = view_of({"fume": ramp(0.33, 0.8)})  # 0.01 a minute
    found = forecast().judge(view)
    assert (round(float(found.value[0, 0]), 2), found.limit[0, 0]) == (1.1, 1.0)
    evidence = forecast().evidence(view, 0, 0)
    assert evidence["slope_per_hour"] == pytest.approx(0.6, abs=0.01)
    assert evidence["now"] == pytest.approx(0.8, abs=0.01)
    assert evidence["minutes_to_limit"] == pytest.approx(20, abs=1)
    assert (evidence["points"], evidence["agreement"]) == (12, 1.0)
    assert len(evidence["values"]) == 48


def test_one_wild_part_in_twelve_does_not_turn_the_slope() -> None:
    random = np.random.default_rng(1)
    ends = [(random.uniform(0.05, 0.3), random.uniform(0.6, 0.95)) for _ in range(48)]
    courses = [ramp(start, end) for start, end in ends]
    for i, fume in enumerate(courses):
        part = i % 12
        fume[part * 4 : part * 4 + 4] = [8.0, 9.0, 8.0, 9.0]
    view = view_of(*({"fume": fume} for fume in courses))
    slopes = [forecast().evidence(view, 0, row)["slope_per_hour"] for row in range(len(view))]
    for slope, (start, end) in zip(slopes, ends, strict=True):
        assert slope == pytest.approx((end - start) / 47 * 60, rel=0.35, abs=0.02)


def test_noise_alone_does_not_fire() -> None:
    noise = np.round(np.abs(np.random.default_rng(1).normal(0.5, 0.05, (200, 48))), 3)
    found = forecast().judge(view_of(*({"fume": fume} for fume in noise.tolist())))
    assert found.opens.tolist() == [[CLEAR] * 200]
