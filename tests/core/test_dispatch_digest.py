"""When digests are due, and what is in them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import PART_OF, Alert, State
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.digest import (
    Digest,
    Issue,
    issues,
    next_issue,
    plans,
)
from fumewatch.core.notice import Contact, Reason
from fumewatch.core.site import Place
from tests.core.dispatch_scene import SHANGHAI, a_receiver, an_alert, at_monitor

BERLIN = ZoneInfo("Europe/Berlin")
HOLIDAYS = Calendar(
    holidays=frozenset({date(2026, 10, day) for day in (1, 2, 5, 6, 7)}),
    working_days=frozenset({date(2026, 10, 10)}),
)


def a_digest(**table: Any) -> Digest:
    known = {"name": "morning", "receiver": "duty", "at": "08:30"}
    return Digest.model_validate({**known, **table})


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """Of 2026; with ' at its end: when the clocks show it for the second time."""
    shown = datetime.fromisoformat("2026-" + text.rstrip("'")).replace(tzinfo=zone)
    return shown.replace(fold=int(text.endswith("'"))).astimezone(UTC)


WORKDAYS = {"days": "workday"}

WHEN: list[tuple[dict[str, Any], ZoneInfo, str, str, tuple[str, ...]]] = [  # local times
    # (digest, zone, after, until, (at, since))
    ({}, SHANGHAI, "11-23 08:00", "11-23 08:29:59", ()),
    ({}, SHANGHAI, "11-23 08:00", "11-23 08:30", ("11-23 08:30", "11-22 08:30")),
    ({}, SHANGHAI, "11-23 08:30", "11-23 08:31", ()),
    # the daemon was down: late, but not too late, and not one for each day
    ({}, SHANGHAI, "11-20 00:00", "11-23 10:29", ("11-23 08:30", "11-22 08:30")),
    ({}, SHANGHAI, "11-20 00:00", "11-23 10:30", ()),
    # Monday's tells of the weekend
    (WORKDAYS, SHANGHAI, "11-23 08:00", "11-23 09:00", ("11-23 08:30", "11-20 08:30")),
    (WORKDAYS, SHANGHAI, "11-22 08:00", "11-22 09:00", ()),
    # the first one after the National Day week, and the Saturday that is worked in its place
    (WORKDAYS, SHANGHAI, "10-08 08:00", "10-08 09:00", ("10-08 08:30", "09-30 08:30")),
    (WORKDAYS, SHANGHAI, "10-10 08:00", "10-10 09:00", ("10-10 08:30", "10-09 08:30")),
    ({"days": "holiday"}, SHANGHAI, "10-05 08:00", "10-05 09:00", ("10-05 08:30", "10-02 08:30")),
    # never on such days: what "since" means has an end
    ({"days": "holiday"}, SHANGHAI, "10-01 08:00", "10-01 09:00", ("10-01 08:30", "09-30 08:30")),
    # around midnight
    ({"at": "00:00"}, SHANGHAI, "11-22 23:59", "11-23 00:00", ("11-23 00:00", "11-22 00:00")),
    ({"at": "23:59"}, SHANGHAI, "11-22 23:58", "11-23 01:00", ("11-22 23:59", "11-21 23:59")),
    # the clocks show no 02:30, and then they show it twice
    ({"at": "02:30"}, BERLIN, "03-29 01:00", "03-29 03:30", ("03-29 03:30", "03-28 02:30")),
    ({"at": "02:30"}, BERLIN, "10-25 02:00", "10-25 03:00'", ("10-25 02:30", "10-24 02:30")),
    ({"at": "02:30"}, BERLIN, "10-25 02:30", "10-25 03:00'", ()),
]


@pytest.mark.parametrize(("table", "zone", "after", "until", "due"), WHEN)
def test_when(
    table: dict[str, Any], zone: ZoneInfo, after: str, until: str, due: tuple[str, ...]
) -> None:
    found = issues([a_digest(**table)], local(after, zone), local(until, zone), HOLIDAYS, zone)

    times = [time for issue in found for time in (issue.at, issue.since)]
    assert times == [local(text, zone) for text in due]


@pytest.mark.parametrize(
    ("table", "after", "following"),
    [
        ({}, "11-23 08:29", "11-23 08:30"),
        ({}, "11-23 08:30", "11-24 08:30"),
        (WORKDAYS, "11-20 09:00", "11-23 08:30"),
        (WORKDAYS, "09-30 09:00", "10-08 08:30"),
        ({"days": "holiday"}, "10-07 09:00", None),
    ],
)
def test_the_next(table: dict[str, Any], after: str, following: str | None) -> None:
    found = next_issue([a_digest(**table)], local(after), HOLIDAYS, SHANGHAI)

    assert found == (local(following) if following else None)


def test_each_receiver_has_its_own_the_earliest_first() -> None:
    digests = [a_digest(receiver=["a", "b"]), a_digest(name="early", receiver="a", at="08:00")]
    found = issues(
        digests,
        local("11-23 07:30"),
        local("11-23 08:45"),
        HOLIDAYS,
        SHANGHAI,
    )

    assert [(issue.digest.name, issue.receiver) for issue in found] == [
        ("early", "a"),
        ("morning", "a"),
        ("morning", "b"),
    ]


