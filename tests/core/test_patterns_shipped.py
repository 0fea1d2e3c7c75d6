"""The shipped rules about patterns, in the engine, at the edges of their numbers.

It is Monday the 23rd: what happened in the weeks before is known from the store, and the
engine judges a few hours of that day.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.alert import Alert, Severity, State, alert_id
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.past import Complaints, Happenings, Outcome, no_complaints, nothing_happened
from fumewatch.core.reading import Readings
from fumewatch.core.rules import PatternRule
from fumewatch.core.view import MINUTE
from tests.core.history import at, complaints, happenings
from tests.core.scene import ZONE, place, readings, roster_of, wavering
from tests.core.test_rules_config import example

RULES = {rule.id: rule for rule in example()}
START = "23 11:00"
HERE = (31.1689, 121.4325)
NORTH = 1 / 111_195
"""Degrees of latitude to the metre."""


def alert(rule: str, opened: str, *, monitor: int = 0, fired: bool = True) -> Alert:
    """One that is over, as the store knows it."""
    opened_at = datetime.fromtimestamp(at(opened) / 1e6, UTC)
    return Alert(
        id=alert_id(rule, monitor, opened_at),
        rule=rule,
        kind=RULES[rule].kind,
        severity=Severity.WARNING,
        monitor=monitor,
        state=State.RESOLVED,
        opened_at=opened_at,
        breached_at=opened_at,
        value=1.5,
        limit=1.0,
        fired_at=opened_at if fired else None,
        resolved_at=opened_at + timedelta(minutes=20),
    )


def fired_at(
    rule: str,
    *others: str,
    before: Sequence[Alert] = (),
    false_alarms: Sequence[Alert] = (),
    sent: Readings | None = None,
    start: str = START,
    until: str = "23 13:00",
    restarts: Happenings | None = None,
    findings: Happenings | None = None,
    told: Complaints | None = None,
) -> list[str]:
    """When the shipped rule fires at monitor 0, judged beside the other shipped ones it needs."""
    roster = roster_of(*(place(i, latitude=HERE[0], longitude=HERE[1]) for i in range(2)))
    engine = Engine([RULES[name] for name in (*others, rule)], Freshness(), roster, ZoneInfo(ZONE))
    engine.history.load([*before, *false_alarms])
    engine.happened(
        restarts or nothing_happened(),
        findings or nothing_happened(),
        told or no_complaints(),
        [Outcome(a.id, a.rule, a.monitor, a.opened_at, at(start), True) for a in false_alarms],
    )
    engine.begin(at(start))
    engine.add(sent or Readings.empty())
    moves = [move for move in engine.advance(at(until)) if move.alert.rule == rule]
    assert {move.alert.monitor for move in moves} <= {0}
    return [
        f"{move.at.astimezone(ZoneInfo(ZONE)):%d %H:%M}"
        for move in moves
        if move.alert.state is State.FIRING
    ]


def minutes(*fume: float | None, start: str = START) -> Readings:
    """One value a minute of monitor 0."""
    return readings(
        [
            (0, at(start) + i * MINUTE, {"fume": value, "fan_on": 1.0})
            for i, value in enumerate(fume)
            if value is not None
        ]
    )


HIGH = minutes(*wavering(0.3, 20), *wavering(2.1, 9), *wavering(0.3, 60))
"""Its alert of exceedance opens at 11:24 and is over at 11:41."""


def test_each_of_them_is_tested_here() -> None:
    shipped = {rule.id for rule in RULES.values() if isinstance(rule, PatternRule)}
    assert shipped == {"repeat-offender", "power-cuts", "complaint-nearby", "aggregate-mismatch"}


def high(*times: str, **fields: Any) -> list[Alert]:
    return [alert("exceedance", time, **fields) for time in times]


@pytest.mark.parametrize(
    ("before", "false_alarms", "fires"),
    [
        pytest.param(high("20 12:00", "21 12:00"), [], ["23 11:30"], id="on a third day"),
        pytest.param(high("21 12:00"), [], [], id="on a second"),
        pytest.param(high("21 11:30", "21 19:00"), [], [], id="three alerts on two days"),
        pytest.param(
            high("10-24 11:31", "21 12:00"), [], ["23 11:30"], id="the first within thirty days"
        ),
        pytest.param(high("10-24 11:30", "21 12:00"), [], [], id="the first thirty days ago"),
        pytest.param(
            [*high("21 12:00"), *high("20 12:00", fired=False)], [], [], id="one never fired"
        ),
        pytest.param(high("21 12:00"), high("20 12:00"), [], id="one was a false alarm"),
        pytest.param(
            [*high("21 12:00"), *high("20 12:00", monitor=1)], [], [], id="one of another monitor"
        ),
        pytest.param(
            [*high("21 12:00"), alert("near-limit", "20 12:00")], [], [], id="one near the limit"
        ),
    ],
)
def test_repeat_offender(before: list[Alert], false_alarms: list[Alert], fires: list[str]) -> None:
    found = fired_at(
        "repeat-offender", "exceedance", before=before, false_alarms=false_alarms, sent=HIGH
    )
    assert found == fires


def silent(*times: str) -> list[Alert]:
    return [alert("offline", time) for time in times]


LUNCH = minutes(*wavering(0.3, 30))
"""The last reading is of 11:29: offline opens at 11:59."""


@pytest.mark.parametrize(
    ("before", "fires"),
    [
        pytest.param(silent("12 12:30", "20 19:00"), ["23 12:00"], id="at a third meal"),
        pytest.param(silent("20 12:30"), [], id="at a second"),
        pytest.param(silent("20 12:30", "20 19:00"), [], id="twice on one of two days"),
        pytest.param(silent("09 12:01", "20 19:00"), ["23 12:00"], id="within fourteen days"),
        pytest.param(silent("09 12:00", "20 19:00"), [], id="the first fourteen days ago"),
        pytest.param(silent("20 14:29", "21 21:59"), ["23 12:00"], id="as lunch, dinner end"),
        pytest.param(silent("20 14:31", "21 19:00"), [], id="silent since lunch was over"),
        pytest.param(silent("20 03:00", "21 16:00"), [], id="at night, between meals"),
    ],
)
def test_power_cuts(before: list[Alert], fires: list[str]) -> None:
    assert fired_at("power-cuts", "offline", before=before, sent=LUNCH) == fires


def test_restarts_are_no_power_cuts() -> None:
    restarts = happenings("18 12:00", "19 12:00", "20 12:00", "21 12:00")
    assert fired_at("power-cuts", "offline", restarts=restarts, sent=LUNCH) == []


def near(time: str, metres: float) -> Complaints:
    return complaints((time, HERE[0] + metres * NORTH, HERE[1]))


@pytest.mark.parametrize(
    ("told", "fires"),
    [
        pytest.param(near("23 11:50", 0), ["23 11:50"], id="soon after, at the door"),
        pytest.param(near("23 11:50", 199), ["23 11:50"], id="199 m away"),
        pytest.param(near("23 11:50", 201), [], id="201 m away"),
        pytest.param(near("23 09:24", 0), ["23 11:30"], id="two hours before the alert opened"),
        pytest.param(near("23 09:23", 0), [], id="a minute more"),
        pytest.param(near("23 13:24", 0), ["23 13:30"], id="two hours after the alert opened"),
        pytest.param(near("23 13:25", 0), [], id="a minute more, and the alert is over"),
    ],
)
def test_complaint_nearby(told: Complaints, fires: list[str]) -> None:
    found = fired_at("complaint-nearby", "exceedance", told=told, sent=HIGH, until="23 16:00")
    assert found == fires


@pytest.mark.parametrize(
    ("rule", "fires"),
    [
        ("exceedance", ["23 11:10"]),
        ("purifier-off", ["23 11:10"]),
        ("bypass", ["23 11:10"]),
        ("near-limit", []),
        ("offline", []),
    ],
)
def test_a_complaint_is_about_what_a_neighbour_can_smell(rule: str, fires: list[str]) -> None:
    before, told = [alert(rule, "22 12:00")], near("22 12:30", 50)
    assert fired_at("complaint-nearby", before=before, told=told) == fires


@pytest.mark.parametrize(
    ("told", "fires"),
    [
        pytest.param("22 11:11", ["23 11:10"], id="entered within a day"),
        pytest.param("22 11:10", [], id="entered a day later"),
    ],
)
def test_a_complaint_that_is_entered_late(told: str, fires: list[str]) -> None:
    before = [alert("exceedance", "22 11:00")]
    assert fired_at("complaint-nearby", before=before, told=near(told, 50)) == fires


@pytest.mark.parametrize(
    ("findings", "fires"),
    [
        pytest.param(happenings("20 12:00", "21 12:00", "22 12:00"), ["23 11:10"], id="three days"),
        pytest.param(happenings("21 12:00", "22 12:00"), [], id="two days"),
        pytest.param(happenings("21 12:00", "22 12:00", "22 13:00"), [], id="twice on one of two"),
        pytest.param(
            happenings("16 11:11", "21 12:00", "22 12:00"), ["23 11:10"], id="within seven days"
        ),
        pytest.param(happenings("16 11:10", "21 12:00", "22 12:00"), [], id="one seven days ago"),
        pytest.param(
            happenings("20 12:00", "21 12:00", "22 12:00", monitor=[0, 0, 1]),
            [],
            id="one of another monitor",
        ),
    ],
)
def test_aggregate_mismatch(findings: Happenings, fires: list[str]) -> None:
    assert fired_at("aggregate-mismatch", findings=findings) == fires
