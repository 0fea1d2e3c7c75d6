"""[calendar], [[class]] and [[pause]]: which days are off, and what is said of wrong ones."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from fumewatch.config import examine, load
from fumewatch.config.calendar import CalendarSettings
from fumewatch.core.calendar import DayKind

TODAY = date(2026, 11, 24)
WORKDAY, WEEKEND, HOLIDAY = DayKind


def days(first: str, last: str) -> Iterator[date]:
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        yield day
        day += timedelta(days=1)


def settings(**fields: Any) -> CalendarSettings:
    return CalendarSettings.model_validate(fields)


BREAKS = {
    2025: [
        ("2025-01-01", "2025-01-01"),  # 元旦
        ("2025-01-28", "2025-02-04"),  # 春节
        ("2025-04-04", "2025-04-06"),  # 清明节
        ("2025-05-01", "2025-05-05"),  # 劳动节
        ("2025-05-31", "2025-06-02"),  # 端午节
        ("2025-10-01", "2025-10-08"),  # 国庆节, 中秋节
    ],
    2026: [
        ("2026-01-01", "2026-01-03"),
        ("2026-02-15", "2026-02-23"),
        ("2026-04-04", "2026-04-06"),
        ("2026-05-01", "2026-05-05"),
        ("2026-06-19", "2026-06-21"),
        ("2026-09-25", "2026-09-27"),
        ("2026-10-01", "2026-10-07"),
    ],
}
WORKED = {
    2025: ["2025-01-26", "2025-02-08", "2025-04-27", "2025-09-28", "2025-10-11"],
    2026: [
        *("2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"),
    ],
}


@pytest.mark.parametrize("year", [2025, 2026])
def test_chinese_years_are_as_the_state_council_gave_notice(year: int) -> None:
    """Every day of the year: the notice's breaks, its worked weekend days, weekends, the rest."""
    calendar = settings().days
    off = {day for first, last in BREAKS[year] for day in days(first, last)}
    worked = set(map(date.fromisoformat, WORKED[year]))
    for day in days(f"{year}-01-01", f"{year}-12-31"):
        plain = WEEKEND if day.weekday() >= 5 and day not in worked else WORKDAY
        assert calendar.kind(day) == (HOLIDAY if day in off else plain), day


def test_a_year_without_notice_has_what_the_law_says_and_is_not_sure() -> None:
    china = settings()
    assert [year for year in range(2024, 2030) if china.is_sure(year)] == [2024, 2025, 2026]
    statutory = ["2027-01-01", *map(str, days("2027-02-05", "2027-02-08")), "2027-10-01"]
    assert {china.days.kind(date.fromisoformat(day)) for day in statutory} == {HOLIDAY}
    assert china.days.kind(date(2027, 10, 9)) == WEEKEND
    assert china.days.kind(date(2060, 10, 1)) == WORKDAY, "so far ahead weekends are all"


def test_our_own_days_beat_the_library() -> None:
    ours = settings(
        holidays=["2027-10-06", "2027-10-07", date(2026, 10, 10)],
        working_days=["2027-09-26", "2027-10-05"],
    )
    told = {
        "2027-09-25": WEEKEND,
        "2027-09-26": WORKDAY,
        "2027-10-04": HOLIDAY,
        "2027-10-05": WORKDAY,  # the library guesses a day off
        "2027-10-07": HOLIDAY,
        "2026-10-10": HOLIDAY,  # the library has it worked
        "2026-10-11": WEEKEND,  # and what we add takes in no weekend
    }
    assert {day: ours.days.kind(date.fromisoformat(day)) for day in told} == told
    assert ours.is_sure(2027)
    assert not ours.is_sure(2028)


@pytest.mark.parametrize(
    ("country", "day", "kind"),
    [
        ("", "2026-10-01", WORKDAY),
        ("", "2026-10-03", WEEKEND),
        ("DE", "2026-10-03", HOLIDAY),
        ("DE", "2026-05-01", HOLIDAY),
        ("DE", "2026-05-02", WEEKEND),  # a Friday off takes in no weekend there
        ("DE", "2027-03-08", WORKDAY),
        ("DE-BE", "2027-03-08", HOLIDAY),
        ("SA", "2026-05-08", WEEKEND),  # a Friday
    ],
)
def test_other_countries(country: str, day: str, kind: DayKind) -> None:
    other = settings(country=country)
    assert other.days.kind(date.fromisoformat(day)) == kind
    assert other.is_sure(2026)


CLASS = '[[class]]\nname = "a"\n'
PAUSE = '[[pause]]\nreason = "closure"\nfrom = 2026-11-20\n'


