"""What quiet hours hold back, and when they are over."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.dispatch.mute import quiet_until
from fumewatch.core.notice import Contact
from tests.core.dispatch_scene import (
    Scene,
    a_receiver,
    a_route,
    expected,
)

GROUP = {"group_by": "site", "group_interval": "5m"}
AGAIN = {**GROUP, "repeat_interval": "1h"}
NIGHT = {"hours": "12:10-13:00"}
LETS_CRITICAL = {**NIGHT, "through": {"match": {"severity": "critical"}}}

QUIET = [
    (
        "all in one message at its end",
        NIGHT,
        """
        5 fire a
        11 fire b
        20 fire c
        30 resolve b
        -> 5 duty: +a
        -> 60 duty: +c =a
        """,
    ),
    (
        "but for what it lets through",
        LETS_CRITICAL,
        """
        11 fire b
        20 fire c
        40 resolve c
        -> 20 duty: +c
        -> 40 duty: -c
        -> 60 duty: +b
        """,
    ),
    (
        "ends wait, too",
        NIGHT,
        """
        5 fire a b
        20 resolve a
        -> 5 duty: +a +b
        -> 60 duty: -a =b
        """,
    ),
    (
        "longer, where a silence goes on",
        NIGHT,
        """
        11 fire a
        12 silence a 90
        -> 90 duty: +a
        """,
    ),
    (
        "a silence that ends first ends nothing",
        NIGHT,
        """
        11 fire a
        12 silence a 30
        -> 60 duty: +a
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("quiet", "script"), [row[1:] for row in QUIET], ids=[row[0] for row in QUIET]
)
def test_quiet_hours(quiet: dict[str, Any], script: str, restarts: bool) -> None:
    scene = Scene([a_route(**GROUP)], [a_receiver(quiet=quiet)], restarts=restarts)

    assert scene.play(script) == expected(script)


def test_quiet_hours_of_one_receiver_are_not_those_of_another() -> None:
    scene = Scene(
        [a_route(receiver=["duty", "night"])],
        [a_receiver(quiet=NIGHT), a_receiver("night", contact="street")],
        people=[Contact(1, "Ann")],
    )

    assert scene.play("20 fire a") == ["20 night/contact 1: +a", "60 duty: +a"]


def test_a_repetition_waits_for_the_end_of_quiet_hours() -> None:
    scene = Scene([a_route(**AGAIN)], [a_receiver(quiet={"hours": "12:30-14:00"})])

    assert scene.play("0 fire a", until=130) == ["0 duty: +a", "120 duty again: =a"]


SHANGHAI, BERLIN = "Asia/Shanghai", "Europe/Berlin"
HOLIDAY = Calendar(holidays=frozenset({date(2026, 10, 1), date(2026, 10, 2)}))


@pytest.mark.parametrize(
    ("hours", "zone", "at", "end"),
    [
        ("22:00-07:00", SHANGHAI, "2026-11-23T12:00+08:00", None),
        ("22:00-07:00", SHANGHAI, "2026-11-23T21:59:59+08:00", None),
        ("22:00-07:00", SHANGHAI, "2026-11-23T22:00+08:00", "2026-11-24T07:00+08:00"),
        ("22:00-07:00", SHANGHAI, "2026-11-24T06:59:59+08:00", "2026-11-24T07:00+08:00"),
        ("22:00-07:00", SHANGHAI, "2026-11-24T07:00+08:00", None),
        ("12:00-14:00, 13:00-15:07", SHANGHAI, "2026-11-24T12:30+08:00", "2026-11-24T15:07+08:00"),
        ("22:00-24:00, 00:00-06:10", SHANGHAI, "2026-11-24T23:30+08:00", "2026-11-25T06:10+08:00"),
        # 22:00 to 07:00, and all day at weekends: Friday evening to Monday morning
        (
            "22:00-07:00; weekend 00:00-24:00",
            SHANGHAI,
            "2026-11-27T23:00+08:00",
            "2026-11-30T00:00+08:00",
        ),
        # a holiday is a weekend, and the weekend after it is one, too
        (
            "workday 22:00-07:00; weekend 00:00-07:00, 07:00-24:00",
            SHANGHAI,
            "2026-09-30T22:30+08:00",
            "2026-10-05T00:00+08:00",
        ),
        # the night the clocks go forward is an hour shorter, the other an hour longer
        ("22:00-07:00", BERLIN, "2026-03-28T23:00+01:00", "2026-03-29T07:00+02:00"),
        ("22:00-07:00", BERLIN, "2026-10-24T23:00+02:00", "2026-10-25T07:00+01:00"),
        # 02:30 is not shown, 03:00 follows 02:00
        ("22:00-02:30", BERLIN, "2026-03-29T01:10+01:00", "2026-03-29T03:00+02:00"),
        # 02:30 is shown twice: quiet until the first, and again from 02:00 to the second
        ("22:00-02:30", BERLIN, "2026-10-25T01:10+02:00", "2026-10-25T02:30+02:00"),
        ("22:00-02:30", BERLIN, "2026-10-25T02:10+01:00", "2026-10-25T02:30+01:00"),
        ("02:15-03:15", BERLIN, "2026-10-25T02:20+02:00", "2026-10-25T03:00+02:00"),
    ],
)
def test_the_end_of_quiet_hours(hours: str, zone: str, at: str, end: str | None) -> None:
    found = quiet_until(
        BusinessHours.parse(hours, zone), datetime.fromisoformat(at).astimezone(UTC), HOLIDAY
    )

    assert found == (datetime.fromisoformat(end) if end else None)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 28), timezones=st.just(UTC)),
    st.integers(0, 24 * 60 - 1),
    st.integers(1, 24 * 60 - 1),
    st.sampled_from([SHANGHAI, BERLIN, "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_the_end_is_the_first_minute_that_is_not_quiet(
    at: datetime, start: int, length: int, zone: str
) -> None:
    hours = BusinessHours(((start, (start + length) % (24 * 60)),), zone)
    end = quiet_until(hours, at, HOLIDAY)

    assert (end is None) == (not hours.is_open(at, HOLIDAY))
    minutes = int((end - at) / timedelta(minutes=1)) if end else 0
    assert minutes <= 26 * 60
    assert all(hours.is_open(at + timedelta(minutes=n), HOLIDAY) for n in range(0, minutes, 7))
    assert end is None or not hours.is_open(end, HOLIDAY)
    assert (
        end is None
        or hours.is_open(end - timedelta(minutes=1), HOLIDAY)
        or end - at < timedelta(minutes=1)
    )


def test_a_zone_changes_the_hours_not_what_was_told() -> None:
    scene = Scene([a_route(**GROUP)], [a_receiver(quiet={"hours": "12:10-13:00"})])
    scene.play("20 fire a", until=21)
    scene.zone = ZoneInfo("Asia/Tokyo")  # 13:21
    scene.restart()

    assert scene.play("22 fire b") == ["21 duty: +a", "26 duty: +b =a"]
