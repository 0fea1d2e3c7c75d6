"""What is held back by inhibition, silences and quiet hours, and what becomes of it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.dispatch.mute import Inhibition, Quiet, Silence, quiet_until
from fumewatch.core.notice import Contact
from fumewatch.core.site import Place
from tests.core.dispatch_scene import (
    START,
    Scene,
    a_receiver,
    a_route,
    a_silence,
    an_alert,
    expected,
    minute,
)

GROUP = {"group_by": "site", "group_interval": "5m"}
AGAIN = {**GROUP, "repeat_interval": "1h"}
SEVERE = {"source": {"match": {"severity": "critical"}}, "target": {"match": {"rule": ["b", "d"]}}}
BY_SITE = {**SEVERE, "equal": ["site"]}
BOTH = {
    "source": {"match": {"severity": "critical"}},
    "target": {"match_re": {"rule": ".*"}},
    "equal": "site",
}
NIGHT = {"hours": "12:10-13:00"}
LETS_CRITICAL = {**NIGHT, "through": {"match": {"severity": "critical"}}}

INHIBITED = [
    (
        "until the source is over",
        SEVERE,
        """
        0 fire c b
        30 resolve c
        -> 0 duty: +c
        -> 30 duty: +b -c
        """,
    ),
    (
        "and over before: never told",
        SEVERE,
        """
        0 fire c b
        20 resolve b
        30 resolve c
        -> 0 duty: +c
        -> 30 duty: -c
        """,
    ),
    (
        "only by what it has in common with",
        SEVERE,
        """
        0 fire c b@8
        -> 0 duty: +c +b@8
        """,
    ),
    (
        "the same site will do",
        BY_SITE,
        """
        0 fire c b@8 b@9
        -> 0 duty: +c
        -> 0 duty: +b@9
        """,
    ),
    (
        "as long as any source fires",
        BY_SITE,
        """
        0 fire c@6 c@8 b
        20 resolve c@6
        30 resolve c@8
        -> 0 duty: +c@6 +c@8
        -> 20 duty: -c@6 =c@8
        -> 30 duty: +b -c@8
        """,
    ),
    (
        "none by itself, nor by its like",
        BOTH,
        """
        0 fire c c@8 b@6
        -> 0 duty: +c +c@8
        """,
    ),
    (
        "an end is told all the same",
        SEVERE,
        """
        0 fire b
        10 fire c
        20 resolve b
        -> 0 duty: +b
        -> 10 duty: +c
        -> 20 duty: -b =c
        """,
    ),
    (
        "an incident's part inhibits, too",
        SEVERE,
        """
        0 part c
        0 fire b
        9 resolve c
        -> 9 duty: +b
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("rule", "script"), [row[1:] for row in INHIBITED], ids=[row[0] for row in INHIBITED]
)
def test_inhibition(rule: dict[str, Any], script: str, restarts: bool) -> None:
    scene = Scene([a_route(**GROUP)], inhibit=[rule], restarts=restarts)

    assert scene.play(script) == expected(script)


def test_unassigned_monitors_are_not_of_one_site() -> None:
    scene = Scene(inhibit=[BY_SITE])
    for number in (6, 8):
        scene.places[number] = Place(number, f"MN{number}", "xuhui")

    assert scene.play("0 fire c@6 b@8") == ["0 duty: +c@6", "0 duty: +b@8"]


SILENCED = [
    (
        "until it ends",
        GROUP,
        """
        0 silence a 20
        1 fire a b
        -> 1 duty: +b
        -> 20 duty: +a =b
        """,
    ),
    (
        "until it is ended",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 unsilence a
        -> 9 duty: +a
        """,
    ),
    (
        "until the last one ends",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 silence a 30
        -> 30 duty: +a
        """,
    ),
    (
        "over in silence: never told",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 resolve a
        """,
    ),
    (
        "told before, over in silence: not told",
        GROUP,
        """
        0 fire a b
        5 silence a 20
        9 resolve a
        30 resolve b
        -> 0 duty: +a +b
        -> 30 duty: -b
        """,
    ),
    (
        "nor repeated, nor listed",
        AGAIN,
        """
        0 fire a b
        50 silence a 100
        110 resolve a b
        -> 0 duty: +a +b
        -> 60 duty again: =b
        -> 100 duty again: =a =b
        -> 110 duty: -a -b
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("route", "script"), [row[1:] for row in SILENCED], ids=[row[0] for row in SILENCED]
)
def test_silences(route: dict[str, Any], script: str, restarts: bool) -> None:
    scene = Scene([a_route(**route)], restarts=restarts)

    assert scene.play(script) == expected(script)


def test_a_silence_that_is_still_to_come_is_none() -> None:
    scene = Scene()
    scene.silences = [a_silence(minute(60), minute(30), rule="a")]
    scene.use()

    assert scene.play("10 fire a\n40 fire a@8") == ["10 duty: +a", "60 duty: +a@8"]


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


@pytest.mark.parametrize(
    ("model", "table", "words"),
    [
        (Quiet, {"hours": "nights"}, "'nights' is not a span of hours"),
        (Quiet, {"hours": "00:00-24:00"}, "never ends; write hours like 22:00-07:00"),
        (Quiet, {"hours": "08:00-20:00, 20:00-08:00"}, "never ends"),
        (Quiet, {"hours": "workday closed"}, "never begins; leave `quiet` out"),
        (Inhibition, {**SEVERE, "equal": ["alert"]}, "no two alerts are the same alert"),
        (
            Inhibition,
            {"source": {"match": {"kind": "x"}}, "target": {"match": {"kind": ["x"]}}},
            "source and target are the same alerts",
        ),
        (Silence, {"ends_at": START}, "not after its start"),
        (Silence, {"ends_at": "2026-11-23T12:00:00"}, "timezone"),
        (Silence, {"ends_at": minute(1), "reason": "  "}, "at least 1 character"),
    ],
)
def test_what_cannot_be_meant(model: type[BaseModel], table: dict[str, Any], words: str) -> None:
    if model is Silence:
        known = a_silence(minute(9), rule="a").model_dump()
        table = {**known, **table}
    with pytest.raises(ValidationError, match=words):
        model.model_validate(table)


@pytest.mark.parametrize(
    ("at", "ended", "active"),
    [(-1, None, False), (0, None, True), (8.9, None, True), (9, None, False), (5, 4, False)],
)
def test_a_silence_is_active(at: float, ended: float | None, active: bool) -> None:
    silence = a_silence(minute(9), rule="a")
    if ended is not None:
        silence = silence.model_copy(update={"ended_at": minute(ended), "ended_by": "Li"})

    assert silence.is_active(minute(at)) is active


def test_nothing_is_due_of_ten_thousand_that_are_inhibited() -> None:
    scene = Scene([a_route(group_by="alert")], inhibit=[{**SEVERE, "equal": ["district"]}])
    scene.fire("c")
    scene.due(minute(0))
    for number in range(1000):
        at = START + timedelta(seconds=number)
        scene.take(an_alert(f"b@{number % 40}", at), at)
    assert not scene.due(minute(20))
    assert scene.dispatcher.next_at is None

    scene.resolve("c", minute(30))
    assert len(scene.due(minute(30)).plans) == 1001
