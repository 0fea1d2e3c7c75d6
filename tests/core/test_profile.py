"""[[profile]]: which are refused, where the fault lies and what to write."""

from typing import Any

import pytest
from pydantic import ValidationError

from fumewatch.core.decode.profile import Profile

JSON = {"name": "x", "channel": {"fume": {"path": "oil"}}}
CODES = {"name": "x", "channel": {"fume": {"code": "a34041"}}}
TOPIC = {"topic": "acme/{district}/{monitor}/data"}
BAD = "is for JSON with a `path` for each channel, and no channel has one"


def faults(table: dict[str, Any]) -> list[tuple[str, str]]:
    """(key, what) of each fault."""
    with pytest.raises(ValidationError) as refused:
        Profile.model_validate(table)
    return [
        (".".join(map(str, error["loc"])), str(error.get("ctx", {}).get("error", error["msg"])))
        for error in refused.value.errors()
    ]


def channel(name: str, **mapping: Any) -> dict[str, Any]:
    return {"channel": {"fume": {"path": "oil"}, name: mapping}}


@pytest.mark.parametrize(
    "table",
    [
        {"name": "x"},
        JSON,
        CODES,
        JSON | TOPIC,
        JSON | {"topic": "/sys/+/{monitor}/post", "district": "xuhui"},
        JSON | {"topic": "{district}/up", "monitor_from": "payload", "monitor_field": "dev"},
        CODES | {"topic": "gate/up", "district": "xuhui", "monitor_from": "payload"},
        CODES | {"monitor_from": "payload", "format": "hj212"},
        CODES | {"downlink": "acme/{district}/{monitor}/ack"},
        JSON | {"time": "", "no_time": "received"},
        JSON | {"channel": {"fume": {"path": "a", "code": "b"}, "pm": {"code": "c"}}},
        JSON | channel("fan_on", **{"from": "fume"}),
        CODES | {"sm4_keys": {"D7": "0123456789abcdefFEDCBA9876543210"}},
    ],
    ids=str,
)
def test_what_is_a_profile(table: dict[str, Any]) -> None:
    assert Profile.model_validate(table).name == "x"


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("acme/#", "'acme/#': '#' does not tell which level is the monitor; use {monitor}"),
        (
            "acme/{site}/{monitor}",
            "'acme/{site}/{monitor}': a level is {district}, {monitor} or text, not '{site}'",
        ),
        (
            "acme/x{monitor}",
            "'acme/x{monitor}': a level is {district}, {monitor} or text, not 'x{monitor}'",
        ),
        ("acme/x+", "'acme/x+': '+' stands for a whole level, not for a part of one"),
        ("{monitor}/{monitor}", "'{monitor}/{monitor}': {monitor} stands there twice"),
        (
            "acme/{district}/up",
            "'acme/{district}/up' does not tell the monitor; write {monitor} for its level, or "
            'monitor_from = "payload"',
        ),
    ],
)
def test_topics_that_are_none(topic: str, says: str) -> None:
    assert faults(JSON | {"topic": topic}) == [("topic", says)]


@pytest.mark.parametrize(
    ("downlink", "says"),
    [
        ("acme/+/ack", "'acme/+/ack': nothing is published to a topic with '+' or '#'"),
        ("acme/#", "'acme/#': nothing is published to a topic with '+' or '#'"),
        ("a/{mn}", "'a/{mn}': a level is {district}, {monitor} or text, not '{mn}'"),
    ],
)
def test_downlinks_that_are_none(downlink: str, says: str) -> None:
    assert faults(CODES | {"downlink": downlink}) == [("downlink", says)]


