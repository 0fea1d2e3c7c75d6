"""Payloads into columns: what is read, what is refused and why."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode import Decoded, Horizon, decode
from fumewatch.core.decode.instant import instant
from fumewatch.core.reading import CHANNELS, INDEX, MISSING

NOON = 1_795_406_400_000_000  # 2026-11-23 12:00 in Shanghai
HORIZON = Horizon(NOON - 86_400_000_000, NOON + 300_000_000)
TYPICAL = {
    "measured_at": "2026-11-23T12:00:00+08:00",
    "fume": 0.82,
    "pm": 1.4,
    "nmhc": 5.6,
    "temperature": 41.0,
    "humidity": 55.0,
    "velocity": 9.1,
    "fan_on": True,
    "fan_current": 3.2,
    "purifier_on": False,
    "purifier_current": 1.1,
    "quality": "N",
}


def read(*payloads: bytes | str | dict[str, Any] | list[Any]) -> Decoded:
    """As sent by the monitor "m1"."""
    as_bytes = [_bytes(payload) for payload in payloads]
    return decode(as_bytes, ["m1"] * len(as_bytes), NOON, HORIZON)


def _bytes(payload: bytes | str | dict[str, Any] | list[Any]) -> bytes:
    if isinstance(payload, bytes):
        return payload
    return (payload if isinstance(payload, str) else json.dumps(payload)).encode()


def value(decoded: Decoded, channel: str, row: int = 0) -> int:
    return int(decoded.values[INDEX[channel], row])


def kinds(decoded: Decoded) -> list[str]:
    return [fault.kind for _, fault in decoded.faults]


def test_the_payload_of_the_contract() -> None:
    decoded = read(TYPICAL)
    assert decoded.values[:, 0].tolist() == [820, 1400, 5600, 41000, 55000, 9100, 3200, 1100, 1, 0]
    assert decoded.measured_at.tolist() == [NOON]
    assert decoded.quality.tobytes() == b"N"
    assert decoded.unjudged.tolist() == [0]
    assert decoded.faults == []


def test_the_columns_have_the_types_of_readings() -> None:
    readings = read(TYPICAL, TYPICAL).readings(np.array([7, 9], np.int32))
    assert readings.monitor.tolist() == [7, 9]
    types = ["int32", "int64", "int32", "uint8", "int16"]
    columns = (
        readings.monitor,
        readings.measured_at,
        readings.values,
        readings.quality,
        readings.unjudged,
    )
    assert [str(column.dtype) for column in columns] == types


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T12:00:00+08:00",
        "2026-11-23T04:00:00Z",
        "2026-11-23T04:00:00.000+00:00",
        "2026-11-23T12:00:00",  # no zone: Shanghai
        "2026-11-23 12:00:00",
        "20261123T120000",
        1_795_406_400,
        1_795_406_400.0,
        1_795_406_400_000,
        "1795406400",
        "1795406400000",
    ],
)
def test_one_instant_in_every_way_it_is_written(time: str | float) -> None:
    assert read({"measured_at": time, "fume": 1}).measured_at.tolist() == [NOON]


@pytest.mark.parametrize("written", [None, "", " ", "NaN", "null", -999, -999.0, -9999])
def test_what_means_missing(written: object) -> None:
    decoded = read({"measured_at": NOON // 1_000_000, "fume": written, "pm": 1})
    assert value(decoded, "fume") == MISSING
    assert value(decoded, "pm") == 1000
    assert decoded.unjudged.tolist() == [0]


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none_are_missing(word: str) -> None:
    decoded = read(f'{{"measured_at": 1795406400, "fume": {word}, "pm": 1}}')
    assert (value(decoded, "fume"), value(decoded, "pm")) == (MISSING, 1000)


@pytest.mark.parametrize(
    ("channel", "written", "kept", "is_judged"),
    [
        ("fume", 0.0004, 0, True),
        ("fume", 0.0006, 1, True),
        ("fume", "0.82", 820, True),
        ("fume", 30, 30_000, True),
        ("fume", 30.001, 30_001, False),
        ("fume", -0.5, -500, False),
        ("temperature", -40, -40_000, True),
        ("temperature", -41, -41_000, False),
        ("humidity", 1e12, 2**31 - 1, False),
        ("humidity", -1e300, -(2**31) + 1, False),
        ("fan_on", True, 1, True),
        ("fan_on", 0, 0, True),
        ("fan_on", "true", 1, True),
        ("purifier_on", "0", 0, True),
    ],
)
def test_values(channel: str, written: object, kept: int, is_judged: bool) -> None:
    decoded = read({"measured_at": NOON // 1_000_000, channel: written})
    assert value(decoded, channel) == kept
    assert decoded.unjudged.tolist() == [0 if is_judged else 1 << INDEX[channel]]


@pytest.mark.parametrize(
    ("payload", "kind", "says"),
    [
        (b"", "not_json", "empty"),
        (b"{", "not_json", "line 1"),
        (b"\xff\xfe", "not_json", ""),
        (b"[" * 100_000, "not_json", ""),
        (b"##0123QN=20261123120000000;ST=51;CN=2011", "not_json", "HJ 212"),
        ("null", "not_object", "$ is null"),
        ("17", "not_object", "$ is a number"),
        ('"fume"', "not_object", "$ is a text"),
        ("[]", "no_reading", "empty array"),
        ("{}", "no_time", "no measured_at"),
        ({"measured_at": None, "fume": 1}, "no_time", "no measured_at"),
        ({"measured_at": "noon", "fume": 1}, "bad_time", "'noon'"),
        ({"measured_at": "2026-02-30T00:00:00", "fume": 1}, "bad_time", "2026-02-30"),
        ({"measured_at": "NaN5", "fume": 1}, "bad_time", "NaN5"),
        ({"measured_at": "20261123120000", "fume": 1}, "bad_time", "20261123120000"),
        ({"measured_at": "20261123100000000", "fume": 1}, "bad_time", "20261123100000000"),
        ({"measured_at": True, "fume": 1}, "bad_time", "measured_at"),
        ({"measured_at": {}, "fume": 1}, "bad_time", "measured_at"),
        ({"measured_at": 10**400, "fume": 1}, "bad_time", "measured_at"),
        ({"measured_at": 1_795_406_760, "fume": 1}, "future", "6m ahead"),
        ({"measured_at": 1_795_233_600, "fume": 1}, "too_old", "2d ago"),
        (TYPICAL | {"monitor": "m2"}, "wrong_monitor", "'m2'"),
        (TYPICAL | {"monitor": 2}, "wrong_monitor", "'2'"),
        (TYPICAL | {"fume": "much"}, "wrong_type", "$.fume"),
        (TYPICAL | {"fume": [1]}, "wrong_type", "$.fume"),
        (TYPICAL | {"fan_on": 2}, "wrong_type", "fan_on"),
        (TYPICAL | {"fan_on": "运行"}, "wrong_type", "$.fan_on"),
        (TYPICAL | {"quality": "NN"}, "wrong_type", "$.quality"),
        (TYPICAL | {"quality": "正"}, "wrong_type", "'正'"),
        ({"measured_at": 1_795_406_400}, "no_channel", "no channel"),
        ({"measured_at": 1_795_406_400, "fume": -999}, "no_channel", "no channel"),
        (b" " * 300_000, "too_large", "300000 bytes"),
        ("[" + ",".join(["1"] * 5001) + "]", "too_large", "5001 readings"),
    ],
)
def test_what_is_refused(payload: Any, kind: str, says: str) -> None:
    decoded = read(payload)
    assert len(decoded) == 0
    assert kinds(decoded) == [kind]
    assert says in decoded.faults[0][1].detail


def test_good_readings_survive_bad_siblings() -> None:
    bad = [TYPICAL | {"fume": "much"}, 5, TYPICAL | {"measured_at": 0}]
    decoded = read([TYPICAL, *bad, TYPICAL | {"fume": 0.83}])
    assert [value(decoded, "fume", row) for row in range(len(decoded))] == [820, 830]
    assert [(p, fault.kind, fault.at) for p, fault in decoded.faults] == [
        (0, "wrong_type", 1),
        (0, "not_object", 2),
        (0, "too_old", 3),
    ]
    assert "$[1].fume" in decoded.faults[0][1].detail


def test_a_payload_cannot_shift_its_neighbours() -> None:
    decoded = read(TYPICAL, '{"measured_at":', TYPICAL, "}", [TYPICAL, TYPICAL])
    assert decoded.message.tolist() == [0, 2, 4, 4]
    assert [p for p, _ in decoded.faults] == [1, 3]


def test_its_own_name_and_unknown_keys_do_no_harm() -> None:
    assert len(read(TYPICAL | {"monitor": "m1", "firmware": {"v": [1]}})) == 1


def test_nothing_in_nothing_out() -> None:
    decoded = decode([], [], NOON, HORIZON)
    assert (len(decoded), decoded.values.shape, decoded.faults) == (0, (10, 0), [])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from([*TYPICAL, "monitor", "x"]), children, max_size=6)
    ),
    max_leaves=12,
)
near_misses = st.fixed_dictionaries(
    {"measured_at": st.just("2026-11-23T12:00:00+08:00") | json_values, "fume": json_values},
    optional={"fan_on": json_values, "quality": json_values, "monitor": json_values},
)
hostile = (
    st.binary(max_size=64)
    | json_values.map(lambda x: json.dumps(x).encode())
    | near_misses.map(lambda x: json.dumps(x).encode())
    | st.just(json.dumps(TYPICAL).encode())
)


@given(st.lists(hostile, max_size=6))
def test_whatever_comes_each_payload_gives_rows_or_faults(payloads: list[bytes]) -> None:
    decoded = decode(payloads, ["m1"] * len(payloads), NOON, HORIZON)
    answered = {*decoded.message.tolist(), *(p for p, _ in decoded.faults)}
    assert answered == set(range(len(payloads)))
    assert decoded.values.shape == (len(CHANNELS), len(decoded))
    assert ((decoded.measured_at >= HORIZON.oldest) & (decoded.measured_at <= HORIZON.newest)).all()
    assert (decoded.values != MISSING).any(axis=0).all()
    assert all(fault.kind and fault.detail for _, fault in decoded.faults)


@given(st.lists(hostile, max_size=4), st.lists(hostile, max_size=4))
def test_payloads_are_read_alike_alone_and_among_others(
    before: list[bytes], after: list[bytes]
) -> None:
    alone = read(TYPICAL)
    among = decode(
        [*before, json.dumps(TYPICAL).encode(), *after],
        ["m1"] * (len(before) + 1 + len(after)),
        NOON,
        HORIZON,
    )
    mine = among.message == len(before)
    assert among.values[:, mine].tolist() == alone.values.tolist()
    assert among.measured_at[mine].tolist() == alone.measured_at.tolist()


@given(
    st.datetimes(datetime(2026, 11, 23), datetime(2026, 11, 23, 3)),
    st.integers(-14 * 60, 14 * 60),
)
def test_every_zone_gives_the_same_instant(at: datetime, minutes: int) -> None:
    utc = at.replace(tzinfo=UTC)
    there = utc.astimezone(timezone(timedelta(minutes=minutes)))
    decoded = read({"measured_at": there.isoformat(), "fume": 1})
    assert decoded.measured_at.tolist() == [
        (utc - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    ]


@given(st.integers(10**9, 9 * 10**9))
def test_digits_as_text_are_what_they_are_as_a_number(seconds: int) -> None:
    """1795010112000 is no morning of the year 1795."""
    assert instant(str(seconds * 1000)) == instant(str(seconds)) == seconds * 1_000_000


@given(st.integers(0, 30_000))
def test_thousandths_survive_the_way_through_json(thousandths: int) -> None:
    decoded = read({"measured_at": NOON // 1_000_000, "fume": thousandths / 1000})
    assert value(decoded, "fume") == thousandths


def test_half_a_surrogate_pair_is_one_bad_payload() -> None:
    payload = b'{"measured_at": "2026-11-23T12:00:00+08:00", "fume": "\\ud800"}'
    decoded = decode([payload], ["M1"], 0, Horizon(-(2**62), 2**62))
    assert [fault.kind for _, fault in decoded.faults] == ["wrong_type"]
