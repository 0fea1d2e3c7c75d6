"""Frames to test with: those of tests/data/hj212_frames.json, and ones made up by hypothesis."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from fumewatch.core.decode.hj212.crc import printed
from fumewatch.core.decode.hj212.encode import encode

SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "hj212_frames.json").read_bytes()
)
HEADER = {
    "QN": "20211011123600000",
    "ST": "31",
    "CN": "2011",
    "PW": "123456",
    "MN": "010000A8900016F000169DC0",
    "Flag": "5",
}
CHANNELS = ("a34041", "a34000", "a24088", "a01011", "a01012", "a01014", "ga2001", "ga0601")
TYPICAL_CP = (
    "DataTime=20211011123600;"
    + "".join(f"{code}-Rtd=0.82,{code}-Flag=N;" for code in CHANNELS)
    + "ga2101-Rtd=1;ga0701-Rtd=1"
)
TYPICAL = encode(HEADER, TYPICAL_CP)


def made(cp: str = "DataTime=20211011123600;a34041-Rtd=0.82", **header: str | None) -> bytes:
    """A frame with some of its header changed, or left out where None."""
    changed: Mapping[str, str | None] = HEADER | header
    return encode({key: value for key, value in changed.items() if value is not None}, cp)


def enclosed(segment: str | bytes, crc: str = "", end: str = "\r\n") -> bytes:
    """A data segment as it stands, with its length and its checksum or the given one."""
    data = segment if isinstance(segment, bytes) else segment.encode()
    return b"##%04d%b" % (len(data), data) + (crc or printed(data)).encode() + end.encode()


WORDS = st.text("abcXYZ019_.油", min_size=1, max_size=6)
KEYS = st.one_of(st.sampled_from(["DataTime", "a34041-Rtd", "a34041-Flag", "SB1-RS"]), WORDS)
VALUES = st.text("0123456789.-+NaN烟/\"\\' ", max_size=8)
CPS = st.dictionaries(KEYS, VALUES, max_size=6).map(
    lambda fields: ";".join(f"{key}={value}" for key, value in fields.items())
)
HEADERS = st.fixed_dictionaries(
    {"CN": st.sampled_from(["2011", "2051", "9015"]), "MN": WORDS},
    optional={
        "QN": st.from_regex(r"\d{17}", fullmatch=True),
        "ST": WORDS,
        "PW": WORDS,
        "Flag": st.sampled_from(["0", "4", "5", "7"]),
    },
)
FRAMES = st.builds(encode, HEADERS, CPS, crlf=st.booleans())
GARBAGE = st.one_of(
    st.sampled_from([b"", b"\r\n", b"00", b"garbage\r\n", b"#", b"\xff\xfe", b"&&1234", b"CP=&&"]),
    st.binary(max_size=20).filter(lambda noise: b"##" not in noise),
)
