"""An alert's life, as a table and as laws."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.alert import (
    Alert,
    Finding,
    Policy,
    Reason,
    RuleFacts,
    Severity,
    State,
    Step,
    Verdict,
    advance,
    alert_id,
    withdraw,
)

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LETTERS = {"B": Verdict.BREACH, "c": Verdict.CLEAR, "-": Verdict.NO_DATA}


def rule(hold: float = 0, keep: float = 0) -> RuleFacts:
    """With these minutes of `for` and `keep_firing_for`."""
    return RuleFacts("it", "threshold", Severity.WARNING, Policy(hold * MINUTE, keep * MINUTE))


def finding(verdict: Verdict, value: float = 1.2) -> Finding:
    return Finding(7, verdict, value, 1.0, lambda: {"value": value, "verdict": verdict.name})


def live(
    verdicts: str, facts: RuleFacts, every: timedelta = MINUTE, start: Alert | None = None
) -> list[Step]:
    """Judge once a minute: B breach, c clear, - no data."""
    steps, alert = [], start
    for number, letter in enumerate(verdicts):
        steps.append(advance(alert, finding(LETTERS[letter]), NOON + number * every, facts))
        alert = steps[-1].alert
    return steps


def told(steps: Sequence[Step]) -> list[tuple[int, str, str]]:
    """(minute, state, reason) of each transition."""
    return [
        (minute, str(step.transition.alert.state), str(step.transition.reason))
        for minute, step in enumerate(steps)
        if step.transition
    ]


PENDING = (0, "pending", "breached")


@pytest.mark.parametrize(
    ("verdicts", "hold", "keep", "moves"),
    [
        ("", 0, 0, []),
        ("ccc--c", 0, 0, []),
        ("BBB", 0, 0, [(0, "firing", "breached")]),
        ("BcB", 0, 0, [(0, "firing", "breached"), (1, "resolved", "cleared"),
                       (2, "firing", "breached")]),
        ("BB-BBB", 3, 0, [PENDING, (3, "firing", "breach held")]),
        ("BBc", 3, 0, [PENDING, (2, "resolved", "cleared before it fired")]),
        ("B----BBBB", 3, 0, [PENDING, (8, "firing", "breach held")]),  # the hold began again
        ("Bcccc", 0, 3, [(0, "firing", "breached"), (4, "resolved", "cleared")]),
        ("BccBcccc", 0, 3, [(0, "firing", "breached"), (7, "resolved", "cleared")]),
        ("B--------", 0, 0, [(0, "firing", "breached")]),
        ("Bc-----c", 0, 3, [(0, "firing", "breached"), (7, "resolved", "cleared")]),
    ],
)  # fmt: skip
def test_a_life(verdicts: str, hold: float, keep: float, moves: list[tuple[int, str, str]]) -> None:
    assert told(live(verdicts, rule(hold, keep))) == moves


@pytest.mark.parametrize(("first", "then", "peak"), [(35.0, 90.0, 90.0), (20.0, 10.0, 10.0)])
def test_the_peak_is_worst_by_the_limit_of_the_beginning(
    first: float, then: float, peak: float
) -> None:
    def of(value: float, limit: float) -> Finding:
        return Finding(7, Verdict.BREACH, value, limit, lambda: {"limit": limit})

    opened = advance(None, of(first, 30), NOON, rule()).alert
    alert = advance(opened, of(then, 1440), NOON + MINUTE, rule()).alert
    assert alert
    assert alert.evidence["peak"] == peak


def test_a_hold_shorter_than_the_time_between_judgements_still_ends() -> None:
    steps = live("BBBB", rule(hold=1 / 60), every=timedelta(seconds=10))
    assert [state for _, state, _ in told(steps)] == ["pending", "firing"]


def test_what_an_alert_remembers() -> None:
    facts = rule(hold=2, keep=2)
    steps = live("BBBcBccc", facts)
    fired, resolved = steps[2].alert, steps[-1].alert
    assert fired
    assert resolved
    assert (fired.opened_at, fired.fired_at) == (NOON, NOON + 2 * MINUTE)
    assert steps[3].alert
    assert steps[3].alert.clear_since == NOON + 3 * MINUTE
    assert steps[4].alert
    assert steps[4].alert.clear_since is None
    assert (resolved.breached_at, resolved.clear_since) == (NOON + 4 * MINUTE, NOON + 5 * MINUTE)
    assert resolved.resolved_at == NOON + 7 * MINUTE
    assert (resolved.monitor, resolved.rule, resolved.severity) == (7, "it", Severity.WARNING)


def test_what_cleared_it_is_added_to_the_evidence() -> None:
    resolved = live("Bc", rule())[-1].alert
    assert resolved
    assert resolved.evidence["verdict"] == "BREACH"
    assert resolved.evidence["cleared"]["verdict"] == "CLEAR"


def test_the_same_breach_has_the_same_id() -> None:
    assert live("BB", rule())[1].alert == live("BB", rule())[1].alert
    assert alert_id("it", 7, NOON) == alert_id("it", 7, NOON)
    others = {alert_id("it", 8, NOON), alert_id("at", 7, NOON), alert_id("it", 7, NOON + MINUTE)}
    assert alert_id("it", 7, NOON) not in others
    assert len(others) == 3


def test_an_alert_keeps_its_id_when_its_hold_begins_again() -> None:
    steps = live("B----B", rule(hold=3))
    first, last = steps[0].alert, steps[-1].alert
    assert first
    assert last
    assert last.id == first.id
    assert last.opened_at == NOON + 5 * MINUTE


@pytest.mark.parametrize("hold", [0, 5])
def test_a_rule_that_is_gone_withdraws_its_alerts(hold: float) -> None:
    alert = live("B", rule(hold))[0].alert
    assert alert
    step = withdraw(alert, NOON + MINUTE)
    assert step.transition
    assert step.transition.reason is Reason.RULE_REMOVED
    assert step.transition.before is alert.state
    assert (step.transition.alert.state, step.transition.alert.resolved_at) == (
        State.RESOLVED,
        NOON + MINUTE,
    )


lives = st.text("Bc-", max_size=40)
facts = st.builds(rule, st.sampled_from([0, 1, 3, 10]), st.sampled_from([0, 1, 3]))
ALLOWED = {
    (None, State.PENDING),
    (None, State.FIRING),
    (State.PENDING, State.FIRING),
    (State.PENDING, State.RESOLVED),
    (State.FIRING, State.RESOLVED),
}


@given(lives, facts)
def test_an_alert_skips_no_state_and_ends_resolved(verdicts: str, of: RuleFacts) -> None:
    moves = [step.transition for step in live(verdicts, of) if step.transition]
    for move in moves:
        assert (move.before, move.alert.state) in ALLOWED
    by_alert: dict[object, list[State]] = {}
    for move in moves:
        by_alert.setdefault(move.alert.id, []).append(move.alert.state)
    assert all(State.RESOLVED not in states[:-1] for states in by_alert.values())


@given(lives, facts)
def test_only_a_rule_with_a_hold_is_pending(verdicts: str, of: RuleFacts) -> None:
    opened = [s.transition for s in live(verdicts, of) if s.transition and not s.transition.before]
    first = State.PENDING if of.policy.hold else State.FIRING
    assert all(move.alert.state is first for move in opened)


@given(lives, facts)
def test_no_data_changes_nothing(verdicts: str, of: RuleFacts) -> None:
    before = None
    for letter, step in zip(verdicts, live(verdicts, of), strict=True):
        if letter == "-":
            assert (step.alert, step.transition, step.changed) == (before, None, False)
        before = step.alert


@given(lives, facts)
def test_the_same_verdicts_give_the_same_life(verdicts: str, of: RuleFacts) -> None:
    assert live(verdicts, of) == live(verdicts, of)


@given(lives, facts, st.integers(0, 40))
def test_a_restart_in_between_makes_no_difference(verdicts: str, of: RuleFacts, cut: int) -> None:
    """All that advance knows is in the alert, so loading it from the store goes on where it was."""
    whole = live(verdicts, of)
    alert = whole[cut - 1].alert if 0 < cut <= len(whole) else None
    for number in range(cut, len(verdicts)) if 0 < cut <= len(whole) else ():
        step = advance(alert, finding(LETTERS[verdicts[number]]), NOON + number * MINUTE, of)
        assert step == whole[number]
        alert = step.alert


@given(lives, facts)
def test_every_alert_has_evidence_and_times_in_order(verdicts: str, of: RuleFacts) -> None:
    for step in live(verdicts, of):
        if not step.transition:
            continue
        alert = step.transition.alert
        assert alert.evidence["verdict"] == "BREACH"
        times = [alert.opened_at, alert.fired_at, alert.clear_since, alert.resolved_at]
        known = [time for time in times if time]
        assert known == sorted(known)
        assert (alert.state is State.RESOLVED) == (alert.resolved_at is not None)
        assert alert.state is State.PENDING or alert.fired_at or alert.state is State.RESOLVED


@given(lives, facts)
def test_what_did_not_change_is_not_said_to_have(verdicts: str, of: RuleFacts) -> None:
    before = None
    for step in live(verdicts, of):
        assert step.changed or step.alert == before
        assert step.changed or not step.transition
        before = step.alert
