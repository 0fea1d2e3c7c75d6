"""Alerts that come again and again. Times are local, of November 2026."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import Verdict
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.past import Openings, Past
from fumewatch.core.rules.recurrence import Recurrence
from tests.core.history import at, happenings, openings, past, rule_of
from tests.core.scene import place, roster_of

BREACH, CLEAR = Verdict.BREACH, Verdict.CLEAR
THREE = ("21 12:00", "22 12:00", "23 12:00")


def recurrence(**fields: Any) -> Recurrence:
    rule: Recurrence = rule_of(Recurrence, **{"rules": ["exceedance"], "within": "7d"} | fields)
    return rule


def value(rule: Recurrence, of: Past, row: int = 0) -> float:
    return float(rule.judge(of).value[0, row])


def verdict(rule: Recurrence, of: Past, row: int = 0) -> Verdict:
    found = rule.judge(of)
    assert found.opens[0, row] == found.stays[0, row]
    return Verdict(found.opens[0, row])


@pytest.mark.parametrize(
    ("opened", "expected"),
    [
        pytest.param((), CLEAR, id="never"),
        pytest.param(THREE[1:], CLEAR, id="twice"),
        pytest.param(THREE, BREACH, id="three times"),
        pytest.param(("23 10:00", "23 12:00", "23 17:00"), BREACH, id="three times in a day"),
        pytest.param(("16 18:00", *THREE[1:]), CLEAR, id="once just over a week ago"),
        pytest.param(("16 18:01", *THREE[1:]), BREACH, id="once just under a week ago"),
        pytest.param((*THREE[1:], "23 18:01"), CLEAR, id="once in the future"),
    ],
)
def test_alerts(opened: Sequence[str], expected: Verdict) -> None:
    assert verdict(recurrence(), past("23 18:00", {"exceedance": openings(*opened)})) is expected


@pytest.mark.parametrize(
    ("opened", "days"),
    [
        pytest.param(("23 10:00", "23 12:00", "23 17:00"), 1, id="one day"),
        pytest.param(("22 23:59", "23 00:00"), 2, id="either side of midnight"),
        pytest.param(("22 07:00", "22 09:00"), 1, id="either side of midnight UTC"),
        pytest.param(THREE, 3, id="three days"),
    ],
)
def test_local_dates(opened: Sequence[str], days: int) -> None:
    of = past("23 18:00", {"exceedance": openings(*opened)})
    assert value(recurrence(count="days"), of) == days


def test_the_date_is_the_one_at_the_site() -> None:
    """New York put its clocks back on 1 November: 23:30 was 03:30 UTC before, 04:30 after."""
    zone = "America/New_York"
    hours = BusinessHours.parse("10:00-24:00", zone)
    roster = roster_of(place(0, hours=hours))
    moments = ("10-31 23:30", "11-01 00:30", "11-01 23:30", "11-02 00:30")
    opened = np.array([at(moment, zone) for moment in moments], np.int64)
    never, always = np.zeros(4, np.bool_), np.ones(4, np.bool_)
    alerts = Openings(np.zeros(4, np.int32), opened, always, never, never)
    of = past("03 12:00", {"exceedance": alerts}, roster=roster)
    rule = recurrence(count="days")
    assert rule.evidence(of, 0)["days"] == ["2026-10-31", "2026-11-01", "2026-11-02"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        pytest.param({}, BREACH, id="all fired"),
        pytest.param({"fired": [True, True, False]}, CLEAR, id="one never fired"),
        pytest.param({"false_alarm": [True, False, False]}, CLEAR, id="one was a false alarm"),
        pytest.param({"is_open": [False, False, True]}, BREACH, id="one is still open"),
        pytest.param({"monitor": [0, 0, 1]}, CLEAR, id="one at another monitor"),
    ],
)
def test_what_counts(facts: dict[str, Any], expected: Verdict) -> None:
    of = past("23 18:00", {"exceedance": openings(*THREE, **facts)}, monitors=(0, 1))
    assert verdict(recurrence(), of) is expected


def test_alerts_of_several_rules_count_together() -> None:
    alerts = {"exceedance": openings(*THREE[:2]), "purifier-off": openings(THREE[2])}
    assert verdict(recurrence(), past("23 18:00", alerts)) is CLEAR
    both = recurrence(rules=["exceedance", "purifier-off", "never-opened-any"])
    assert verdict(both, past("23 18:00", alerts)) is BREACH


def test_restarts_count_where_it_is_said() -> None:
    of = past("23 18:00", {"offline": openings(*THREE[:1])}, restarts=happenings(*THREE[1:]))
    assert value(recurrence(rules=["offline"]), of) == 1
    assert value(recurrence(rules=["offline"], restarts=True), of) == 3
    assert recurrence(rules=["offline"], restarts=True).evidence(of, 0)["restarts"] == 2


def test_a_cut_and_the_restart_after_it_are_one_day() -> None:
    cut, back = openings("21 12:00", "22 12:00"), happenings("21 12:40", "22 13:10")
    rule = recurrence(rules=["offline"], restarts=True, count="days")
    assert verdict(rule, past("23 18:00", {"offline": cut}, restarts=back)) is CLEAR


@pytest.mark.parametrize(
    ("opened", "fields", "counted"),
    [
        pytest.param("23 10:29", {}, 0, id="before lunch"),
        pytest.param("23 10:30", {}, 1, id="lunch begins"),
        pytest.param("23 13:59", {}, 1, id="lunch ends"),
        pytest.param("23 14:00", {}, 0, id="after lunch"),
        pytest.param("22 18:00", {}, 1, id="dinner"),
        pytest.param("22 21:45", {}, 0, id="open, but after dinner"),
        pytest.param("22 02:00", {}, 0, id="night"),
        pytest.param("23 10:59", {"began_before": "30m"}, 0, id="it began before lunch"),
        pytest.param("23 14:29", {"began_before": "30m"}, 1, id="it began in lunch"),
    ],
)
def test_only_meals_count_where_it_is_said(
    opened: str, fields: dict[str, Any], counted: int
) -> None:
    of = past("23 18:00", {"exceedance": openings(opened)})
    assert value(recurrence(), of) == 1
    assert value(recurrence(meal=True, **fields), of) == counted


def test_each_site_has_its_own_meals() -> None:
    """Monitor 1 is open from 17:00, 2 has restarts; both days in question are weeks apart."""
    evening = BusinessHours.parse("17:00-22:00", "Asia/Shanghai")
    roster = roster_of(place(0), place(1, hours=evening), place(2))
    of = past(
        "23 18:00",
        {"exceedance": openings("02 12:00", "23 12:00", "02 18:00", monitor=[0, 1, 1])},
        monitors=(2, 1, 0),
        roster=roster,
        restarts=happenings("02 12:00", "02 15:00", monitor=2),
    )
    rule = recurrence(meal=True, restarts=True, began_before="2h", within="30d")
    assert rule.judge(of).value[0].tolist() == [1, 0, 0]
    rule = recurrence(meal=True, restarts=True, within="30d")
    assert rule.judge(of).value[0].tolist() == [1, 1, 1]
    assert rule.evidence(of, 1)["times"] == ["2026-11-02T10:00:00+00:00"]


def test_monitors_need_not_be_in_order_or_without_gaps() -> None:
    of = past("23 18:00", {"exceedance": openings(*THREE, monitor=7)}, monitors=(9, 2, 7, 4))
    assert recurrence().judge(of).value[0].tolist() == [0, 0, 3, 0]
    assert verdict(recurrence(), of, row=2) is BREACH


def test_a_monitor_that_the_rule_is_not_about_is_clear() -> None:
    rule = recurrence(when={"streets": ["田林街道"]})
    assert verdict(rule, past("23 18:00", {"exceedance": openings(*THREE)})) is CLEAR


def test_evidence() -> None:
    alerts = {"exceedance": openings(*THREE, "23 17:00", false_alarm=[True, False, False, False])}
    assert recurrence(count="days", at_least=2).evidence(past("23 18:00", alerts), 0) == {
        "value": 2,
        "limit": 2,
        "counted": "days",
        "rules": ["exceedance"],
        "within_days": 7.0,
        "meal": False,
        "times": [
            "2026-11-22T04:00:00+00:00",
            "2026-11-23T04:00:00+00:00",
            "2026-11-23T09:00:00+00:00",
        ],
        "days": ["2026-11-22", "2026-11-23"],
    }


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 14 * 24 * 60), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_it_is_what_counting_one_by_one_gives(
    rows: list[tuple[int, int, bool, bool]],
) -> None:
    """Of (monitor, minutes ago, fired, false alarm)."""
    now, week, ahead = at("23 18:00"), 7 * 24 * 60, 8 * 60
    columns = [np.array([row[column] for row in rows]) for column in range(4)]
    alerts = Openings(
        columns[0].astype(np.int32),
        now - columns[1].astype(np.int64) * 60_000_000,
        columns[2].astype(np.bool_),
        np.zeros(len(rows), np.bool_),
        columns[3].astype(np.bool_),
    )
    of = past("23 18:00", {"exceedance": alerts}, monitors=range(5))
    counted = [(who, ago) for who, ago, fired, false in rows if fired and not false and ago < week]
    minute = now // 60_000_000 + ahead
    assert recurrence().judge(of).value[0].tolist() == [
        sum(who == monitor for who, _ in counted) for monitor in range(5)
    ]
    assert recurrence(count="days").judge(of).value[0].tolist() == [
        len({(minute - ago) // 1440 for who, ago in counted if who == monitor})
        for monitor in range(5)
    ]


@pytest.mark.parametrize(
    ("fields", "where", "says"),
    [
        ({"rules": []}, ("rules",), "at least 1 item"),
        ({"at_least": 0}, ("at_least",), "greater than or equal to 1"),
        ({"count": "weeks"}, ("count",), "'alerts' or 'days'"),
        ({"within": "10m"}, ("within",), "greater than or equal to 1 hour"),
        ({"within": "63d"}, ("within",), "less than or equal to 62 days"),
        ({"when": {"fan_on": True}}, (), "there are no minutes"),
        ({"when": {"business_hours": True}}, (), "there are no minutes"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        recurrence(**fields)
    fault = caught.value.errors()[0]
    assert fault["loc"] == where
    assert says in fault["msg"]
