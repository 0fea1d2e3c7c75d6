"""Every frame of hj212_frames.json, strictly and leniently: what each must give."""

from typing import Any

import pytest

from fumewatch.core.decode.hj212.frame import Frame, FrameError, parse
from fumewatch.core.decode.hj212.raw import raw
from fumewatch.core.decode.hj212.stream import frames
from tests.core.hj212.samples import SAMPLES, enclosed

GOOD = [sample for sample in SAMPLES if sample["valid"]]
BAD = [sample for sample in SAMPLES if not sample["valid"]]


def of(kind: str, start: str = "##") -> bytes:
    """The bad sample with this error."""
    (found,) = (
        sample["frame"].encode()
        for sample in BAD
        if sample["expect"]["error"] == kind and sample["frame"].startswith(start)
    )
    return found


def test_the_file_is_whole() -> None:
    assert (len(GOOD), len(BAD)) == (14, 12)


@pytest.mark.parametrize("sample", GOOD, ids=lambda sample: sample["frame"][:24])
@pytest.mark.parametrize("lenient", [False, True])
def test_a_good_frame(sample: dict[str, Any], lenient: bool) -> None:
    payload = sample["frame"].encode()
    assert raw(payload, lenient=lenient) == sample["expect"]
    assert parse(payload, lenient=lenient).oddities == ()


@pytest.mark.parametrize("sample", BAD, ids=lambda sample: sample["expect"]["error"])
def test_a_bad_frame_strictly(sample: dict[str, Any]) -> None:
    expected = {key: fact for key, fact in sample["expect"].items() if key != "lenient"}
    told = raw(sample["frame"].encode(), lenient=False)
    assert {key: told.get(key) for key in expected} == expected
    assert len(told["detail"]) > 10


STILL_BAD = [sample for sample in BAD if "lenient" not in sample["expect"]]


@pytest.mark.parametrize(
    "sample", STILL_BAD[:-1], ids=[sample["expect"]["error"] for sample in STILL_BAD[:-1]]
)
def test_a_bad_frame_that_leniency_does_not_help(sample: dict[str, Any]) -> None:
    payload = sample["frame"].encode()
    told = raw(payload, lenient=True)
    assert {key: told.get(key) for key in sample["expect"]} == sample["expect"]


def test_leniently_a_line_end_may_be_missing() -> None:
    payload = of("missing_crlf")
    assert raw(payload, lenient=True) == raw(payload + b"\r\n", lenient=False)


def test_leniently_a_modbus_checksum_is_taken_where_the_profile_says_so_and_counted() -> None:
    (payload,) = (each["frame"].encode() for each in BAD if "crc_variant" in each["expect"])
    assert parse(payload, modbus=True).oddities == ("crc_modbus",)
    shown = raw(payload, lenient=True, modbus=True)
    assert shown["pollutants"]["801"] == {"Rtd": "2.920", "Flag": "N"}
    assert shown["crc"] == "A6EC"
    assert raw(payload, lenient=True)["error"] == "crc_mismatch"


def test_leniently_an_unknown_data_flag_is_kept() -> None:
    shown = raw(of("unknown_data_flag"), lenient=True)
    assert shown["pollutants"] == {"a34041": {"Rtd": "0.82", "Flag": "X"}}


def test_leniently_a_wrong_length_is_got_over() -> None:
    payload = of("length_mismatch", "##0144")
    frame = parse(payload)
    assert frame.fields["i11001-Info"] == "//清洗管路//"
    assert frame.declared_length == 144
    assert frame.oddities == ("length",)


def test_leniently_all_frames_of_a_stream_are_had() -> None:
    payload = of("stream", "00##")
    first, lost, second = frames(payload)
    assert isinstance(first, Frame)
    assert isinstance(second, Frame)
    assert isinstance(lost, FrameError)
    assert (first.fields["a34041-Rtd"], second.fields["a34041-Rtd"]) == ("0.82", "0.83")
    assert first.oddities == ("junk_before",)
    assert (lost.kind, lost.at) == ("truncated", payload.index(b"garbage") + 9)
    shown = raw(payload, lenient=True)
    assert shown["frames_recoverable"] == 2
    assert [each["pollutants"]["a34041"]["Rtd"] for each in shown["frames"]] == ["0.82", "0.83"]
    assert [each["error"] for each in shown["faults"]] == ["truncated"]


@pytest.mark.parametrize("kind", ["bad_datatime", "bad_value", "sentinel_value"])
def test_the_lenient_parser_leaves_the_values_to_who_translates_them(kind: str) -> None:
    assert parse(of(kind)).oddities == ()


@pytest.mark.parametrize("sample", GOOD, ids=lambda sample: sample["frame"][:24])
def test_a_good_frame_with_one_byte_changed_is_refused_or_counted(sample: dict[str, Any]) -> None:
    payload = sample["frame"].encode()
    segment = payload[6 : 6 + sample["expect"]["declared_length"]]
    damaged = segment.replace(b"CN=", b"CM=")
    told = raw(payload.replace(segment, damaged), lenient=False)
    assert told["error"] == "crc_mismatch"
    assert enclosed(damaged).endswith(told["crc_expected"].encode() + b"\r\n")
