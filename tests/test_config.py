"""The configuration: what the example says, and what is said of wrong ones."""

import re
import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter
from pydantic_core import PydanticUndefined

from fumewatch.config import Config, default_path, examine, load, positions, shape
from fumewatch.core.decode.profile import ChannelMap, Match
from fumewatch.core.errors import ConfigError
from fumewatch.core.matching import ClassMatch, PauseMatch
from fumewatch.core.rules import Rule
from fumewatch.core.rules.when import When

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "config.example.toml"
LIMIT = '[[limit]]\nname = "A"\nfume = 1.0\n'
RULE = '[[rule]]\nid = "exceedance"\nkind = "threshold"\nchannel = "fume"\nwindow = "10m"\n'
AGAIN = '[[rule]]\nid = "again"\nkind = "recurrence"\n'
DUTY = '[[receiver]]\nname = "duty"\nkind = "webhook"\nurl = "http://127.0.0.1:9000/"\n'


class Folder:
    """A folder with a config.toml; messages are shown with the bare file name."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, name: str, text: str | bytes, mode: int = 0o600) -> Path:
        file = self.path / name
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)
        return file

    def load(self, text: str, **env: str) -> Config:
        return load(self.file("config.toml", text), env)

    def faults(self, text: str | bytes, **env: str) -> list[str]:
        with pytest.raises(ConfigError) as refused:
            load(self.file("config.toml", text), env)
        return self._bare(refused.value.faults)

    def warnings(self, text: str, **env: str) -> list[str]:
        examined = examine(self.file("config.toml", text), env)
        assert not examined.faults
        return [w for w in self._bare(examined.warnings) if "[[rule]]" not in w]

    def _bare(self, faults: Any) -> list[str]:
        return [str(fault).replace(f"{self.path}/", "") for fault in faults]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# ── The example ─────────────────────────────────────────────────────────────────────────────────


def tables() -> list[tuple[str, type[BaseModel]]]:
    """Each [table] of the configuration with its model."""
    found = ((key, shape.pick(note, {})) for key, note in shape.fields(Config).items())
    return [(key, model) for key, model in found if model and not shape.element(model)]


def sections() -> dict[str, str]:
    """The example's text by the name of its [table] or [[array]]; "" before the first."""
    found: dict[str, str] = {}
    name = ""
    for line in EXAMPLE.read_text().splitlines():
        if header := re.match(r"(?:# )?\[+([a-z_]+)\]+", line):
            name = header[1]
        found[name] = found.get(name, "") + line + "\n"
    return found


def keys_named(text: str) -> set[str]:
    return set(re.findall(r"^(?:# ?)?([a-z_]+) +=? ?", text, re.MULTILINE))


def test_the_example_is_good() -> None:
    examined = examine(EXAMPLE, {})
    assert not examined.faults
    assert not examined.warnings


def test_the_example_spells_out_the_defaults() -> None:
    config, empty = load(EXAMPLE, {}), Config()
    for key in (*(name for name, _ in tables()), "zone", "language", "business_hours"):
        assert getattr(config, key) == getattr(empty, key), key


@pytest.mark.parametrize(("section", "model"), tables(), ids=lambda value: str(value))
def test_the_example_names_every_option_of_a_table(section: str, model: type[BaseModel]) -> None:
    given = tomllib.loads(EXAMPLE.read_text())[section]
    for key, field in model.model_fields.items():
        if field.default is None:
            assert key in keys_named(sections()[section]), f"{section}.{key} is not mentioned"
        else:
            assert key in given, f"{section}.{key} is not spelt out"


EMPTY = (None, "", (), {}, When(), Match(), ClassMatch(), PauseMatch(), PydanticUndefined)


def blocks(section: str) -> list[dict[str, Any]]:
    """The [[section]] blocks that stand in comments, as TOML."""
    found = re.split(r"^(?=\[\[)", commented(section), flags=re.MULTILINE)[1:]
    return [tomllib.loads(text)[section][0] for text in found]


def commented(section: str) -> str:
    """The [[section]] blocks in comments, without their marks and what continues a line."""
    found = re.findall(rf"^# \[\[{section}\]\]\n(?:#.*\n)*", EXAMPLE.read_text(), re.MULTILINE)
    texts = (re.sub("^# ?", "", block, flags=re.MULTILINE) for block in found)
    return "".join(re.sub("^ +.*", "", text, flags=re.MULTILINE) for text in texts)


