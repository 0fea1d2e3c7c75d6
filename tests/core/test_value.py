"""Single values as devices write them."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.decode import value
from fumewatch.core.decode.profile import ChannelMap, Profile
from fumewatch.core.decode.value import (
    Derived,
    derivations,
    derive,
    number_reader,
    reader,
    state_reader,
)
from fumewatch.core.reading import CHANNELS, INDEX

MISSING = (-999, -9999)
NAN = math.nan


def number(raw: Any, missing: Any = MISSING, channel: str = "fume", **mapping: Any) -> float:
    return number_reader(channel, ChannelMap(code="x", **mapping), missing)(raw)


def state(raw: Any, missing: Any = MISSING, **mapping: Any) -> float:
    return state_reader("fan_on", ChannelMap(code="x", **mapping), missing)(raw)


# ── Numbers ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        ("0.82", 0.82),
        (" 0.82 ", 0.82),
        ("1e-1", 0.1),
        ("+.5", 0.5),
        ("-0.01", -0.01),
        ("007", 7),
        (0.82, 0.82),
        (7, 7),
        (0, 0),
        ("1e300", 1e300),
    ],
)
def test_what_is_a_number(raw: Any, meant: float) -> None:
    assert number(raw) == meant


@pytest.mark.parametrize(
    "raw",
    [
        *(None, "", "  ", "NaN", "nan", "null", "None", NAN),
        *(math.inf, -math.inf, "inf", "-Infinity", "1e400", 10**400),
        *(-999, -999.0, "-999", "-00999.000", " -9.99e2 ", -9999, "-9999.0"),
    ],
)
def test_what_means_missing(raw: Any) -> None:
    assert math.isnan(number(raw))


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ("abc", '"abc" is no number'),
        ("0x10", '"0x10" is no number'),
        ("1_000", '"1_000" is no number'),
        ("0,82", '"0,82" is no number'),
        ("0.82mg", '"0.82mg" is no number'),
        ("--", '"--" is no number'),
        ("油烟", '"油烟" is no number'),
        (True, "true is no number"),
        (False, "false is no number"),
        ({"v": 1}, "an object is no number"),
        ([1], "an array is no number"),
        ("x" * 300, f'"{"x" * 59}... is no number'),
        ("\ud800", '"\ud800" is no number'),
    ],
)
def test_what_is_neither(raw: Any, says: str) -> None:
    read = number_reader("fume", ChannelMap(code="x"), MISSING)
    for _ in range(2):  # a refusal is not forgotten
        with pytest.raises(ValueError, match=rf"^{re.escape(says)}\Z"):
            read(raw)


@pytest.mark.parametrize(
    ("missing", "raw", "is_missing"),
    [
        ((), -999, False),
        ((-1,), "-1.00", True),
        ((-1,), -999, False),
        (("-1",), -1, True),
        (("--", "N/A"), " n/a ", True),
        (("--", "N/A"), "--", True),
        ((0,), 0, True),
        ((0,), "0.000", True),
    ],
)
def test_a_profile_says_what_is_missing(missing: Any, raw: Any, is_missing: bool) -> None:
    assert math.isnan(number(raw, missing)) is is_missing


@pytest.mark.parametrize(
    ("channel", "mapping", "raw", "meant"),
    [
        ("fume", {"unit": "ug/m3"}, "820", 0.82),
        ("fume", {"scale": 0.01}, 82, 0.82),
        ("fume", {"offset": -0.1}, "0.92", 0.82),
        ("temperature", {"unit": "K", "scale": 0.1}, 3141.5, 41.0),
        ("temperature", {"unit": "°F", "scale": 2, "offset": 1}, 52.4, 41.0),
        ("fan_current", {"unit": "mA", "offset": 200}, "3000", 3.2),
        ("fume", {"unit": "ug/m3"}, -999, NAN),  # missing is what is written, before the unit
        ("fume", {"scale": -1}, -999, NAN),
    ],
)
def test_scale_offset_and_unit(
    channel: str, mapping: dict[str, Any], raw: Any, meant: float
) -> None:
    assert number(raw, channel=channel, **mapping) == pytest.approx(meant, nan_ok=True)


def test_what_a_reader_remembers_is_bounded() -> None:
    seen = value._Seen(float)
    for text in map(str, range(3 * value._MOST)):
        assert seen[text] == float(text)
        assert len(seen) <= value._MOST
    long = "1" + "0" * value._LONGEST
    assert seen[long] == 10.0**value._LONGEST
    assert long not in seen


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: x not in MISSING))
def test_a_number_and_its_text_are_the_same(written: float) -> None:
    read = number_reader("fume", ChannelMap(code="x"), MISSING)
    assert read(written) == read(repr(written)) == read(repr(written)) == written


# ── States ──────────────────────────────────────────────────────────────────────────────────────

OPEN_IS_2 = {"on": 2, "off": 1}
WORDS = {"on": "运行", "off": ["关闭", "故障"]}
LETTERS = {"on": ["On", "RUN"], "off": "Off"}


@pytest.mark.parametrize(
    ("mapping", "raw", "meant"),
    [
        *(({}, raw, 1.0) for raw in (1, 1.0, True, "1", " 1 ", "1.0", "01", "true", "TRUE")),
        *(({}, raw, 0.0) for raw in (0, 0.0, -0.0, False, "0", "00", "0.00", "false")),
        *((OPEN_IS_2, raw, 1.0) for raw in (2, 2.0, "2", "02", "2.0")),
        *((OPEN_IS_2, raw, 0.0) for raw in (1, True, "1")),
        (WORDS, "运行", 1.0),
        (WORDS, " 运行 ", 1.0),
        (WORDS, "关闭", 0.0),
        (WORDS, "故障", 0.0),
        *((LETTERS, raw, 1.0) for raw in ("on", "ON", "run")),
        (LETTERS, "OFF\n", 0.0),
        ({"on": [1, 2, 3]}, "3", 1.0),
        ({"on": True, "off": False}, 1, 1.0),
        ({"on": 1, "off": ""}, "", 0.0),  # said so, and so it is
    ],
)
def test_how_states_are_written(mapping: dict[str, Any], raw: Any, meant: float) -> None:
    assert state(raw, **mapping) == meant


@pytest.mark.parametrize("raw", [None, "", " ", "null", "NaN", NAN, math.inf, -999, "-999.0"])
def test_a_state_that_is_missing(raw: Any) -> None:
    assert math.isnan(state(raw))


@pytest.mark.parametrize(
    ("mapping", "raw", "says"),
    [
        ({}, 2, "2 is neither on (1) nor off (0)"),
        ({}, "开", '"开" is neither on (1) nor off (0)'),
        ({}, 0.5, "0.5 is neither on (1) nor off (0)"),
        ({}, "0x1", '"0x1" is neither on (1) nor off (0)'),
        ({}, {}, "an object is neither on (1) nor off (0)"),
        ({}, [1], "an array is neither on (1) nor off (0)"),
        ({}, 10**400, f"{'1' + '0' * 59}... is neither on (1) nor off (0)"),
        (OPEN_IS_2, 3, "3 is neither on (2) nor off (1)"),
        (OPEN_IS_2, 0, "0 is neither on (2) nor off (1)"),
        (WORDS, "停止", '"停止" is neither on (运行) nor off (关闭 or 故障)'),
        (WORDS, 1, "1 is neither on (运行) nor off (关闭 or 故障)"),
    ],
)
def test_a_state_that_is_neither(mapping: dict[str, Any], raw: Any, says: str) -> None:
    with pytest.raises(ValueError, match=rf"^{re.escape(says)}\Z"):
        state(raw, **mapping)


def test_a_channel_is_read_as_what_it_is() -> None:
    assert reader("fume", ChannelMap(code="x"), ())("1") == 1.0
    with pytest.raises(ValueError, match="true is no number"):
        reader("fume", ChannelMap(code="x"), ())(True)
    assert reader("fan_on", ChannelMap(code="x"), ())(True) == 1.0


json_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)


@given(json_scalars | st.lists(st.none(), max_size=1), st.sampled_from(["fume", "fan_on"]))
def test_a_reader_gives_a_float_or_says_no(raw: Any, channel: str) -> None:
    read = reader(channel, ChannelMap(code="x"), MISSING)
    try:
        found = read(raw)
    except ValueError:
        return
    assert isinstance(found, float)
    assert channel == "fume" or math.isnan(found) or found in (0.0, 1.0)


# ── Derived states ──────────────────────────────────────────────────────────────────────────────


def test_a_state_derived_from_a_current() -> None:
    profile = Profile.model_validate(
        {
            "name": "x",
            "channel": {
                "fan_current": {"code": "i"},
                "fan_on": {"code": "s", "from": "fan_current", "above": 0.5},
                "purifier_on": {"from": "fan_current"},
            },
        }
    )
    found = derivations(profile)
    fan, purifier, current = INDEX["fan_on"], INDEX["purifier_on"], INDEX["fan_current"]
    assert found == (Derived(fan, current, 0.5), Derived(purifier, current, 0.0))
    numbers = np.full((len(CHANNELS), 5), NAN)
    numbers[current] = [0.6, 0.5, NAN, 9.0, 0.0]
    numbers[fan] = [NAN, NAN, NAN, 0.0, 1.0]  # what the device says itself stands
    derive(numbers, found)
    assert numbers[fan].tolist()[:2] == [1.0, 0.0]
    assert math.isnan(numbers[fan, 2])
    assert numbers[fan].tolist()[3:] == [0.0, 1.0]
    np.testing.assert_array_equal(numbers[purifier], [1.0, 1.0, NAN, 1.0, 0.0])
