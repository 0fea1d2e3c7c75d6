"""How long a step waits: hours and days that are worked, by a place's calendar and clocks."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.config.calendar import CalendarSettings
from fumewatch.core.calendar import ONLY_WEEKENDS, Calendar
from fumewatch.core.followup.clock import Clock, Counts, Delay, check_hours

CHINA = CalendarSettings(country="CN").days
OFFICE = "08:30-17:30; weekend closed; holiday closed"
SHANGHAI = "Asia/Shanghai"


def after(
    start: str, delay: str, hours: str = OFFICE, zone: str = SHANGHAI, calendar: Calendar = CHINA
) -> str:
    at = datetime.fromisoformat(start).replace(tzinfo=ZoneInfo(zone))
    found = Clock.of(hours, calendar, ZoneInfo(zone)).add(at, Delay.parse(delay))
    assert found.tzinfo is UTC
    return f"{found.astimezone(ZoneInfo(zone)):%a %m-%d %H:%M}"


@pytest.mark.parametrize(
    ("start", "delay", "end"),
    [
        # 2026-11-27 is a Friday.
        pytest.param("2026-11-27 15:00", "24h", "Sat 11-28 15:00", id="all hours"),
        pytest.param("2026-11-27 15:00", "2 working hours", "Fri 11-27 17:00", id="within a day"),
        pytest.param("2026-11-27 15:00", "150 working minutes", "Fri 11-27 17:30", id="to its end"),
        pytest.param("2026-11-27 15:00", "3 working hours", "Mon 11-30 09:00", id="over a weekend"),
        pytest.param("2026-11-27 19:30", "1 working hour", "Mon 11-30 09:30", id="Friday evening"),
        pytest.param("2026-11-28 12:00", "24 working hours", "Wed 12-02 14:30", id="24 of nine"),
        pytest.param("2026-11-27 19:30", "0 working hours", "Mon 11-30 08:30", id="when it opens"),
        pytest.param("2026-11-27 15:00", "0 working hours", "Fri 11-27 15:00", id="it is open"),
        pytest.param("2026-11-27 15:00", "1 working day", "Mon 11-30 15:00", id="the same time"),
        pytest.param("2026-11-27 15:00", "3 working days", "Wed 12-02 15:00", id="three days"),
        pytest.param("2026-11-27 17:30", "1 working day", "Tue 12-01 08:30", id="just closed"),
        pytest.param("2026-11-27 19:30", "1 working day", "Tue 12-01 08:30", id="all of Monday"),
        pytest.param("2026-11-28 12:00", "3 working days", "Thu 12-03 08:30", id="from Saturday"),
        # National Day 2026: off from Thursday, October 1, to 7; Saturday, October 10, is worked.
        pytest.param("2026-09-30 16:30", "2 working hours", "Thu 10-08 09:30", id="a holiday"),
        pytest.param("2026-09-30 15:00", "1 working day", "Thu 10-08 15:00", id="day, holiday"),
        pytest.param("2026-10-09 15:00", "1 working day", "Sat 10-10 15:00", id="make-up workday"),
        pytest.param("2026-09-30 15:00", "3 working days", "Sat 10-10 15:00", id="both"),
        pytest.param("2026-10-03 12:00", "3 working days", "Mon 10-12 08:30", id="within it"),
        # Sunday, September 20, 2026 is worked for it too.
        pytest.param("2026-09-18 17:00", "1 working hour", "Sun 09-20 09:00", id="make-up Sunday"),
    ],
)
def test_working_time_of_an_office(start: str, delay: str, end: str) -> None:
    assert after(start, delay) == end


@pytest.mark.parametrize(
    ("hours", "start", "delay", "end"),
    [
        ("08:30-11:30, 13:30-17:30; weekend closed", "2026-11-27 11:00", "1 working hour",
         "Fri 11-27 14:00"),
        ("08:30-11:30, 13:30-17:30; weekend closed", "2026-11-27 12:00", "1 working day",
         "Mon 11-30 13:30"),
        ("08:30-17:30; weekend 09:00-12:00", "2026-11-27 15:00", "1 working day",
         "Sun 11-29 09:00"),  # Saturday 15:00 is closed
        ("22:00-06:00; weekend closed", "2026-11-28 02:00", "2 working hours", "Sat 11-28 04:00"),
        ("22:00-06:00; weekend closed", "2026-11-28 02:00", "6 working hours", "Tue 12-01 00:00"),
        ("22:00-06:00; weekend closed", "2026-11-28 02:00", "1 working day", "Tue 12-01 02:00"),
        ("22:00-06:00, 05:00-09:00; weekend closed", "2026-11-24 04:00", "4 working hours",
         "Tue 11-24 08:00"),  # what two spans share counts once
        ("00:00-24:00", "2026-11-27 15:00", "48 working hours", "Sun 11-29 15:00"),
    ],
)  # fmt: skip
def test_hours_of_other_kinds(hours: str, start: str, delay: str, end: str) -> None:
    assert after(start, delay, hours) == end


@pytest.mark.parametrize(
    ("start", "delay", "end"),
    [
        # Clocks in Berlin go forward on Sunday, 2026-03-29, 02:00, and back on 2026-10-25, 03:00.
        pytest.param("2026-03-27 16:00", "1 working day", "Mon 03-30 16:00", id="same local time"),
        pytest.param("2026-03-27 16:00", "3 working hours", "Mon 03-30 10:00", id="counted hours"),
        pytest.param("2026-03-28 16:00", "24h", "Sun 03-29 17:00", id="real hours, forward"),
        pytest.param("2026-10-24 16:00", "24h", "Sun 10-25 15:00", id="real hours, back"),
        pytest.param("2026-10-23 16:00", "2 working days", "Tue 10-27 16:00", id="back"),
    ],
)
def test_a_zone_whose_clocks_change(start: str, delay: str, end: str) -> None:
    assert after(start, delay, "08:00-17:00; weekend closed", "Europe/Berlin", ONLY_WEEKENDS) == end


@pytest.mark.parametrize(
    ("start", "delay", "end"),
    [
        ("2026-03-28 23:00", "6 working hours", "Sun 03-29 06:00"),
        ("2026-10-24 23:00", "6 working hours", "Sun 10-25 04:00"),
        ("2026-03-28 02:30", "1 working day", "Sun 03-29 03:30"),  # 02:30 is not there
    ],
)
def test_a_night_in_which_clocks_change(start: str, delay: str, end: str) -> None:
    assert after(start, delay, "00:00-24:00", "Europe/Berlin", ONLY_WEEKENDS) == end


@pytest.mark.parametrize(
    ("text", "length", "counts", "shown"),
    [
        ("24h", timedelta(days=1), Counts.ALWAYS, "1d"),
        ("90m", timedelta(minutes=90), Counts.ALWAYS, "1h30m"),
        ("24 working hours", timedelta(days=1), Counts.HOURS, "24 working hours"),
        ("1 working hour", timedelta(hours=1), Counts.HOURS, "1 working hour"),
        ("90 working minutes", timedelta(minutes=90), Counts.HOURS, "90 working minutes"),
        ("3 working days", timedelta(days=3), Counts.DAYS, "3 working days"),
        ("3个工作日", timedelta(days=3), Counts.DAYS, "3 working days"),
        ("24个工作小时", timedelta(days=1), Counts.HOURS, "24 working hours"),
    ],
)
def test_a_delay_as_people_write_it(
    text: str, length: timedelta, counts: Counts, shown: str
) -> None:
    delay = Delay.parse(text)
    assert (delay, str(delay)) == (Delay(length, counts), shown)
    assert Delay.parse(shown) == delay


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("3 days", "'3 days' says not how long to wait; write 24h, 24 working hours or 3 working"),
        ("tomorrow", "says not how long"),
        ("-1h", "says not how long"),
        ("1.5 working days", "says not how long"),
        ("9999999999999 working days", "says not how long"),
        ("100 working days", "'100 working days' is more than 90 days"),
        ("91d", "more than 90 days"),
    ],
)
def test_what_is_no_delay(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Delay.parse(text)


@pytest.mark.parametrize("hours", ["workday closed; weekend 10:00-12:00", "10:00-10:30"])
def test_hours_in_which_nothing_passes(hours: str) -> None:
    with pytest.raises(ValueError, match="less than an hour of a working day"):
        check_hours(hours)


starts = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(
    lambda at: at.replace(tzinfo=UTC)
)
delays = st.builds(
    lambda n, unit: Delay.parse(f"{n} working {unit}s"),
    st.integers(0, 30),
    st.sampled_from(["day", "hour", "minute"]),
)
clocks = st.sampled_from(
    [
        Clock.of(OFFICE, CHINA, ZoneInfo(SHANGHAI)),
        Clock.of("22:00-02:00, 10:00-14:00; weekend closed", CHINA, ZoneInfo(SHANGHAI)),
        Clock.of("08:00-17:00; weekend 09:00-12:00", ONLY_WEEKENDS, ZoneInfo("Europe/Berlin")),
    ]
)


@given(clocks, starts, starts, delays)
def test_who_starts_later_is_not_done_earlier(
    clock: Clock, one: datetime, other: datetime, delay: Delay
) -> None:
    early, late = sorted((one, other))
    assert early <= clock.add(early, delay) <= clock.add(late, delay)


@settings(max_examples=40)
@given(clocks, starts, st.integers(0, 2000))
def test_as_many_minutes_of_it_are_in_working_hours_as_were_asked(
    clock: Clock, at: datetime, minutes: int
) -> None:
    at = at.replace(second=0, microsecond=0)
    end = clock.add(at, Delay(timedelta(minutes=minutes), Counts.HOURS))
    passed = (end - at) // timedelta(minutes=1)
    opened = [clock.hours.is_open(at + timedelta(minutes=i), clock.calendar) for i in range(passed)]
    assert sum(opened) == minutes