def items() -> list[tuple[str, type[BaseModel]]]:
    """Each kind of [[table]] with its model."""
    return [
        (section, model)
        for section in ("profile", "class", "pause", "limit", "rule", "receiver", "route")
        for model in shape.parts(shape.element(shape.fields(Config)[section]))
    ]


@pytest.mark.parametrize(("section", "model"), items(), ids=lambda value: str(value))
def test_the_example_names_every_option_of_a_kind(section: str, model: type[BaseModel]) -> None:
    kind = next(iter(shape.kinds(model)), None)
    shown = [*blocks(section), *tomllib.loads(EXAMPLE.read_text()).get(section, [])]
    named = {key for item in shown if item.get("kind", kind) == kind for key in item}
    twins = {key.removesuffix("_file") for key in named}
    assert set(shape.fields(model)) <= named | twins


@pytest.mark.parametrize(("section", "model"), items(), ids=lambda value: str(value))
def test_the_example_shows_the_defaults_of_a_kind(section: str, model: type[BaseModel]) -> None:
    """An option that is empty by default is shown with an example instead."""
    of_profiles = 1  # the others are worked examples
    for block in blocks(section)[: of_profiles if section == "profile" else None]:
        if "kind" not in block:
            assert_shows_defaults(block, common(model))
        elif block["kind"] in shape.kinds(model):
            assert_shows_defaults(block, model)


def common(model: type[BaseModel]) -> type[BaseModel]:
    """What all kinds have in common."""
    known = model.__mro__
    return known[known.index(BaseModel) - 1]


def assert_shows_defaults(block: dict[str, Any], model: type[BaseModel]) -> None:
    for key, field in model.model_fields.items():
        name = field.alias or key
        default = field.get_default(call_default_factory=True)
        if name in block and default not in EMPTY:
            adapter = TypeAdapter(Annotated[field.annotation, *field.metadata, "as in the model"])
            assert adapter.validate_python(block[name]) == default, name


def test_the_example_names_every_option_of_a_channel_and_of_a_match() -> None:
    options, *_ = blocks("profile")
    channels = options["channel"].values()
    assert {key for channel in channels for key in channel} == set(shape.fields(ChannelMap))
    assert set(options["match"]) == set(shape.fields(Match))
    for channel in channels:
        assert_shows_defaults(channel, ChannelMap)


@pytest.mark.parametrize(("section", "model"), [("class", ClassMatch), ("pause", PauseMatch)])
def test_the_example_names_every_key_of_a_match(section: str, model: type[BaseModel]) -> None:
    (block,) = blocks(section)
    assert set(block["match"]) == set(shape.fields(model))


def test_the_worked_examples_of_profiles_are_profiles(folder: Folder) -> None:
    _, *worked = (f"[[profile]]{block}" for block in commented("profile").split("[[profile]]")[1:])
    json, hj212 = folder.load("".join(worked)).profile
    assert (json.name, json.channel["fume"].path) == ("acme-json", ("vals.油烟",))
    assert (hj212.name, hj212.channel["nmhc"].code) == ("acme-hj212", ("a01001",))
    assert hj212.channel["fume"].code == ("a34041",)


def test_the_example_ships_a_rule_of_every_kind() -> None:
    rules = load(EXAMPLE, {}).rule
    assert len(rules) == 27
    assert {rule.kind for rule in rules} == set(
        TypeAdapter(Rule).json_schema()["discriminator"]["mapping"]
    )


def test_an_empty_file_is_a_configuration(folder: Folder) -> None:
    config = folder.load("")
    assert config.zone == ZoneInfo("Asia/Shanghai")
    assert config.business_hours.spans == ((600, 840), (990, 1320))
    assert config.business_hours.zone == "Asia/Shanghai"
    assert config.ingest.future_tolerance == timedelta(minutes=5)
    assert config.web.base_url == "http://127.0.0.1:8080"
    assert [w.what for w in config.warnings] == [
        "no [[rule]]: readings are stored, and nothing is ever warned of"
    ]


def test_a_configuration_is_one_frozen_value(folder: Folder) -> None:
    assert folder.load('language = "en"') == folder.load('language = "en"')
    with pytest.raises(ValueError, match="frozen"):
        folder.load("").language = "en"  # type: ignore[misc]


# ── Faults ──────────────────────────────────────────────────────────────────────────────────────

