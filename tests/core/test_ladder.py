"""Who is asked next, and when."""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.config.calendar import CalendarSettings
from fumewatch.core.alert import PART_OF, Severity
from fumewatch.core.followup.action import Action
from fumewatch.core.followup.ladder import Escalation, due, ladder_of, timeline
from tests.core.followup_scene import PLACES, SHANGHAI, action, actions, alert, ladder, local, said

CHINA = CalendarSettings(country="CN").days
SUPERVISION = ladder(
    {},
    {
        "after": "24 working hours",
        "unless": ["visited", "confirmed"],
        "grants": {"correcting": "24h", "corrected": "3 working days"},
    },
    {"after": "3 working days", "unless": "visited"},
    {"on": "confirmed", "after": "1 working day"},
)
"""a: site, at once; b: street; c: bureau; d: inspector, once it is confirmed."""


def next_step(
    done: list[Action], of: Escalation = SUPERVISION, zone: ZoneInfo = SHANGHAI, **fields: Any
) -> tuple[str, str] | None:
    found = due(of, alert(**fields), done, CHINA, zone)
    return (found.step.name, said(found.at, zone)) if found else None


A = ("step a", "27 15:00")
B = ("step b", "12-02 12:00")
C = ("step c", "12-07 12:00")


@pytest.mark.parametrize(
    ("done", "then"),
    [
        pytest.param([], ("a", "11-27 15:00"), id="at once"),
        # 2.5 h are left of Friday, then 9 h a day: 24 h are full on Wednesday at 12:00.
        pytest.param([A], ("b", "12-02 12:00"), id="the street"),
        pytest.param([A, B], ("c", "12-07 12:00"), id="the bureau"),
        pytest.param([A, B, C], None, id="the inspector waits for a confirmation"),
        pytest.param([A, ("acknowledged", "27 16:00")], ("b", "12-02 12:00"), id="unmoved"),
        pytest.param([A, ("correcting", "27 16:00")], ("b", "12-02 12:00"), id="a grant within"),
        pytest.param(
            [A, ("correcting", "12-02 09:00")], ("b", "12-03 09:00"), id="a grant beyond"
        ),
        pytest.param(
            [A, ("correcting", "12-01 15:00"), ("correcting", "12-02 09:00")],
            ("b", "12-02 15:00"),
            id="said twice gains nothing",
        ),
        pytest.param([A, ("corrected", "30 15:00")], ("b", "12-03 15:00"), id="time to look"),
        pytest.param([A, ("visited", "30 15:00")], None, id="visited, nobody else is asked"),
        pytest.param(
            [A, B, ("visited", "12-03 10:00"), ("confirmed", "12-03 10:00")],
            ("d", "12-04 10:00"),
            id="confirmed",
        ),
        pytest.param(
            [A, ("confirmed", "27 16:00")],
            ("d", "11-30 16:00"),
            id="confirmed before anybody was asked: they are passed over",
        ),
        pytest.param(
            [A, B, ("confirmed", "12-03 10:00"), ("step d", "12-04 10:00")], None, id="all taken"
        ),
        pytest.param([A, ("false alarm", "27 16:00")], None, id="a false alarm"),
        pytest.param([A, ("resolved", "27 16:00")], None, id="resolved"),
        pytest.param(
            [A, ("resolved", "27 16:00"), ("reopened", "30 09:00")],
            ("b", "12-02 15:00"),
            id="reopened goes on where it was, its time begins anew",
        ),
        pytest.param(
            [A, B, ("visited", "12-03 09:00"), ("resolved", "12-03 09:00"),
             ("reopened", "12-04 10:00")],
            ("c", "12-09 10:00"),
            id="reopened, the visit counts no more",
        ),
        pytest.param(
            [("step a", "30 10:00")], ("b", "12-02 16:00"), id="taken late, the next is later too"
        ),
        pytest.param([("step z", "27 15:00")], ("a", "11-27 15:00"), id="a step there is no more"),
    ],
)  # fmt: skip
def test_supervision(done: list[tuple[str, str]], then: tuple[str, str] | None) -> None:
    assert next_step(actions(*done)) == then


def test_what_is_promised_bounds_a_grant() -> None:
    promised = action("correcting", "12-02 09:00", detail={"until": "2026-12-02T18:00:00+08:00"})
    assert next_step([*actions(A), promised]) == ("b", "12-02 18:00")
    early = action("correcting", "27 16:00", detail={"until": "2026-11-27T18:00:00+08:00"})
    assert next_step([*actions(A), early]) == ("b", "12-02 12:00")


def test_a_step_that_was_not_needed_passes_its_time_on() -> None:
    of = ladder({"after": "2h", "unless": "acknowledged"}, {"after": "4h"})
    assert next_step(actions(("acknowledged", "27 15:30")), of) == ("b", "11-27 21:00")


