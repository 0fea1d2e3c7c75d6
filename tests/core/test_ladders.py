"""All ladders at once: each step once, at its time, whatever happens and whenever one restarts."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.config.calendar import CalendarSettings
from fumewatch.core.alert import PART_OF, Alert, State
from fumewatch.core.followup.action import Action
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.followup.ladders import HELD_AGAIN, DueStep, Ladders, escalated
from tests.core.followup_scene import PLACES, SHANGHAI, action, actions, alert, ladder, local

CHINA = CalendarSettings(country="CN").days
LADDER = ladder(
    {"after": "1h"},
    {"after": "2h", "unless": "visited", "grants": {"correcting": "3h"}},
    {"on": "confirmed"},
)
UNTIL_CLOSED = LADDER.model_copy(update={"until": "closed"})


def ladders(
    *alerts: Alert, done: Sequence[Action] = (), of: Sequence[Escalation] = (LADDER,)
) -> Ladders:
    found = Ladders(of, PLACES, CHINA, SHANGHAI)
    found.load(alerts, done)
    return found


def due(of: Ladders, at: str) -> list[tuple[int, str]]:
    return [(step.alert.id.int, step.step.name) for step in of.due(local(at))]


def test_a_step_is_due_until_it_is_recorded() -> None:
    index = ladders(alert())
    assert index.next_at == local("27 16:00")
    assert due(index, "27 15:59") == []
    assert due(index, "27 16:00") == due(index, "27 16:05") == [(1, "a")]
    (step,) = index.due(local("27 16:05"))
    taken = replace(escalated(step, ["a"], local("27 16:05")), id=1)
    assert taken.detail == {"escalation": "ladder", "step": "a", "receivers": ["a"]}
    assert index.act(taken)
    assert due(index, "27 16:05") == []
    assert index.next_at == local("27 18:05")
    assert index.act(taken)  # read from the store as well
    assert index.next_at == local("27 18:05")


def test_the_longest_due_comes_first_and_each_alert_once() -> None:
    index = ladders(alert(1, "27 15:30"), alert(2, "27 15:00"), alert(3, "27 17:00"))
    for _ in range(3):
        index.take(alert(2, "27 15:00"))
    assert due(index, "27 17:00") == [(2, "a"), (1, "a")]


def test_what_never_fired_is_not_kept_when_it_is_over() -> None:
    index = ladders(alert(fired=None), of=[UNTIL_CLOSED])
    assert len(index) == 1
    index.take(alert(fired=None, resolved="27 15:30"))
    assert len(index) == 0


@pytest.mark.parametrize(
    ("ended", "of"),
    [
        pytest.param(alert(resolved="27 15:30"), LADDER, id="it resolved by itself"),
        pytest.param(action("false alarm", "27 15:30", id=1), LADDER, id="a false alarm"),
        pytest.param(action("resolved", "27 15:30", id=1), UNTIL_CLOSED, id="closed"),
    ],
)
def test_what_ends_it(ended: Alert | Action, of: Escalation) -> None:
    index = ladders(alert(), of=[of])
    if isinstance(ended, Alert):
        index.take(ended)
    else:
        index.act(ended)
    assert index.next_at is None
    assert due(index, "30 12:00") == []


def test_until_it_is_closed() -> None:
    index = ladders(alert(), of=[UNTIL_CLOSED])
    index.take(alert(resolved="27 15:30"))
    assert due(index, "27 16:00") == [(1, "a")]
    index.act(action("resolved", "27 16:00", id=1))
    assert due(index, "27 16:00") == []
    assert len(index) == 0


def test_closed_while_it_fires_it_stays_closed_when_it_resolves() -> None:
    index = ladders(alert(), of=[UNTIL_CLOSED])
    index.act(action("false alarm", "27 15:10", id=1))
    index.take(alert(resolved="27 15:30"))
    assert due(index, "30 12:00") == []


def test_reopened() -> None:
    done = actions(("step a", "27 16:00"), ("false alarm", "27 16:30"), ("reopened", "27 17:00"))
    index = ladders(alert(), done=done[:2])
    assert index.act(done[2])
    assert index.next_at == local("27 19:00")


def test_reopened_when_it_was_over_it_must_be_given_again() -> None:
    done = actions(("step a", "27 16:00"), ("false alarm", "27 16:30"), ("reopened", "27 17:00"))
    over = alert(resolved="27 16:10")
    index = ladders(over, done=done[:2], of=[UNTIL_CLOSED])
    assert index.act(action("note", "27 16:40", id=9))
    assert not index.act(done[2])
    index.load([over], done)
    assert index.next_at == local("27 19:00")


def test_actions_that_come_out_of_order_count_in_theirs() -> None:
    done = actions(("false alarm", "27 16:30"), ("reopened", "27 17:00"))
    index = ladders(alert(fired="27 16:00"))
    for each in reversed(done):
        index.act(each)
    assert index.next_at == local("27 18:00")


def test_a_part_of_an_incident_is_followed_up_when_it_is_left_alone() -> None:
    part = alert(evidence={PART_OF: {"alert": "x"}})
    index = ladders(part)
    assert index.next_at is None
    index.act(action("acknowledged", "27 15:10", id=1))
    index.take(replace(part, evidence={}))
    assert due(index, "27 16:00") == [(1, "a")]


def test_a_pending_one_waits_until_it_fires() -> None:
    index = ladders(alert(fired=None))
    assert index.next_at is None
    index.take(alert(fired="27 17:00"))
    assert index.next_at == local("27 18:00")


def test_what_is_silenced_waits_and_is_asked_about_each_minute() -> None:
    index = ladders(alert(1), alert(2))
    asked: list[int] = []

    def is_held(each: Alert) -> bool:
        asked.append(each.id.int)
        return each.id.int == 1

    at = local("27 16:00")
    assert [step.alert.id.int for step in index.due(at, is_held)] == [2]
    assert sorted(asked) == [1, 2]
    (step,) = index.due(at, is_held)
    assert (step.alert.id.int, asked.count(1)) == (2, 1)
    assert [s.alert.id.int for s in index.due(at + HELD_AGAIN)] == [1, 2]


def test_what_is_silenced_is_taken_late_and_the_next_counts_from_then() -> None:
    index = ladders(alert())
    assert index.due(local("27 16:00"), lambda _alert: True) == []
    (step,) = index.due(local("30 10:00"))
    assert step.due.at == local("27 16:00")
    index.act(replace(escalated(step, [], local("30 10:00")), id=1))
    assert index.next_at == local("30 12:00")


def test_each_has_its_own_ladder_or_none() -> None:
    other = ladder({"after": "5m"}, name="other", match={"street": "徐家汇街道"})
    index = ladders(alert(1), alert(2, monitor=2), alert(3, monitor=99), of=[other])
    assert due(index, "27 20:00") == [(2, "a")]
    index.use(PLACES | {99: PLACES[2]})
    index.take(alert(3, monitor=99))
    assert due(index, "27 20:00") == [(2, "a"), (3, "a")]


def test_what_is_over_for_long_is_forgotten() -> None:
    index = ladders(
        alert(1, resolved="27 15:30"), alert(2, "30 15:00"), alert(3), of=[UNTIL_CLOSED]
    )
    index.forget_before(local("30 00:00"))
    assert due(index, "12-30 12:00") == [(3, "a"), (2, "a")]


def test_of_ten_thousand_open_alerts_nobody_is_looked_at_while_nothing_is_due() -> None:
    index = ladders(*(alert(number) for number in range(10_000)))
    asked: list[Alert] = []

    def is_held(each: Alert) -> bool:
        asked.append(each)
        return True

    assert index.due(local("27 15:59"), is_held) == []
    assert len(asked) == 0
    assert index.due(local("27 16:00"), is_held) == []
    assert index.due(local("27 16:00"), is_held) == []
    assert len(asked) == 10_000


# ── whatever happens ──

Event = tuple[int, str]
"""Minutes after it fired, and what: an action, a restart, a crash, a silence or its end."""

events = st.lists(
    st.tuples(
        st.integers(0, 600),
        st.sampled_from(
            [
                *["acknowledged", "correcting", "corrected", "visited", "confirmed"],
                *["false alarm", "reopened", "restart", "restart", "crash", "silence", "end"],
            ]
        ),
    ),
    max_size=12,
)
FIRED = local("27 15:00")


class Shell:
    """As the dispatcher: a round every few minutes, from the store after a restart."""

    def __init__(self, restarts: bool) -> None:
        self.alert = alert()
        self.stored: list[Action] = []
        self.restarts = restarts
        self.is_silenced = False
        self.index = ladders(self.alert, of=[UNTIL_CLOSED])
        self.taken: list[tuple[str, datetime, DueStep]] = []

    def round(self, at: datetime, *, crashes: bool = False) -> None:
        for step in self.index.due(at, lambda _alert: self.is_silenced):
            if crashes:  # before the transaction was committed
                break
            self.taken.append((step.step.name, at, step))
            self.store(escalated(step, list(step.step.receiver), at))
        if crashes:
            self.restart()

    def store(self, done: Action) -> None:
        self.stored.append(replace(done, id=len(self.stored) + 1))
        self.index.act(self.stored[-1])

    def restart(self) -> None:
        if self.restarts:
            self.index = ladders(self.alert, done=self.stored, of=[UNTIL_CLOSED])

    def happen(self, what: str, at: datetime) -> None:
        match what:
            case "restart":
                self.restart()
            case "crash":
                self.round(at, crashes=True)
            case "silence" | "end":
                self.is_silenced = what == "silence"
            case _:
                self.store(action(what, at))


def lived(happened: list[Event], *, restarts: bool) -> Shell:
    shell = Shell(restarts)
    waiting = sorted(happened, key=lambda event: event[0])
    for minute in range(0, 900, 5):
        at = FIRED + timedelta(minutes=minute)
        while waiting and waiting[0][0] <= minute:
            shell.happen(waiting.pop(0)[1], at)
        shell.round(at)
    return shell


@settings(max_examples=60)
@given(events)
def test_each_step_comes_once_in_its_order_and_not_before_its_time(happened: list[Event]) -> None:
    shell = lived(happened, restarts=True)
    names = [name for name, _, _ in shell.taken]
    assert len(set(names)) == len(names)
    assert names == sorted(names)
    assert all(at >= step.due.at for _, at, step in shell.taken)
    assert all(at >= FIRED + timedelta(hours=1) for name, at, _ in shell.taken if name != "c")


@settings(max_examples=60)
@given(events)
def test_a_restart_at_any_moment_changes_nothing(happened: list[Event]) -> None:
    told = [
        [(name, at) for name, at, _ in lived(happened, restarts=restarts).taken]
        for restarts in (True, False)
    ]
    assert told[0] == told[1]


@settings(max_examples=60)
@given(events)
def test_nothing_is_taken_while_it_is_closed(happened: list[Event]) -> None:
    shell = lived(happened, restarts=True)
    is_closed = False
    for each in shell.stored:
        if each.kind.value == "outcome":
            is_closed = each.detail["outcome"] == "false alarm"
        elif each.kind.value == "reopened":
            is_closed = False
        elif each.kind.value == "escalated":
            assert not is_closed


def test_the_scene_sees_steps() -> None:
    happened: list[Any] = [(200, "crash"), (300, "visited"), (310, "confirmed"), (320, "restart")]
    shell = lived(happened, restarts=True)
    assert [(name, at) for name, at, _ in shell.taken] == [
        ("a", local("27 16:00")),
        ("b", local("27 18:00")),
        ("c", local("27 20:10")),
    ]
    assert shell.alert.state is State.FIRING
    assert shell.alert.id == uuid.UUID(int=1)
