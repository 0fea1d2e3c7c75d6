"""`fumewatch decode`: what people and programs are told of payloads."""

import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fumewatch.core.decode.hj212.encode import encode
from tests.cli.conftest import Fumewatch, Write

FRAMES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data/hj212_frames.json").read_text("utf-8")
)
GOOD = [frame for frame in FRAMES if frame["valid"]]
BAD = [frame for frame in FRAMES if not frame["valid"]]
CANONICAL = {"measured_at": "2026-11-23T12:00:00+08:00", "fume": 0.82, "fan_on": True}


def frame(cp: str, command: int = 2011, **header: str) -> bytes:
    fields = {"QN": "20261123120001000", "ST": "31", "CN": str(command), "PW": "123456"}
    return encode({**fields, "MN": "M1", "Flag": "4", **header}, cp)


@pytest.fixture
def put(tmp_path: Path):
    """put(payload, name="x") -> the file that holds it."""

    def put(payload: bytes | str | dict[str, Any], name: str = "payload") -> Path:
        text = json.dumps(payload) if isinstance(payload, dict) else payload
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return put


def test_canonical_json(fumewatch: Fumewatch, put):
    said = fumewatch("decode", put(CANONICAL), "--json")
    assert said.code == 0
    assert said.json["profile"] == "default"
    assert said.json["readings"] == [{**CANONICAL, "quality": "N"}]


def test_what_decode_tells_can_be_decoded_again(fumewatch: Fumewatch, put):
    sent = frame("DataTime=20261123120000;a34041-Rtd=0.82,a34041-Flag=D;ga2101-Rtd=1,ga2101-Flag=N")
    once = fumewatch("decode", put(sent), "--json").json["readings"]
    assert once[0]["unjudged"] == ["fume"]
    del once[0]["unjudged"]
    again = fumewatch("decode", put(json.dumps(once)), "--json").json["readings"]
    assert again == once


@pytest.mark.parametrize(
    ("index", "reading"),
    [
        (6, {"measured_at": "2019-08-13T15:58:00+08:00", "fume": 0.0}),
        (8, {"fan_on": True, "purifier_on": False, "fume": 2.04, "pm": 1.41, "nmhc": 5.67}),
        (9, {"measured_at": "2021-10-11T12:30:00+08:00", "fume": 0.82, "pm": 1.41, "nmhc": 5.67}),
    ],
)
def test_catering_frames_of_the_field_without_any_profile(
    fumewatch: Fumewatch, put, index: int, reading: dict[str, Any]
):
    said = fumewatch("decode", put(FRAMES[index]["frame"]), "--json")
    (read,) = said.json["readings"]
    assert read["quality"] == "N"
    assert {key: read[key] for key in reading} == reading


@pytest.mark.parametrize("known", BAD, ids=lambda known: known["expect"]["error"])
def test_faults_have_the_names_of_the_frames_file(fumewatch: Fumewatch, put, known: dict[str, Any]):
    """In a payload of MQTT some of them are forgiven; what is not has the same name."""
    expected = known["expect"]
    said = fumewatch("decode", put(known["frame"]), "--json")
    if expected["error"] in ("missing_crlf", "unknown_data_flag", "stream"):
        assert said.json["readings"]
    elif "resync" in expected.get("lenient", ""):
        assert said.json["events"]
    else:
        assert (said.code, said.json["error"]) == (1, expected["error"])
        assert said.json["detail"]


def test_a_stream_gives_what_can_be_saved_and_what_cannot(fumewatch: Fumewatch, put):
    said = fumewatch("decode", put(FRAMES[25]["frame"]), "--json")
    assert [reading["fume"] for reading in said.json["readings"]] == [0.82, 0.83]
    assert said.json["faults"]
    assert said.code == 1


@pytest.mark.parametrize("known", GOOD, ids=lambda known: known["expect"]["crc"])
@pytest.mark.parametrize("lenient", [False, True])
def test_raw_prints_good_frames_as_they_stand(
    fumewatch: Fumewatch, put, known: dict[str, Any], lenient: bool
):
    options = ["--lenient"] if lenient else []
    said = fumewatch("decode", put(known["frame"]), "--raw", "--json", *options)
    assert said.code == 0
    assert {key: said.json.get(key) for key in known["expect"]} == known["expect"]


@pytest.mark.parametrize("known", BAD, ids=lambda known: known["expect"]["error"])
def test_raw_names_the_fault(fumewatch: Fumewatch, put, known: dict[str, Any]):
    said = fumewatch("decode", put(known["frame"]), "--raw", "--json")
    assert (said.code, said.json["error"]) == (1, known["expect"]["error"])


def test_events_aggregates_heartbeats(fumewatch: Fumewatch, put):
    time = "DataTime=20261123120000"
    sent = b"".join(
        [
            frame(f"{time};RestartTime=20261123115000", 2081),
            frame(f"{time};a34041-Avg=0.8,a34041-Max=2", 2061),
            frame("", 9015),
        ]
    )
    told = fumewatch("decode", put(sent), "--json").json
    assert told["readings"] == []
    assert told["events"] == [
        {
            "kind": "restart",
            "at": "2026-11-23T11:50:00+08:00",
            "detail": {"RestartTime": "20261123115000"},
        }
    ]
    assert told["aggregates"] == [
        {
            "interval": "hour",
            "start": "2026-11-23T12:00:00+08:00",
            "channel": "fume",
            "mean": 0.8,
            "most": 2.0,
            "quality": "N",
        }
    ]
    assert told["heartbeat"] is True


