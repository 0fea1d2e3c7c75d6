"""Rules about one day, and about cleanings."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fumewatch.core.alert import Verdict
from fumewatch.core.days import Days
from fumewatch.core.rules import Rule, needs
from tests.core.days_scene import ago, day_rule, days_of, opens, stays, value
from tests.core.scene import rule_of

BREACH, CLEAR, NO_DATA = Verdict.BREACH, Verdict.CLEAR, Verdict.NO_DATA
KINDS: dict[str, dict[str, Any]] = {
    "deterioration": {"kind": "deterioration"},
    "baseline": {"kind": "baseline"},
    "cleaning": {"kind": "cleaning", "fan_hours": 500},
    "linkage_rate": {"kind": "linkage_rate"},
    "validity": {"kind": "validity"},
}


@pytest.mark.parametrize(
    ("on", "known", "below", "expected"),
    [
        pytest.param(540, 540, 0.9, CLEAR, id="always"),
        pytest.param(486, 540, 0.9, CLEAR, id="90 %"),
        pytest.param(485, 540, 0.9, BREACH, id="a minute less"),
        pytest.param(485, 540, 0.75, CLEAR, id="no alarm yet"),
        pytest.param(400, 540, 0.75, BREACH, id="alarm"),
        pytest.param(0, 60, 0.9, BREACH, id="an hour is enough"),
        pytest.param(0, 59, 0.9, NO_DATA, id="less than an hour"),
        pytest.param(0, 0, 0.9, NO_DATA, id="gaps are not running time"),
    ],
)
def test_linkage_rate(on: int, known: int, below: float, expected: Verdict) -> None:
    days = days_of(linkage_on=on, linkage_known=known, fan=600)
    rule = day_rule(kind="linkage_rate", below=below)
    assert opens(rule, days) is expected
    if expected is not NO_DATA:
        assert value(rule, days) == pytest.approx(on / known)


def test_evidence_of_a_linkage_rate() -> None:
    days = days_of(linkage_on=[540, 300], linkage_known=[540, 500], fan=[540, 560])
    assert day_rule(kind="linkage_rate").evidence(days, 0) == {
        "unit": "",
        "value": 0.6,
        "limit": 0.9,
        "day": "2026-11-22",
        "minutes_fan": 560,
        "minutes_known": 500,
        "minutes_on": 300,
        "minutes_off": 200,
    }


@pytest.mark.parametrize(
    ("counts", "of", "expected"),
    [
        ({"readings": 1000, "valid": 900}, "readings", CLEAR),
        ({"readings": 1000, "valid": 899}, "readings", BREACH),
        ({"readings": 59, "valid": 0}, "readings", NO_DATA),
        ({"readings": 0, "valid": 0}, "readings", NO_DATA),
        ({"open": 500, "valid_open": 450}, "open", CLEAR),
        ({"open": 500, "valid_open": 449}, "open", BREACH),
        ({"open": 500, "valid_open": 0, "readings": 0, "valid": 0}, "open", BREACH),
        ({"open": 500, "valid_open": 449, "valid": 1300}, "open", BREACH),
        ({"open": 0, "valid_open": 0}, "open", NO_DATA),
    ],
    ids=[
        "90 %",
        "less",
        "too few readings",
        "none",
        "90 % of business hours",
        "less of them",
        "silent",
        "the night makes up for nothing",
        "closed",
    ],
)
def test_validity(counts: dict[str, int], of: str, expected: Verdict) -> None:
    assert opens(day_rule(kind="validity", of=of), days_of(**counts)) is expected


def test_evidence_of_validity() -> None:
    days = days_of(readings=1200, valid=900, open=570, valid_open=400)
    assert day_rule(kind="validity").evidence(days, 0) == {
        "unit": "",
        "value": 0.75,
        "limit": 0.9,
        "day": "2026-11-22",
        "of": "readings",
        "minutes_valid": 900,
        "minutes": 1200,
        "minutes_with_reading": 1200,
        "minutes_open": 570,
    }


@pytest.mark.parametrize(
    "day",
    [
        lambda share: (
            day_rule(kind="linkage_rate", clear_above=0.95),
            days_of(linkage_on=round(540 * share), linkage_known=540),
        ),
        lambda share: (
            day_rule(kind="validity", clear_above=0.95),
            days_of(valid=round(1000 * share), readings=1000),
        ),
    ],
    ids=["linkage_rate", "validity"],
)
def test_a_firing_alert_clears_only_beyond_the_clear_level(
    day: Callable[[float], tuple[Any, Days]],
) -> None:
    assert (opens(*day(0.95)), stays(*day(0.95))) == (CLEAR, BREACH)
    assert (opens(*day(0.97)), stays(*day(0.97))) == (CLEAR, CLEAR)


@pytest.mark.parametrize(
    ("cleaned", "warn_before", "expected", "left"),
    [
        pytest.param(82, "7d", CLEAR, 8, id="eight days left"),
        pytest.param(83, "7d", BREACH, 7, id="seven"),
        pytest.param(83, "0d", CLEAR, 7, id="not overdue"),
        pytest.param(89, "0d", CLEAR, 1, id="due tomorrow"),
        pytest.param(90, "0d", BREACH, 0, id="the due day passed"),
        pytest.param(95, "0d", BREACH, -5, id="five days ago"),
        pytest.param(95, "7d", BREACH, -5, id="still due"),
        pytest.param(0, "7d", CLEAR, 90, id="cleaned on the day"),
    ],
)
def test_cleaning_by_the_calendar(
    cleaned: int, warn_before: str, expected: Verdict, left: float
) -> None:
    rule, days = day_rule(kind="cleaning", warn_before=warn_before), days_of(cleaned=[ago(cleaned)])
    assert (opens(rule, days), value(rule, days)) == (expected, left)


def test_without_a_recorded_cleaning_nothing_is_due() -> None:
    rule, days = day_rule(kind="cleaning", fan_hours=10), days_of(fan=[540] * 30)
    assert opens(rule, days) is NO_DATA
    assert rule.evidence(days, 0)["cleaned"] is None
    json.dumps(rule.evidence(days, 0), allow_nan=False)


@pytest.mark.parametrize(
    ("fan", "fan_hours", "expected", "left"),
    [
        pytest.param([600] * 40, 500, CLEAR, 10, id="10 h a day, 400 of 500"),
        pytest.param([600] * 40, 470, BREACH, 7, id="470 in a week"),
        pytest.param([600] * 40, 400, BREACH, 0, id="reached"),
        pytest.param([600] * 40, 300, BREACH, -10, id="passed ten days ago"),
        pytest.param([0] * 40, 1, CLEAR, 50, id="never on: the calendar counts"),
    ],
)
def test_cleaning_by_the_hours_of_the_fan(
    fan: list[float], fan_hours: float, expected: Verdict, left: float
) -> None:
    rule = day_rule(kind="cleaning", fan_hours=fan_hours)
    days = days_of(fan=fan, cleaned=[ago(40)])
    assert (opens(rule, days), value(rule, days)) == (expected, left)


def test_evidence_of_a_cleaning() -> None:
    rule = day_rule(kind="cleaning", cycle="30d", fan_hours=200)
    days = days_of(fan=[540] * 5 + [600] * 20, readings=[900] * 24 + [0], cleaned=[ago(20)])
    assert rule.evidence(days, 0) == {
        "unit": "d",
        "value": 0.0,
        "limit": 7,
        "cleaned": "2026-11-02",
        "cycle_days": 30,
        "days_left_by_cycle": 10,
        "by": "fan_hours",
        "fan_hours": 200.0,
        "fan_hours_limit": 200.0,
        "days_left_by_fan": 0.0,
        "days_counted": 19,
        "counted_since": "2026-11-03",
        "hours_are_a_minimum": True,
    }


def test_a_due_alert_clears_with_the_cleaning() -> None:
    rule = day_rule(kind="cleaning")
    assert stays(rule, days_of(cleaned=[ago(78)])) is BREACH
    assert stays(rule, days_of(cleaned=[ago(75)])) is CLEAR
    assert stays(rule, days_of(cleaned=[ago(85), ago(0)])) is CLEAR
    overdue = day_rule(kind="cleaning", warn_before="0d")
    assert stays(overdue, days_of(cleaned=[ago(89)])) is CLEAR


@pytest.mark.parametrize(
    ("raw", "where", "says"),
    [
        ({"kind": "linkage_rate", "below": 1.5}, ("below",), "less than or equal to 1"),
        ({"kind": "linkage_rate", "clear_above": 0.8}, (), "clear_above 0.8 lies below `below`"),
        ({"kind": "linkage_rate", "at_least": "2d"}, ("at_least",), "1 day"),
        ({"kind": "validity", "clear_above": 0.5}, (), "clear_above 0.5 lies below `below`"),
        ({"kind": "validity", "of": "hours"}, ("of",), "'readings' or 'open'"),
        ({"kind": "cleaning", "cycle": "36h"}, ("cycle",), "1d12h must be whole days"),
        ({"kind": "cleaning", "cycle": "5d"}, (), "as long as the cycle"),
        ({"kind": "cleaning", "warn_before": "12h"}, (), "warn_before must be whole days"),
        ({"kind": "cleaning", "clear_above": "3d"}, (), "clear_above is shorter"),
        ({"kind": "cleaning", "fan_hours": 0}, ("fan_hours",), "greater than 0"),
        ({"kind": "baseline", "channel": "fume"}, ("channel",), "'purifier_current'"),
        ({"kind": "baseline", "clear_above": 0.6}, (), "clear_above 0.6 lies below `below`"),
        ({"kind": "baseline", "min_days": 8}, (), "min_days is more than baseline_days"),
        ({"kind": "baseline", "min_recent": 4}, (), "more days than the window has"),
        ({"kind": "baseline", "look_back": "9d"}, (), "look_back is shorter"),
        ({"kind": "deterioration", "channel": "velocity"}, ("channel",), "'fume'"),
        ({"kind": "deterioration", "window": "6d"}, (), "min_days is more days"),
        ({"kind": "deterioration", "window": "500d"}, ("window",), "1d to 400d"),
        ({"kind": "deterioration", "clear_beyond": "10d"}, (), "shorter than the horizon"),
        ({"kind": "deterioration", "clear_significance": 0.01}, (), "less than significance"),
        ({"kind": "validity", "when": {"fan_on": True}}, (), "tags, streets and districts only"),
        ({"kind": "cleaning", "when": {"business_hours": True}}, (), "it judges whole days"),
    ],
)
def test_what_is_refused(raw: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule_of(**raw)
    fault = caught.value.errors()[0]
    assert fault["loc"][1:] == where
    assert says in fault["msg"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_says_what_it_is_and_is_read_back_as_it_was_written(kind: str) -> None:
    rule = day_rule(**KINDS[kind])
    for language in ("zh", "en"):
        assert rule.title(language)
        assert all(rule.checks(language))
    written = rule.model_dump_json(by_alias=True, exclude_unset=True)
    assert TypeAdapter(Rule).validate_python(json.loads(written)) == rule
    bare = [name for name, f in type(rule).model_fields.items() if not f.description]
    assert bare == ["kind"]


def test_days_need_no_window_of_minutes() -> None:
    assert needs([rule_of(**raw) for raw in KINDS.values()]) == (frozenset(), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_whom_a_rule_is_not_about_is_clear(kind: str) -> None:
    rule = day_rule(**KINDS[kind], when={"streets": ["elsewhere"]})
    days = days_of({"fume": [0.5] * 3}, linkage_on=0, valid=0, cleaned=[ago(200)])
    assert (opens(rule, days), stays(rule, days)) == (CLEAR, CLEAR)


def anything(seed: int, d: int, n: int = 3, cleaned: tuple[date, ...] = ()) -> Days:
    rng = np.random.default_rng(seed)
    fume = rng.uniform(0.05, 0.4, (d, n)) + np.linspace(0, rng.uniform(0, 0.8), d)[:, None]
    current = rng.uniform(1.0, 3.0, (d, n))
    for table in (fume, current):
        table[rng.random((d, n)) < 0.1] = np.nan
    counts: Any = {
        "fan": rng.integers(0, 700, (d, n)).astype(float),
        "linkage_known": rng.integers(0, 200, (d, n)).astype(float),
        "linkage_on": rng.integers(0, 60, (d, n)).astype(float),
        "readings": rng.integers(0, 200, (d, n)).astype(float),
        "valid": rng.integers(0, 60, (d, n)).astype(float),
    }
    return days_of(
        {"fume": fume, "purifier_current": current},
        peak={"fume": fume * 3},
        cleaned=cleaned,
        **counts,
    )


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), d=st.integers(1, 40), since=st.integers(0, 60))
def test_what_holds_of_every_kind(kind: str, seed: int, d: int, since: int) -> None:
    """1. Older days than it needs, and other monitors, change nothing.
    2. What may open may stay.
    3. The evidence says the value of the verdict, and is JSON."""
    rule = day_rule(**KINDS[kind], **({"look_back": "20d"} if kind == "baseline" else {}))
    days = anything(seed, d, cleaned=(ago(since), ago(since + 15)))
    judged = rule.judge(days)
    for other in (days.last(rule.days_needed), days.only(1)):
        again = rule.judge(other)
        row = slice(1, 2) if len(other) > 1 else slice(None)
        for name in ("opens", "stays", "value", "limit"):
            expected = getattr(judged, name)[:, 1:2]
            np.testing.assert_allclose(getattr(again, name)[:, row], expected, rtol=1e-9)
    assert judged.opens.shape == (1, 3)
    assert (judged.stays[judged.opens == BREACH] == BREACH).all()
    evidence = json.loads(json.dumps(rule.evidence(days, 1), allow_nan=False))
    told = np.nan if evidence["value"] is None else evidence["value"]
    np.testing.assert_allclose(told, judged.value[0, 1], atol=0.06)
    assert {"unit", "limit"} <= evidence.keys()
