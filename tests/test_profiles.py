"""Ready-made profiles, and what `like` and `sm4_keys_file` make of a [[profile]]."""

import json
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from fumewatch.config import examine, load, profiles
from fumewatch.config.profiles import default, ready_made, spelled
from fumewatch.core.decode import Horizon
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.profile import Profile
from fumewatch.core.reading import CHANNELS, MISSING
from tests.test_config import Folder

PAYLOADS = Path(__file__).parent / "data/payloads"
NAMES = list(ready_made())
NOON = 1_795_406_400_000_000  # 2026-11-23 12:00 in Shanghai
CLASHING = {"a01001", "a34002", "a34004", "a00000"}
KEY = "0123456789abcdeffedcba9876543210"
EVER = Horizon(-(2**62), 2**62)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def ready(name: str) -> Profile:
    table = ready_made()[name]
    return Profile.model_validate(table | {"district": "xuhui"} if "district" in table else table)


def sample(name: str) -> dict[str, Any]:
    return json.loads((PAYLOADS / f"{name}.json").read_text())  # type: ignore[no-any-return]


# ── Ready-made ──────────────────────────────────────────────────────────────────────────────────


def test_every_ready_made_profile_has_a_sample_payload() -> None:
    assert {file.stem for file in PAYLOADS.glob("*.json")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_payload_is_read(name: str) -> None:
    given = sample(name)
    payload = given["payload"]
    sent = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
    decoded = Decoder(ready(name)).decode([sent], [""], NOON, EVER)
    assert (decoded.faults, decoded.unjudged.tolist()) == ([], [0])
    at = datetime.fromisoformat(given["measured_at"]).timestamp() if given["measured_at"] else 0
    assert decoded.measured_at.tolist() == [round(at * 1e6) or NOON]
    found = zip(CHANNELS, decoded.values[:, 0].tolist(), strict=True)
    assert {c.name: value / c.scale for c, value in found if value != MISSING} == given["values"]


@pytest.mark.parametrize("name", NAMES)
def test_what_is_known_of_a_ready_made_profile_is_said(name: str) -> None:
    text = profiles.ready_text(name)
    assert tomllib.loads(text)["profile"][0] == ready_made()[name]
    assert name in ("default", "canonical") or ("# Known: " in text and "Assumed: " in text)


def test_what_is_read_by_the_default_profile() -> None:
    found, hj212, names = default(), ready("hj212"), ready("hj212-names")
    assert (found.name, found.format, found.is_canonical) == ("default", "auto", True)
    assert found.match == Profile(name="x").match
    for name, mapping in found.channel.items():
        own, *others = mapping.code
        assert (own,) == hj212.channel[name].code
        assert not others or set(others) <= set(names.channel[name].code)
        assert mapping.differs() == {"code"}  # in the channel's own unit, 1 and 0
    assert set(found.channel) == {channel.name for channel in CHANNELS}


def test_no_code_that_means_two_things_is_read_by_default() -> None:
    codes = [code for mapping in default().channel.values() for code in mapping.code]
    assert not CLASHING & set(codes)
    assert len(codes) == len(set(codes))


def test_ready_made_profiles_are_given_away_as_copies() -> None:
    ready_made()["hj212"]["channel"].clear()
    assert ready("hj212").channel


# ── like ────────────────────────────────────────────────────────────────────────────────────────

LIKE = '[[profile]]\nname = "acme"\n'


@pytest.mark.parametrize("name", [name for name in NAMES if name != "alibaba"])
def test_like_alone_is_the_ready_made_profile(folder: Folder, name: str) -> None:
    (profile,) = folder.load(f'{LIKE}like = "{name}"').profile
    assert spelled(profile) == spelled(ready(name)) | {"name": "acme"}


def test_one_of_them_needs_a_district(folder: Folder) -> None:
    assert folder.faults(f'{LIKE}like = "alibaba"') == [
        'config.toml:1: profile "acme": district: topic \'/sys/+/{monitor}/thing/event/property/'
        "post' does not tell the district; write {district} for its level, or give the district "
        "here"
    ]
    (profile,) = folder.load(f'{LIKE}like = "alibaba"\ndistrict = "xuhui"').profile
    assert profile.channel["fume"].path == ("params.fume.value", "params.fume")


def test_what_is_given_is_laid_over(folder: Folder) -> None:
    text = f"""{LIKE}like = "json-lampblack"
time = "at"
missing = ["--"]
match = {{ vendor = "ACME" }}
channel.fume = {{ path = "oil" }}
[profile.channel.temperature]
path = "temp"
"""
    (profile,) = folder.load(text).profile
    assert (profile.time, profile.quality, profile.missing) == ("at", "lampblackFlag", ("--",))
    fume, fan = profile.channel["fume"], profile.channel["fan_on"]
    assert (fume.path, fume.unit) == (("oil",), "")  # a channel is replaced whole
    assert (fan.path, fan.on, fan.off) == (("fanFlag",), (2,), (1,))
    assert profile.channel["temperature"].path == ("temp",)
    assert profile.like == "json-lampblack"


FAULTS = [
    (
        'like = "hj21"',
        "3: profile \"acme\": like: no ready-made profile is named 'hj21'; did you mean 'hj212'?",
    ),
    ("like = 3", '3: profile "acme": like: must be text in quotes, not 3'),
    (
        'like = "hj212"\nchannel = 3',
        '4: profile "acme": channel: must be a table like { ... }, not 3',
    ),
    (
        'like = "hj212"\n\n[profile.channel.fume]\ncode = "x"\nunit = "ppm"',
        "7: profile \"acme\": channel.fume.unit: 'ppm' is no unit of fume; "
        "it takes mg/m³, µg/m³, ng/m³, g/m³",
    ),
    (
        'like = "json-ofc"\n\ncrc = "modbus"',
        '5: profile "acme": crc: is for HJ 212, and format = "json" takes none',
    ),
    (
        'like = "hj212"\n[profile.channel]\nfan_on = { code = "x", on = 0 }',
        '5: profile "acme": channel.fan_on.on: 0 is among `off` too (0)',
    ),
    (
        'like = "hj212"\n[profile.channel]\nfumes = { code = "x" }',
        "5: profile \"acme\": channel.fumes: no channel is called 'fumes'; did you mean 'fume'?",
    ),
    (
        'no_flag = "NN"',
        "3: profile \"acme\": no_flag: 'NN' is no data flag of one letter",
    ),
    ("sm4_keys_file = 3", '3: profile "acme": sm4_keys_file: must be the path of a file, not 3'),
    (
        '\nchannel.fume = { code = "x", unt = "A" }',
        "4: profile \"acme\": channel.fume.unt: unknown key; did you mean 'unit'?",
    ),
    (
        'channel.fume.path = ["a", "b."]',
        "3: profile \"acme\": channel.fume.path[2]: 'b.' is no JMESPath: Expecting: "
        "['quoted_identifier', 'unquoted_identifier', 'lbracket', 'lbrace'], got: eof: "
        'Parse error at column 2, token "" (EOF)',
    ),
    ("readings = 2012", '3: profile "acme": readings: 2012 is not one of 2011, 2051 or 2021'),
    (
        "missing = [[1]]",
        '3: profile "acme": missing[1]: [1] is no single value; write a number, a text, true or '
        "false",
    ),
    (
        'likke = "hj212"',
        "3: profile \"acme\": likke: unknown key; did you mean 'like'?",
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_names_the_users_own_line(folder: Folder, text: str, fault: str) -> None:
    assert folder.faults(LIKE + text) == [f"config.toml:{fault}"]


# ── SM4 keys ────────────────────────────────────────────────────────────────────────────────────

KEYS = f'{LIKE}like = "hj212"\nsm4_keys_file = "sm4.csv"\n'


def keys(profile: Profile) -> dict[str, str]:
    return {mn: key.get_secret_value() for mn, key in profile.sm4_keys.items()}


@pytest.mark.parametrize(
    "text",
    [
        f"MN,key\nD7,{KEY}\nD8,{KEY.upper()}\n",
        f"D7,{KEY}\n\n D8 , {KEY.upper()} \n",
        f'\ufeffmn,KEY\r\n"D7","{KEY}"\r\nD8,{KEY.upper()}',
    ],
    ids=["plain", "no header", "Windows"],
)
def test_keys_come_from_a_file(folder: Folder, text: str) -> None:
    folder.file("sm4.csv", text)
    (profile,) = folder.load(KEYS).profile
    assert keys(profile) == {"D7": KEY, "D8": KEY.upper()}


def test_keys_of_the_file_and_of_the_configuration_are_joined(folder: Folder) -> None:
    folder.file("sm4.csv", f"D7,{KEY}\n")
    (profile,) = folder.load(f'{KEYS}sm4_keys = {{ D9 = "{KEY}" }}').profile
    assert keys(profile) == {"D7": KEY, "D9": KEY}


def test_faults_of_keys_name_the_line_of_their_file_and_no_key(folder: Folder) -> None:
    bad = f"MN,key\nD7,{KEY}\nD8,hunter2\nD9\n,{KEY}\nD7,{KEY}\n"
    folder.file("sm4.csv", bad)
    told = folder.faults(KEYS)
    assert told == [
        "sm4.csv:3: the key of 'D8' is not 32 hex digits",
        "sm4.csv:4: must be two columns, MN and key",
        "sm4.csv:5: must be two columns, MN and key",
        "sm4.csv:6: 'D7' has a key already",
    ]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, 'config.toml:4: profile "acme": sm4_keys_file: no such file: sm4.csv'),
        (
            b"\xff\xfe\x00",
            'config.toml:4: profile "acme": sm4_keys_file: sm4.csv cannot be read: '
            "is not UTF-8 text",
        ),
    ],
)
def test_a_file_that_gives_no_keys(folder: Folder, content: bytes | None, fault: str) -> None:
    if content is not None:
        folder.file("sm4.csv", content)
    assert folder.faults(KEYS) == [fault]


