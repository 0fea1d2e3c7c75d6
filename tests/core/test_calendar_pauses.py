"""Times in which monitors are not judged."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from pydantic import ValidationError

from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.matching import ClassMatch
from fumewatch.core.pause import Pause
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place
from fumewatch.core.unjudged import Unjudged
from tests.core.scene import HOURS, ZONE, micros, place, roster_of

MINUTE = 60_000_000
NOODLES = Place(
    *(7, "M7", "xuhui", 1),
    site="川渝小馆",
    site_code="S1",
    sites=("川渝小馆", "烤肉店"),
    street="田林街道",
    vendor="Acme",
    size_class="small",
    tags=("川菜", "重点"),
)


def minute(at: str, zone: str = ZONE) -> int:
    return micros(datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone))) // MINUTE


def pause(**fields: Any) -> Pause:
    known = {"from": "2026-11-20", "to": "2026-11-24", "reason": "maintenance"}
    return Pause.model_validate(known | fields)


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ({}, True),
        ({"sites": "S1"}, True),
        ({"sites": ["川渝小馆"]}, True),
        ({"sites": ["烤肉店"]}, False),  # shares the flue, and others still cook
        ({"streets": ["田林街道", "天平路街道"]}, True),
        ({"streets": ["天平路街道"]}, False),
        ({"districts": "xuhui", "tags": ["重点", "火锅"]}, True),
        ({"districts": "minhang", "tags": ["重点"]}, False),
        ({"vendors": "Acme"}, True),
        ({"monitors": ["M7"]}, True),
        ({"monitors": ["xuhui/M7"]}, True),
        ({"monitors": ["minhang/M7"]}, False),
    ],
)
def test_whom_a_pause_is_about(match: dict[str, Any], fits: bool) -> None:
    roster = Roster.build([NOODLES], {}, HOURS, pauses=[pause(match=match)])
    rows = roster.rows(np.array([7, 8], np.int32))
    paused = roster.paused(rows, np.array([minute("2026-11-23 12:00")]))
    assert paused.tolist() == [[fits, match == {}]], "an unknown monitor is one of all"


@pytest.mark.parametrize(
    ("wide", "narrow", "takes_all"),
    [
        ({}, {"tags": ["a"]}, True),
        ({"tags": ["a", "b"]}, {"tags": ["a"], "size_class": "small"}, True),
        ({"tags": ["a"]}, {"tags": ["a", "b"]}, False),
        ({"tags": ["a"]}, {"streets": ["s"]}, False),
        ({"tags": ["a"]}, {}, False),
    ],
)
def test_which_match_takes_all_of_another(
    wide: dict[str, Any], narrow: dict[str, Any], takes_all: bool
) -> None:
    first, second = (ClassMatch.model_validate(match) for match in (wide, narrow))
    assert first.takes_all_of(second) == takes_all


@pytest.mark.parametrize(
    ("start", "end", "covered", "free"),
    [
        (
            *(date(2026, 11, 20), date(2026, 11, 24)),
            ("2026-11-20 00:00", "2026-11-24 23:59"),
            ("2026-11-19 23:59", "2026-11-25 00:00"),
        ),
        (
            *("2026-11-20 10:00", datetime(2026, 11, 20, 12, 30)),
            ("2026-11-20 10:00", "2026-11-20 12:29"),
            ("2026-11-20 09:59", "2026-11-20 12:30"),
        ),
        (
            *("2026-11-20T10:00", "2026-11-20"),
            ("2026-11-20 10:00", "2026-11-20 23:59"),
            ("2026-11-20 09:59", "2026-11-21 00:00"),
        ),
        (
            *("07-15", "08-31"),
            ("2026-07-15 00:00", "2027-08-31 23:59"),
            ("2026-07-14 23:59", "2026-09-01 00:00"),
        ),
        (
            *("12-20", "02-29"),
            ("2026-12-20 00:00", "2027-02-28 23:59", "2028-02-29 23:59"),
            ("2026-12-19 23:59", "2027-03-01 00:00"),
        ),
        (*("02-29", "02-29"), ("2028-02-29 12:00",), ("2027-02-28 12:00", "2027-03-01 12:00")),
    ],
)
def test_when_a_pause_is(start: Any, end: Any, covered: Sequence[str], free: Sequence[str]) -> None:
    one = pause(**{"from": start, "to": end})
    minutes = np.array([minute(at) for at in (*covered, *free)])
    found = one.covers(minutes, ZoneInfo(ZONE))
    assert found.tolist() == [True] * len(covered) + [False] * len(free)


def test_a_day_of_a_pause_is_the_zones_own_when_clocks_change() -> None:
    one = pause(**{"from": "2026-10-25", "to": "2026-10-25"})
    hours = np.arange(minute("2026-10-24 00:00", "UTC"), minute("2026-10-27 00:00", "UTC"))
    assert one.covers(hours, ZoneInfo("Europe/Berlin")).sum() == 25 * 60


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"to": "2026-11-19"}, "the pause ends (2026-11-19) before it starts (2026-11-20)"),
        ({"from": "12-20", "to": "2027-02-28"}, "give the year in both or in neither"),
        ({"from": "2026-02-30"}, "'2026-02-30' is no such day or time; write a date like"),
        ({"from": "13-01"}, "'13-01' is no such day or time; write a date like"),
        ({"from": 20261120}, "20261120 is no day; write a date like"),
        ({"from": "2026-11-20T00:00:00Z"}, "is told by UTC; write the local time, without"),
    ],
)
def test_a_pause_that_is_none(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as refused:
        pause(**fields)
    assert complaint in str(refused.value)


def test_several_pauses() -> None:
    pauses = [
        pause(match={"monitors": "m0"}, **{"from": "2026-11-20", "to": "2026-11-20"}),
        pause(match={"tags": "a"}, **{"from": "2026-11-21", "to": "2026-11-21"}),
        pause(match={"monitors": ["m0", "m1"]}, **{"from": "2026-11-22", "to": "2026-11-22"}),
    ]
    roster = roster_of(place(0, tags=("a",)), place(1), place(2, tags=("a",)), pauses=pauses)
    days = np.array([minute(f"2026-11-{day} 12:00") for day in range(20, 24)])
    assert roster.paused(roster.rows(np.arange(4, dtype=np.int32)), days).tolist() == [
        [True, False, False, False],
        [True, False, True, False],
        [True, True, False, False],
        [False, False, False, False],
    ]
    assert roster.paused(roster.rows(np.arange(2, dtype=np.int32)), days[:0]).shape == (0, 2)


def test_why_a_monitor_is_not_judged() -> None:
    hours = BusinessHours.parse("10:00-14:00; weekend 10:00-12:00; holiday closed", ZONE)
    roster = roster_of(
        place(0, hours=hours),
        calendar=Calendar(holidays=frozenset([date(2026, 11, 20)])),
        pauses=[
            pause(**{"from": "2026-11-23 11:00", "to": "2026-11-23 16:00", "note": "更换净化器"}),
            pause(**{"from": "2026-11-24", "to": "2026-11-24", "reason": "calibration"}),
        ],
    )

    def why(at: str) -> Unjudged | None:
        return roster.unjudged(0, minute(at))

    assert why("2026-11-19 12:00") is None
    assert why("2026-11-19 15:00") == Unjudged("closed")
    assert why("2026-11-20 12:00") == Unjudged("holiday")
    assert why("2026-11-21 13:00") == Unjudged("closed")
    assert why("2026-11-23 11:00") == Unjudged("maintenance", "更换净化器")
    assert why("2026-11-24 03:00") == Unjudged("calibration")
    assert Unjudged("maintenance", "更换净化器").text("zh") == "维护中：更换净化器"
    assert Unjudged("holiday").text("en") == "closed on this public holiday"
