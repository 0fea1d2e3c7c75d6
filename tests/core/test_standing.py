"""What all that was done about an alert comes to, and what cannot be done any more."""

from datetime import datetime
from typing import Any

import pytest

from fumewatch.core.followup.action import ActionKind, Outcome
from fumewatch.core.followup.refusal import Refusal, refuse, repeated
from fumewatch.core.followup.standing import Standing, Taken, fold
from tests.core.followup_scene import action, actions, local

T1, T2, T3 = "27 15:00", "27 16:00", "27 17:00"


def test_nothing_done() -> None:
    standing = fold([])
    assert standing == Standing()
    assert not standing.is_closed
    assert not standing.is_answered


def test_all_that_can_be_done() -> None:
    until = local("28 12:00")
    done = [
        action("acknowledged", "27 15:10", actor="A"),
        action("assigned", "27 15:20", detail={"to": "B"}),
        action("correcting", "27 15:30", detail={"until": "2026-11-28T12:00:00+08:00"}),
        action("step a", "27 15:35"),
        action("corrected", "27 15:40"),
        action("visited", "27 15:50", actor="C"),
        action("confirmed", "27 16:00", actor="C"),
        action("note", "27 16:10"),
    ]
    assert fold(done, local("27 16:30")) == Standing(
        acknowledged_at=local("27 15:10"),
        acknowledged_by="A",
        assigned_to="B",
        correcting_at=local("27 15:30"),
        correcting_until=until,
        corrected_at=local("27 15:40"),
        visited_at=local("27 15:50"),
        visited_by="C",
        confirmed_at=local("27 16:00"),
        outcome=Outcome.CONFIRMED,
        outcome_at=local("27 16:00"),
        outcome_by="C",
        resolved_at=local("27 16:30"),
        taken=(Taken("ladder", "a", local("27 15:35")),),
    )


@pytest.mark.parametrize(
    ("done", "is_closed", "is_answered"),
    [
        ([("acknowledged", T1)], False, True),
        ([("note", T1), ("step a", T2), ("link revoked", T3)], False, False),
        ([("confirmed", T1)], False, True),
        ([("false alarm", T1)], True, True),
        ([("resolved", T1)], True, True),
        ([("confirmed", T1), ("resolved", T2)], True, True),
        ([("false alarm", T1), ("reopened", T2)], False, False),
        ([("acknowledged", T1), ("resolved", T2), ("reopened", T3)], False, False),
    ],
)
def test_closed_and_answered(
    done: list[tuple[str, str]], is_closed: bool, is_answered: bool
) -> None:
    standing = fold(actions(*done))
    assert (standing.is_closed, standing.is_answered) == (is_closed, is_answered)


@pytest.mark.parametrize("what", ["acknowledged", "correcting", "corrected", "visited"])
def test_what_is_done_twice_was_done_the_first_time(what: str) -> None:
    twice = [action(what, T1, actor="A"), action(what, T2, actor="B")]
    done = fold(twice).done_at(what)  # type: ignore[arg-type]
    assert done == local(T1)


def test_what_was_promised_last_holds() -> None:
    untils = ["2026-11-28T12:00:00+08:00", "2026-11-29T12:00:00+08:00"]
    done = [action("correcting", T1, detail={"until": until}) for until in untils]
    assert fold(done).correcting_until == local("29 12:00")


def test_reopened_begins_anew_but_for_whose_it_is_and_which_steps_were_taken() -> None:
    done = [
        action("step a", T1),
        action("assigned", T1, detail={"to": "B"}),
        action("confirmed", T1),
        action("false alarm", T2),
        action("reopened", T3),
    ]
    assert fold(done) == Standing(
        assigned_to="B", reopened_at=local(T3), taken=(Taken("ladder", "a", local(T1)),)
    )


def test_an_outcome_that_was_corrected() -> None:
    """Confirmed on site, then found to be the neighbour's."""
    standing = fold(actions(("confirmed", T1), ("false alarm", T2)))
    assert (standing.outcome, standing.outcome_at) == (Outcome.FALSE_ALARM, local(T2))
    assert standing.confirmed_at == local(T1)