FAULTS = [
    ('langage = "zh"', "1: langage: unknown key; did you mean 'language'?"),
    ('language = "fr"', "1: language: 'fr' is not one of zh, en"),
    (
        'zone = "Asia/Shanghi"',
        "1: zone: 'Asia/Shanghi' is not a time zone; did you mean 'Asia/Shanghai'?",
    ),
    ("zone = 8", "1: zone: 8 is not a time zone; write a name such as Asia/Shanghai"),
    (
        'business_hours = ""',
        "1: business_hours: no hours at all; write spans like 10:00-14:00, 16:30-22:00",
    ),
    (
        'business_hours = "9-5"',
        "1: business_hours: '9-5' is not a span of hours like 10:30-14:00",
    ),
    ("mqtt = 3", "1: mqtt: must be a table like { ... }, not 3"),
    ("limit = 3", "1: limit: must be a list like [...], not 3"),
    ("rule = [3]", "1: rule 1: must be a table like { ... }, not 3"),
    (
        '[mqtt]\nurl = "tcp://1.2.3.4"',
        "2: [mqtt] url: write mqtt://host:port, or mqtts://host:port for TLS",
    ),
    (
        '[mqtt]\n\nkeepalive = "10x"',
        "3: [mqtt] keepalive: '10x' is not a duration; write 90s, 10m, 1h30m or 7d",
    ),
    ('[mqtt]\nca_file = "gone.pem"', "2: [mqtt] ca_file: no such file: gone.pem"),
    ("[ingest]\nmax_batch = 0", "2: [ingest] max_batch: must be at least 1, not 0"),
    ('[ingest]\nmax_batch = "many"', "2: [ingest] max_batch: must be a whole number, not 'many'"),
    ("[ingest]\ninbox_limit = 70000", "2: [ingest] inbox_limit: must be at most 50000, not 70000"),
    (
        "[ingest]\ninbox_limit = 1000",
        "2: [ingest] inbox_limit: 1000 is less than max_batch; a batch would never fill",
    ),
    (
        '[ingest]\nfuture_tolerance = "10m"',
        "2: [ingest] future_tolerance: must be at most 5 minutes, not 10m",
    ),
    (
        '[evaluate]\nevery = "1s"\nlateness = "1h"',
        "3: [evaluate] lateness: must be at most 10 minutes, not 1h",
    ),
    (
        '[retention]\ncompress_after = "500d"',
        "2: [retention] compress_after: 500d is longer than readings = 400d are kept",
    ),
    ("[integrity]\ntolerance = 1.5", "2: [integrity] tolerance: must be less than 1.0, not 1.5"),
    (
        "[integrity]\nmin_coverage = 0",
        "2: [integrity] min_coverage: must be greater than 0.0, not 0",
    ),
    (
        '[integrity]\nsettle = "10s"',
        "2: [integrity] settle: must be at least 1 minute, not 10s",
    ),
    (
        '[web]\nlisten = "8080"',
        "2: [web] listen: '8080' is not host:port; write 127.0.0.1:8080 or [::]:8080",
    ),
    (
        '[web]\npublic_url = "fume.example.org"',
        "2: [web] public_url: 'fume.example.org' is not a web address; "
        "write https://fume.example.org",
    ),
    (
        '[database]\nurl = "mysql://fume:hunter2@x/z"',
        "2: [database] url: this is not a database URL; write postgresql://user@host:5432/name",
    ),
    ('[log]\nlevel = "loud"', "2: [log] level: 'loud' is not one of debug, info, warning, error"),
    (
        '[[limit]]\nname = "A"',
        '1: limit "A": limits nothing; give at least one of fume, pm, nmhc in mg/m³',
    ),
    ("[[limit]]\nfume = 1.0", "1: limit 1: name: missing; it has no default"),
    (f"{LIMIT}pm = -1", '4: limit "A": pm: must be greater than 0.0, not -1'),
    (LIMIT + LIMIT, "5: limit \"A\": name: 'A' is taken by line 2 already"),
    (
        f'{LIMIT}{RULE}above = "limit"\nfor = "10x"',
        "10: rule \"exceedance\": for: '10x' is not a duration; write 90s, 10m, 1h30m or 7d",
    ),
    (
        f'{LIMIT}{RULE}above = 1.0\nwidnow = "1m"',
        "10: rule \"exceedance\": widnow: unknown key; did you mean 'window'?",
    ),
    (
        '[[rule]]\nid = "x"\nkind = "treshold"',
        "3: rule \"x\": kind: 'treshold' is not one of threshold, linkage, absence, trend, "
        "flatline, jump, outage, deterioration, baseline, cleaning, "
        "linkage_rate, validity, recurrence, complaint, mismatch; did you mean 'threshold'?",
    ),
    (
        '[[rule]]\nid = "x"',
        '1: rule "x": kind: missing; it says what the rest of the table means',
    ),
    (
        f'{RULE}above = "0.9 * limit"',
        '6: rule "exceedance": above: no [[limit]] has a limit for fume; add one or write a number',
    ),
    (RULE, '1: rule "exceedance": needs above or below'),
    (
        f"{RULE}above = 1.0\nclear_below = 1.5",
        '7: rule "exceedance": clear_below: 1.5 lies above `above` = 1',
    ),
    (
        f'{LIMIT}{RULE}above = "limit"\nclear_below = "1.2 * limit"',
        '10: rule "exceedance": clear_below: 1.2 * limit lies above `above` = 1 * limit',
    ),
    (
        f'{LIMIT}{RULE}above = "limit"\nclear_below = 1.5',
        '10: rule "exceedance": clear_below: 1.5 lies above `above` = 1 * limit '
        "where the limit is 1",
    ),
    (
        f"{RULE}above = 30",
        '6: rule "exceedance": above: is never passed: fume is judged up to 30',
    ),
    (
        f"{RULE}below = 0",
        '6: rule "exceedance": below: is never passed: fume is judged from 0 on',
    ),
    (
        f'{RULE}statistic = "share"\nabove = 1\nshare_above = 2.0',
        '7: rule "exceedance": above: is never passed: a share is judged up to 1',
    ),
    (
        f"{RULE}above = 1.0\n{RULE}above = 2.0",
        "8: rule \"exceedance\": id: 'exceedance' is taken by line 2 already",
    ),
    (
        f'{DUTY}tls_ca = "gone.pem"',
        '5: receiver "duty": tls_ca: no such file: gone.pem',
    ),
    (
        f"{DUTY}{DUTY}",
        "6: receiver \"duty\": name: 'duty' is taken by line 2 already",
    ),
    (
        f'{DUTY}[[route]]\nreceiver = "dutty"',
        "6: route 1: receiver: no receiver is named 'dutty'; did you mean 'duty'?",
    ),
    (
        f'{DUTY}[[route]]\nreceiver = ["duty", "bus"]',
        "6: route 1: receiver: no receiver is named 'bus'; known: duty",
    ),
    (
        f'{DUTY}[dead_man]\nreceiver = ["duty", "dutty"]',
        "6: [dead_man] receiver: no receiver is named 'dutty'; did you mean 'duty'?",
    ),
    (
        f'{DUTY}takes = "groups"\ncontact = "site"\n[dead_man]\nreceiver = "duty"',
        "8: [dead_man] receiver: 'duty' writes to the contacts of an alert, and this is about "
        "none; "
        "name a receiver with an address of its own",
    ),
    (
        '[dead_man]\nping_url = "ftp://hunter2"',
        "2: [dead_man] ping_url: this is not a web address like https://host/path",
    ),
    (
        '[[route]]\nreceiver = "duty"',
        "2: route 1: receiver: no receiver is named 'duty'; add a [[receiver]]",
    ),
    (
        f'{RULE}above = 1.0\n{DUTY}[[route]]\nreceiver = "duty"\nmatch = {{ rule = "exceedence" }}',
        "13: route 1: match.rule: no rule is named 'exceedence'; did you mean 'exceedance'?",
    ),
    (
        f'{RULE}above = 1.0\n{AGAIN}rules = ["exceedence"]',
        "10: rule \"again\": rules: no rule is named 'exceedence'; did you mean 'exceedance'?",
    ),
    (
        f'{RULE}above = 1.0\n{AGAIN}rules = ["again"]',
        "10: rule \"again\": rules: 'again' reads alerts itself; "
        "name rules that read readings or days",
    ),
    (
        f'{DUTY}[[route]]\nreceiver = "duty"\nmatch = {{ severty = "warning" }}',
        "7: route 1: match.severty: 'severty' is not one of severity, rule, kind, state, monitor, "
        "district, street, site, vendor, tag; did you mean 'severity'?",
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS)
def test_a_fault_is_told_with_its_line_and_what_to_write(
    folder: Folder, text: str, fault: str
) -> None:
    assert folder.faults(text) == [f"config.toml:{fault}"]


def test_every_fault_is_told_at_once_in_the_order_of_the_file(folder: Folder) -> None:
    text = f"""\
language = "fr"
[mqtt]
url = "tcp://x"
client_idd = "x"
{RULE}above = "limit"
for = "10x"
{RULE}
[[route]]
receiver = "duty"
[web]
listen = "x"
"""
    lines = [int(re.findall(r":(\d+):", fault)[0]) for fault in folder.faults(text)]
    assert lines == sorted(lines)
    assert {1, 3, 4, 11, 12, 19, 21} <= set(lines)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a = 1\nb = \n", "config.toml:2: not TOML: Invalid value"),
        ("a = 1\na = 2\n", "config.toml:2: not TOML: Cannot overwrite a value"),
        ('a = """never closed\n\n', "config.toml:1: not TOML: Unterminated string"),
        (
            "# fine\nzone = '\xe4'".encode("latin-1"),
            "config.toml:2: is not UTF-8; save the file as UTF-8",
        ),
        ("x = " + "[" * 5000, "config.toml: not TOML: nested too deeply"),
    ],
    ids=["syntax", "twice", "open", "latin-1", "deep"],
)
def test_a_file_that_is_no_toml(folder: Folder, text: str | bytes, fault: str) -> None:
    assert folder.faults(text) == [fault]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    missing, directory = examine(tmp_path / "c.toml", {}), examine(tmp_path, {})
    assert [f.what for f in missing.faults] == [
        "no such file; start from config.example.toml, or name another with --config"
    ]
    assert [f.what for f in directory.faults] == ["is a directory, not a file"]


