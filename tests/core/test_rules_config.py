"""Rules as people write them: what is refused, and in which words."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import Rule, depths, needs
from fumewatch.core.rules.terms import Condition, Level
from fumewatch.core.rules.threshold import Threshold
from fumewatch.core.rules.when import When
from tests.core.scene import rule_of

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
THRESHOLD = {"kind": "threshold", "channel": "fume", "above": "limit"}
SHARE = THRESHOLD | {"statistic": "share", "above": 0.5}


def example() -> list[Rule]:
    return [rule_of(**raw) for raw in tomllib.loads(EXAMPLE.read_text("utf-8"))["rule"]]


@pytest.mark.parametrize(
    ("raw", "where", "says"),
    [
        ({"kind": "treshold"}, (), "'threshold', 'linkage', 'absence', 'trend'"),
        (THRESHOLD | {"channel": "fumes"}, ("channel",), "'fume', 'pm', 'nmhc'"),
        (THRESHOLD | {"windw": "10m"}, ("windw",), "not permitted"),
        (THRESHOLD | {"hold": "10m"}, ("hold",), "not permitted"),
        (THRESHOLD | {"id": "Has Blanks"}, ("id",), "pattern"),
        (THRESHOLD | {"above": None}, (), "needs above or below"),
        (THRESHOLD | {"above": "0.9 x limit"}, ("above",), '"0.9 * limit"'),
        (THRESHOLD | {"above": True}, ("above",), "True is no level"),
        (THRESHOLD | {"window": "10"}, ("window",), "write 90s, 10m, 1h30m"),
        (THRESHOLD | {"window": "9h"}, ("window",), "less than or equal to 4 hours"),
        (THRESHOLD | {"window": "30s"}, ("window",), "greater than or equal to 1 minute"),
        (THRESHOLD | {"for": "-1m"}, ("for",), "is not a duration"),
        (THRESHOLD | {"for": -60}, ("for",), "greater than or equal to 0 seconds"),
        (THRESHOLD | {"severity": "high"}, ("severity",), "'info', 'warning' or 'critical'"),
        (THRESHOLD | {"min_count": 11}, (), "more minutes than the window has"),
        (THRESHOLD | {"clear_above": 1}, (), "clear_above with below"),
        (THRESHOLD | {"share_above": 1}, (), "only with it"),
        (THRESHOLD | {"statistic": "share"}, (), "only with it"),
        (SHARE | {"share_above": 1, "above": "limit"}, (), "goes into share_above"),
        (THRESHOLD | {"when": {"fan_onn": True}}, ("when", "fan_onn"), "not permitted"),
        (THRESHOLD | {"when": {"fan_current": "~ 3"}}, ("when", "fan_current"), "> 0.5"),
        (THRESHOLD | {"title": {"zh": "超标"}}, ("title", "en"), "required"),
        ({"kind": "linkage", "at_least": "30m"}, (), "longer than the window"),
        ({"kind": "absence", "when": {"fan_on": True}}, (), "tags, streets and districts only"),
        ({"kind": "trend", "channel": "fan_on"}, ("channel",), "'fume', 'pm'"),
        ({"kind": "trend", "channel": "fume", "window": "5m"}, ("window",), "12 minutes"),
    ],
)
def test_what_is_refused(raw: dict[str, Any], where: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        rule_of(**raw)
    fault = caught.value.errors()[0]
    assert fault["loc"][1:] == where
    assert says in fault["msg"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (1, Level(1.0)),
        (0.3, Level(0.3)),
        ("limit", Level(1.0, of_limit=True)),
        ("0.9 * limit", Level(0.9, of_limit=True)),
        ("2*limit", Level(2.0, of_limit=True)),
    ],
)
def test_levels(written: object, read: Level) -> None:
    rule = rule_of(**THRESHOLD | {"above": written})
    assert isinstance(rule, Threshold)
    assert rule.above == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (True, Condition("=", 1)),
        (False, Condition("=", 0)),
        ("> 0.5", Condition(">", 0.5)),
        ("<=40", Condition("<=", 40)),
        (3, Condition("=", 3)),
    ],
)
def test_conditions(written: object, read: Condition) -> None:
    rule = rule_of(**THRESHOLD | {"when": {"fan_current": written}})
    assert dict(rule.when.conditions()) == {"fan_current": read}


def test_a_condition_can_name_every_channel() -> None:
    assert {channel.name for channel in CHANNELS} <= set(When.model_fields)


def test_the_example_names_its_rules_differently() -> None:
    rules = example()
    assert len({rule.id for rule in rules}) == len(rules)


def test_what_a_window_must_keep_for_them() -> None:
    channels, minutes = needs(example(), 15)
    names = ("fume", "pm", "nmhc", "fan_current", "fan_on", "purifier_on")
    assert channels == {INDEX[name] for name in names}
    assert minutes == 75
    assert needs([]) == (frozenset(), 1)


def test_how_far_back_they_look_at_each_channel() -> None:
    """Its longest window, and a refresh period."""
    found = {CHANNELS[channel].name: minutes for channel, minutes in depths(example(), 15).items()}
    assert found == {
        "fume": 60 + 15,
        "pm": 10 + 15,
        "nmhc": 10 + 15,
        "fan_current": 60 + 15,
        "fan_on": 60 + 15,
        "purifier_on": 20 + 15,
    }


def test_every_rule_says_what_it_is_and_what_to_check() -> None:
    for kind in (THRESHOLD, {"kind": "linkage"}, {"kind": "absence"}):
        rule = rule_of(**kind)
        assert all(rule.title(language) for language in ("zh", "en"))
        assert all(rule.checks("zh"))
        assert all(rule.checks("en"))
    titled = rule_of(**THRESHOLD | {"title": {"zh": "超标", "en": "too much"}})
    assert (titled.title("zh"), titled.title("en")) == ("超标", "too much")


def test_a_rule_is_read_back_as_it_was_written_out() -> None:
    for rule in example():
        written = rule.model_dump_json(by_alias=True, exclude_unset=True)
        assert TypeAdapter(Rule).validate_python(json.loads(written)) == rule


def test_every_field_is_described() -> None:
    kinds = {type(rule) for rule in example()}
    bare = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind.model_fields.items()
        if name != "kind" and not field.description
    ]
    assert bare == []