PEOPLE = [kind for kind in ActionKind if kind is not ActionKind.ESCALATED]
DETAIL: dict[ActionKind, dict[str, Any]] = {
    ActionKind.ASSIGNED: {"to": "B"},
    ActionKind.OUTCOME: {"outcome": "confirmed"},
}


@pytest.mark.parametrize("kind", PEOPLE)
@pytest.mark.parametrize("is_closed", [False, True])
def test_what_can_be_done_of_an_open_and_of_a_closed_case(
    kind: ActionKind, is_closed: bool
) -> None:
    standing = fold(actions(("resolved", T1)) if is_closed else [])
    wanted = action(kind, T2, note="why", detail=DETAIL.get(kind, {}))
    still = {ActionKind.REOPENED, ActionKind.NOTE, ActionKind.LINK_REVOKED}
    if is_closed:
        assert refuse(standing, wanted) == (None if kind in still else Refusal.CLOSED)
    else:
        assert refuse(standing, wanted) == (
            Refusal.NOT_CLOSED if kind is ActionKind.REOPENED else None
        )


@pytest.mark.parametrize(
    ("what", "fields", "why"),
    [
        ("acknowledged", {"actor": " "}, Refusal.NOBODY),
        ("acknowledged", {"actor": "x" * 65}, Refusal.TOO_LONG),
        ("note", {"note": "x" * 2001}, Refusal.TOO_LONG),
        ("note", {"note": " "}, Refusal.NO_NOTE),
        ("assigned", {}, Refusal.NO_ASSIGNEE),
        ("assigned", {"detail": {"to": "x" * 65}}, Refusal.TOO_LONG),
        ("outcome", {"detail": {"outcome": "violation"}}, Refusal.NOT_AN_OUTCOME),
        ("outcome", {}, Refusal.NOT_AN_OUTCOME),
        ("correcting", {"detail": {"until": "2026-11-27T14:00:00+08:00"}}, Refusal.NOT_A_TIME),
        ("correcting", {"detail": {"until": "2026-11-28T14:00:00"}}, Refusal.NOT_A_TIME),
        ("correcting", {"detail": {"until": 7}}, Refusal.NOT_A_TIME),
        ("correcting", {"detail": {"until": "2026-11-27T18:00:00+08:00"}}, None),
        ("correcting", {}, None),
        ("escalated", {}, Refusal.NOT_YOURS),
        ("link revoked", {"actor": "", "via": "fumewatch"}, None),
    ],
)
def test_what_is_not_said_rightly(what: str, fields: dict[str, Any], why: Refusal | None) -> None:
    assert refuse(Standing(), action(what, T1, **fields)) == why


def test_each_refusal_is_said_in_chinese() -> None:
    assert all(refusal.zh for refusal in Refusal)


@pytest.mark.parametrize(
    ("done", "is_repeated"),
    [
        ([("acknowledged", "Li Wei")], True),
        ([("acknowledged", "A"), ("acknowledged", "Li Wei"), ("note", "A")], True),
        ([("acknowledged", "A")], False),
        ([("acknowledged", "Li Wei"), ("resolved", "A"), ("reopened", "A")], False),
        ([("visited", "Li Wei")], False),
    ],
)
def test_acknowledging_again(done: list[tuple[str, str]], is_repeated: bool) -> None:
    before = [action(what, T1, actor=who) for what, who in done]
    found = repeated(before, action("acknowledged", T2))
    assert (found in before) is is_repeated
    assert repeated(before, action("visited", T2)) is None


def test_a_time_without_a_zone_is_the_hosts_own() -> None:
    """Nothing such gets in; a record that has it must not stop everything."""
    done = fold([action("correcting", T1, detail={"until": "2026-11-28T12:00:00"})])
    assert isinstance(done.correcting_until, datetime)
