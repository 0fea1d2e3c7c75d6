"""sites.csv: what people's files say, and what is said of the wrong ones."""

import contextlib
import csv
import io
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch.core.errors import ImportRefused
from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.sites_csv import COLUMNS, parse, write
from fumewatch.core.table import LARGEST_FILE

PROFILES = ("GB 18483-2001", "DB31/844-2014")
EXAMPLE = Path(__file__).parent.parent / "deploy/sites.example.csv"
GOOD = {
    "district": "xuhui",
    "street": "田林街道",
    "site_code": "S1",
    "site": "川渝小馆",
    "outlet_code": "O1",
    "limit_profile": "DB31/844-2014",
    "monitor": "M1",
}


def table(*rows: dict[str, str], header: tuple[str, ...] = (), delimiter: str = ",") -> bytes:
    """A file of good rows, each with its own changes."""
    out = io.StringIO()
    names = header or tuple(column.name for column in COLUMNS)
    writer = csv.DictWriter(out, names, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({**GOOD, **row} for row in rows)
    return out.getvalue().encode()


def read(data: bytes) -> Facts:
    return parse(data, "sites.csv", PROFILES)


def faults(data: bytes) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        read(data)
    return [str(fault) for fault in refused.value.faults]


def test_one_row_makes_a_site_an_outlet_and_a_monitor() -> None:
    row = {
        "address": "示例路1号",
        "contact": "王经理",
        "size_class": "中型",
        "business_hours": "10:30～14:00；16:30-02：00",
        "tags": "川菜、重点; 川菜",
        "cleaned_at": "2026年9月1日",
        "vendor": "云炊",
        "model": "CF-1",
        "latitude": "31.17420",
        "longitude": "121.4187",
    }
    assert read(table(row)) == Facts(
        (
            SiteFacts(
                "S1",
                "川渝小馆",
                "xuhui",
                "田林街道",
                "示例路1号",
                "王经理",
                "medium",
                "10:30-14:00, 16:30-02:00",
                ("川菜", "重点"),
                31.1742,
                121.4187,
            ),
        ),
        (OutletFacts("O1", "S1", ("S1",), "DB31/844-2014", cleaned_at=date(2026, 9, 1)),),
        (MonitorFacts("xuhui", "M1", "O1", "云炊", "CF-1"),),
    )


def test_a_shared_flue_has_a_row_for_each_site_and_one_that_answers_for_it() -> None:
    facts = read(
        table(
            {"responsible": "是"},
            {"site_code": "S2", "site": "面馆", "responsible": "否", "limit_profile": ""},
            {"site_code": "S3", "site": "粥铺", "monitor": "", "vendor": ""},
        )
    )
    assert facts.outlets == (OutletFacts("O1", "S1", ("S1", "S2", "S3"), "DB31/844-2014"),)
    assert facts.monitors == (MonitorFacts("xuhui", "M1", "O1"),)


def test_a_site_with_two_outlets_need_not_repeat_itself() -> None:
    facts = read(
        table(
            {"address": "示例路1号"},
            {"site": "", "street": "", "outlet_code": "O2", "monitor": "M2"},
        )
    )
    assert [site.address for site in facts.sites] == ["示例路1号"]
    assert [outlet.code for outlet in facts.outlets] == ["O1", "O2"]


def test_an_outlet_without_a_number_takes_that_of_its_site() -> None:
    facts = read(table({"outlet_code": "", "monitor": ""}))
    assert facts.outlets == (OutletFacts("S1", "S1", ("S1",), "DB31/844-2014"),)
    assert facts.monitors == ()


CHINESE = (
    "行政区,街镇,单位编码,餐饮单位,地址,联系人,规模,营业时间,标签,"
    "排口编码,排口名称,排放限值,清洗日期,监测仪编号,厂商,型号,责任单位\r\n"
    "xuhui,田林街道,S1,川渝小馆,,,,,,O1,,DB31/844-2014,,M1,,,\r\n"
)


@pytest.mark.parametrize(
    "data",
    [
        CHINESE.encode(),
        CHINESE.encode("utf-8-sig"),
        CHINESE.encode("gb18030"),
        CHINESE.replace(",", "\t").encode("utf-16"),
        CHINESE.replace(",", ";").encode(),
        CHINESE.replace(",", "\t").encode(),
        CHINESE.replace("\r\n", "\n").encode(),
        ("\n\n" + CHINESE + ",,,\n\n").encode(),
        CHINESE.replace("行政区", " District ").replace("街镇", "STREET").encode(),
    ],
    ids=["utf-8", "bom", "gb18030", "utf-16", "semicolon", "tab", "lf", "blanks", "case"],
)
def test_every_way_people_save_the_file(data: bytes) -> None:
    assert read(data) == read(table({}))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"district": ""}, "district: missing; every row needs it"),
        ({"site_code": ""}, "site_code: missing; every row needs it"),
        ({"street": ""}, "street: missing for 'S1'; no row gives it"),
        ({"site": ""}, "site: missing for 'S1'; no row gives it"),
        ({"limit_profile": ""}, "limit_profile: missing for 'O1'; no row gives it"),
        (
            {"limit_profile": "DB31/844"},
            "limit_profile: no [[limit]] of the configuration is named 'DB31/844'; "
            "did you mean 'DB31/844-2014'?",
        ),
        (
            {"size_class": "巨大"},
            "size_class: '巨大' is not one of small, medium, large (小型, 中型, 大型)",
        ),
        (
            {"business_hours": "全天"},
            "business_hours: '全天' is not a span of hours like 10:30-14:00; words are workday, "
            "weekend, holiday, closed (工作日, 周末, 节假日, 休息)",
        ),
        (
            {"business_hours": "9:00-25:00"},
            "business_hours: '9:00-25:00' has a time that no clock shows",
        ),
        ({"cleaned_at": "上周"}, "cleaned_at: '上周' is not a date; write 2026-11-23"),
        ({"cleaned_at": "2026-02-30"}, "cleaned_at: '2026-02-30' is no day of the calendar"),
        ({"latitude": "31°10′"}, "latitude: '31°10′' is not degrees; write them like 31.1742"),
        (
            {"latitude": "121.4187", "longitude": "31.1742"},
            "latitude: 121.4187 is no latitude: it lies beyond 90; "
            "are latitude and longitude swapped?",
        ),
        (
            {"longitude": "121.4187"},
            "latitude: latitude and longitude go together; give both or neither",
        ),
        (
            {"latitude": "0", "longitude": "0.0"},
            "longitude: 0, 0 lies in the sea off Africa; leave an unknown position empty",
        ),
        ({"responsible": "也许"}, "responsible: '也许' is neither yes nor no (是, 否)"),
        (
            {"responsible": "no"},
            "responsible: outlet O1 serves 1 site(s) and none is responsible; say yes for one",
        ),
        ({"monitor": "a/b"}, "monitor: 'a/b' has '/', which no topic level of a monitor has"),
        ({"district": "徐 汇"}, "district: '徐 汇' has ' ', which no topic level of a monitor has"),
        (
            {"monitor": "3.10104E+11"},
            "monitor: '3.10104E+11' is a number that Excel has rounded; format the column as text",
        ),
        ({"monitor": "M" * 65}, "monitor: has 65 characters; 64 are allowed"),
        ({"site": '=HYPERLINK("x")'}, "site: '=HYPERLINK(\"x\")' is a formula; paste its value"),
        ({"contact": "@SUM(A1)"}, "contact: '@SUM(A1)' is a formula; paste its value"),
        ({"site": "a\0b"}, "site: has the character U+0000, which does not print; delete it"),
        ({"site": "a\nb"}, "site: has the character U+000A, which does not print; delete it"),
        ({"address": "x" * 501}, "address: has 501 characters; 500 are allowed"),
    ],
)
def test_a_bad_cell_is_named_with_what_to_do(changes: dict[str, str], fault: str) -> None:
    assert faults(table(changes)) == [f"sites.csv:2 {fault}"]


