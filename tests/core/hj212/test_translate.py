"""Frames by a profile: what becomes a reading, what a fact, what a fault."""

from typing import Any

import pytest

from fumewatch.core.decode import Decoded, Horizon
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.decode.profile import Profile
from fumewatch.core.device import (
    DeviceAggregate,
    DeviceEvent,
    EventKind,
    Heartbeat,
    Interval,
    Reply,
)
from fumewatch.core.reading import CHANNELS, INDEX, MISSING

NOON = 1_795_406_400_000_000  # 2026-11-23 12:00 in Shanghai
HORIZON = Horizon(NOON - 86_400_000_000, NOON + 300_000_000)
TIME = "20261123120000"
CHANNEL = {
    "fume": {"code": ["a34041", "LAMPBLACK"]},
    "pm": {"code": "a34000", "unit": "µg/m³"},
    "temperature": {"code": "a01012"},
    "fan_current": {"code": "ga2001"},
    "fan_on": {"code": ["ga2101", "SB1"], "from": "fan_current", "above": 0.5},
    "purifier_on": {"code": "ga0701", "on": 2, "off": 1},
}


def profile(**options: Any) -> Profile:
    return Profile.model_validate({"name": "own", "channel": CHANNEL, **options})


def frame(cp: str, command: int = 2011, **header: str) -> bytes:
    fields = {"QN": "20261123120001000", "ST": "31", "CN": str(command), "PW": "123456"}
    return encode({**fields, "MN": "M1", "Flag": "4", **header}, cp)


def read(*payloads: bytes, topic: str = "M1", **options: Any) -> Decoded:
    decoder = Decoder(profile(**options))
    return decoder.decode(payloads, [topic] * len(payloads), NOON, HORIZON)


def values(decoded: Decoded, row: int = 0) -> dict[str, int]:
    column = decoded.values[:, row].tolist()
    return {c.name: v for c, v in zip(CHANNELS, column, strict=True) if v != MISSING}


def kinds(decoded: Decoded) -> list[str]:
    return [fault.kind for _, fault in decoded.faults]


def facts(decoded: Decoded) -> list[Any]:
    return [told.fact for told in decoded.facts]


@pytest.mark.parametrize(
    ("cp", "expected"),
    [
        (f"DataTime={TIME};a34041-Rtd=0.82,a34041-Flag=N", {"fume": 820}),
        (f"DataTime={TIME};a34000-Rtd=1400", {"pm": 1400}),
        (f"DataTime={TIME};LAMPBLACK=0.5", {"fume": 500}),
        (f"DataTime={TIME};a34041-Rtd=0.1;LAMPBLACK-Rtd=0.5", {"fume": 100}),
        (
            f"DataTime={TIME};a34041-Rtd=0.1;ga2001-Rtd=3.2",
            _1 := {"fume": 100, "fan_current": 3200, "fan_on": 1},
        ),
        (f"DataTime={TIME};a34041-Rtd=0.1;ga2001-Rtd=3.2;ga2101-Rtd=1", _1),
        (f"DataTime={TIME};ga2001-Rtd=0.2", {"fan_current": 200, "fan_on": 0}),
        (f"DataTime={TIME};ga2001-Rtd=3.2;ga2101-Rtd=0", {"fan_current": 3200, "fan_on": 0}),
        (f"DataTime={TIME};ga0701-Rtd=2", {"purifier_on": 1}),
        (f"DataTime={TIME};ga0701-Rtd=1", {"purifier_on": 0}),
        (f"DataTime={TIME};a34041-Rtd=-999;a01012-Rtd=41.5", {"temperature": 41500}),
        (f"DataTime={TIME};a34041-Rtd=NaN;a01012-Rtd=41.5", {"temperature": 41500}),
        (f"DataTime={TIME};a34041-Rtd=;a01012-Rtd=-3", {"temperature": -3000}),
        (f"DataTime={TIME};a34004-Rtd=abc;a01012-Rtd=41.5", {"temperature": 41500}),
    ],
)
def test_a_frame_of_real_time_values(cp: str, expected: dict[str, int]) -> None:
    decoded = read(frame(cp))
    assert values(decoded) == expected
    assert decoded.measured_at.tolist() == [NOON]
    assert decoded.quality.tobytes() == b"N"
    assert decoded.faults == []


@pytest.mark.parametrize(
    ("flags", "quality", "unjudged"),
    [
        (("N", "N"), "N", []),
        (("D", "D"), "D", []),
        (("N", "D"), "N", ["temperature"]),
        (("T", "N"), "N", ["fume"]),
        (("T", "D"), "N", ["fume", "temperature"]),
        (("X", "X"), "X", []),
        (("", "N"), "N", []),
        (("n", "N"), "N", []),
        (("NN", "NN"), "?", []),
    ],
)
def test_flags_of_a_reading_and_of_its_channels(
    flags: tuple[str, str], quality: str, unjudged: list[str]
) -> None:
    fume, temperature = flags
    of_fume, of_air = (
        f"a34041-Rtd=0.82,a34041-Flag={fume}",
        f"a01012-Rtd=41,a01012-Flag={temperature}",
    )
    cp = f"DataTime={TIME};{of_fume};{of_air}"
    decoded = read(frame(cp))
    assert chr(decoded.quality[0]) == quality
    assert decoded.unjudged.tolist() == [sum(1 << INDEX[name] for name in unjudged)]


