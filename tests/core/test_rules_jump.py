"""Steps up. Every series ends at 12:00 in Shanghai, a value a minute; the limit is 1.0 mg/m³."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import Verdict
from fumewatch.core.rules.jump import Jump
from fumewatch.core.view import View
from tests.core.history import rule_of
from tests.core.instants import settled
from tests.core.scene import Monitor, place, roster_of, wavering

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
NOTHING: list[float | None] = [None] * 10


def jump(**fields: Any) -> Jump:
    rule: Jump = rule_of(Jump, **fields)
    return rule


def windows(*levels: float) -> list[float]:
    """Ten minutes around each level, with a new value each minute."""
    return [value for level in levels for value in wavering(level, 10)]


def verdict(rule: Jump, of: View) -> Verdict:
    found = rule.judge(of)
    assert found.opens[0, 0] == found.stays[0, 0]
    return Verdict(found.opens[0, 0])


@pytest.mark.parametrize(
    ("fume", "expected"),
    [
        pytest.param(windows(0.2, 0.2, 0.2, 0.41), BREACH, id="twice as much"),
        pytest.param(windows(0.2, 0.2, 0.2, 0.39), CLEAR, id="a bit less"),
        pytest.param(windows(0.1, 0.2, 0.3, 0.41), BREACH, id="twice the mean of those before"),
        pytest.param(windows(0.6, 0.6, 0.6, 1.2), BREACH, id="above the limit"),
        pytest.param(windows(0.1, 0.1, 0.1, 0.31), BREACH, id="just enough to count"),
        pytest.param(windows(0.1, 0.1, 0.1, 0.29), CLEAR, id="too little to count"),
        pytest.param([0.0] * 30 + windows(0.5), NO_DATA, id="held at zero before"),
        pytest.param(windows(0.2, 0.4, 0.4, 0.4), CLEAR, id="those before have caught up"),
        pytest.param(windows(0.4, 0.4, 0.4, 0.1), CLEAR, id="a step down"),
        pytest.param([*windows(0.2, 0.2), *NOTHING, *windows(0.5)], NO_DATA, id="a gap before"),
        pytest.param([*windows(0.2, 0.2, 0.2), *NOTHING], NO_DATA, id="a gap now"),
        pytest.param([*windows(0.2, 0.2, 0.2), *NOTHING[3:], *wavering(0.5, 3)], BREACH, id="3 do"),
        pytest.param([*windows(0.2, 0.2, 0.2), *NOTHING[2:], *wavering(0.5, 2)], NO_DATA, id="2"),
    ],
)
def test_jump(fume: Sequence[float | None], expected: Verdict) -> None:
    of = settled({"fume": [*wavering(0.2, 20), *fume]}, default="1m")
    assert verdict(jump(), of) is expected


@pytest.mark.parametrize(
    ("fan", "expected"),
    [
        pytest.param([1.0] * 40, BREACH, id="on"),
        pytest.param([0.0] * 40, CLEAR, id="off"),
        pytest.param([0.0] * 10 + [1.0] * 30, NO_DATA, id="off in one of the windows"),
        pytest.param([1.0, 0.0] * 20, BREACH, id="now and then"),
    ],
)
def test_only_minutes_in_which_it_applies(fan: Sequence[float], expected: Verdict) -> None:
    monitor: Monitor = {"fume": windows(0.2, 0.2, 0.2, 0.5), "fan_on": fan}
    assert verdict(jump(when={"fan_on": True}), settled(monitor)) is expected


def test_a_level_of_its_own_needs_no_limit() -> None:
    nmhc: Monitor = {"nmhc": windows(2, 2, 2, 5)}
    assert verdict(jump(channel="nmhc"), settled(nmhc)) is NO_DATA
    assert verdict(jump(channel="nmhc", at_least=5), settled(nmhc)) is BREACH
    assert verdict(jump(channel="nmhc", at_least=5.1), settled(nmhc)) is CLEAR


def test_a_monitor_without_a_limit_is_no_data() -> None:
    roster = roster_of(place(0), place(1, limit_profile=""))
    monitor: Monitor = {"fume": windows(0.2, 0.2, 0.2, 0.5)}
    found = jump().judge(settled(monitor, monitor, roster=roster))
    assert found.opens[0].tolist() == [BREACH, NO_DATA]


def test_evidence() -> None:
    of = settled({"fume": windows(0.1, 0.2, 0.3, 0.5)})
    told = jump().evidence(of, 0, 0)
    shown = ("value", "limit", "before", "times_before", "at_least", "step_minutes", "unit")
    assert [told[name] for name in shown] == [0.5, 0.4, 0.2, 2.5, "0.3 * limit", 10, "mg/m³"]
    assert told["values"] == windows(0.1, 0.2, 0.3, 0.5)
    assert told["window"]["from"] == "2026-11-23T03:20:00+00:00"


def test_evidence_without_values() -> None:
    told = jump().evidence(settled({"fume": [None] * 39 + [0.5]}), 0, 0)
    assert [told[name] for name in ("value", "before", "times_before")] == [None, None, None]


@settings(max_examples=40)
@given(st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.4, 0.8, None]), min_size=60, max_size=60))
def test_it_is_what_counting_window_by_window_gives(fume: list[float | None]) -> None:
    """With a refresh period of an hour, every value is fresh."""
    rule = jump(window="5m", before=2, min_count=2)
    always = {"default": "1h", "ceiling": "1h", "floor": "1h"}
    found = rule.judge(settled({"fume": [0.3, *fume]}, instants=20, **always))
    for instant in range(20):
        end = 42 + instant
        series = [0.3, *fume][end - 15 : end]
        parts = [[v for v in series[i : i + 5] if v is not None] for i in (0, 5, 10)]
        if min(map(len, parts)) < 2:
            assert found.opens[instant, 0] == NO_DATA
            continue
        *before, last = (np.mean(part) for part in parts)
        assert found.value[instant, 0] == pytest.approx(last)
        assert found.limit[instant, 0] == pytest.approx(max(2 * np.mean(before), 0.3))
        is_breach = found.value[instant, 0] >= found.limit[instant, 0]
        assert found.opens[instant, 0] == (BREACH if is_breach else CLEAR)


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"times": 1}, ("times",), "greater than 1"),
        ({"before": 0}, ("before",), "greater than or equal to 1"),
        ({"window": "2m"}, (), "more minutes than the window has"),
        ({"window": "1h", "before": 4}, (), "4 hours long"),
        ({"at_least": "twice"}, ("at_least",), "is no level"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        jump(**fields)
    fault = caught.value.errors()[0]
    assert fault["loc"] == where
    assert says in fault["msg"]