def test_none_is_due_where_there_is_none() -> None:
    assert next_issue([], local("11-23 07:30"), HOLIDAYS, SHANGHAI) is None


@given(
    st.lists(st.integers(1, 110), min_size=1, max_size=60),
    st.sampled_from([SHANGHAI, BERLIN]),
    st.sampled_from(["00:00", "02:30", "23:59", "08:30"]),
)
def test_each_day_has_one_however_often_is_asked(steps: list[int], zone: ZoneInfo, at: str) -> None:
    """Asked at least every LATEST, over the days when Berlin's clocks go back."""
    before = start = datetime(2026, 10, 23, 12, tzinfo=UTC)
    found: list[Issue] = []
    for step in steps:
        now = before + timedelta(minutes=step)
        found += issues([a_digest(at=at)], before, now, HOLIDAYS, zone)
        before = now

    days = [issue.day for issue in found]
    assert len(set(days)) == len(days)
    whole = issues_by_day(at, zone, start, before)
    assert days == whole


def issues_by_day(at: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[date]:
    """By looking at each minute's clock; its first showing counts."""
    found: list[date] = []
    minute = after
    while minute <= until:
        local = minute.astimezone(zone)
        if local.strftime("%H:%M") == at and minute > after and local.date() not in found:
            found.append(local.date())
        minute += timedelta(minutes=1)
    return found


NOW = local("11-23 08:30")
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
ISSUE = Issue(a_digest(), "duty", NOW, NOW - DAY, date(2026, 11, 23))

OLD = an_alert("old", NOW - 2 * DAY)
NEW = an_alert("new", NOW - HOUR)
PENDING = an_alert("pending", NOW - HOUR, state=State.PENDING, fired_at=None)
PART = an_alert("part", NOW - HOUR, evidence={PART_OF: {"alert": "x", "name": "x"}})
OVER = an_alert("over", NOW - 2 * DAY, state=State.RESOLVED, resolved_at=NOW - HOUR)
LONG_OVER = an_alert("long", NOW - 3 * DAY, state=State.RESOLVED, resolved_at=NOW - 2 * DAY)
NEVER = an_alert("never", NOW - HOUR, state=State.RESOLVED, fired_at=None, resolved_at=NOW - HOUR)
LATER = an_alert("later", NOW + HOUR)
ALL = [OLD, NEW, PENDING, PART, OVER, LONG_OVER, NEVER]


def placed(alerts: list[Alert]) -> list[tuple[Alert, Place]]:
    return [(alert, at_monitor(alert.monitor)) for alert in alerts]


@pytest.mark.parametrize(
    ("table", "alerts", "members"),
    [
        ({"of": "open"}, ALL, [("old", "still"), ("new", "firing")]),
        ({"of": "day"}, [*ALL, LATER], [("new", "firing"), ("over", "resolved")]),
        ({"match": {"rule": "new"}}, ALL, [("new", "firing")]),
        ({"match": {"rule": "new"}}, [OLD], None),
        ({"empty": True}, [], []),
        ({}, [], None),
    ],
)
def test_what_is_in_it(
    table: dict[str, Any], alerts: list[Alert], members: list[tuple[str, str]] | None
) -> None:
    issue = replace(ISSUE, digest=a_digest(**table))
    found = plans(issue, placed(alerts), a_receiver(), lambda place, role: ())

    assert [[(a.rule, change) for a, change in plan.members] for plan in found] == (
        [] if members is None else [members]
    )
    assert all(plan.reason is Reason.DIGEST and plan.at == NOW for plan in found)
    assert not any(plan.told for plan in found)
    assert all(plan.group.labels == (("digest", "morning"),) for plan in found)


def test_each_contact_has_what_is_theirs() -> None:
    people = {2: [Contact(1, "Ann"), Contact(2, "Bo")], 3: [Contact(2, "Bo")]}
    alerts = placed([an_alert("a", NOW - HOUR), an_alert("b@9", NOW - HOUR), an_alert("c@0", NOW)])
    found = plans(
        replace(ISSUE, digest=a_digest(empty=True)),
        alerts,
        a_receiver(contact="site"),
        lambda place, role: people.get(place.site_id or 0, ()),
    )

    assert [(plan.to and plan.to.name, [a.rule for a, _ in plan.members]) for plan in found] == [
        ("Ann", ["a"]),
        ("Bo", ["a", "b"]),
    ]
    assert len({plan.key for plan in found}) == 2


def test_the_key_is_of_name_day_and_receiver() -> None:
    def key(**changes: Any) -> object:
        (plan,) = plans(
            replace(ISSUE, **changes), placed([OLD]), a_receiver(), lambda place, role: ()
        )
        return plan.key

    later = {"at": NOW + HOUR, "since": NOW}
    assert key() == key(**later) == key(digest=a_digest(of="open"))
    others = [{"digest": a_digest(name="evening")}, {"day": date(2026, 11, 24)}, {"receiver": "x"}]
    assert len({key(), *(key(**other) for other in others)}) == 4


@pytest.mark.parametrize(
    "table", [{"at": "24:00"}, {"at": "8:30"}, {"days": []}, {"days": "sunday"}]
)
def test_what_cannot_be_meant(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        a_digest(**table)