@pytest.mark.parametrize(
    ("first", "second", "fault"),
    [
        (
            {},
            {"site": "面馆", "outlet_code": "O2", "monitor": "M2"},
            "site: site S1 has '面馆' here and '川渝小馆' in line 2; make them the same",
        ),
        (
            {},
            {"site_code": "S2", "site": "面馆", "responsible": "yes", "limit_profile": PROFILES[0]},
            "limit_profile: outlet O1 has 'GB 18483-2001' here and 'DB31/844-2014' in line 2; "
            "make them the same",
        ),
        (
            {},
            {"outlet_code": "O2"},
            "outlet_code: monitor M1 has 'O2' here and 'O1' in line 2; make them the same",
        ),
        ({}, {}, ": same site, outlet and monitor as line 2; delete one"),
        (
            {"responsible": "yes"},
            {"site_code": "S2", "site": "面馆", "responsible": "yes"},
            "responsible: outlet O1 serves 2 site(s) and S1 and S2 are responsible; "
            "say yes for one",
        ),
    ],
)
def test_rows_that_contradict_each_other(
    first: dict[str, str], second: dict[str, str], fault: str
) -> None:
    assert faults(table(first, second)) == [f"sites.csv:3 {fault}".replace(" :", ":")]


def test_the_same_code_in_two_districts_is_two_monitors() -> None:
    facts = read(table({}, {"district": "minhang", "site_code": "S2", "outlet_code": "O2"}))
    assert [(m.district, m.code) for m in facts.monitors] == [("xuhui", "M1"), ("minhang", "M1")]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["sites.csv:1: is empty; the first line must name the columns"]),
        (b"\n\n", ["sites.csv:1: is empty; the first line must name the columns"]),
        (b"\xff\xff\xff\xff", ["sites.csv:1: is neither UTF-8 nor GB18030; save it as CSV UTF-8"]),
        (
            table({}).replace(b"street", b"stret"),
            [
                "sites.csv:1 'stret': column 2 has an unknown name; did you mean 'street'?",
                "sites.csv:1 street: column missing; add one named street / 街镇 / 街道",
            ],
        ),
        (
            table({}).replace(b"vendor", b"street"),
            ["sites.csv:1 street: is there twice; delete one of the two columns"],
        ),
        (
            table({}).replace(b",M1,,,,,", b",M1,,,,,,,x"),
            ["sites.csv:2: cells beyond its 19 columns; quote text with a delimiter in it"],
        ),
        (
            table({}) + b'xuhui,"never closed',
            ["sites.csv:3: cannot be read from here on: unexpected end of data; mind the quotes"],
        ),
        (
            table({"site": "x" * 1_000_000}),
            [
                "sites.csv:2: cannot be read from here on: field larger than field limit (131072); "
                "mind the quotes"
            ],
        ),
        (
            b"x" * (LARGEST_FILE + 1),
            ["sites.csv:1: has 67,108,865 bytes; 67,108,864 are allowed"],
        ),
    ],
    ids=["empty", "blank", "binary", "header", "twice", "cells", "quote", "1 MB", "64 MB"],
)
def test_files_that_are_no_table(data: bytes, expected: list[str]) -> None:
    assert faults(data) == expected