def test_windows_line_ends_and_a_byte_order_mark_are_fine(folder: Folder) -> None:
    assert folder.load('\ufefflanguage = "en"\r\n').language == "en"
    assert folder.faults('\ufeff\r\n\r\nlanguage = "fr"\r\n')[0].startswith("config.toml:3:")


def test_a_secret_is_never_shown(folder: Folder) -> None:
    told = folder.faults(
        '[mqtt]\npassword = ["hunter2"]\n[database]\nurl = "mysql://root:hunter2@db/x"\n'
        '[[receiver]]\nname = "a"\nkind = "webhook"\nurl = "ftp://hunter2"\n'
        'headers = { A = ["hunter2"] }\n'
    )
    assert len(told) >= 3
    assert "hunter2" not in "\n".join(told)


# ── Environment and files ───────────────────────────────────────────────────────────────────────


def test_the_environment_beats_the_file(folder: Folder) -> None:
    config = folder.load(
        'language = "zh"\n[mqtt]\nurl = "mqtt://a"\n',
        FUMEWATCH_LANGUAGE="en",
        FUMEWATCH_MQTT__URL="mqtt://b:1884",
        FUMEWATCH_MQTT__KEEP_SESSION="false",
        FUMEWATCH_INGEST__MAX_BATCH="500",
        FUMEWATCH_EVALUATE__EVERY="2s",
        FUMEWATCH_CONFIG="ignored",
        HOME="/",
    )
    assert (config.language, config.mqtt.url, config.mqtt.keep_session) == (
        "en",
        "mqtt://b:1884",
        False,
    )
    assert (config.ingest.max_batch, config.evaluate.every) == (500, timedelta(seconds=2))