def told(file: Path, text: str, today: date | None = TODAY) -> tuple[list[str], list[str]]:
    """Faults and warnings, without those of what does nothing, and of the links' secret."""
    file.write_text(text, "utf-8")
    examined = examine(file, {}, today)
    faults = [str(fault).removeprefix(f"{file}:") for fault in examined.faults]
    warnings = [str(warning).removeprefix(f"{file}:") for warning in examined.warnings]
    beside = ("no [[rule]]", "a secret stands here")
    return faults, [text for text in warnings if not any(part in text for part in beside)]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '[calendar]\ncountry = "XX"',
            "2: [calendar] country: no holidays are known of 'XX'; write CN, or DE-BE, or nothing",
        ),
        (
            '[calendar]\ncountry = "GB-XX"',
            "2: [calendar] country: GB has no part 'XX'; known: ENG, NIR, SCT, WLS",
        ),
        (
            '[calendar]\nholidays = ["2027-2-6"]',
            "2: [calendar] holidays[1]: must be a date like 2026-11-23, not '2027-2-6'",
        ),
        (
            '[calendar]\nholidays = ["2027-02-06"]\nworking_days = [2027-02-06]',
            "3: [calendar] working_days: 2027-02-06 is in holidays too; keep one of the two",
        ),
        (f"{CLASS}{CLASS}", "4: class \"a\": name: 'a' is taken by line 2 already"),
        (
            f'{CLASS}match = {{ size_class = "tiny" }}',
            "3: class \"a\": match.size_class: 'tiny' is not one of 'small', 'medium' or 'large'",
        ),
        (
            f'{CLASS}match = {{ street = "x" }}',
            "3: class \"a\": match.street: unknown key; did you mean 'streets'?",
        ),
        (
            f'{CLASS}business_hours = "9-5"',
            "3: class \"a\": business_hours: '9-5' is not a span of hours like 10:30-14:00",
        ),
        (
            f'{CLASS}lunch = "weekend 10:00-12:00"',
            "3: class \"a\": lunch: 'weekend 10:00-12:00' is not a span of hours like "
            "10:30-14:00, or several of them",
        ),
        (
            f'{PAUSE}to = "2026-11-19"',
            "4: pause 1: to: the pause ends (2026-11-19) before it starts (2026-11-20)",
        ),
        (PAUSE, "1: pause 1: to: missing; it has no default"),
        (
            f'{PAUSE}to = "12-20"',
            "4: pause 1: to: 12-20 and from = 2026-11-20: give the year in both or in neither",
        ),
        (
            '[[pause]]\nreason = "holiday"\nfrom = 2026-11-20\nto = 2026-11-20',
            "2: pause 1: reason: 'holiday' is not one of maintenance, calibration, closure",
        ),
        (
            f"{PAUSE}to = 2026-11-20T10:00:00Z",
            "4: pause 1: to: 2026-11-20 10:00:00+00:00 is told by UTC; "
            "write the local time, without an offset",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_to_write(
    tmp_path: Path, text: str, fault: str
) -> None:
    assert told(tmp_path / "config.toml", text)[0] == [fault]


APART = 'business_hours = "10:00-14:00; holiday closed"\n'


@pytest.mark.parametrize(
    ("text", "today", "warnings"),
    [
        (
            f'{CLASS}match = {{ tags = ["x", "y"] }}\n[[class]]\nname = "b"\n'
            'match = { tags = ["y"], size_class = "small" }',
            TODAY,
            ['4: class "b": never reached: the class in line 1 takes all that it would'],
        ),
        (f'{CLASS}match = {{ tags = ["x"] }}\n[[class]]\nname = "b"', TODAY, []),
        (
            "[calendar]\nworking_days = [2027-02-06, 2027-02-03]",
            TODAY,
            [
                "2: [calendar] working_days[2]: 2027-02-03 is worked anyway: "
                "a Wednesday and no holiday"
            ],
        ),
        (
            f"{PAUSE}to = 2026-11-23",
            TODAY,
            ["4: pause 1: to: is over since 2026-11-23; keep it only for backtests over that time"],
        ),
        (f"{PAUSE}to = 2026-11-24", TODAY, []),
        (f"{PAUSE}to = 2026-11-23", None, []),
        ('[[pause]]\nreason = "closure"\nfrom = "01-01"\nto = "01-31"', TODAY, []),
        (
            f'[links]\nsecret = "{"x" * 32}"\n[[receiver]]\nname = "a"\nkind = "log"\n'
            'path = "a.jsonl"\ntakes = "groups"\n[calendar]\n[[escalation]]\n'
            'name = "ladder"\n[[escalation.step]]\nname = "a"\nreceiver = "a"',
            TODAY,
            [
                "8: [calendar] which weekend days are worked in 2027 is not known here; "
                "write the days of the official notice into holidays and working_days"
            ],
        ),
        (
            f'{APART}[calendar]\ncountry = "CN"',
            TODAY,
            [
                "2: [calendar] which weekend days are worked in 2027 is not known here; "
                "write the days of the official notice into holidays and working_days"
            ],
        ),
        (f"{APART}[calendar]\nworking_days = [2027-02-20]", TODAY, []),
        (f"{APART}", date(2026, 11, 1), []),
        (f'{APART}[calendar]\ncountry = ""', TODAY, []),
        ("", date(2027, 6, 1), []),
    ],
)
def test_what_is_doubtful(
    tmp_path: Path, text: str, today: date | None, warnings: list[str]
) -> None:
    assert told(tmp_path / "config.toml", text, today) == ([], warnings)


def test_hours_of_a_class_tell_days_apart_too(tmp_path: Path) -> None:
    text = f'{CLASS}business_hours = "工作日 10:00-14:00"'
    (warning,) = told(tmp_path / "config.toml", text)[1]
    assert "worked in 2027 is not known" in warning
    assert len(told(tmp_path / "config.toml", text, date(2027, 12, 1))[1]) == 2


def test_what_the_roster_gets(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        f"{CLASS}business_hours = '10:00～14:00；节假日休息'\n{PAUSE}to = '2026-11-20 12:00'\n"
        "note = '装修'\nmatch = { sites = 'S1' }\n",
        "utf-8",
    )
    config = load(file, {})
    (one,), (pause,) = config.classes, config.pause
    assert one.business_hours == "10:00-14:00; holiday closed"
    assert one.meals == (((630, 840),), ((990, 1290),))
    assert (pause.reason, pause.note, pause.match.sites) == ("closure", "装修", ("S1",))
    assert config.calendar.days.kind(date(2026, 10, 1)) is HOLIDAY