@pytest.mark.parametrize(
    ("options", "key", "says"),
    [
        # the district
        (
            {"topic": "acme/{monitor}"},
            "district",
            "topic 'acme/{monitor}' does not tell the district; write {district} for its level, "
            "or give the district here",
        ),
        (
            TOPIC | {"district": "xuhui"},
            "district",
            "topic 'acme/{district}/{monitor}/data' tells the district already; keep one",
        ),
        # expressions
        ({"items": "a["}, "items", "'a[' is no JMESPath: Incomplete expression"),
        ({"time": "a b"}, "time", "'a b' is no JMESPath: Unexpected token: b"),
        ({"quality": "nope(a)"}, "quality", "'nope(a)' is no JMESPath: Unknown function: nope()"),
        # times
        ({"time": ""}, "time", 'is empty; say where the time stands, or no_time = "received"'),
        (
            {"time_zone": "Asia/Shanghi"},
            "time_zone",
            "'Asia/Shanghi' is not a time zone; did you mean 'Asia/Shanghai'?",
        ),
        (
            {"time_zone": "+08:00"},
            "time_zone",
            "'+08:00' is not a time zone; write a name such as Asia/Shanghai",
        ),
        # a monitor
        (
            {"monitor_from": "payload"},
            "monitor_field",
            'missing; monitor_from = "payload" needs it for JSON',
        ),
        # one format has no use for what is the other's
        (
            {"format": "json", "crc": "modbus"},
            "crc",
            'is for HJ 212, and format = "json" takes none',
        ),
        (
            {"format": "json", "sm4_keys": {"D7": "0" * 32}},
            "sm4_keys",
            'is for HJ 212, and format = "json" takes none',
        ),
        # channels
        (
            channel("fumes", path="a"),
            "channel.fumes",
            "no channel is called 'fumes'; did you mean 'fume'?",
        ),
        (
            channel("ozone", path="a"),
            "channel.ozone",
            "no channel is called 'ozone'; there are fume, pm, nmhc, temperature, humidity, "
            "velocity, fan_current, purifier_current, fan_on, purifier_on",
        ),
        (
            channel("pm", unit="mg/m³"),
            "channel.pm",
            "says nothing; give path (JSON), code (HJ 212) or, for a state, from",
        ),
        (
            channel("pm", path="a", unit="ppm"),
            "channel.pm.unit",
            "'ppm' is no unit of pm; it takes mg/m³, µg/m³, ng/m³, g/m³",
        ),
        (channel("pm", path="a("), "channel.pm.path.0", "'a(' is no JMESPath: "),
        (channel("pm", path=""), "channel.pm.path.0", "String should have at least 1 character"),
        (
            channel("pm", code="a34000-Rtd"),
            "channel.pm.code",
            "'a34000-Rtd': write the code alone, as a34041 of a34041-Rtd=0.82",
        ),
        (
            channel("pm", code="a", suffix="-Rtd"),
            "channel.pm.suffix",
            "'-Rtd': write the suffix alone, as Rtd of a34041-Rtd=0.82",
        ),
        (
            channel("pm", path="a", scale=0),
            "channel.pm.scale",
            "0 would make every value the same",
        ),
        (
            channel("pm", path="a", on=2),
            "channel.pm.on",
            "is for states such as fan_on; pm is measured",
        ),
        (
            channel("pm", path="a", **{"from": "fume"}),
            "channel.pm.from",
            "is for states such as fan_on; pm is measured",
        ),
        (
            channel("fan_on", path="a", unit="A"),
            "channel.fan_on.unit",
            "is for measured channels; fan_on is a state: `on` and `off` say its coding",
        ),
        (
            channel("fan_on", path="a", scale=2),
            "channel.fan_on.scale",
            "is for measured channels; fan_on is a state: `on` and `off` say its coding",
        ),
        (
            channel("fan_on", path="a", on=[1, "2"], off=[0, 2.0]),
            "channel.fan_on.on",
            "'2' is among `off` too (2.0)",
        ),
        (
            channel("fan_on", path="a", on="Open", off=" open"),
            "channel.fan_on.on",
            "'Open' is among `off` too (' open')",
        ),
        (
            channel("fan_on", path="a", off=["-999", 0]),
            "channel.fan_on.off",
            "'-999' is among `missing` of this profile too",
        ),
        (
            channel("fan_on", path="a", on=[]),
            "channel.fan_on.on",
            "Value should have at least 1 item",
        ),
        (
            channel("fan_on", path="a", on=[{}]),
            "channel.fan_on.on.0",
            "{} is no single value; write a number, a text, true or false",
        ),
        (
            channel("fan_on", **{"from": "fan_current"}),
            "channel.fan_on.from",
            "'fan_current' is no measured channel of this profile; it has fume",
        ),
        (
            channel("fan_on", **{"from": "fan_on"}),
            "channel.fan_on.from",
            "'fan_on' is no measured channel of this profile; it has fume",
        ),
        (
            channel("fan_on", path="a", above=0.5),
            "channel.fan_on.above",
            "needs `from`, the channel that it is compared with",
        ),
        (
            channel("pm", code="a") | {"format": "json"},
            "channel.pm.path",
            'missing; format = "json" finds a channel by its path',
        ),
    ],
)
def test_what_is_no_profile(options: dict[str, Any], key: str, says: str) -> None:
    ((at, what),) = faults(JSON | options)
    assert at == key
    assert what.startswith(says)