def test_a_wrong_key_in_the_configuration_is_not_shown(folder: Folder) -> None:
    for wrong in ('"hunter2"', '["hunter2"]'):
        (told,) = folder.faults(f"{LIKE}sm4_keys = {{ D7 = {wrong} }}")
        assert told.startswith('config.toml:3: profile "acme": sm4_keys')
        assert "hunter2" not in told


def test_keys_that_everybody_can_read_are_doubtful(folder: Folder) -> None:
    folder.file("sm4.csv", f"D7,{KEY}\n", mode=0o644)
    assert [told for told in folder.warnings(KEYS) if "chmod" in told] == [
        'config.toml:4: profile "acme": sm4_keys_file: every user of this machine can read '
        "sm4.csv; chmod o-r sm4.csv"
    ]


# ── Several profiles ────────────────────────────────────────────────────────────────────────────


def several(*options: str) -> str:
    return "".join(
        f'[[profile]]\nname = "p{number}"\n{text}\n' for number, text in enumerate(options)
    )


def test_two_profiles_of_one_name(folder: Folder) -> None:
    text = f'{LIKE}match = {{ vendor = "A" }}\n{LIKE}'
    assert folder.faults(text) == [
        "config.toml:5: profile \"acme\": name: 'acme' is taken by line 2 already"
    ]