@pytest.mark.parametrize(
    ("variable", "text", "fault"),
    [
        (
            "MQTT__URL",
            "tcp://x",
            "[mqtt] url: write mqtt://host:port, or mqtts://host:port for TLS",
        ),
        (
            "MQTT__KEEPALIVE",
            "3x",
            "[mqtt] keepalive: '3x' is not a duration; write 90s, 10m, 1h30m or 7d",
        ),
        ("WEB__LISTN", "x", "no such option; did you mean 'listen'?"),
        ("WEBB__LISTEN", "x", "no such option; did you mean 'web'?"),
        ("MQTT_URL", "x", "no such option; did you mean FUMEWATCH_MQTT__URL (two underscores)?"),
        ("LANGUAG", "x", "no such option; did you mean 'language'?"),
        ("LANGUAGE_FILE", "x", "no such option; did you mean 'language'?"),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(
    folder: Folder, variable: str, text: str, fault: str
) -> None:
    variable = f"FUMEWATCH_{variable}"
    assert folder.faults("", **{variable: text}) == [f"environment variable {variable}: {fault}"]


def test_what_kubernetes_puts_into_the_environment_is_only_doubtful(folder: Folder) -> None:
    (told,) = folder.warnings("", FUMEWATCH_PORT="tcp://10.0.0.1:80")
    assert told.startswith("environment variable FUMEWATCH_PORT: no such option")


@pytest.mark.parametrize(
    ("text", "env"),
    [
        ('[database]\nurl_file = "secret"', {}),
        ("", {"FUMEWATCH_DATABASE__URL_FILE": "secret"}),
        ('[database]\nurl = "postgresql:///file"', {"FUMEWATCH_DATABASE__URL_FILE": "secret"}),
        ('[database]\nurl_file = "gone"', {"FUMEWATCH_DATABASE__URL": "postgresql:///twin"}),
    ],
    ids=["file", "variable", "variable beats value", "variable beats twin"],
)
def test_any_text_may_come_from_a_file(folder: Folder, text: str, env: Mapping[str, str]) -> None:
    folder.file("secret", "postgresql:///twin\n")
    assert folder.load(text, **env).database.url == "postgresql:///twin"


def test_a_header_may_come_from_a_file(folder: Folder) -> None:
    folder.file("token", "Bearer x\n")
    (duty,) = folder.load(f'{DUTY}headers = {{ Authorization_file = "token" }}').receiver
    assert duty.headers["Authorization"].get_secret_value() == "Bearer x"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('url_file = "gone"', "url_file: no such file: gone"),
        ('url_file = "."', "url_file: . cannot be read: Is a directory"),
        ('url_file = "empty"', "url_file: empty is empty"),
        ('url_file = "binary"', "url_file: binary is not UTF-8 text"),
        ("url_file = 3", "url_file: must be the path of a file, not 3"),
        (
            'url_file = "bad"',
            "url: this is not a database URL; write postgresql://user@host:5432/name",
        ),
        ('url_file = "bad"\nurl = "x"', "url_file: url is given too; keep one of the two"),
    ],
)
def test_a_file_that_gives_no_secret(folder: Folder, text: str, fault: str) -> None:
    folder.file("empty", "\n")
    folder.file("binary", b"\xff\xfe\x00")
    folder.file("bad", "postgresql://[")
    told = folder.faults(f"[database]\n{text}\n")
    assert told[0].replace(f"{folder.path}: ", ".: ").replace(str(folder.path), ".").replace(
        "./", ""
    ) == (f"config.toml:2: [database] {fault}").replace("./", "")