def test_a_derived_state_is_as_good_as_the_current_it_comes_from() -> None:
    cp = f"DataTime={TIME};a34041-Rtd=0.8,a34041-Flag=N;ga2001-Rtd=3,ga2001-Flag=D"
    decoded = read(frame(cp))
    assert decoded.unjudged.tolist() == [1 << INDEX["fan_current"] | 1 << INDEX["fan_on"]]


def test_a_value_out_of_range_is_kept_and_not_judged() -> None:
    decoded = read(frame(f"DataTime={TIME};a34041-Rtd=99"))
    assert (values(decoded), decoded.unjudged.tolist()) == ({"fume": 99_000}, [1])


@pytest.mark.parametrize(
    ("payload", "kind", "says"),
    [
        (frame("a34041-Rtd=0.82"), "no_time", "DataTime"),
        (frame("DataTime=20261323120000;a34041-Rtd=0.82"), "bad_datatime", "20261323120000"),
        (frame("DataTime=20261123130000;a34041-Rtd=0.82"), "future", "1h"),
        (frame("DataTime=20201123120000;a34041-Rtd=0.82"), "too_old", "ago"),
        (frame(f"DataTime={TIME};a34041-Rtd=x1"), "bad_value", "a34041-Rtd"),
        (frame(f"DataTime={TIME};ga0701-Rtd=3"), "bad_value", "ga0701-Rtd"),
        (frame(f"DataTime={TIME};a34041-Rtd=-999"), "sentinel_value", "a34041-Rtd"),
        (frame(f"DataTime={TIME};a34041-Rtd=NaN"), "bad_value", "a34041-Rtd"),
        (frame(f"DataTime={TIME};a34004-Rtd=8"), "no_channel", "a34004"),
        (frame(f"DataTime={TIME};a34041-Rtd=1", MN="M2"), "wrong_monitor", "'M2'"),
        (frame(f"DataTime={TIME};a34041-Rtd=1")[:-6] + b"FFFF\r\n", "crc_mismatch", "FFFF"),
    ],
)
def test_a_frame_that_gives_no_reading_says_why(payload: bytes, kind: str, says: str) -> None:
    decoded = read(payload)
    assert (len(decoded), kinds(decoded)) == (0, [kind])
    assert says in decoded.faults[0][1].detail


def test_one_bad_value_costs_no_other_and_is_told() -> None:
    good = f"DataTime={TIME};a34041-Rtd=0.9;a01012-Rtd=41"
    decoded = read(
        frame(good.replace("=41", "=4,5")), *[frame(good)] * 40, frame(f"{good};ga0701-Rtd=9")
    )
    assert values(decoded, 0) == {"fume": 900}
    assert values(decoded, 41) == {"fume": 900, "temperature": 41_000}
    assert [(message, fault.kind) for message, fault in decoded.faults] == [
        (0, "bad_value"),
        (41, "bad_value"),
    ]


def test_an_mn_that_is_not_the_topics_name_may_be_ignored() -> None:
    payload = frame(f"DataTime={TIME};a34041-Rtd=1", MN="M2")
    assert values(read(payload, other_monitor="ignore")) == {"fume": 1000}


def test_a_gateway_names_its_monitors_by_mn() -> None:
    payloads = [
        frame(f"DataTime={TIME};a34041-Rtd={n}", MN=f"M{n}") + frame("", 9015, MN="M9")
        for n in (1, 2)
    ]
    decoded = read(*payloads, topic="", monitor_from="payload")
    assert list(decoded.names()) == ["M1", "M2"]
    assert [(told.message, told.monitor) for told in decoded.facts] == [(0, "M9"), (1, "M9")]
    nameless = encode({"ST": "31", "CN": "2011"}, f"DataTime={TIME};a34041-Rtd=1")
    assert kinds(read(nameless, topic="", monitor_from="payload")) == ["no_monitor"]


def test_minute_values_and_facility_states_are_readings_too() -> None:
    minute = frame(
        f"DataTime={TIME};a34041-Min=0.1,a34041-Avg=0.8,a34041-Max=2,a34041-Flag=N", 2051
    )
    state = frame(f"DataTime={TIME};SB1-RS=1;SB2-RS=0", 2021)
    decoded = read(minute, state)
    assert [values(decoded, 0), values(decoded, 1)] == [{"fume": 800}, {"fan_on": 1}]
    event = DeviceEvent(EventKind.FACILITY, NOON, {"SB1-RS": "1", "SB2-RS": "0"})
    assert facts(decoded) == [event]


def test_commands_that_a_profile_does_not_read_are_counted() -> None:
    minute = frame(f"DataTime={TIME};a34041-Avg=0.8", 2051)
    decoded = read(minute, frame("RtdInterval=30", 1062), readings=[2011])
    assert (len(decoded), decoded.faults) == (0, [])
    assert decoded.oddities == {("own", "command_2051"): 1, ("own", "command_1062"): 1}