def test_split_packets_of_one_payload_are_one_reading(fumewatch: Fumewatch, put):
    time = "DataTime=20261123120000"
    sent = frame(f"{time};a34041-Rtd=0.8", Flag="6", PNUM="2", PNO="1") + frame(
        f"{time};a34000-Rtd=1.4", Flag="6", PNUM="2", PNO="2"
    )
    (reading,) = fumewatch("decode", put(sent), "--json").json["readings"]
    assert (reading["monitor"], reading["fume"], reading["pm"]) == ("M1", 0.8, 1.4)


def test_a_capture_tells_topic_and_payload(fumewatch: Fumewatch, put, write: Write):
    config = write(
        '[[profile]]\nname = "own"\ntopic = "own/{district}/{monitor}"\nlike = "alibaba"\n'
    )
    post = {"params": {"fume": 0.5}}
    lines = [
        {"topic": "fume/xuhui/M1/up", "payload": CANONICAL},
        {"topic": "fume/xuhui/M2/up", "payload": json.dumps({**CANONICAL, "monitor": "M1"})},
        {"topic": "fume/xuhui/M1/up", "payload_base64": base64.b64encode(b"\xff").decode()},
        {"topic": "fume/xuhui/M1/status", "payload": "online"},
        {"topic": "elsewhere", "payload": "x"},
        {"payload_base64": "*"},
        {"topic": "fume/xuhui/M1/up"},
        {"topic": "own/xuhui/M1", "payload": post},
    ]
    text = "\n".join([*map(json.dumps, lines), "no json", ""])
    said = fumewatch("decode", put(text, "capture.jsonl"), "--json", "--config", config)
    told = [json.loads(line) for line in said.out.splitlines()]
    kinds = [each.get("error", each.get("status", each.get("profile"))) for each in told]
    assert kinds[:7] == [
        "default",
        "wrong_monitor",
        "not_json",
        "online",
        "bad_topic",
        "bad_capture",
        "bad_capture",
    ]
    assert (kinds[8], said.code) == ("bad_capture", 1)
    assert told[0]["readings"][0]["monitor"] == "M1"
    assert told[7].get("profile", "own") == "own"
    assert "9 inputs" in said.err


def test_standard_input_and_lines(fumewatch: Fumewatch, monkeypatch: pytest.MonkeyPatch):
    text = "\n".join(json.dumps({**CANONICAL, "fume": n}) for n in (1, 2))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    said = fumewatch("decode", "--lines", "--json")
    told = [json.loads(line)["readings"][0]["fume"] for line in said.out.splitlines()]
    assert told == [1.0, 2.0]


def test_a_folder_is_read_in_order(fumewatch: Fumewatch, put, tmp_path: Path):
    for name in ("folder/b", "folder/a"):
        put({**CANONICAL, "fume": ord(name[-1])}, name)
    said = fumewatch("decode", tmp_path / "folder", "--json")
    names = [Path(json.loads(line)["input"]).name for line in said.out.splitlines()]
    assert names == ["a", "b"]


def test_people_see_channels_with_units_and_quality(fumewatch: Fumewatch, put):
    payload = {**CANONICAL, "monitor": "M1", "pm": 400, "temperature": 41}
    out = fumewatch("decode", put(payload)).out
    assert "M1" in out
    assert "quality N (judged)" in out
    assert [line.split() for line in out.splitlines() if "fume" in line] == [
        ["fume", "0.82", "mg/m³"]
    ]
    assert "400 mg/m³  not judged" in out
    assert "fan_on           on" in out


def test_people_see_where_the_fault_stands(fumewatch: Fumewatch, put):
    lines = fumewatch("decode", put(FRAMES[14]["frame"])).out.splitlines()
    assert "crc_mismatch at byte" in lines[1]
    assert lines[2][lines[3].index("^") :].startswith("1C08")


def test_hostile_payloads_cannot_steer_the_terminal(fumewatch: Fumewatch, put):
    sent = frame("DataTime=20261123120000;i11001-Info=//\x1b[2J\x07//", 3020)
    said = fumewatch("decode", put(sent))
    assert "\x1b" not in said.out
    assert "\\x1b[2J" in said.out


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--lenient",), 2, "--raw"),
        (("--jsonl", "--lines"), 2, "--jsonl"),
        (("--profile", "nobody"), 1, "no profile is named 'nobody'"),
        (("--config", "gone.toml"), 1, "no such file"),
    ],
)
def test_wrong_usage_says_what_to_do(fumewatch: Fumewatch, put, options, code: int, says: str):
    said = fumewatch("decode", put(CANONICAL), *options)
    assert said.code == code
    assert says in said.err


def test_a_file_that_is_not_there(fumewatch: Fumewatch, tmp_path: Path):
    said = fumewatch("decode", tmp_path / "gone")
    assert said.code == 1
    assert "gone: cannot be read: No such file" in said.err