def test_a_secret_that_everybody_can_read_is_doubtful(folder: Folder) -> None:
    folder.file("open", "postgresql:///x", mode=0o644)
    assert folder.warnings('[database]\nurl_file = "open"') == [
        "config.toml:2: [database] url_file: every user of this machine can read open; "
        "chmod o-r open"
    ]
    told = folder.warnings('[mqtt]\nusername = "u"\npassword_file = "open"')
    assert [t.split(":")[1] for t in told] == ["3"]


def test_a_route_that_is_never_reached_is_doubtful(folder: Folder) -> None:
    text = f'{RULE}above = 1.0\n{DUTY}[[route]]\nreceiver = "duty"\n[[route]]\nreceiver = "duty"\n'
    assert folder.warnings(text) == [
        "config.toml:13: route 2: never reached: the route in line 11 takes all"
    ]


def test_where_the_file_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: Folder
) -> None:
    monkeypatch.chdir(tmp_path)
    assert default_path(Path("a.toml"), {"FUMEWATCH_CONFIG": "b.toml"}) == Path("a.toml")
    assert default_path(None, {"FUMEWATCH_CONFIG": "b.toml"}) == Path("b.toml")
    folder.file("config.toml", "")
    assert default_path(None, {}) == Path("config.toml")


# ── Positions ───────────────────────────────────────────────────────────────────────────────────

