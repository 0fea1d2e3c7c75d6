"""One frame: what is forgiven, what is not, and what is said of it."""

import pytest

from fumewatch.core.decode.hj212.crc import printed
from fumewatch.core.decode.hj212.frame import (
    Flag,
    FrameError,
    check_values,
    instant_of,
    parse,
)
from fumewatch.core.decode.hj212.raw import raw
from fumewatch.core.decode.instant import UNREADABLE
from fumewatch.core.errors import DecodeError
from tests.core.hj212.samples import HEADER, TYPICAL, TYPICAL_CP, enclosed, made

NOON = 1_795_406_400_000_000  # 2026-11-23 12:00 in Shanghai
HEAD = "ST=31;CN=2011;PW=123456;MN=M1;Flag=4;"


def short_crc() -> bytes:
    """A frame whose checksum begins with a zero, sent without it."""
    segments = (f"{HEAD}CP=&&a=1;b={n}&&" for n in range(1000))
    segment = next(each for each in segments if printed(each.encode()).startswith("0"))
    return enclosed(segment, printed(segment.encode())[1:])


def test_a_typical_frame() -> None:
    frame = parse(TYPICAL)
    assert frame.header == HEADER
    assert (frame.command, frame.mn) == (2011, HEADER["MN"])
    assert frame.flag == Flag(ack=True, split=False, version="HJ 212-2017")
    assert frame.cp_fields == {"DataTime": "20211011123600"}
    assert frame.pollutants["a34041"] == {"Rtd": "0.82", "Flag": "N"}
    assert len(frame.fields) == len(TYPICAL_CP.split("=")) - 1
    assert frame.oddities == ()


@pytest.mark.parametrize(
    ("payload", "oddities", "strictly"),
    [
        pytest.param(TYPICAL, (), None, id="nothing"),
        pytest.param(TYPICAL[:-2], (), "missing_crlf", id="no CRLF"),
        pytest.param(TYPICAL[:-2] + b"\n", (), "missing_crlf", id="LF alone"),
        pytest.param(TYPICAL[:-2].lower()[-4:].join([TYPICAL[:-6], b"\r\n"]), (), None, id="crc"),
        pytest.param(made("a=1;b=2;"), (), None, id="a last semicolon"),
        pytest.param(made(ST="air"), (), None, id="ST as letters"),
        pytest.param(made("LAMPBLACK-Rtd=1,FANAD=2"), (), None, id="names as keys"),
        pytest.param(made("a34041-Foo=x,a=1"), (), None, id="an unknown suffix"),
        pytest.param(made(QN=None, Flag=None), (), None, id="neither QN nor Flag"),
        pytest.param(made(QN="2021"), (), None, id="a short QN"),
        pytest.param(enclosed("MN=M1;QN=1;CP=&&a=1&&"), (), None, id="any order"),
        pytest.param(short_crc(), ("padded_crc",), "padded_crc", id="unpadded CRC"),
        pytest.param(b"00" + TYPICAL, ("junk_before",), "stream", id="00 before"),
        pytest.param(TYPICAL + b"0", (), "stream", id="a byte behind"),
        pytest.param(b"\r\n" + TYPICAL, (), "stream", id="an empty line before"),
        pytest.param(made("a=1;a=2"), ("duplicate_key",), "duplicate_key", id="a key twice"),
        pytest.param(
            made("DataTime=20211011123600000;a=1"),
            ("datatime_17_digits",),
            "datatime_17_digits",
            id="milliseconds",
        ),
        pytest.param(
            enclosed("MN=M1;CP=&&a=1&&;Flag=5"),
            ("header_after_cp",),
            "header_after_cp",
            id="Flag after CP",
        ),
        pytest.param(
            enclosed("MN=M1;CP=&&a=1&&Flag=5;"),
            ("header_after_cp",),
            "header_after_cp",
            id="Flag right after CP",
        ),
        pytest.param(made("a=1;stray;b=2"), ("stray_item",), "stray_item", id="no equals sign"),
        pytest.param(made("a=" + "1" * 1000), ("over_1024",), "over_1024", id="over 1024 bytes"),
        pytest.param(enclosed("MN=M1;CP=&&a=1"), ("cp_unclosed",), "cp_unclosed", id="CP open"),
        pytest.param(
            enclosed("MN=M1;CP=&&a=清洗&&".encode("gb18030")), ("gb18030",), "gb18030", id="GB18030"
        ),
        pytest.param(
            enclosed(b"MN=M1;CP=&&a=\xff\xff&&"),
            ("unreadable_text",),
            "unreadable_text",
            id="no text",
        ),
    ],
)
def test_what_is_forgiven(payload: bytes, oddities: tuple[str, ...], strictly: str | None) -> None:
    assert parse(payload).oddities == oddities
    assert raw(payload, lenient=False).get("error") == strictly


