"""An alert's life in jumps is its life minute by minute."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.alert import (
    Alert,
    Finding,
    Policy,
    RuleFacts,
    Severity,
    State,
    Transition,
    Verdict,
    advance,
)
from fumewatch.core.life import Course, live
from tests.core.transitions import OPENED_AT

Minute = tuple[Verdict, Verdict, float]
"""What a rule says where no alert fires, where one does, and its value."""
LIMIT = 1.0
minutes = st.lists(
    st.tuples(
        st.sampled_from(Verdict),
        st.sampled_from(Verdict),
        st.sampled_from([0.2, 0.9, 1.0004, 1.5, 2.25, 9.0, float("nan"), float("inf")]),
        st.integers(1, 12),
    ),
    max_size=14,
).map(lambda runs: [run[:3] for run in runs for _ in range(run[3])])
policies = st.builds(
    Policy,
    st.sampled_from([0, 0.5, 1, 3, 7]).map(lambda m: timedelta(minutes=m)),
    st.sampled_from([0, 1, 2.5, 4]).map(lambda m: timedelta(minutes=m)),
)


def at(j: int) -> Any:
    return OPENED_AT + timedelta(minutes=j)


def evidence(j: int) -> dict[str, Any]:
    return {"minute": j, "limit": LIMIT}


def one_by_one(
    alert: Alert | None, course: Sequence[Minute], rule: RuleFacts
) -> tuple[list[Transition], Alert | None]:
    moves = []
    for j, (opens, stays, value) in enumerate(course):
        verdict = stays if alert and alert.state is State.FIRING else opens
        finding = Finding(7, verdict, value, LIMIT, lambda j=j: evidence(j))  # type: ignore[misc]
        step = advance(alert, finding, at(j), rule)
        alert = step.alert
        moves += [step.transition] if step.transition else []
    return moves, alert


def in_jumps(
    alert: Alert | None, course: Sequence[Minute], rule: RuleFacts, first: int = 0
) -> tuple[list[Transition], Alert | None]:
    steps = list(
        live(
            alert,
            Course(
                monitor=7,
                opens=bytes(minute[0] for minute in course),
                stays=bytes(minute[1] for minute in course),
                value=np.array([minute[2] for minute in course], np.float64),
                limit=np.full(len(course), LIMIT),
                at=lambda j: at(first + j),
                evidence=lambda j: evidence(first + j),
            ),
            rule,
        )
    )
    last = steps[-1].alert if steps else alert
    return [step.transition for step in steps if step.transition], last


def told(found: tuple[list[Transition], Alert | None]) -> str:
    """NaN equals itself here."""
    return repr(found)


@given(minutes, policies)
def test_it_is_the_life_minute_by_minute(course: list[Minute], policy: Policy) -> None:
    rule = RuleFacts("it", "threshold", Severity.WARNING, policy)
    assert told(in_jumps(None, course, rule)) == told(one_by_one(None, course, rule))


@given(minutes, policies, st.integers(0, 60))
def test_it_may_be_cut_anywhere(course: list[Minute], policy: Policy, cut: int) -> None:
    rule = RuleFacts("it", "threshold", Severity.WARNING, policy)
    early, alert = in_jumps(None, course[:cut], rule)
    late, end = in_jumps(alert, course[cut:], rule, cut)
    assert told((early + late, end)) == told(one_by_one(None, course, rule))


@given(minutes, policies)
def test_only_the_last_step_is_no_transition(course: list[Minute], policy: Policy) -> None:
    rule = RuleFacts("it", "threshold", Severity.WARNING, policy)
    codes = (bytes(minute[i] for minute in course) for i in (0, 1))
    numbers = np.ones(len(course)), np.full(len(course), LIMIT)
    steps = list(live(None, Course(7, *codes, *numbers, at, evidence), rule))
    assert all(step.transition for step in steps[:-1])
    assert all(step.changed for step in steps)