words = st.sampled_from(["a", "b", "c1", "1", "-_", '"c.d"', "'e f'", '"\\u00e9 # ["', '""'])
keys = st.lists(words, min_size=1, max_size=3).flatmap(
    lambda parts: st.sampled_from([".", " . "]).map(lambda dot: dot.join(parts))
)
scalars = st.sampled_from(
    [
        "1",
        "-1.5e3",
        "+1_0",
        "inf",
        "true",
        '"s"',
        "''",
        '"\\"#"',
        "07:32:00",
        "1979-05-27 07:32:00Z",
        '"""m\n"" \\""" x"""',
        "'''l\n'q'''",
        '""""""',
    ]
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, max_size=3).map(lambda items: "[\n" + ", # ]\n".join(items) + "\n]"),
        st.lists(st.tuples(keys, inner).map(" = ".join), max_size=2).map(
            lambda pairs: "{ " + ", ".join(pairs) + " }"
        ),
    ),
    max_leaves=5,
)
lines = st.one_of(
    keys.map(lambda key: f"[ {key} ]"),
    keys.map(lambda key: f"[[{key}]] # = 1"),
    st.tuples(keys, values).map(lambda pair: f" {pair[0]} = {pair[1]}\t# z = ["),
    st.sampled_from(["", "# x = 1", "  \t"]),
)


def paths(value: Any, path: positions.Path = ()) -> set[positions.Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found = {path} if path else set()
    for key, inner in items:
        nested = isinstance(inner, dict | list)
        found |= paths(inner, (*path, key)) if nested else {(*path, key)}
    return found


@given(st.lists(lines, max_size=7).map("\n".join))
@settings(max_examples=300, deadline=None)
def test_every_key_has_a_line(text: str) -> None:
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(positions.find(text)) == paths(tree)


def test_lines_of_every_form_of_toml() -> None:
    text = '''\
a = 1 # b = 2
"q.r".s = 1.5
t = 2026-11-23 08:00:00
[[rule]]
id = """
multi
"line" """
when = { on = true, "x" = [1,
  2] }
[rule.sub]
y = 1
[[limit]]
[[rule]]
id = 'b'
[mqtt.tls]
z = 1
[mqtt]
'''
    assert tomllib.loads(text)
    assert positions.find(text) == {
        ("a",): 1,
        ("q.r",): 2,
        ("q.r", "s"): 2,
        ("t",): 3,
        ("rule",): 4,
        ("rule", 0): 4,
        ("rule", 0, "id"): 5,
        ("rule", 0, "when"): 8,
        ("rule", 0, "when", "on"): 8,
        ("rule", 0, "when", "x"): 8,
        ("rule", 0, "when", "x", 0): 8,
        ("rule", 0, "when", "x", 1): 9,
        ("rule", 0, "sub"): 10,
        ("rule", 0, "sub", "y"): 11,
        ("limit",): 12,
        ("limit", 0): 12,
        ("rule", 1): 13,
        ("rule", 1, "id"): 14,
        ("mqtt",): 17,
        ("mqtt", "tls"): 15,
        ("mqtt", "tls", "z"): 16,
    }


# ── A receiver's own layouts ────────────────────────────────────────────────────────────────────

MAIL = '[[receiver]]\nname = "mail"\nkind = "email"\nhost = "h"\nfrom = "a@b.cn"\nto = ["c@d.cn"]\n'


def test_a_layout_may_come_from_a_file_that_everybody_may_read(folder: Folder) -> None:
    file = folder.file("zh.j2", "预警 {{ title }}\n", mode=0o644)
    text = f'{MAIL}[receiver.wording]\nzh_file = "zh.j2"\n[[route]]\nreceiver = "mail"'
    (receiver,) = folder.load(text).receiver

    assert receiver.wording.templates.zh == "预警 {{ title }}"
    assert folder.warnings(text) == []
    assert examine(folder.path / "config.toml", {}).files == {file}


@pytest.mark.parametrize(
    ("wording", "fault"),
    [
        ('zh_file = "gone"', "zh_file: no such file: gone"),
        ('zh_file = "bad"', "zh: template line 3: 'ttle' is undefined, for a notice of reason"),
        ('zh = "{{ title"', "zh: template line 1: unexpected end of template"),
        ('fr = "x"', "fr: unknown key; known: zh, en"),
    ],
)
def test_a_layout_that_will_not_do(folder: Folder, wording: str, fault: str) -> None:
    folder.file("bad", "预警\n\n{{ ttle }}\n")
    (told,) = folder.faults(f"{MAIL}[receiver.wording]\n{wording}\n")

    assert told.startswith(f'config.toml:8: receiver "mail": wording.{fault}')
