"""A rule, a view and the open alerts into steps."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.alert import Alert, State, Step
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.rules import MinuteRule, Rule
from tests.core.scene import (
    NOON,
    ZONE,
    judge,
    micros,
    place,
    roster_of,
    rule_of,
    sent,
    view_of,
    wavering,
    window_of,
)
from tests.core.test_rules_config import example

RULES = [rule for rule in example() if isinstance(rule, MinuteRule)]
HIGH, LOW, NEAR = wavering(1.5, 20), wavering(0.2, 20), wavering(0.95, 20)


def exceedance(**fields: Any) -> Rule:
    basics = {"kind": "threshold", "channel": "fume", "window": "10m", "above": "limit"}
    return rule_of(**basics | {"clear_below": 0.9} | fields)


def step_of(
    rule: Rule, *fume: list[float], alerts: Mapping[int, Alert] | None = None, now: datetime = NOON
) -> list[Step]:
    view = view_of(*({"fume": series} for series in fume), now=now)
    return judge(rule, view, alerts or {})


def alerts_of(steps: list[Step]) -> dict[int, Alert]:
    return {step.alert.monitor: step.alert for step in steps if step.alert and step.alert.is_open}


def test_only_monitors_with_something_to_tell_take_a_step() -> None:
    steps = step_of(exceedance(), LOW, HIGH, [], HIGH)
    assert sorted(alerts_of(steps)) == [1, 3]
    assert all(step.transition for step in steps)


def test_an_alert_clears_when_its_monitor_does_and_stays_when_it_is_silent() -> None:
    open_alerts = alerts_of(step_of(exceedance(), HIGH, HIGH, HIGH))
    later = NOON + timedelta(minutes=1)
    steps = step_of(exceedance(), LOW, [], HIGH, alerts=open_alerts, now=later)
    states = {step.alert.monitor: step.alert.state for step in steps if step.alert}
    assert states == {0: State.RESOLVED, 2: State.FIRING}


def test_the_clear_level_keeps_firing_alerts_but_not_pending_ones() -> None:
    held = exceedance(**{"for": "5m"})
    later = NOON + timedelta(minutes=1)
    firing = alerts_of(step_of(exceedance(), HIGH))
    pending = alerts_of(step_of(held, HIGH))
    assert [s.transition for s in step_of(exceedance(), NEAR, alerts=firing, now=later)] == [None]
    assert step_of(held, NEAR, alerts=pending, now=later)[0].transition is not None


def test_alerts_of_monitors_outside_the_view_are_left_alone() -> None:
    open_alerts = alerts_of(step_of(exceedance(), HIGH, HIGH, HIGH))
    assert {s.alert.monitor for s in step_of(exceedance(), LOW, alerts=open_alerts) if s.alert} == {
        0
    }


def test_a_view_of_some_monitors_judges_them_by_their_own_ids() -> None:
    window = window_of({"fume": LOW}, {"fume": LOW}, {"fume": HIGH})
    roster = roster_of(*(place(n) for n in range(3)))
    view = window.view(np.array([0, 2], np.int32), roster)
    steps = judge(exceedance(), view, {})
    assert list(alerts_of(steps)) == [2]


def told(rule: Rule, fume: list[float], fan: list[float] | None) -> list[tuple[int, str]]:
    """(minutes, state) of each transition, since the beginning."""
    series = {"fume": fume} | ({"fan_on": fan} if fan else {})
    end = NOON + timedelta(minutes=len(fume))
    engine = Engine([rule], Freshness(), roster_of(place()), ZoneInfo(ZONE))
    engine.add(sent([series], end))
    moves = engine.advance(micros(end))
    return [(round((m.at - NOON) / timedelta(minutes=1)), m.alert.state.value) for m in moves]


def test_a_night_at_the_noodle_shop() -> None:
    """It refreshes every ten minutes; after closing, the last value is held for four hours."""
    updates = [0.2, 0.3, 0.2, 1.6, 0.2, 0.3, 0.2, 0.3, 1.4]
    fume = [value for value in updates for _ in range(10)] + [1.4] * 240
    rule = exceedance(min_count=5, when={"fan_on": True})
    fan = [1.0] * 105 + [0.0] * 225
    episode = [(36, "firing"), (46, "resolved"), (87, "firing")]
    assert told(rule, fume, fan) == [*episode, (111, "resolved")]  # the fan went off at 105
    assert told(rule, fume, None) == episode  # no fresh value tells that it is over


CLEAR_OR_NOT = st.sampled_from([0.0, 0.2, 0.95, 1.5, 3.0, None])
fleets = st.lists(
    st.fixed_dictionaries(
        {
            "fume": st.lists(CLEAR_OR_NOT, min_size=1, max_size=70),
            "fan_on": st.lists(st.sampled_from([0.0, 1.0, None]), max_size=70),
            "purifier_on": st.lists(st.sampled_from([0.0, 1.0, None]), max_size=70),
        }
    ),
    min_size=1,
    max_size=3,
)


@settings(max_examples=20)
@given(fleets)
def test_whatever_comes_the_example_rules_judge_it_alike_and_give_json(fleet: list[Any]) -> None:
    one, other = view_of(*fleet), view_of(*fleet)
    for rule in RULES:
        steps = judge(rule, one, {})
        assert steps == judge(rule, other, {})
        for step in steps:
            assert step.transition
            json.dumps(step.transition.alert.evidence, allow_nan=False)
            assert step.transition.alert.value == step.transition.alert.value  # not NaN
