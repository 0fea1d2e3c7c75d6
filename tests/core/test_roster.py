"""What applies where: limits, hours, groups, by monitor id."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.reading import INDEX
from fumewatch.core.roster import NEVER, Roster
from fumewatch.core.site_class import SiteClass
from fumewatch.core.timetable import LONGEST
from tests.core.scene import HOURS, ZONE, micros, place, roster_of

MINUTE = 60_000_000


def ids(*numbers: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(numbers, np.int32)


def test_limits_by_profile_and_channel() -> None:
    roster = Roster.build(
        [place(2, limit_profile="beijing"), place(5, limit_profile="gone")],
        {"beijing": {"fume": 1.0, "nmhc": 10.0}},
        HOURS,
    )
    rows = roster.rows(ids(2, 5, 3, 99))
    assert roster.limit[INDEX["fume"]][rows].tolist()[:1] == [1.0]
    assert roster.limit[INDEX["nmhc"], rows[0]] == 10.0
    assert np.isnan(roster.limit[INDEX["pm"], rows[0]])
    assert np.isnan(roster.limit[:, rows[1:]]).all()


def test_groups() -> None:
    roster = roster_of(place(0, tags=("a", "b")), place(1, tags=("b",), street="other"))
    rows = roster.rows(ids(0, 1, 2))
    assert roster.members(rows, "tag", ["a"]).tolist() == [True, False, False]
    assert roster.members(rows, "tag", ["a", "b"]).tolist() == [True, True, False]
    assert roster.members(rows, "street", ["other", "nowhere"]).tolist() == [False, True, False]
    assert roster.members(rows, "district", ["xuhui"]).tolist() == [True, True, False]


def test_last_wills() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    roster = roster_of(place(1), offline_since={1: at, 77: at})
    assert roster.will_at[roster.rows(ids(1, 0, 77))].tolist() == [micros(at), NEVER, NEVER]


def test_other_wills_change_nothing_else() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    one = roster_of(place(1), offline_since={1: at})
    other = one.with_wills({0: at})
    assert other.will_at[other.rows(ids(0, 1, 2))].tolist() == [micros(at), NEVER, NEVER]
    assert other.limit is one.limit


@pytest.mark.parametrize(
    ("clock", "minutes"), [("09:59", 0), ("10:00", 1), ("13:59", 240), ("14:00", 0), ("16:30", 1)]
)
def test_how_long_a_site_has_been_open(clock: str, minutes: int) -> None:
    at = datetime.fromisoformat(f"2026-11-23T{clock}:00+08:00")
    roster = roster_of()
    found = roster.open_for(roster.rows(ids(0)), np.array([micros(at) // MINUTE]))
    assert found.tolist() == [[minutes]]


@pytest.mark.parametrize(
    ("hours", "clock", "minutes"),
    [
        ("17:00-24:00, 00:00-02:00", "01:00", 481),
        ("10:00-14:00, 12:00-16:00", "13:00", 181),
        ("00:00-24:00", "00:10", 1440),
        ("00:00-12:00, 12:00-24:00", "12:10", 1440),
    ],
)
def test_spans_that_touch_are_one(hours: str, clock: str, minutes: int) -> None:
    at = datetime.fromisoformat(f"2026-11-23T{clock}:00+08:00")
    roster = roster_of(place(0, hours=BusinessHours.parse(hours, ZONE)))
    found = roster.open_for(roster.rows(ids(0)), np.array([micros(at) // MINUTE]))
    assert found.tolist() == [[minutes]]


def at(clock: str, zone: str = ZONE) -> int:
    return micros(datetime.fromisoformat(clock).replace(tzinfo=ZoneInfo(zone))) // MINUTE


def opened(hours: str, clocks: Sequence[str], zone: str = ZONE, **more: Any) -> list[int]:
    roster = roster_of(place(0, hours=BusinessHours.parse(hours, zone)), **more)
    minutes = np.array([at(clock, zone) for clock in clocks])
    return roster.open_for(roster.rows(ids(0)), minutes)[:, 0].tolist()


SPRING_FESTIVAL = Calendar(
    frozenset(date(2026, 2, day) for day in range(15, 24)),
    frozenset([date(2026, 2, 14), date(2026, 2, 28)]),
)


def test_days_are_told_apart_within_one_range_and_across_a_year() -> None:
    hours = "10:00-14:00; weekend 11:00-14:00; holiday closed"
    noons = {
        "2026-02-13 12:00": 121,
        "2026-02-14 12:00": 121,  # a Saturday that is worked
        "2026-02-15 12:00": 0,
        "2026-02-23 12:00": 0,
        "2026-02-24 12:00": 121,
        "2026-03-01 12:00": 61,
        "2025-12-31 12:00": 121,
    }
    assert opened(hours, list(noons), calendar=SPRING_FESTIVAL) == list(noons.values())


def test_an_evening_before_a_holiday_ends_in_it() -> None:
    hours = "18:00-02:00; holiday closed"
    clocks = ["2026-02-15 01:59", "2026-02-15 02:00", "2026-02-15 20:00", "2026-02-16 01:00"]
    assert opened(hours, clocks, calendar=SPRING_FESTIVAL) == [480, 0, 0, 0]
    clocks = ["2026-02-24 01:00", "2026-02-24 18:00", "2026-02-25 01:00"]
    assert opened(hours, clocks, calendar=SPRING_FESTIVAL) == [0, 1, 421]


def test_real_minutes_count_where_clocks_change() -> None:
    spring = ["2026-03-29 01:59", "2026-03-29 03:00", "2026-03-29 06:59"]
    autumn = ["2026-10-25 01:59", "2026-10-25 03:00", "2026-10-25 06:59"]
    assert opened("22:00-07:00", spring, "Europe/Berlin") == [240, 241, 480]
    assert opened("22:00-07:00", autumn, "Europe/Berlin") == [240, 361, 600]


def test_a_day_is_the_longest() -> None:
    clocks = ["2026-11-20 23:59", "2026-11-21 23:59", "2026-11-23 12:00"]
    found = opened("00:00-24:00; weekend 12:00-24:00", clocks)
    assert found == [LONGEST, 720, LONGEST]


TEXTS = [
    "10:00-14:00",
    "18:00-02:00",
    "00:00-24:00",
    "closed",
    "05:00-05:30, 23:30-00:10",
    "18:00-02:00; weekend 00:00-24:00; holiday closed",
    "closed; weekend 22:00-03:00; holiday 10:00-10:00",
    "17:00-24:00, 00:00-02:00; holiday 17:00-01:00",
]


@given(
    st.lists(st.sampled_from(TEXTS), min_size=1, max_size=3),
    st.sampled_from([ZONE, "UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York"]),
    st.one_of(
        st.sampled_from([datetime(2026, 3, 29), datetime(2026, 10, 25), datetime(2026, 4, 5)]),
        st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),
    ),
    st.sets(st.integers(-2, 3), max_size=3),
    st.sets(st.integers(-2, 3), max_size=2),
)
@settings(max_examples=25, deadline=None)
def test_open_for_agrees_with_counting_minute_by_minute(
    texts: list[str], zone: str, start: datetime, off: set[int], worked: set[int]
) -> None:
    days = Calendar(
        frozenset(start.date() + timedelta(days=day) for day in off),
        frozenset(start.date() + timedelta(days=day) for day in worked),
    )
    hours = [BusinessHours.parse(text, zone) for text in texts]
    roster = roster_of(*(place(n, hours=one) for n, one in enumerate(hours)), calendar=days)
    first = micros(start.replace(tzinfo=UTC)) // MINUTE
    minutes = np.arange(first, first + 2 * LONGEST, 7)
    found = roster.open_for(roster.rows(np.arange(len(hours), dtype=np.int32)), minutes)
    for n, one in enumerate(hours):
        counted = counted_by_hand(one, days, first - LONGEST, first + 2 * LONGEST)
        assert found[:, n].tolist() == [counted[minute] for minute in minutes.tolist()]


def counted_by_hand(hours: BusinessHours, days: Calendar, first: int, end: int) -> dict[int, int]:
    found, so_far = {}, 0
    for minute in range(first, end):
        is_open = hours.is_open(datetime.fromtimestamp(minute * 60, UTC), days)
        so_far = min(so_far + 1, LONGEST) if is_open else 0
        found[minute] = so_far
    return found


def test_no_minutes_at_all() -> None:
    roster = roster_of()
    none = np.array([], np.int64)
    assert roster.open_for(roster.rows(ids(0, 1)), none).shape == (0, 2)
    assert roster.in_meal(roster.rows(ids(0, 1)), none).shape == (0, 2)


def site_class(name: str, **fields: Any) -> SiteClass:
    return SiteClass.model_validate({"name": name} | fields)


CLASSES = (
    site_class("canteen", match={"tags": "食堂"}, business_hours="工作日 06:00-19:00"),
    site_class("late", match={"size_class": ["large"]}, dinner="17:00-23:00, 23:30-00:30"),
    site_class("rest", match={"streets": "天平路街道"}, business_hours="09:00-15:00"),
)


def test_the_hours_of_a_site_beat_its_class_and_the_first_class_that_fits_counts() -> None:
    own = BusinessHours.parse("20:00-21:00", ZONE)
    roster = roster_of(
        place(0, tags=("食堂",)),
        place(1, tags=("食堂",), hours=own),
        place(2),
        place(3, size_class="large"),  # a class without hours: the default's
        place(4, street="other"),
        classes=CLASSES,
    )
    clocks = ["2026-11-23 06:30", "2026-11-23 09:30", "2026-11-23 20:30", "2026-11-22 09:30"]
    minutes = np.array([at(clock) for clock in clocks])
    found = roster.open_for(roster.rows(ids(0, 1, 2, 3, 4)), minutes) > 0
    assert found.astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 0, 1, 0, 0],
        [0, 1, 0, 1, 1],
        [0, 0, 1, 0, 0],
    ]


@pytest.mark.parametrize(
    ("clock", "meals"),
    [
        ("09:59", [0, 0, 0]),
        ("10:00", [0, 0, 0]),
        ("10:30", [1, 1, 1]),
        ("13:59", [1, 1, 1]),
        ("14:00", [0, 0, 0]),
        ("16:45", [2, 0, 0]),  # the default's dinner begins at 16:30, the class's at 17:00
        ("17:00", [2, 2, 0]),  # the third site closes at 15:00
        ("21:30", [0, 2, 0]),
        ("22:00", [0, 0, 0]),  # closed
    ],
)
def test_meals_are_cut_to_the_business_hours(clock: str, meals: list[int]) -> None:
    roster = roster_of(
        place(0, street="other"), place(1, size_class="large"), place(2), classes=CLASSES
    )
    found = roster.in_meal(roster.rows(ids(0, 1, 2)), np.array([at(f"2026-11-23 {clock}")]))
    assert found.tolist() == [meals]


def test_a_meal_past_midnight() -> None:
    hours = BusinessHours.parse("18:00-02:00", ZONE)
    roster = roster_of(place(0, size_class="large", hours=hours), classes=CLASSES)
    clocks = ["2026-11-22 23:15", "2026-11-22 23:30", "2026-11-23 00:29", "2026-11-23 00:30"]
    found = roster.in_meal(roster.rows(ids(0)), np.array([at(clock) for clock in clocks]))
    assert found[:, 0].tolist() == [0, 2, 2, 0]
