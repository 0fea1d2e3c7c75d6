"""Frames to send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode.hj212.encode import acknowledgement, encode
from fumewatch.core.decode.hj212.frame import FrameError, parse
from tests.core.hj212.samples import CPS, HEADER, HEADERS, SAMPLES, TYPICAL, made


@given(HEADERS, CPS, st.booleans(), st.sampled_from(["standard", "modbus"]))
def test_what_is_encoded_is_read_back(
    header: dict[str, str], cp: str, crlf: bool, crc: str
) -> None:
    payload = encode(header, cp, crlf=crlf, crc=crc)  # type: ignore[arg-type]
    frame = parse(payload, modbus=crc == "modbus")
    assert frame.header == header
    assert frame.declared_length == len(payload) - 10 - 2 * crlf
    assert ";".join(f"{key}={value}" for key, value in frame.fields.items()) == cp


@pytest.mark.parametrize("sample", [each for each in SAMPLES if each["valid"]], ids=str)
def test_the_samples_are_written_as_they_are(sample: dict[str, str]) -> None:
    payload = sample["frame"].encode()
    cp = sample["frame"].split("&&")[1]
    assert encode(parse(payload).header, cp).upper() == payload.upper()


def test_a_modbus_checksum_is_written_low_byte_first() -> None:
    (sample,) = (each for each in SAMPLES if "crc_variant" in each["expect"])
    payload = sample["frame"].encode()
    header = {"ST": "31", "CN": "2011", "PW": "123456", "MN": "4201003"}
    assert encode(header, sample["frame"].split("&&")[1], crc="modbus") == payload


def test_the_acknowledgement_of_the_standard() -> None:
    asked = made(QN="20160801085857223", Flag="5")
    (expected,) = (each["frame"].encode() for each in SAMPLES if "CN=9014" in each["frame"])
    assert acknowledgement(parse(asked)) == expected


@pytest.mark.parametrize(
    ("flag", "answered"), [("5", "4"), ("7", "4"), ("9", "8"), ("11", "8"), ("1", "0")]
)
def test_an_acknowledgement_asks_for_none_and_is_not_split(flag: str, answered: str) -> None:
    assert parse(acknowledgement(parse(made(Flag=flag)))).header["Flag"] == answered


def test_an_acknowledgement_has_what_the_frame_has() -> None:
    answer = parse(acknowledgement(parse(made(QN=None, PW=None, Flag="x"))), lenient=False)
    assert answer.header == {"ST": "91", "CN": "9014", "MN": HEADER["MN"]}
    assert answer.fields == {}


def test_what_four_digits_cannot_tell_is_refused() -> None:
    with pytest.raises(FrameError) as raised:
        encode(HEADER, "a" * 10_000)
    assert raised.value.kind == "too_large"
    assert parse(TYPICAL, lenient=False).declared_length == len(TYPICAL) - 12
