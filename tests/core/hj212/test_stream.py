"""Many frames: cut anywhere, with anything between them."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode.hj212 import scan
from fumewatch.core.decode.hj212.plain import plain
from fumewatch.core.decode.hj212.scan import MOST_BYTES, Scan, Ways, crc_variant
from fumewatch.core.decode.hj212.stream import MOST_FAULTS, Frame, FrameError, Stream, frames
from tests.core.hj212.samples import CPS, FRAMES, GARBAGE, HEADER, HEADERS, TYPICAL, enclosed, made

Read = list[Frame | FrameError]


def told(read: Read) -> list[object]:
    """Errors by what they say: they do not compare."""
    return [(e.kind, e.detail, e.at, e.facts) if isinstance(e, FrameError) else e for e in read]


def fed(pieces: list[bytes], *, modbus: bool = False) -> Read:
    stream = Stream(modbus=modbus)
    return [each for piece in pieces for each in stream.feed(piece)] + stream.end()


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


@given(st.lists(st.tuples(GARBAGE, FRAMES), min_size=1, max_size=4), GARBAGE)
def test_every_frame_is_found_whatever_stands_between(
    parts: list[tuple[bytes, bytes]], last: bytes
) -> None:
    stream = b"".join(garbage + frame for garbage, frame in parts) + last
    found = [each for each in frames(stream) if isinstance(each, Frame)]
    alone = [frames(frame)[0] for _, frame in parts]
    assert [(each.header, each.fields) for each in found] == [
        (each.header, each.fields) for each in alone if isinstance(each, Frame)
    ]
    assert len(found) == len(parts)


PIECES = st.one_of(
    FRAMES,
    GARBAGE,
    FRAMES.map(lambda frame: frame[:30]),
    FRAMES.map(lambda frame: frame[20:]),
    FRAMES.map(lambda frame: b"##0100" + frame[6:]),
    FRAMES.map(lambda frame: b"##9999" + frame[6:]),
    FRAMES.map(lambda frame: b"##1x" + frame[6:]),
    FRAMES.map(lambda frame: frame.replace(b"&&", b"&", 1)),
    FRAMES.map(lambda frame: frame.replace(b"MN=", b"NM=")),
)


@given(st.lists(PIECES, max_size=5), st.lists(st.integers(0, 10_000), max_size=8), st.booleans())
def test_how_a_stream_is_cut_makes_no_difference(
    pieces: list[bytes], places: list[int], modbus: bool
) -> None:
    stream = b"".join(pieces)
    whole = told(fed([stream], modbus=modbus))
    assert told(fed(cut(stream, places), modbus=modbus)) == whole
    assert told(fed([bytes([byte]) for byte in stream], modbus=modbus)) == whole
    if stream and whole:
        assert told(frames(stream, modbus=modbus)) == whole


CPS_OF_ALL_SORTS = st.one_of(CPS, st.text('ab=;,&/"\\\n油-', max_size=16))


@given(HEADERS, CPS_OF_ALL_SORTS, st.booleans(), st.booleans())
def test_the_short_way_gives_what_the_long_way_gives(
    header: dict[str, str], cp: str, crlf: bool, lower: bool
) -> None:
    items = "".join(f"{key}={value};" for key, value in header.items())
    payload = enclosed(f"{items}CP=&&{cp}&&", end="\r\n" if crlf else "")
    if lower:
        payload = payload[:-6] + payload[-6:].lower()
    found = plain(payload)
    if found is not None:
        (long,) = Scan(payload, Ways()).found()
        assert found.frame() == long.what


def test_most_frames_go_the_short_way() -> None:
    for payload in (TYPICAL, TYPICAL[:-2], made(QN=None), made("a=1;b=2;"), made("", CN="9015")):
        assert plain(payload) is not None


def test_a_frame_is_told_with_its_last_byte_and_not_before() -> None:
    stream = Stream()
    read = [stream.feed(bytes([byte])) for byte in TYPICAL]
    at = len(TYPICAL) - 3  # CR LF need not be waited for
    assert [len(each) for each in read] == [0] * at + [1, 0, 0]
    assert stream.end() == []


def test_a_wrong_length_does_not_make_it_wait() -> None:
    stream = Stream()
    (frame,) = stream.feed(b"##9999" + TYPICAL[6:-2])
    assert isinstance(frame, Frame)
    assert frame.oddities == ("length",)


def test_a_frame_follows_another_without_a_line_end() -> None:
    assert len(frames(TYPICAL[:-2] * 3)) == 3


def test_a_header_inside_of_a_frame_is_part_of_it() -> None:
    payload = made("a=##0123;b=##QN=1")
    (frame,) = frames(payload)
    assert isinstance(frame, Frame)
    assert frame.fields == {"a": "##0123", "b": "##QN=1"}
    assert told(fed([b"x", payload])) == told(frames(b"x" + payload))


def test_faults_say_where_they_are_in_the_stream() -> None:
    stream = Stream()
    assert stream.feed(TYPICAL) != []
    (fault,) = stream.feed(b"noise##12x4QN=1;")
    assert isinstance(fault, FrameError)
    assert (fault.kind, fault.at) == ("bad_length_field", len(TYPICAL) + len(b"noise") + 2)


@pytest.mark.parametrize("filling", [b"x", b"&&", b"\0", b"CP=&&a=1;"])
def test_what_waits_for_its_end_is_bounded(filling: bytes) -> None:
    stream = Stream()
    read: Read = stream.feed(b"##9999")
    for _ in range(200):
        read += stream.feed(filling * (1000 // len(filling)))
        assert stream.kept <= MOST_BYTES + 1000
    assert len(read) == 1
    (frame,) = stream.feed(TYPICAL)
    assert isinstance(frame, Frame)
    assert frame.header == HEADER


def test_a_payload_of_nothing_but_faults_is_not_read_to_its_end() -> None:
    read = frames(b"##01x0QN=1;" * 1000)
    assert len(read) == MOST_FAULTS + 1
    assert isinstance(read[-1], FrameError)
    assert read[-1].kind == "stream"


@pytest.mark.parametrize(
    "unit",
    [
        b"#",
        b"##",
        b"##0100",
        b"##9999",
        b"##9999CP=&&",
        b"##9999CP=&&12",
        b"##0100\r\n",
        b"##0012CP=&&a=1&&0000",
        b"&&",
        b"CP=&&",
        b"##0100CP=&&=//",
        b"##01x0QN=1;",
        b"##9999CP=&&&&12#" + b"x" * 3000,
        b"##9999CP=&&" + b"&&1234" * 1500,
    ],
)
def test_hostile_bytes_take_no_more_work_than_their_number_deserves(
    unit: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each byte goes into a few checksums at most, and all is read in far less than the bound."""
    summed: list[int] = []

    def counting(segment: bytes, crc: str) -> str:
        summed.append(len(segment))
        return crc_variant(segment, crc)

    monkeypatch.setattr(scan, "crc_variant", counting)
    payload = unit * (256 * 1024 // len(unit))
    began = time.thread_time()
    assert frames(payload)
    assert sum(summed) <= len(payload)
    summed.clear()
    Stream().feed(payload[: 64 * 1024])
    assert sum(summed) <= 8 * 64 * 1024
    assert time.thread_time() - began < 10


def test_one_frame_full_of_separators_is_read_at_once() -> None:
    began = time.thread_time()
    for text in (",", "=//", "=//a;", "a=,b", ";;=", "//", "=//a/"):
        segment = "CP=&&" + (text * 9900)[:9900].replace("&", "") + "&&"
        assert frames(enclosed(segment))
    assert time.thread_time() - began < 5