def test_every_bad_row_is_named_at_once_in_the_order_of_the_file() -> None:
    rows = [{"site_code": f"S{n}", "outlet_code": f"O{n}", "monitor": f"M{n}"} for n in range(5)]
    rows[1]["cleaned_at"] = "x"
    rows[2]["limit_profile"] = "none"
    rows[4]["street"] = ""
    assert [re.sub(r":? .*", "", fault) for fault in faults(table(*rows))] == [
        "sites.csv:3",
        "sites.csv:4",
        "sites.csv:6",
    ]


def test_the_example_is_accepted() -> None:
    facts = parse(EXAMPLE.read_bytes(), EXAMPLE.name, ["DB31/844-2014"])
    assert [len(facts.sites), len(facts.outlets), len(facts.monitors)] == [5, 5, 4]
    assert facts.outlets[3].sites == ("XH-0010", "XH-0011")


codes = st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True).filter(
    lambda code: not re.fullmatch(r"\d(\.\d+)?[Ee]\+\d+", code)
)
texts = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=20
).map(lambda text: text.strip().lstrip("=@").strip())
names = texts.filter(bool)
tags = st.lists(
    names.filter(lambda tag: not re.search(r"[;；、,，|]", tag)), max_size=3, unique=True
)

positions = st.just((None, None)) | st.tuples(
    st.floats(-90, 90).map(lambda degrees: round(degrees, 7)),
    st.floats(1, 180).map(lambda degrees: round(degrees, 7)),
)


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    sites = [
        SiteFacts(
            code,
            draw(names),
            draw(codes),
            draw(names),
            draw(texts),
            draw(texts),
            draw(st.sampled_from(["", "small", "medium", "large"])),
            draw(st.sampled_from(["", "10:30-14:00, 16:30-02:00", "00:00-24:00"])),
            tuple(draw(tags)),
            *draw(positions),
        )
        for code in draw(st.lists(codes, min_size=1, max_size=4, unique=True))
    ]
    known = {site.code: site for site in sites}
    outlets = [
        draw(_outlet(code, sorted(known)))
        for code in draw(st.lists(codes, max_size=4, unique=True))
    ]
    used = {code for outlet in outlets for code in outlet.sites}
    monitors = {
        (known[outlet.responsible_site].district, code): outlet.code
        for outlet in outlets
        for code in draw(st.lists(codes, max_size=2, unique=True))
        if len({known[site].district for site in outlet.sites}) == 1
    }
    return Facts(
        tuple(site for site in sites if site.code in used),
        tuple(outlets),
        tuple(
            MonitorFacts(*key, outlet, draw(texts), draw(texts)) for key, outlet in monitors.items()
        ),
    )


@st.composite
def _outlet(draw: st.DrawFn, code: str, sites: list[str]) -> OutletFacts:
    served = draw(st.lists(st.sampled_from(sites), min_size=1, unique=True))
    return OutletFacts(
        code,
        draw(st.sampled_from(served)),
        tuple(sorted(served)),
        draw(st.sampled_from(PROFILES)),
        draw(texts),
        draw(st.none() | st.dates(date(1970, 1, 1), date(2100, 1, 1))),
    )


def sorted_facts(facts: Facts) -> tuple[frozenset[object], ...]:
    return frozenset(facts.sites), frozenset(facts.outlets), frozenset(facts.monitors)


@given(all_facts())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_written_reads_back(facts: Facts) -> None:
    assert sorted_facts(read(write(facts).encode())) == sorted_facts(facts)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
@settings(max_examples=100, deadline=None)
def test_no_bytes_do_worse_than_be_refused(data: bytes) -> None:
    header = ",".join(column.name for column in COLUMNS).encode() + b"\n"
    for file in (data, header + data):
        with contextlib.suppress(ImportRefused):
            read(file)
