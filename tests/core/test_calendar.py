"""Kinds of days, and hours as people write them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.calendar import BusinessHours, Calendar, DayKind, Spans, whole_breaks

ZONE = "Asia/Shanghai"
NATIONAL_DAY = Calendar(
    whole_breaks(
        [date(2026, 10, day) for day in (1, 2, 3, 5, 6, 7)],
        [date(2026, 9, 20), date(2026, 10, 10)],
    ),
    frozenset([date(2026, 9, 20), date(2026, 10, 10)]),
)
WORKDAY, WEEKEND, HOLIDAY = DayKind


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-09-18", WORKDAY),
        ("2026-09-19", WEEKEND),
        ("2026-09-20", WORKDAY),  # a Sunday that is worked
        ("2026-09-30", WORKDAY),
        ("2026-10-01", HOLIDAY),
        ("2026-10-04", HOLIDAY),  # the Sunday in the break
        ("2026-10-07", HOLIDAY),
        ("2026-10-08", WORKDAY),
        ("2026-10-10", WORKDAY),  # a Saturday that is worked
        ("2026-10-11", WEEKEND),
    ],
)
def test_kinds_of_days(day: str, kind: DayKind) -> None:
    assert NATIONAL_DAY.kind(date.fromisoformat(day)) == kind


def test_a_break_takes_in_the_weekend_beside_it_unless_it_is_worked() -> None:
    friday, sunday = date(2026, 1, 2), date(2026, 1, 4)
    assert whole_breaks([friday], [sunday]) == {friday, date(2026, 1, 3)}
    assert whole_breaks([friday], []) == {friday, date(2026, 1, 3), sunday}
    assert whole_breaks([friday], [friday]) == set()
    assert whole_breaks([date(2026, 1, 7)], []) == {date(2026, 1, 7)}


def of(workday: Spans, weekend: Spans, holiday: Spans) -> list[Spans]:
    return [workday, weekend, holiday]


NOON: Spans = ((630, 840),)
BOTH: Spans = ((630, 840), (990, 1320))
LONG: Spans = ((660, 1350),)
NIGHT: Spans = ((1320, 120),)


@pytest.mark.parametrize(
    ("text", "spans", "spelling"),
    [
        ("10:30-14:00, 16:30-22:00", of(BOTH, BOTH, BOTH), "10:30-14:00, 16:30-22:00"),
        ("10:30-14:00; 16:30-22:00", of(BOTH, BOTH, BOTH), "10:30-14:00, 16:30-22:00"),
        ("10：30～14：00、16:30至22:00", of(BOTH, BOTH, BOTH), "10:30-14:00, 16:30-22:00"),
        ("22:00-次日02:00", of(NIGHT, NIGHT, NIGHT), "22:00-02:00"),
        (
            "10:30-14:00, 16:30-22:00; weekend 11:00-22:30; holiday closed",
            of(BOTH, LONG, ()),
            "10:30-14:00, 16:30-22:00; weekend 11:00-22:30; holiday closed",
        ),
        (
            "工作日 10:30-14:00，16:30-22:00；周末：11:00-22:30；节假日休息",
            of(BOTH, LONG, ()),
            "10:30-14:00, 16:30-22:00; weekend 11:00-22:30; holiday closed",
        ),
        (
            "10:30-14:00; weekend 11:00-22:30",
            of(NOON, LONG, LONG),
            "10:30-14:00; weekend 11:00-22:30",
        ),
        ("10:30-14:00 Weekends and holidays: 11:00-22:30", of(NOON, LONG, LONG), None),
        ("10:30-14:00, 周末、节假日 11:00-22:30", of(NOON, LONG, LONG), None),
        ("工作日10:30-14:00，节假日11:00-22:30", of(NOON, LONG, LONG), None),
        ("holiday 11:00-22:30; workday 10:30-14:00", of(NOON, LONG, LONG), None),
        (
            "10:30-14:00; holiday 11:00-22:30",
            of(NOON, NOON, LONG),
            "10:30-14:00; holiday 11:00-22:30",
        ),
        ("工作日 10:30-14:00", of(NOON, (), ()), "10:30-14:00; weekend closed"),
        ("10:30-14:00; 周末休息；节假日 10:30-14:00", of(NOON, (), NOON), None),
        ("closed; weekend 11:00-22:30", of((), LONG, LONG), "closed; weekend 11:00-22:30"),
        ("停业", of((), (), ()), "closed"),
    ],
)
def test_hours_as_people_write_them(text: str, spans: list[Spans], spelling: str | None) -> None:
    hours = BusinessHours.parse(text, ZONE)
    assert [hours.of(kind) for kind in DayKind] == spans
    assert str(hours) == (spelling or str(hours))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no hours at all; write spans like 10:00-14:00, 16:30-22:00"),
        (" ; ", "no hours at all; write spans like 10:00-14:00, 16:30-22:00"),
        ("10:00-14:00, 9-5", "'9-5' is not a span of hours like 10:30-14:00"),
        ("10:00-14:000", "'10:00-14:000' is not a span of hours like 10:30-14:00"),
        ("9:00-25:00", "'9:00-25:00' has a time that no clock shows"),
        (
            "周一休息",
            "'周一休息' is not a span of hours like 10:30-14:00; words are workday, weekend, "
            "holiday, closed (工作日, 周末, 节假日, 休息)",
        ),
        (
            "节假日休息",
            "'节假日休息' tells no hours of working days; "
            "write 10:30-14:00, 16:30-22:00; holiday closed",
        ),
        (
            "10:00-14:00, weekend",
            "'weekend' is not followed by hours; write weekend 11:00-22:30",
        ),
        (
            "10:00-14:00; weekend closed 11:00-12:00",
            "'10:00-14:00; weekend closed 11:00-12:00' says closed, "
            "and tells hours of the same days",
        ),
    ],
)
def test_hours_that_are_none(text: str, complaint: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        BusinessHours.parse(text, ZONE)
    assert str(refused.value) == complaint


spans = st.lists(st.tuples(st.integers(0, 1439), st.integers(0, 1440)), max_size=3).map(tuple)


@given(spans, spans, spans)
def test_what_is_shown_is_read_back(workday: Spans, weekend: Spans, holiday: Spans) -> None:
    written = BusinessHours(workday, ZONE, weekend, holiday)
    read = BusinessHours.parse(str(written), ZONE)
    assert [read.of(kind) for kind in DayKind] == [written.of(kind) for kind in DayKind]
    assert BusinessHours.parse(str(read), ZONE) == read


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-09-30 23:00", True),  # Wednesday
        ("2026-10-01 01:59", True),  # Wednesday's span runs into the holiday
        ("2026-10-01 02:00", False),
        ("2026-10-01 19:00", False),
        ("2026-10-04 13:00", False),  # the Sunday in the break
        ("2026-10-08 01:00", False),  # nothing runs over from the holiday
        ("2026-10-08 18:00", True),
        ("2026-10-10 13:00", False),  # a Saturday that is worked: hours of a working day
        ("2026-10-10 18:00", True),
        ("2026-10-11 13:00", True),
        ("2026-10-11 18:00", False),
    ],
)
def test_a_span_past_midnight_belongs_to_the_day_it_starts_on(at: str, is_open: bool) -> None:
    hours = BusinessHours.parse("18:00-02:00; weekend 12:00-15:00; holiday closed", ZONE)
    local = datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(ZONE))
    assert hours.is_open(local, NATIONAL_DAY) == is_open
    assert hours.is_open(local + timedelta(seconds=59), NATIONAL_DAY) == is_open