@pytest.mark.parametrize(
    "option", [{"items": "a"}, {"quality": "q"}, {"time": "t"}, {"monitor_field": "m"}]
)
@pytest.mark.parametrize("table", [CODES, CODES | {"format": "hj212"}, {"name": "x"}])
def test_what_no_json_would_be_read_by(table: dict[str, Any], option: dict[str, Any]) -> None:
    assert faults(table | option) == [(next(iter(option)), BAD)]


def test_a_code_is_needed_where_only_hj_212_is_read() -> None:
    both = {"fume": {"code": "a"}, "pm": {"path": "b"}}
    assert faults({"name": "x", "format": "hj212", "channel": both}) == [
        ("channel.pm.code", 'missing; format = "hj212" finds a channel by its code')
    ]


@pytest.mark.parametrize(
    "form",
    ["iso", "", "%Y-%m-%d", "%H:%M:%S", "%y%m%d%I%M", "%s", "%Y-%m-%d %H:%M %", "%Y%m%d%H%S"],
)
def test_a_format_that_does_not_tell_the_minute(form: str) -> None:
    assert faults(JSON | {"time_format": form}) == [
        (
            "time_format",
            f"{form!r} is neither auto, seconds, milliseconds nor a format of strptime that tells "
            "day and minute, such as %Y%m%d%H%M%S",
        )
    ]


@pytest.mark.parametrize(
    "form",
    ["auto", "seconds", "milliseconds", "%Y%m%d%H%M%S", "%d.%m.%y %H:%M", "%Y-%m-%d %H:%M:%S%z"],
)
def test_a_format_of_times(form: str) -> None:
    assert Profile.model_validate(JSON | {"time_format": form}).time_format == form


def test_a_key_is_never_shown() -> None:
    for wrong in ("hunter2", "0" * 31, "0" * 33, "g" * 32, "0x" + "0" * 30):
        with pytest.raises(ValidationError) as refused:
            Profile.model_validate(CODES | {"sm4_keys": {"D7": wrong}})
        (error,) = refused.value.errors()
        assert str(error["ctx"]["error"]) == "the key of 'D7' is not 32 hex digits"


def test_every_fault_is_told_at_once() -> None:
    table = JSON | {"topic": "a/{monitor}", "crc": "modbus", "format": "json"}
    table["channel"] = {"fumes": {"path": "a"}, "pm": {"path": "a", "unit": "V", "on": 2}}
    assert [at for at, _ in faults(table)] == [
        "district",
        "crc",
        "channel.fumes",
        "channel.pm.on",
        "channel.pm.unit",
    ]


def test_one_value_is_a_list_of_one() -> None:
    options = {"match": {"vendor": "ACME"}, "missing": "--", "readings": 2011, "aggregates": 2061}
    profile = Profile.model_validate(JSON | options)
    assert (profile.match.vendor, profile.channel["fume"].path) == (("ACME",), ("oil",))
    assert (profile.missing, profile.readings, profile.aggregates) == (("--",), (2011,), (2061,))
