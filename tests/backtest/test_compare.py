"""What a change does to alerts, as tables. Times are minutes after noon; the span is four hours."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.backtest.compare import Change, Span, compare
from fumewatch.core.alert import Alert, Severity, State, alert_id

NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)
SPAN = Span(NOON, NOON + timedelta(hours=4))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def alert(
    fired: float | None,
    resolved: float | None,
    *,
    opened: float | None = None,
    rule: str = "exceedance",
    monitor: int = 1,
    severity: str = "warning",
) -> Alert:
    """One that opens when it fires unless `opened` says otherwise; None: not yet."""
    began = fired if opened is None else opened
    assert began is not None
    state = (
        State.RESOLVED if resolved is not None else State.PENDING if fired is None else State.FIRING
    )
    return Alert(
        id=alert_id(rule, monitor, at(began)),
        rule=rule,
        kind="threshold",
        severity=Severity(severity),
        monitor=monitor,
        state=state,
        opened_at=at(began),
        breached_at=at(began),
        value=1.2,
        limit=1.0,
        fired_at=None if fired is None else at(fired),
        resolved_at=None if resolved is None else at(resolved),
    )


CASES = {
    "nothing at all": ([], [], []),
    "the same": ([alert(10, 40)], [alert(10, 40)], []),
    "new": ([], [alert(10, 40)], ["new"]),
    "gone": ([alert(10, 40)], [], ["gone"]),
    "earlier, to the same end": (
        [alert(20, 40)],
        [alert(10, 40)],
        ["earlier longer"],
    ),
    "later, all of it": ([alert(10, 40)], [alert(15, 45)], ["later"]),
    "later, for a longer hold": (
        [alert(10, 60)],
        [alert(40, 60, opened=10)],
        ["later shorter"],
    ),
    "longer": ([alert(10, 40)], [alert(10, 50)], ["longer"]),
    "shorter": ([alert(10, 40)], [alert(10, 30)], ["shorter"]),
    "not resolved any more": ([alert(10, 40)], [alert(10, None)], ["longer"]),
    "open in both": ([alert(10, None)], [alert(10, None)], []),
    "another severity": (
        [alert(10, 40)],
        [alert(10, 40, severity="critical")],
        ["severity"],
    ),
    "one becomes two": (
        [alert(10, 60)],
        [alert(10, 30), alert(35, 60)],
        ["shorter", "split"],
    ),
    "two become one": (
        [alert(10, 30), alert(35, 60)],
        [alert(10, 60)],
        ["longer", "joined"],
    ),
    "beside each other, not at one time": (
        [alert(10, 30)],
        [alert(30, 60)],
        ["gone", "new"],
    ),
    "at another monitor": ([alert(10, 40)], [alert(10, 40, monitor=2)], ["gone", "new"]),
    "by another rule": ([alert(10, 40)], [alert(10, 40, rule="near-limit")], ["gone", "new"]),
    "fired in the warm-up in both": ([alert(-30, 40)], [alert(-20, 40)], []),
    "fired in the warm-up in one": ([alert(10, 40)], [alert(-20, 40)], ["earlier longer"]),
    "only watched": ([], [alert(None, 40, opened=10)], []),
}


@pytest.mark.parametrize("name", CASES)
def test_what_becomes_of_alerts(name: str) -> None:
    old, new, expected = CASES[name]
    found = compare(old, new, SPAN)
    assert [" ".join(each.changes) for each in found.differences] == expected
    is_seen = any(SPAN.holds(each.fired_at) for each in [*old, *new])
    assert found.same == (1 if is_seen and not expected else 0)


def test_by_how_much() -> None:
    (found,) = compare([alert(20, 40)], [alert(8, 45)], SPAN).differences
    assert (found.starts_by, found.ends_by) == (timedelta(minutes=-12), timedelta(minutes=5))


MISSED = {
    "gone": ([alert(10, 40)], [], "missed"),
    "gone, but it was only info": ([alert(10, 40, severity="info")], [], ""),
    "gone, but it fired before the span": ([alert(-5, 40)], [], ""),
    "another rule fires meanwhile": ([alert(10, 40)], [alert(39, 80, rule="it")], ""),
    "another rule fires, but milder": (
        [alert(10, 40, severity="critical")],
        [alert(10, 40, rule="it")],
        "missed",
    ),
    "another rule fires, and worse": (
        [alert(10, 40)],
        [alert(10, 40, rule="it", severity="critical")],
        "",
    ),
    "the same rule has become milder": (
        [alert(10, 40)],
        [alert(10, 40, severity="info")],
        "missed",
    ),
    "it fires elsewhere": ([alert(10, 40)], [alert(10, 40, monitor=2)], "missed"),
    "it fires once the old one is over": (
        [alert(10, 40)],
        [alert(40, 80, opened=10)],
        "missed",
    ),
    "it fires later, in time": ([alert(10, 40)], [alert(39, 80, opened=10)], ""),
    "it fires since the warm-up": ([alert(10, 40)], [alert(-10, 11)], ""),
    "it still pends when the span ends": (
        [alert(230, None)],
        [alert(None, None, opened=230)],
        "undecided",
    ),
    "it was watched and came to nothing": (
        [alert(10, 40)],
        [alert(None, 40, opened=10)],
        "missed",
    ),
}


@pytest.mark.parametrize("name", MISSED)
def test_what_is_missed(name: str) -> None:
    old, new, expected = MISSED[name]
    found = compare(old, new, SPAN)
    assert (found.missed, found.undecided) == (expected == "missed", expected == "undecided")
    marked = [each for each in found.differences if each.is_missed or each.is_undecided]
    assert len(marked) == (expected != "")


SPANS = st.lists(st.tuples(st.integers(1, 200), st.integers(1, 30)), max_size=6)


def apart(spans: Sequence[tuple[int, int]], monitor: int) -> list[Alert]:
    """Alerts of one rule and monitor, which never overlap."""
    found: list[Alert] = []
    end = 0
    for start, length in sorted(spans):
        if start >= end:
            end = start + length
            found.append(alert(start, end, monitor=monitor))
    return found


@given(st.lists(SPANS, min_size=2, max_size=2), st.lists(SPANS, min_size=2, max_size=2), st.data())
def test_every_alert_is_accounted_for_once(
    one: list[list[tuple[int, int]]], other: list[list[tuple[int, int]]], data: st.DataObject
) -> None:
    old = [each for monitor, spans in enumerate(one) for each in apart(spans, monitor)]
    new = [each for monitor, spans in enumerate(other) for each in apart(spans, monitor)]
    found = compare(old, new, SPAN)
    olds = [each.old for each in found.differences if each.old]
    news = [each.new for each in found.differences if each.new]
    assert len(olds) + found.same == len(old) == len({id(each) for each in olds}) + found.same
    assert len(news) + found.same == len(new) == len({id(each) for each in news}) + found.same
    again = compare(data.draw(st.permutations(old)), data.draw(st.permutations(new)), SPAN)
    assert again == found


@given(SPANS)
def test_against_itself_nothing_changes(spans: list[tuple[int, int]]) -> None:
    alerts = apart(spans, 1)
    found = compare(alerts, alerts, SPAN)
    assert (found.differences, found.same, found.missed) == ((), len(alerts), 0)


@given(SPANS, SPANS)
def test_what_is_new_one_way_is_gone_the_other(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    old, new = apart(one, 1), apart(other, 1)
    there, back = compare(old, new, SPAN), compare(new, old, SPAN)
    assert there.count(Change.NEW) == back.count(Change.GONE)
    assert there.count(Change.GONE) == back.count(Change.NEW)
