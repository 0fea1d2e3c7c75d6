"""Frames come out whole however the network cut the stream."""

from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.mqtt.frames import (
    EXCERPT,
    TRUNCATED,
    Frame,
    Message,
    ProtocolError,
    Splitter,
    read_length,
)

MAX = 200_000


def length(size: int) -> bytes:
    out = bytearray()
    while True:
        out.append(size & 127 | (128 if size > 127 else 0))
        size >>= 7
        if not size:
            return bytes(out)


@dataclass(frozen=True)
class Publish:
    """A PUBLISH as a broker writes it; `properties` None for MQTT 3.1.1."""

    topic: bytes = b"fume/xuhui/FM01/up"
    payload: bytes = b"{}"
    mid: int = 7
    head: int = 0x32
    properties: bytes | None = b""

    @property
    def body(self) -> bytes:
        body = len(self.topic).to_bytes(2, "big") + self.topic
        if self.head & 6:
            body += self.mid.to_bytes(2, "big")
        if self.properties is not None:
            body += length(len(self.properties)) + self.properties
        return body + self.payload

    @property
    def bytes(self) -> bytes:
        return frame(self.head, self.body)

    @property
    def message(self) -> Message:
        return self.topic, self.payload, self.mid if self.head & 6 else 0, self.head


def frame(head: int, body: bytes) -> bytes:
    return bytes([head]) + length(len(body)) + body


def split(stream: bytes, cuts: list[int], *, is_5: bool) -> tuple[list[Message], list[Frame]]:
    splitter = Splitter(has_properties=is_5, max_frame=MAX)
    messages: list[Message] = []
    frames: list[Frame] = []
    for start, end in pairwise([0, *sorted(cuts), len(stream)]):
        some_messages, some_frames = splitter.feed(stream[start:end])
        messages += some_messages
        frames += some_frames
    return messages, frames


heads = st.sampled_from([0x30, 0x31, 0x32, 0x33, 0x3A, 0x3B])
sizes = st.sampled_from([0, 1, 90, 126, 127, 128, 129, 16_000, 16_383, 16_384, 16_400])
payloads = st.one_of(st.binary(max_size=40), st.builds(bytes, sizes))
others = st.tuples(
    st.sampled_from([0x20, 0x40, 0x62, 0x90, 0xB0, 0xD0, 0xE0, 0x34, 0x36]), payloads
)


def publishes(is_5: bool) -> st.SearchStrategy[Publish]:
    properties = st.builds(bytes, st.sampled_from([0, 1, 127, 128, 200])) if is_5 else st.none()
    return st.builds(
        Publish, st.binary(max_size=30), payloads, st.integers(1, 65_535), heads, properties
    )


@st.composite
def streams(draw: st.DrawFn) -> tuple[bool, list[Publish | Frame], list[int]]:
    is_5 = draw(st.booleans())
    parts: list[Publish | Frame] = draw(
        st.lists(st.one_of(publishes(is_5), others), min_size=1, max_size=12)
    )
    size = len(encode(parts))
    return is_5, parts, draw(st.lists(st.integers(0, size), max_size=30))


def encode(parts: list[Publish | Frame]) -> bytes:
    return b"".join(part.bytes if isinstance(part, Publish) else frame(*part) for part in parts)


@settings(deadline=None)  # the machine may be busy
@given(streams())
def test_any_frames_in_any_pieces_come_out_whole_and_in_order(
    stream: tuple[bool, list[Publish | Frame], list[int]],
) -> None:
    is_5, parts, cuts = stream
    messages, frames = split(encode(parts), cuts, is_5=is_5)
    assert messages == [part.message for part in parts if isinstance(part, Publish)]
    assert frames == [part for part in parts if not isinstance(part, Publish)]


@pytest.mark.parametrize("is_5", [True, False])
@pytest.mark.parametrize("size", [0, 1, 101, 102, 103, 104, 16_355, 16_356, 16_357, 16_358])
def test_byte_by_byte(is_5: bool, size: int) -> None:
    publish = Publish(payload=b"x" * size, properties=b"" if is_5 else None)
    stream = publish.bytes + frame(0xD0, b"") + publish.bytes
    messages, frames = split(stream, list(range(len(stream))), is_5=is_5)
    assert messages == [publish.message, publish.message]
    assert frames == [(0xD0, b"")]


