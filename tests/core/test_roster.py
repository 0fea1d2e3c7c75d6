"""What applies where: limits, hours, groups, by monitor id."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.reading import INDEX
from fumewatch.core.roster import NEVER, Roster
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


@given(
    st.sampled_from(
        ["10:00-14:00", "18:00-02:00", "00:00-24:00", "closed", "05:00-05:30, 23:30-00:10"]
    ),
    st.sampled_from([ZONE, "UTC", "America/New_York"]),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
)
def test_it_agrees_with_the_calendar(text: str, zone: str, at: datetime) -> None:
    hours = BusinessHours.parse(text, zone)
    roster = roster_of(place(3, hours=hours))
    found = roster.open_for(roster.rows(ids(3)), np.array([micros(at) // MINUTE]))
    assert (found[0, 0] > 0) == hours.is_open(at)