@pytest.mark.parametrize(
    ("options", "doubtful"),
    [
        (("", ""), True),
        (("", 'match = { vendor = "A" }'), True),
        (('match = { vendor = "A" }', 'match = { vendor = ["A"] }'), True),
        (('match = { vendor = "A" }', ""), False),
        (('match = { vendor = "A" }', 'match = { vendor = "B" }'), False),
        (("", 'topic = "a/{district}/{monitor}"'), False),
        (('topic = "a/{district}/{monitor}"', ""), False),
        (('topic = "a/{district}/{monitor}"',) * 2, True),
    ],
)
def test_a_profile_that_is_never_reached_is_doubtful(
    folder: Folder, options: tuple[str, str], doubtful: bool
) -> None:
    told = [told for told in folder.warnings(several(*options)) if "profile" in told]
    line = several(*options).split('name = "p1"')[0].count("\n")
    expected = f'config.toml:{line}: profile "p1": never reached: the profile in line 1 takes all '
    assert told == ([f"{expected}that it would"] if doubtful else [])


# ── Spelt out ───────────────────────────────────────────────────────────────────────────────────


def test_a_file_of_shown_profiles_is_the_same_profiles(tmp_path: Path) -> None:
    """`profiles show` of each ready-made one, pasted into one file."""
    file = tmp_path / "config.toml"
    texts = (profiles.ready_text(name) for name in NAMES)
    file.write_text("\n".join(texts).replace('district = ""', 'district = "xuhui"'))
    assert [spelled(profile) for profile in load(file, {}).profile] == [
        spelled(ready(name)) for name in NAMES
    ]
    assert not examine(file, {}).faults
