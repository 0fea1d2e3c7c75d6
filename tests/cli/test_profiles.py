"""`fumewatch profiles`: how models of monitor write."""

from pathlib import Path

import pytest

from fumewatch.config import load
from tests.cli.conftest import Fumewatch, Write

KEY = "0123456789abcdeffedcba9876543210"
PROFILES = f"""
[[profile]]
name = "acme"
like = "json-lampblack"
topic = "acme/{{district}}/{{monitor}}"
match = {{ vendor = ["ACME", '艾克"姆'], tags = "火锅" }}
missing = [-1, "--", 0.5]
channel.fume = {{ path = ["a.油烟", "a[?b=='c'].v | [0]"], unit = "µg/m³", scale = 2, offset = 1 }}
channel.fan_current = {{ path = "i" }}
channel.fan_on = {{ path = "f", on = "运行", off = ["停", 0], from = "fan_current", above = 0.5 }}
[[profile]]
name = "own-codes"
like = "hj212"
readings = [2011]
sm4_keys = {{ D7 = "{KEY}" }}
"""


def test_profiles_are_listed_in_the_order_they_are_asked(
    fumewatch: Fumewatch, write: Write
) -> None:
    file = write(f'[mqtt]\ntopic = "all/+/+/up"\n{PROFILES}')
    listed = fumewatch("profiles", "list", "--json", "-c", file).json
    assert [(each["name"], each["origin"], each["topic"]) for each in listed[:3]] == [
        ("acme", "configured", "acme/{district}/{monitor}"),
        ("own-codes", "configured", "all/+/+/up"),
        ("default", "ready-made", ""),
    ]
    assert listed[0]["match"] == {"vendor": ["ACME", '艾克"姆'], "tags": ["火锅"]}
    assert listed[0]["channels"] == ["fume", "pm", "nmhc", "fan_on", "purifier_on", "fan_current"]
    table = fumewatch("profiles", "list", "-c", file).out
    assert "vendor ACME or 艾克" in table
    assert "json-fumeConcentration" in table


def test_a_profile_that_is_shown_reads_back_as_itself(fumewatch: Fumewatch, write: Write) -> None:
    file = write(PROFILES)
    for profile in load(file, {}).profile:
        said = fumewatch("profiles", "show", profile.name, "-c", file)
        assert said.code == 0
        (back,) = load(write(said.out, "shown.toml"), {}).profile
        assert back.model_copy(update={"like": "", "sm4_keys": {}}) == profile.model_copy(
            update={"like": "", "sm4_keys": {}}
        )
        as_json = fumewatch("profiles", "show", profile.name, "--json", "-c", file)
        assert as_json.json["channel"].keys() == profile.channel.keys()
        assert KEY not in said.out + as_json.out


def test_a_ready_made_profile_is_shown_with_what_is_known_of_it(
    fumewatch: Fumewatch, write: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FUMEWATCH_CONFIG", raising=False)
    said = fumewatch("profiles", "show", "hj212")  # no configuration is needed for it
    assert said.out.startswith('[[profile]]\nname = "hj212"\n# Known: ')
    assert load(write(said.out, "shown.toml"), {}).profile[0].channel["fume"].code == ("a34041",)
    assert fumewatch("profiles", "list").out.count("ready-made") == 9
    broken = write("[[profile]]\nlike = 3\n")
    assert fumewatch("profiles", "show", "hj212", "-c", broken).out == said.out


def test_a_profile_that_is_not_there(fumewatch: Fumewatch, write: Write) -> None:
    said = fumewatch("profiles", "show", "acmee", "-c", write(PROFILES))
    assert (said.code, said.out) == (1, "")
    assert said.err.endswith("fumewatch: no profile is named 'acmee'; did you mean 'acme'?\n")
    said = fumewatch("profiles", "show", "acme", "-c", write("[[profile]]\nlike = 3\n"))
    assert (said.code, said.out) == (1, "")
    assert "must be text in quotes, not 3" in said.err