def test_the_devices_own_statistics_are_kept_as_such() -> None:
    cp = f"DataTime={TIME};a34041-Min=0.1,a34041-Avg=0.8,a34041-Max=2,a34041-Flag=D;a01012-Avg=41"
    hour, day = read(frame(cp, 2061)), read(frame(cp, 2031))
    assert facts(hour) == [
        DeviceAggregate(Interval.HOUR, NOON, INDEX["fume"], 100, 800, 2000, "D"),
        DeviceAggregate(Interval.HOUR, NOON, INDEX["temperature"], mean=41_000),
    ]
    assert [fact.interval for fact in facts(day)] == [Interval.DAY, Interval.DAY]
    assert (len(hour), hour.faults) == (0, [])
    kept = read(frame(cp, 2051), readings=[2011], aggregates=[2051])
    assert [fact.interval for fact in facts(kept)] == [Interval.MINUTES] * 2


def test_events_and_heartbeats() -> None:
    restart = frame(f"DataTime={TIME};RestartTime=20261123115000", 2081)
    log = frame(f"DataTime={TIME};PolId=w01018;i11001-Info=//清洗管路//", 3020)
    decoded = read(restart, log, frame("", 9015))
    assert facts(decoded) == [
        DeviceEvent(EventKind.RESTART, NOON - 600_000_000, {"RestartTime": "20261123115000"}),
        DeviceEvent(EventKind.LOG, NOON, {"PolId": "w01018", "i11001-Info": "//清洗管路//"}),
        Heartbeat(),
    ]
    assert decoded.faults == []


def test_a_first_packet_that_says_nothing_to_us_is_told() -> None:
    unmapped = [frame(f"DataTime={TIME};zz{n}-Rtd=1", PNUM="2", PNO=str(n)) for n in (1, 2)]
    decoded = read(*unmapped)
    assert kinds(decoded) == ["no_channel"]
    assert decoded.oddities == {("own", "packet_unmapped"): 1}


def test_split_packets_become_one_instant() -> None:
    packets = [
        frame(f"DataTime={TIME};a34041-Rtd=0.8", Flag="6", PNUM="3", PNO="1"),
        frame(f"DataTime={TIME};a01012-Rtd=41", Flag="6", PNUM="3", PNO="2"),
        frame(f"DataTime={TIME};a21004-Rtd=41", Flag="6", PNUM="3", PNO="3"),
    ]
    decoded = read(*packets)
    assert decoded.measured_at.tolist() == [NOON, NOON]
    assert decoded.faults == [], "a packet without a channel of ours is no fault"
    assert decoded.oddities == {("own", "packet_unmapped"): 1}


DOWN = {"downlink": "fume/{district}/{monitor}/down"}


@pytest.mark.parametrize(
    ("payload", "options", "is_answered"),
    [
        (frame(f"DataTime={TIME};a34041-Rtd=1", Flag="5"), DOWN, True),
        (frame(f"DataTime={TIME};a34041-Rtd=1", Flag="4"), DOWN, False),
        (frame(f"DataTime={TIME};a34041-Rtd=1", Flag="5"), {}, False),
        (frame("RtdInterval=30", 1062, Flag="5"), DOWN, True),
        (frame("", 9014, Flag="5"), DOWN, False),
        (frame("DataTime=20201123120000;a34041-Rtd=1", Flag="5"), DOWN, False),
        (frame(f"DataTime={TIME};a34041-Rtd=x", Flag="5"), DOWN, False),
    ],
)
def test_who_asks_for_an_answer_gets_one_where_what_he_sent_is_kept(
    payload: bytes, options: dict[str, Any], is_answered: bool
) -> None:
    replies = [fact for fact in facts(read(payload, **options)) if isinstance(fact, Reply)]
    assert len(replies) == is_answered
    for reply in replies:
        assert b"CN=9014" in reply.frame
        assert b"QN=20261123120001000" in reply.frame


def test_json_and_frames_of_one_batch_stay_with_their_payloads() -> None:
    payloads = [
        b'{"measured_at": "2026-11-23T12:00:00+08:00", "fume": 0.1}',
        frame(f"DataTime={TIME};a34041-Rtd=0.2"),
        b"nonsense",
        frame(f"DataTime={TIME};a34041-Rtd=x"),
        b'{"measured_at": "2026-11-23T12:00:00+08:00", "fume": 0.3}',
    ]
    decoder = Decoder(
        Profile.model_validate({"name": "own", "channel": {"fume": {"code": "a34041"}}})
    )
    decoded = decoder.decode(payloads, ["M1"] * 5, NOON, HORIZON)
    fume = dict(zip(decoded.message.tolist(), decoded.values[INDEX["fume"]].tolist(), strict=True))
    assert fume == {0: 100, 1: 200, 4: 300}
    assert [(message, fault.kind) for message, fault in decoded.faults] == [
        (2, "not_json"),
        (3, "bad_value"),
    ]