@pytest.mark.parametrize(
    ("payload", "kind", "at"),
    [
        (b"", "not_hj212", 0),
        (b"hello", "not_hj212", 0),
        (b'{"fume": 1}', "not_hj212", 0),
        (b"##", "not_hj212", 0),
        (b"##0140", "truncated", 0),
        (b"##0007MN=1;A=" + printed(b"MN=1;A=").encode(), "no_cp", 0),
        (b"##QN=20211011123600000;ST=31", "bad_length_field", 2),
        (b"##-001" + TYPICAL[6:], "bad_length_field", 2),
        (TYPICAL[:-6] + b"zzzz\r\n", "crc_not_hex", len(TYPICAL) - 6),
        (TYPICAL[:-6], "truncated", len(TYPICAL) - 6),
        (TYPICAL[:-6] + b"\r\n", "truncated", len(TYPICAL) - 6),
        (TYPICAL[:40] + TYPICAL[50:], "length_mismatch", 2),
        (TYPICAL[:-8] + TYPICAL[-6:], "truncated", 0),
        (TYPICAL + TYPICAL, "stream", 0),
        (TYPICAL[:40] + TYPICAL, "stream", 0),
    ],
)
def test_what_is_not(payload: bytes, kind: str, at: int | None) -> None:
    with pytest.raises(FrameError) as strictly:
        parse(payload, lenient=False)
    with pytest.raises(DecodeError) as leniently:
        parse(payload)
    assert (strictly.value.kind, strictly.value.at) == (kind, at)
    assert (leniently.value.kind, leniently.value.at) == (kind, at)


def test_the_last_of_two_items_with_one_key_counts() -> None:
    assert parse(made("a=1;b=2;a=3")).fields == {"a": "3", "b": "2"}


@pytest.mark.parametrize(
    ("cp", "fields"),
    [
        ("", {}),
        (";", {}),
        ("a=", {"a": ""}),
        ("a=1", {"a": "1"}),
        ("a=b=c,d=1", {"a": "b=c", "d": "1"}),
        ("PolId=w01018,w01001;a=1", {"PolId": "w01018,w01001", "a": "1"}),
        ("i-Info=//a;b,c=d//;e=1", {"i-Info": "//a;b,c=d//", "e": "1"}),
        ("i-Info=//a/b//,e=1", {"i-Info": "//a/b//", "e": "1"}),
        ("i-Info=//a;b=1", {"i-Info": "//a", "b": "1"}),
        ("i-Url=http://x;b=1", {"i-Url": "http://x", "b": "1"}),
        ('a="1\\n";b=\\"', {"a": '"1\\n"', "b": '\\"'}),
        ('a=x","y":"z', {"a": 'x","y":"z'}),
        ("=1;a=2", {"": "1", "a": "2"}),
    ],
)
def test_items(cp: str, fields: dict[str, str]) -> None:
    assert parse(made(cp)).fields == fields


def test_a_code_may_have_a_hyphen_of_its_own() -> None:
    assert parse(made("PM-10-Rtd=1,PM-10-Flag=N")).pollutants == {
        "PM-10": {"Rtd": "1", "Flag": "N"}
    }


