"""Whatever the bytes, nothing but a DecodeError comes out, and something always does."""

import json
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.decode.hj212.frame import Frame, FrameError, check_values, parse
from fumewatch.core.decode.hj212.raw import raw
from fumewatch.core.decode.hj212.stream import Stream, frames
from fumewatch.core.errors import DecodeError
from tests.core.hj212.samples import FRAMES, SAMPLES

FRAMES_OF_THE_FILE = st.sampled_from([sample["frame"].encode() for sample in SAMPLES])
SCRAPS = [b"##", b"0100", b"&&", b"CP=&&", b";", b",", b"=", b"//", b"\r\n", b"Flag=9;", b"1C80"]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A frame with some of its bytes replaced, left out, or moved."""
    payload = bytearray(draw(st.one_of(FRAMES_OF_THE_FILE, FRAMES)))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(payload)))
        width = draw(st.integers(0, 8))
        payload[place : place + width] = draw(st.one_of(st.binary(max_size=4), scraps()))
    return bytes(payload)


def scraps() -> st.SearchStrategy[bytes]:
    return st.lists(st.sampled_from(SCRAPS), max_size=6).map(b"".join)


PAYLOADS = st.one_of(
    st.binary(max_size=300),
    scraps(),
    mutated(),
    FRAMES_OF_THE_FILE.flatmap(lambda f: st.integers(0, len(f)).map(lambda place: f[:place])),
    st.lists(mutated(), max_size=3).map(b"".join),
)


def key_of(mn: str) -> bytes | None:
    return bytes(16) if len(mn) % 2 else None


@settings(max_examples=200)
@given(PAYLOADS, st.booleans())
def test_any_payload(payload: bytes, modbus: bool) -> None:
    read = frames(payload, modbus=modbus, key_of=key_of)
    assert read
    for each in read:
        assert isinstance(each, Frame | FrameError)
    for lenient in (False, True):
        told = raw(payload, lenient=lenient, modbus=modbus, key_of=key_of)
        assert json.loads(json.dumps(told)) == told
        with suppress(DecodeError):
            parse(payload, lenient=lenient, modbus=modbus, key_of=key_of)
        assert str(told.get("error", "none")).isidentifier()


@given(PAYLOADS)
def test_what_can_be_said_of_a_frame_can_be_said_of_any(payload: bytes) -> None:
    for each in frames(payload, key_of=key_of):
        if isinstance(each, Frame):
            assert each.command >= 0
            assert len(each.cp_fields) + sum(map(len, each.pollutants.values())) <= len(each.fields)
            with suppress(DecodeError):
                check_values(each)


@given(st.lists(PAYLOADS, max_size=6))
def test_any_stream(pieces: list[bytes]) -> None:
    stream = Stream(modbus=True, key_of=key_of)
    read = [each for piece in pieces for each in stream.feed(piece)] + stream.end()
    assert all(isinstance(each, Frame | FrameError) for each in read)
    assert stream.kept == 0