@pytest.mark.parametrize(
    ("until", "fields", "then"),
    [
        ("resolved", {"fired": None}, None),
        ("resolved", {"resolved": "27 15:30"}, None),
        ("closed", {"resolved": "27 15:30"}, ("a", "11-27 16:00")),
        ("closed", {"evidence": {PART_OF: {"alert": "x"}}}, None),
    ],
)
def test_how_the_alert_itself_stands(
    until: str, fields: dict[str, Any], then: tuple[str, str] | None
) -> None:
    assert next_step([], ladder({"after": "1h"}, until=until), **fields) == then


def test_a_look_back_after_it_resolved_by_itself() -> None:
    of = ladder({}, {"on": "resolved", "after": "3 working days"}, until="closed")
    done = actions(("step a", "27 15:00"))
    assert next_step(done, of) is None
    assert next_step(done, of, resolved="27 15:30") == ("b", "12-02 15:30")


def test_steps_of_another_ladder_are_not_of_this_one() -> None:
    detail = {"escalation": "other", "step": "a", "receivers": []}
    other = action("step a", "27 15:00", detail=detail)
    assert next_step([other]) == ("a", "11-27 15:00")


@pytest.mark.parametrize(
    ("fired", "steps"),
    [
        pytest.param("27 15:00", ["11-27 15:00", "12-02 12:00", "12-07 12:00"], id="Friday"),
        pytest.param("27 19:30", ["11-27 19:30", "12-02 14:30", "12-07 14:30"], id="that evening"),
        pytest.param("09-30 15:00", ["09-30 15:00", "10-10 12:00", "10-14 12:00"], id="National"),
    ],
)
def test_if_nobody_does_anything(fired: str, steps: list[str]) -> None:
    found = timeline(SUPERVISION, local(fired), CHINA, SHANGHAI)
    assert [said(each.at) for each in found] == steps
    assert [each.index for each in found] == [0, 1, 2]


def test_the_office_moves_to_another_zone() -> None:
    """The same alert, asked again by the clocks of Berlin: it fired at 08:00 there."""
    done = actions(("step a", "27 15:00"))
    assert next_step(done, zone=ZoneInfo("Europe/Berlin")) == ("b", "12-01 14:30")


def test_the_first_ladder_that_takes_it_even_when_it_is_over() -> None:
    worst = ladder({}, match={"severity": "critical"})
    firing = ladder({}, match={"state": "firing"}, name="firing")
    other = ladder({}, match={"street": "徐家汇街道"}, name="other")
    ladders = [worst, other, firing]
    assert ladder_of(ladders, alert(resolved="27 15:30"), PLACES[1]) is firing
    assert ladder_of(ladders, alert(severity=Severity.CRITICAL), PLACES[1]) is worst
    assert ladder_of(ladders, alert(), PLACES[2]) is other
    assert ladder_of([worst], alert(), PLACES[1]) is None


@pytest.mark.parametrize(
    ("step", "fields", "why"),
    [
        ({"after": "3 days"}, {}, "'3 days' says not how long to wait"),
        ({"after": 5}, {}, "5 says not how long to wait"),
        ({"on": "visited", "unless": "visited"}, {}, "never taken"),
        ({"on": "resolved"}, {}, 'write until = "closed"'),
        ({}, {"hours": "workday closed; weekend 10:00-12:00"}, "less than an hour"),
        ({}, {"hours": "8-17"}, "is not a span of hours"),
        ({"name": "b"}, {}, "two steps are called 'b'"),
        ({"grants": {"note": "1h"}}, {}, "acknowledged"),
    ],
)
def test_what_no_ladder_can_be(step: dict[str, Any], fields: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        ladder(step, {}, **fields)


kinds = st.sampled_from(
    ["acknowledged", "correcting", "corrected", "visited", "confirmed", "note", "step a", "step b"]
)
histories = st.lists(st.tuples(kinds, st.integers(0, 20 * 24 * 60)), max_size=6).map(
    lambda done: [
        action(what, local("27 15:00") + timedelta(minutes=minute), id=i)
        for i, (what, minute) in enumerate(sorted(done, key=lambda each: each[1]), 1)
    ]
)


@given(histories, st.integers(0, 20 * 24 * 60))
def test_an_acknowledgement_makes_no_step_earlier(done: list[Action], minute: int) -> None:
    """Nor does "correcting", whatever was done; where it stops a step, the next is no earlier."""
    before = due(SUPERVISION, alert(), done, CHINA, SHANGHAI)
    at = local("27 15:00") + timedelta(minutes=minute)
    for what in ("acknowledged", "correcting"):
        after = due(SUPERVISION, alert(), [*done, action(what, at, id=99)], CHINA, SHANGHAI)
        assert (before is None) == (after is None)
        if before and after:
            assert (after.index, after.at) >= (before.index, before.at)


@given(histories)
def test_a_closed_case_has_no_next_step(done: list[Action]) -> None:
    closed = [*done, action("false alarm", "12-20 10:00", id=99)]
    assert due(SUPERVISION, alert(), closed, CHINA, SHANGHAI) is None
