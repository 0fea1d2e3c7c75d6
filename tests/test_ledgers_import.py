"""cleanings.csv and complaints.csv: what people's files say, and what is said of the wrong ones."""

import contextlib
from collections.abc import Callable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core import cleanings_csv, complaints_csv
from fumewatch.core.cleanings_csv import Cleaning
from fumewatch.core.complaints_csv import Complaint
from fumewatch.core.errors import ImportRefused

OUTLETS = {"S1": ("O1",), "S2": ("O1", "O2"), "S3": ()}
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")


def ledger(text: str | bytes) -> tuple[Cleaning, ...]:
    data = text.encode() if isinstance(text, str) else text
    return cleanings_csv.parse(data, "c.csv", OUTLETS, NOW.date())


def hotline(text: str | bytes) -> tuple[Complaint, ...]:
    data = text.encode() if isinstance(text, str) else text
    return complaints_csv.parse(data, "c.csv", OUTLETS, NOW, ZONE)


def faults(parse: Callable[[str], object], text: str) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        parse(text)
    return [str(fault) for fault in refused.value.faults]


def test_an_outlet_is_named_by_its_code_or_by_its_only_site() -> None:
    assert ledger(
        "outlet_code,site_code,cleaned_on,note\n"
        "O2,,2026-11-01,\n,S1,2026/11/2,filters\nO1,S2,2026年11月3日,\n"
    ) == (
        Cleaning("O2", date(2026, 11, 1)),
        Cleaning("O1", date(2026, 11, 2), "filters"),
        Cleaning("O1", date(2026, 11, 3)),
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_chinese_ledger(encoding: str) -> None:
    text = "清洗日期\t排口编号\t备注\n2026-11-01\tO1\t大洗\n"
    assert ledger(text.encode(encoding)) == (Cleaning("O1", date(2026, 11, 1), "大洗"),)


def test_rows_that_say_the_same_are_one_cleaning() -> None:
    rows = "cleaned_on,outlet_code,note\n2026-11-01,O1,\n2026-11-01,O1,a\n2026-11-01,O1,a\n"
    assert ledger(rows) == (Cleaning("O1", date(2026, 11, 1), "a"),)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("X,,2026-11-01,", " outlet_code: no outlet has the code 'X'; see sites list"),
        (",X,2026-11-01,", " site_code: no site has the code 'X'; see sites list"),
        ("O2,S1,2026-11-01,", " outlet_code: O2 is no outlet of site S1, which has O1"),
        (",S2,2026-11-01,", " site_code: site S2 has 2 outlets (O1, O2); say which in outlet_code"),
        (",S3,2026-11-01,", " site_code: site S3 has no outlet; say which in outlet_code"),
        (",,2026-11-01,", ": names no outlet; give its outlet_code, or the site_code"),
        ("O1,,,x", " cleaned_on: missing; every row needs it"),
        ("O1,,last week,", " cleaned_on: 'last week' is not a date; write 2026-11-23"),
        ("O1,,2026-11-24,", " cleaned_on: 2026-11-24 lies ahead; record a cleaning once done"),
        ("=O1,,2026-11-01,", " outlet_code: '=O1' is a formula; paste its value"),
    ],
)
def test_a_bad_row_of_a_ledger(row: str, fault: str) -> None:
    header = "outlet_code,site_code,cleaned_on,note"
    assert faults(ledger, f"{header}\nO1,,2026-11-01,\n{row}\n") == [f"c.csv:3{fault}"]


def test_two_notes_on_one_cleaning_contradict_each_other() -> None:
    rows = "cleaned_on,outlet_code,note\n2026-11-01,O1,a\n2026-11-01,O1,b\n"
    assert faults(ledger, rows) == [
        "c.csv:3 note: O1 on 2026-11-01 has 'b' here and 'a' in line 2; make them the same"
    ]


def test_a_complaint_has_a_position_or_a_site_or_neither() -> None:
    assert hotline(
        "工单编号,受理时间,纬度,经度,单位编码,诉求地址,诉求内容\n"
        '1,2026-11-01 18:05,31.1742,121.4187,,示例路1号,"油烟\n  很大"\n'
        "2,2026/11/1 8:05:30,,,S1,,\n"
        "3,2026年11月1日18时5分,,,,示例路,\n"
        "4,2026-11-01T18:05:00Z,,,,,\n"
    ) == (
        Complaint(
            "1", datetime(2026, 11, 1, 18, 5, tzinfo=ZONE), 31.1742, 121.4187,
            address="示例路1号", text="油烟 很大",
        ),
        Complaint("2", datetime(2026, 11, 1, 8, 5, 30, tzinfo=ZONE), site_code="S1"),
        Complaint("3", datetime(2026, 11, 1, 18, 5, tzinfo=ZONE), address="示例路"),
        Complaint("4", datetime(2026, 11, 1, 18, 5, tzinfo=UTC)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (",2026-11-01 18:05,,,,", "number: missing; every row needs it"),
        ("2,,,,,x", "at: missing; every row needs it"),
        ("1,2026-11-01 18:05,,,,", "number: 1 is in line 2; delete one"),
        (
            "2,2026-11-01,,,,",
            "at: '2026-11-01' is not a day with its time; write 2026-11-23 18:05",
        ),
        ("2,0206-11-01 18:05,,,,", "at: '0206-11-01 18:05' lies before 2000; mind the year"),
        ("2,2026-11-01 18:05+99:00,,,,", "at: '2026-11-01 18:05+99:00' is no time of the calendar"),
        ("2,2026-11-31 18:05,,,,", "at: '2026-11-31 18:05' is no time of the calendar"),
        (
            "2,2026-11-23 20:01,,,,",
            "at: '2026-11-23 20:01' lies ahead; mind the zone, Asia/Shanghai where none is written",
        ),
        (
            "2,2026-11-01 18:05,31,,,",
            "latitude: latitude and longitude go together; give both or neither",
        ),
        ("2,2026-11-01 18:05,31,x,,", "longitude: 'x' is not degrees; write them like 31.1742"),
        ("2,2026-11-01 18:05,,,S9,", "site_code: no site has the code 'S9'; see sites list"),
        ("2,2026-11-01 18:05,,,," + "x" * 5001, "text: has 5,001 characters; 5000 are allowed"),
    ],
)
def test_a_bad_complaint(row: str, fault: str) -> None:
    header = "number,at,latitude,longitude,site_code,text"
    good = "1,2026-11-01 18:05,31.1742,121.4187,S1,x"
    assert faults(hotline, f"{header}\n{good}\n{row}\n") == [f"c.csv:3 {fault}"]


def test_every_bad_row_is_named_at_once() -> None:
    text = "number,at\n1,x\n2,2026-11-01 18:05\n3,y\n"
    assert [fault.split()[0] for fault in faults(hotline, text)] == ["c.csv:2", "c.csv:4"]


@given(st.text(max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_text_does_worse_than_be_refused(text: str) -> None:
    for parse, columns in ((ledger, cleanings_csv.COLUMNS), (hotline, complaints_csv.COLUMNS)):
        header = ",".join(column.name for column in columns)
        for data in (text, f"{header}\n{text}"):
            with contextlib.suppress(ImportRefused):
                parse(data.encode(errors="replace"))
