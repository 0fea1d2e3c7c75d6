"""Vendors' JSON by a profile's mapping: what is read, what is refused and why."""

import json
import math
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fumewatch.core.decode import Decoded, Horizon
from fumewatch.core.decode.columns import Columns, Names
from fumewatch.core.decode.instant import UNREADABLE, clock
from fumewatch.core.decode.mapped import Mapped
from fumewatch.core.decode.profile import Profile
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, INDEX

NOON = 1_795_406_400_000_000  # 2026-11-23 12:00 in Shanghai
HOUR = 3_600_000_000
VENDOR = {
    "name": "vendor",
    "time": "t",
    "channel": {
        "fume": {"path": "oil"},
        "fan_on": {"path": "fanFlag", "on": 2, "off": 1},
        "fan_current": {"path": "amps"},
    },
}
GOOD = {"t": "2026-11-23 12:00:00", "oil": 0.82, "fanFlag": 2, "amps": "3.2"}


def read(payload: Any, *, now: int = NOON, **profile: Any) -> Columns:
    """By VENDOR with other keys laid over it."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Mapped(Profile.model_validate(VENDOR | profile)).columns([data], [now])


def values(columns: Columns, row: int = 0) -> dict[str, float]:
    """What is not missing, by channel."""
    found = dict(zip(INDEX, columns.numbers[:, row].tolist(), strict=True))
    return {name: number for name, number in found.items() if not math.isnan(number)}


def refusals(columns: Columns) -> list[str]:
    return [str(fault) for _, fault in columns.faults]


# ── Where readings stand ────────────────────────────────────────────────────────────────────────


def test_one_object() -> None:
    columns = read(GOOD)
    assert values(columns) == {"fume": 0.82, "fan_on": 1.0, "fan_current": 3.2}
    assert columns.measured_at.tolist() == [NOON]
    assert (columns.element, columns.monitor, columns.time) == ([None], [""], [GOOD["t"]])
    assert columns.quality.tolist() == [ord("N")]
    assert (columns.message.tolist(), columns.barred, columns.faults) == ([0], None, [])


def test_an_array_of_objects() -> None:
    columns = read([GOOD, GOOD | {"oil": 0.83}])
    assert [values(columns, row)["fume"] for row in (0, 1)] == [0.82, 0.83]
    assert (columns.element, columns.message.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize(
    ("items", "payload", "elements"),
    [
        ("data", {"data": [GOOD, GOOD]}, [0, 1]),
        ("data.list", {"data": {"list": [GOOD]}}, [0]),
        ("data", {"data": GOOD}, [None]),
        ("[].rows[]", [{"rows": [GOOD]}, {"rows": [GOOD, GOOD]}], [0, 1, 2]),
        ("rows[?ok]", {"rows": [GOOD | {"ok": True}, GOOD | {"ok": False}]}, [0]),
    ],
)
def test_readings_inside_a_payload(items: str, payload: Any, elements: list[int | None]) -> None:
    columns = read(payload, items=items)
    assert columns.element == elements
    assert all(values(columns, row)["fume"] == 0.82 for row in range(len(elements)))


def test_a_reading_may_be_an_array_too() -> None:
    profile = VENDOR | {"items": "rows", "time": "[0]", "channel": {"fume": {"path": "[1]"}}}
    columns = read({"rows": [[1795406400, "0.82"], [1795406460, None]]}, **profile)
    assert values(columns) == {"fume": 0.82}
    assert refusals(columns) == [
        "no_channel: $.rows[1]: no channel has a value; the profile looks for fume in [1]"
    ]


def test_from_a_reading_the_whole_payload_is_in_reach() -> None:
    payload = {
        "dev": "D7",
        "t": GOOD["t"],
        "state": {"fan": 1},
        "data": [{"oil": 0.82, "t": "not this one"}, {"oil": 0.83}],
    }
    columns = read(
        payload,
        items="data",
        time="$.t",
        monitor_field="$.dev",
        channel={
            "fume": {"path": "oil"},
            "fan_on": {"path": ["fan", "$.state.fan"]},
            "pm": {"path": "$.data[0].oil || pm"},
        },
    )
    assert columns.monitor == ["D7", "D7"]
    assert columns.measured_at.tolist() == [NOON, NOON]
    assert [values(columns, row)["fan_on"] for row in (0, 1)] == [1.0, 1.0]
    assert [values(columns, row)["pm"] for row in (0, 1)] == [0.82, 0.82]


def test_nothing_in_nothing_out() -> None:
    columns = Mapped(Profile.model_validate(VENDOR)).columns([], [NOON] * len([]))
    assert (len(columns), columns.numbers.shape, columns.faults) == (0, (len(CHANNELS), 0), [])


def test_its_columns_are_what_readings_are_made_of() -> None:
    decoded = Decoded.of(read([GOOD, GOOD]), Names(["m1"]), NOON, Horizon(NOON - HOUR, NOON + HOUR))
    assert decoded.values[INDEX["fume"]].tolist() == [820, 820]
    types = (decoded.message.dtype, decoded.measured_at.dtype, decoded.quality.dtype)
    assert [str(each) for each in types] == ["int64", "int64", "uint8"]


# ── Values ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("empty", [None, "", " ", "null", "NaN", -999, "-999.0"])
def test_a_channel_that_is_missing(empty: Any) -> None:
    assert values(read(GOOD | {"oil": empty})) == {"fan_on": 1.0, "fan_current": 3.2}
    assert values(read({"t": GOOD["t"], "oil": 1.0, "fanFlag": empty})) == {"fume": 1.0}


@pytest.mark.parametrize(
    ("payload", "fume"),
    [
        ({"fume": {"value": 0.5}}, 0.5),
        ({"fume": 0.6}, 0.6),
        ({"fume": {"value": None}, "backup": 0.7}, 0.7),  # an object is no value of `fume`
        ({"fume": {"value": ""}, "backup": 0.7}, 0.7),
        ({"fume": {"value": -999}, "backup": 0.7}, None),  # told to be missing, and so it is
        ({"fume": {"value": 0}, "backup": 0.7}, 0.0),
    ],
)
def test_the_first_path_that_gives_a_value_counts(payload: Any, fume: float | None) -> None:
    paths = ["fume.value", "fume", "backup"]
    channel = {"fume": {"path": paths}, "pm": {"path": "pm"}}
    columns = read(payload | {"t": GOOD["t"], "pm": 1}, channel=channel)
    assert values(columns).get("fume") == fume


def test_a_state_the_device_does_not_tell_is_derived() -> None:
    fan = {"path": "fanFlag", "on": 2, "off": 1, "from": "fan_current", "above": 50.0}
    amps = {"path": "amps", "unit": "mA"}
    payload = [{"amps": 60_000}, {"amps": 40_000}, {"amps": 60_000, "fanFlag": 1}]
    columns = read(
        [each | {"t": GOOD["t"]} for each in payload],
        channel={"fan_on": fan, "fan_current": amps},
    )
    assert [values(columns, row)["fan_on"] for row in range(3)] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("written", "flag"), [("N", "N"), ("D", "D"), (None, "N"), ("", "N"), (" T ", "T"), (0, "0")]
)
def test_the_data_flag(written: Any, flag: str) -> None:
    assert read(GOOD | {"f": written}, quality="f").quality.tolist() == [ord(flag)]


@pytest.mark.parametrize(
    ("written", "name"),
    [("D7", "D7"), (" D7 ", "D7"), (52065030012341, "52065030012341"), (None, "")],
)
def test_the_monitor_that_a_payload_names(written: Any, name: str) -> None:
    assert read(GOOD | {"dev": written}, monitor_field="dev").monitor == [name]


# ── Times ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("form", "zone", "written"),
    [
        ("auto", "Asia/Shanghai", "2026-11-23T12:00:00"),
        ("auto", "Asia/Urumqi", "2026-11-23 10:00:00"),
        ("auto", "Asia/Urumqi", "2026-11-23T12:00:00+08:00"),
        ("auto", "Asia/Urumqi", 1795406400),
        ("auto", "Asia/Urumqi", "1795406400000"),
        ("seconds", "Asia/Urumqi", 1795406400),
        ("seconds", "Asia/Urumqi", "1795406400.0"),
        ("milliseconds", "Asia/Urumqi", 1795406400000),
        ("%Y%m%d%H%M%S", "Asia/Shanghai", "20261123120000"),
        ("%Y%m%d%H%M%S", "Asia/Shanghai", 20261123120000),
        ("%Y%m%d%H%M%S", "Asia/Urumqi", "20261123100000"),
        ("%d/%m/%Y %I:%M %p", "Asia/Shanghai", "23/11/2026 12:00 PM"),
        ("%Y-%m-%d %H:%M:%S %z", "Asia/Urumqi", "2026-11-23 04:00:00 +0000"),
        ("%Y年%m月%d日%H时%M分", "Asia/Shanghai", " 2026年11月23日12时00分 "),
    ],
)
def test_one_instant_in_every_way_it_is_written(form: str, zone: str, written: Any) -> None:
    columns = read(GOOD | {"t": written}, time_format=form, time_zone=zone)
    assert columns.measured_at.tolist() == [NOON]


@pytest.mark.parametrize(
    ("form", "written", "says"),
    [
        ("auto", "noon", '$.t (time): "noon" is no time'),
        ("auto", "20261123120000", '$.t (time): "20261123120000" is no time'),
        ("auto", True, "$.t (time): true is no time"),
        ("auto", {}, "$.t (time): an object is no time"),
        ("auto", 10**400, "is no time"),
        ("seconds", "noon", '$.t (time): "noon" is no time as seconds'),
        ("seconds", 10**400, "is no time as seconds"),
        ("seconds", 1795406400000, "$.t (time): 1795406400000 is no time as seconds"),
        ("%Y%m%d%H%M%S", "20261323120000", "is no time as %Y%m%d%H%M%S"),
        ("%Y%m%d%H%M%S", 1.5, "$.t (time): 1.5 is no time as %Y%m%d%H%M%S"),
    ],
)
def test_what_is_no_time(form: str, written: Any, says: str) -> None:
    (refusal,) = refusals(read(GOOD | {"t": written}, time_format=form))
    assert refusal.startswith("bad_time: $.t (time): ")
    assert refusal.endswith(says)


def test_a_reading_without_time_is_refused() -> None:
    payload = {"oil": 1}
    assert refusals(read(payload)) == ["no_time: $.t (time): there is none"]
    assert refusals(read([payload])) == ["no_time: $[0].t (time): there is none"]


@pytest.mark.parametrize("time", ["t", ""])
def test_a_reading_without_time_may_get_ours(time: str) -> None:
    columns = read({"oil": 1, "t": " "}, now=NOON + 1_999_999, time=time, no_time="received")
    assert columns.measured_at.tolist() == [NOON + 1_000_000]


@given(st.integers() | st.floats() | st.text(max_size=20))
def test_any_time_is_read_or_not(written: str | float) -> None:
    for form in ("auto", "seconds", "milliseconds", "%Y-%m-%d"):
        at = clock(form, ZoneInfo("Asia/Shanghai"))(written)
        assert at == UNREADABLE or abs(at) < 2**62


# ── Refusals ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "not_json: the payload is empty"),
        (b"\xff\xfe", "not_json: "),
        (b"[" * 100_000, "not_json: "),
        (b" " * 300_000, "too_large: 300000 bytes; at most 262144 are read"),
        ([], "no_reading: an empty array"),
        ([1] * 5001, "too_large: 5001 readings; at most 5000 are read"),
        (None, "not_object: $ is null, not an object"),
        ("fume", "not_object: $ is a text, not an object"),
        ([17], "not_object: $[0] is a number, not an object"),
        ([[GOOD]], "not_object: $[0] is an array, not an object"),
        (GOOD | {"oil": "much"}, 'wrong_type: $.oil (fume): "much" is no number'),
        ([GOOD | {"oil": True}], "wrong_type: $[0].oil (fume): true is no number"),
        (GOOD | {"oil": {"v": 1}}, "wrong_type: $.oil (fume): an object is no number"),
        (
            GOOD | {"fanFlag": 3},
            "bad_state: $.fanFlag (fan_on): 3 is neither on (2) nor off (1)",
        ),
        (
            {"t": GOOD["t"], "oil": -999},
            "no_channel: $: no channel has a value; the profile looks for fume in oil, "
            "fan_on in fanFlag, fan_current in amps",
        ),
    ],
)
def test_what_is_refused(payload: Any, says: str) -> None:
    (refusal,) = refusals(read(payload))
    assert refusal.startswith(says)


@pytest.mark.parametrize(
    ("options", "payload", "says"),
    [
        ({"items": "data"}, {"dat": [GOOD]}, "no_reading: $.data (items): there is nothing"),
        ({"items": "data"}, {"data": []}, "no_reading: an empty array"),
        ({"items": "data"}, {"data": 5}, "not_object: $.data is a number, not an object"),
        (
            {"items": "sort(@)"},
            {},
            "wrong_type: $.sort(@) (items): In function sort(), invalid type for value: {}",
        ),
        (
            {"items": "data"},
            {"data": [GOOD | {"oil": "x"}]},
            'wrong_type: $.data[0].oil (fume): "x" is no number',
        ),
        (
            {"channel": {"fume": {"path": ["a", "$.b"]}}},
            {"t": 1795406400, "b": "x"},
            'wrong_type: $.b (fume): "x" is no number',
        ),
        (
            {"channel": {"fan_on": {"path": "abs(a)"}}},
            {"t": 1795406400, "a": "x"},
            "wrong_type: $.abs(a) (fan_on): In function abs(), invalid type for value: x",
        ),
        ({"quality": "f"}, GOOD | {"f": "NN"}, 'wrong_type: $.f (quality): "NN" is no data flag'),
        ({"quality": "f"}, GOOD | {"f": "正"}, 'wrong_type: $.f (quality): "正" is no data flag'),
        (
            {"quality": "f"},
            GOOD | {"f": [1]},
            "wrong_type: $.f (quality): an array is no data flag",
        ),
        ({"monitor_field": "m"}, GOOD | {"m": 1.5}, "wrong_type: $.m (monitor): 1.5 is no code"),
        ({"monitor_field": "m"}, GOOD | {"m": True}, "wrong_type: $.m (monitor): true is no code"),
        ({"monitor_field": "m"}, GOOD | {"m": {}}, "wrong_type: $.m (monitor): an object is no"),
    ],
)
def test_what_is_refused_with_other_options(options: Any, payload: Any, says: str) -> None:
    (refusal,) = refusals(read(payload, **options))
    assert refusal.startswith(says)


def test_one_bad_reading_is_refused_alone() -> None:
    bad = [{"t": GOOD["t"], "fanFlag": 9}, 5, {"t": "x", "oil": 1}]
    mapped = Mapped(Profile.model_validate(VENDOR))
    payloads = [json.dumps(each).encode() for each in ([GOOD, *bad, GOOD], {}, GOOD)]
    columns = mapped.columns(payloads, [NOON] * len(payloads))
    assert (columns.message.tolist(), columns.element) == ([0, 0, 2], [0, 4, None])
    assert [(payload, fault.kind, fault.at) for payload, fault in columns.faults] == [
        (0, "bad_state", 1),
        (0, "not_object", 2),
        (0, "bad_time", 3),
        (1, "no_time", None),
    ]


def test_one_bad_value_costs_no_other_and_is_told() -> None:
    columns = read([GOOD | {"fanFlag": 9}, GOOD])
    assert [values(columns, row).get("fan_on") for row in (0, 1)] == [None, 1.0]
    assert [values(columns, row)["fume"] for row in (0, 1)] == [0.82, 0.82]
    assert [(fault.kind, fault.at) for _, fault in columns.faults] == [("bad_state", 0)]


def test_numbers_that_are_none_are_missing() -> None:
    payload = b'{"t": 1795406400, "oil": NaN, "amps": 1e400, "fanFlag": 2}'
    assert values(read(payload)) == {"fan_on": 1.0}


# ── Whatever comes ──────────────────────────────────────────────────────────────────────────────

EVERYTHING = Profile.model_validate(
    {
        "name": "everything",
        "items": "data || @",
        "time": "$.t || t",
        "monitor_field": "m",
        "quality": "q",
        "no_time": "received",
        "channel": {
            "fume": {"path": ["a.b", "max(a)", "a"], "unit": "ug/m3"},
            "pm": {"path": "sum(data)"},
            "fan_on": {"path": "s", "on": ["开", 2], "off": 1, "from": "fan_current"},
            "fan_current": {"path": "$.data[0].i", "unit": "mA"},
        },
    }
)
names = st.sampled_from(["t", "m", "q", "a", "b", "s", "i", "data"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=5),
    max_leaves=25,
)


@given(st.lists(anything.map(json.dumps).map(str.encode) | st.binary(max_size=20), max_size=3))
@example([b'{"a": ' + b"1" * 5000 + b', "s": ' + b"1" * 400 + b', "t": ' + b"1" * 400 + b"}"])
@example([b'{"a": [1, "x"], "data": "\\ud800", "m": "\\ud800"}'])
@settings(deadline=None)
def test_whatever_comes_is_read_or_refused(payloads: list[bytes]) -> None:
    columns = Mapped(EVERYTHING).columns(payloads, [NOON] * len(payloads))
    lengths = {len(columns.element), len(columns.monitor), len(columns.time)}
    assert lengths == {len(columns)} == {len(columns.quality)} == {len(columns.measured_at)}
    assert columns.numbers.shape == (len(CHANNELS), len(columns))
    assert all(isinstance(fault, DecodeError) for _, fault in columns.faults)
    told = {*columns.message.tolist(), *(payload for payload, _ in columns.faults)}
    assert told == set(range(len(payloads)))  # none is lost without a word
    Decoded.of(columns, Names([""] * len(payloads)), NOON, Horizon(-(2**62), 2**62))