@pytest.mark.parametrize(
    ("written", "flag"),
    [
        ("0", Flag(False, False, "HJ/T 212-2005")),
        ("4", Flag(False, False, "HJ 212-2017")),
        ("7", Flag(True, True, "HJ 212-2017")),
        ("9", Flag(True, False, "HJ 212-2025")),
        ("12", Flag(False, False, "unknown version 3")),
        ("x", None),
        ("", None),
        ("٣", None),
        ("9" * 5000, None),
    ],
)
def test_the_bits_of_flag(written: str, flag: Flag | None) -> None:
    assert parse(made("a=1", Flag=written)).flag == flag


@pytest.mark.parametrize(("written", "command"), [("2011", 2011), ("", 0), ("x", 0), ("-1", 0)])
def test_the_command(written: str, command: int) -> None:
    assert parse(made(CN=written)).command == command


def test_a_frame_without_command_or_monitor() -> None:
    frame = parse(enclosed("CP=&&a=1;b=2&&"))
    assert (frame.command, frame.mn, frame.flag, frame.packet) == (0, "", None, None)


def test_frames_of_one_monitor_do_not_share_their_header() -> None:
    for payload in (TYPICAL, made(QN=None)):
        parse(payload).header["MN"] = "spoilt"
        assert parse(payload).mn == HEADER["MN"]


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("20261123120000", NOON),
        ("20261123120000250", NOON + 250_000),
        ("20261323120000", UNREADABLE),
        ("20260230120000", UNREADABLE),
        ("20261123126000", UNREADABLE),
        ("00000101000000", UNREADABLE),
        ("2026112312000", UNREADABLE),
        ("202611231200000", UNREADABLE),
        ("2026-11-23 12:00", UNREADABLE),
        ("２０２６１１２３１２００００", UNREADABLE),
        ("", UNREADABLE),
    ],
)
def test_times(written: str, instant: int) -> None:
    assert instant_of(written) == instant


@pytest.mark.parametrize(
    ("cp", "kind", "facts"),
    [
        ("DataTime=20211311123600", "bad_datatime", {"field": "DataTime"}),
        ("DataTime=", "bad_datatime", {"field": "DataTime"}),
        ("a-Rtd=NaN", "bad_value", {"field": "a-Rtd"}),
        ("a-Rtd=", "bad_value", {"field": "a-Rtd"}),
        ("a-Rtd=1_0", "bad_value", {"field": "a-Rtd"}),
        ("a-Rtd=1e999", "bad_value", {"field": "a-Rtd"}),
        ("a-Rtd=1;a-ZsAvg=inf", "bad_value", {"field": "a-ZsAvg"}),
        ("SB1-RS=on", "bad_value", {"field": "SB1-RS"}),
        ("a-Avg=-9999", "sentinel_value", {"field": "a-Avg", "value": -9999.0}),
        ("a-Flag=n", "unknown_data_flag", {"field": "a-Flag", "flag": "n"}),
        ("a-Flag=NF", "unknown_data_flag", {"field": "a-Flag", "flag": "NF"}),
    ],
)
def test_values_that_say_nothing(cp: str, kind: str, facts: dict[str, object]) -> None:
    frame = parse(made(cp))
    with pytest.raises(FrameError) as raised:
        check_values(frame)
    assert raised.value.kind == kind
    assert raised.value.facts == facts | {"crc_ok": True}
    assert str(facts["field"]) in raised.value.detail


@pytest.mark.parametrize(
    "cp",
    ["a-Rtd=+1.", "a-Rtd=-.5e-3", "a-Rtd= 1 ", "a-Info=NaN", "a=NaN", "a-SampleTime=x", "a-Flag=B"],
)
def test_values_that_say_something(cp: str) -> None:
    check_values(parse(made(cp)))


def test_leniently_only_a_data_flag_may_be_unknown() -> None:
    assert "error" not in raw(made("a-Rtd=1,a-Flag=x"), lenient=True)
    assert raw(made("a-Flag=x;a-Rtd=NaN"), lenient=True)["error"] == "bad_value"