@pytest.mark.parametrize(
    ("encoded", "size"),
    [
        ("00", 0),
        ("7f", 127),
        ("8001", 128),
        ("ff7f", 16_383),
        ("808001", 16_384),
        ("ffff7f", 2_097_151),
        ("80808001", 2_097_152),
        ("ffffff7f", 268_435_455),
    ],
)
def test_lengths_at_their_boundaries(encoded: str, size: int) -> None:
    data = bytes.fromhex(encoded)
    assert length(size) == data
    assert read_length(data, 0) == (size, len(data))
    assert read_length(data[:-1], 0) == (2**28, 0)


@pytest.mark.parametrize(
    ("stream", "why"),
    [
        (b"\xd0\xff\xff\xff\xff\x01", "a length of more than four bytes"),
        (b"\x32\x00\xd0\x00", "a PUBLISH without a topic"),
        (b"\x32\x00", "the same, with nothing behind it"),
        (b"\x32\x03\x00\x09t" + b"." * 20, "a topic longer than its frame"),
        (b"\x32\x04\x00\x01t\x00", "half a packet id"),
        (b"\x32\x05\x00\x01t\x00\x07" + b"\xd0\x00", "no property length"),
        (b"\x32\x06\x00\x01t\x00\x07\x05" + b"." * 20, "properties longer than their frame"),
        (b"\x32\x07\x00\x01t\x00\x07\xff\xff", "a property length that does not end"),
        (b"\x90" + length(MAX + 1) + bytes(MAX), "a huge frame that is no message"),
    ],
)
def test_malformed_streams_are_refused(stream: bytes, why: str) -> None:
    with pytest.raises(ProtocolError):
        split(stream, [], is_5=True)


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=10), st.booleans())
def test_noise_gives_frames_or_a_protocol_error(noise: bytes, cuts: list[int], is_5: bool) -> None:
    with suppress(ProtocolError):
        split(noise, [min(cut, len(noise)) for cut in cuts], is_5=is_5)


@pytest.mark.parametrize("piece", [1_000, 65_536, 131_073, 250_000, 10_000_000])
def test_of_a_message_too_long_the_beginning_is_kept(piece: int) -> None:
    before, after = Publish(mid=1), Publish(mid=3)
    long = Publish(payload=bytes(range(256)) * 4_000, mid=2, properties=b"p" * 300)
    stream = before.bytes + long.bytes + after.bytes
    splitter = Splitter(has_properties=True, max_frame=MAX)
    messages: list[Message] = []
    for at in range(0, len(stream), piece):
        messages += splitter.feed(stream[at : at + piece])[0]
        assert sum(map(len, splitter._pieces)) <= MAX + piece
    excerpt = (long.topic, long.payload[:EXCERPT], 2, 0x32 | TRUNCATED)
    assert messages == [before.message, excerpt, after.message]


def test_a_short_limit_holds_for_what_comes_whole() -> None:
    stream = Publish(payload=b"x" * 2_000).bytes + Publish().bytes
    messages, _ = Splitter(has_properties=True, max_frame=1_500).feed(stream)
    assert [len(payload) for _, payload, _, _ in messages] == [EXCERPT, 2]


def test_a_message_too_long_of_properties_alone_can_still_be_acked() -> None:
    stream = Publish(mid=2, properties=b"p" * MAX).bytes
    messages, _ = split(stream, [5, 150_000], is_5=True)
    assert messages == [(b"fume/xuhui/FM01/up", b"", 2, 0x32 | TRUNCATED)]


def test_a_message_of_the_longest_length_is_kept_whole() -> None:
    publish = Publish(payload=b"")
    publish = Publish(payload=bytes(MAX - len(publish.body)))
    messages, _ = split(publish.bytes, [1, 3, 100_000, MAX], is_5=True)
    assert messages == [publish.message]
