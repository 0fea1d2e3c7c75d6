"""Encrypted frames of HJ 212-2025."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode.hj212 import sm4
from fumewatch.core.decode.hj212.frame import FrameError, parse
from fumewatch.core.decode.hj212.stream import Stream, frames
from tests.core.hj212.samples import HEADER, TYPICAL_CP, made

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
OTHER = bytes(16)
FORMS = st.sampled_from(["hex", "base64"])
PADDINGS = st.sampled_from(["pkcs7", "zero"])


def key_of(mn: str) -> bytes | None:
    return KEY if mn == HEADER["MN"] else None


def encrypted(cp: str, flag: str = "9", form: sm4.Form = "hex") -> bytes:
    return made(sm4.encrypt(KEY, cp.encode(), form=form), Flag=flag)


def test_the_example_of_gb_t_32907() -> None:
    blocks = sm4.encrypt(KEY, KEY, padding="zero")
    assert blocks == "681EDF34D206965E86B3E94F536E4246"
    assert sm4.decrypt(KEY, bytes.fromhex(blocks)) == KEY


@given(st.text("ab=;01油", min_size=1), FORMS, PADDINGS)
def test_what_was_encrypted_is_read_back(text: str, form: sm4.Form, padding: sm4.Padding) -> None:
    written = sm4.encrypt(KEY, text.encode(), padding=padding, form=form)
    blocks = sm4.ciphertext(written)
    assert blocks is not None
    assert sm4.decrypt(KEY, blocks).decode() == text


@pytest.mark.parametrize("text", ["", "a=1", "RtdInterval=30", "abc", "Pol=", "12 34", "0" * 30])
def test_what_is_no_ciphertext(text: str) -> None:
    assert sm4.ciphertext(text) is None


@pytest.mark.parametrize("cp", [TYPICAL_CP, "a=1", "RtdInterval=30", "i-Info=//清洗//", "a=1" * 10])
@pytest.mark.parametrize("form", ["hex", "base64"])
def test_an_encrypted_frame(cp: str, form: sm4.Form) -> None:
    frame = parse(encrypted(cp, form=form), key_of=key_of)
    assert frame.fields == parse(made(cp)).fields
    assert frame.flag is not None
    assert frame.flag.version == "HJ 212-2025"


def test_a_frame_of_2025_may_come_in_the_clear() -> None:
    for cp in (TYPICAL_CP, "RtdInterval=30", ""):
        assert parse(made(cp, Flag="9")).fields == parse(made(cp)).fields


def test_without_its_key_the_error_names_the_monitor() -> None:
    payload = encrypted(TYPICAL_CP)
    for read in (frames(payload), frames(payload, key_of=lambda mn: None), Stream().feed(payload)):
        (fault,) = read
        assert isinstance(fault, FrameError)
        assert fault.kind == "no_key"
        assert HEADER["MN"] in fault.detail


@pytest.mark.parametrize(
    ("payload", "key", "kind"),
    [
        (encrypted(TYPICAL_CP), OTHER, "bad_cipher"),
        (encrypted("no item at all"), KEY, "bad_cipher"),
        (made("scrambled", Flag="9"), KEY, "bad_cipher"),
        (encrypted(TYPICAL_CP), b"short", "no_key"),
    ],
)
def test_what_cannot_be_deciphered(payload: bytes, key: bytes, kind: str) -> None:
    with pytest.raises(FrameError) as leniently:
        parse(payload, key_of=lambda mn: key)
    with pytest.raises(FrameError) as strictly:
        parse(payload, lenient=False, key_of=lambda mn: key)
    assert (leniently.value.kind, strictly.value.kind) == (kind, kind)


def test_before_2025_nothing_is_encrypted() -> None:
    frame = parse(encrypted(TYPICAL_CP, flag="5"), key_of=key_of)
    assert (frame.fields, frame.oddities) == ({}, ("stray_item",))
