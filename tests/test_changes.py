"""What a reload says that it changed."""

from pathlib import Path

import pytest

from fumewatch.config import Config, changes, examine
from tests.test_config import EXAMPLE

BASE = """
[mqtt]
username = "fume"
password = "old-secret"
[database]
url = "postgresql://fume:old-secret@db/fume"
[freshness]
[retention]
readings = "400d"
[[profile]]
name = "acme"
like = "hj212"
match = { vendor = "ACME" }
sm4_keys = { MN1 = "00112233445566778899aabbccddeeff" }
[[profile]]
name = "other"
like = "hj212"
match = { vendor = "OTHER" }
[[limit]]
name = "DB31"
fume = 1.0
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
above = "limit"
for = "5m"
[[rule]]
id = "silent"
kind = "absence"
[[receiver]]
name = "duty"
kind = "webhook"
url = "http://127.0.0.1:9000/old-secret"
headers = { Token = "old-secret" }
[[route]]
receiver = "duty"
match = { severity = "critical", district = ["xuhui", "jingan"] }
[[route]]
receiver = "duty"
"""
ROUTES = BASE[BASE.index("[[route]]") :]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


def config(folder: Path, text: str) -> Config:
    path = folder / "config.toml"
    path.write_text(text)
    examined = examine(path, {})
    assert examined.config, examined.faults
    return examined.config


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("", "", []),
        ('above = "limit"', "above = 0.8", ['rule "exceedance": above 1 * limit → 0.8']),
        (
            'above = "limit"\nfor = "5m"',
            'above = "0.9 * limit"\nwindow = "20m"\nwhen = { fan_on = true, tags = ["a", "b"] }',
            [
                'rule "exceedance": for 5m → 0s',
                'rule "exceedance": when.tags [] → [a, b]',
                'rule "exceedance": when.fan_on unset → = 1',
                'rule "exceedance": window 10m → 20m',
                'rule "exceedance": above 1 * limit → 0.9 * limit',
            ],
        ),
        (
            'for = "5m"',
            'title = { zh = "油烟", en = "fume" }\nseverity = "critical"',
            [
                'rule "exceedance": severity warning → critical',
                'rule "exceedance": for 5m → 0s',
                'rule "exceedance": title added',
            ],
        ),
        ('id = "silent"', 'id = "mute"', ['rule "silent" removed', 'rule "mute" added']),
        (
            'kind = "threshold"\nchannel = "fume"\nabove = "limit"',
            'kind = "linkage"',
            ['rule "exceedance": kind threshold → linkage'],
        ),
        (
            "fume = 1.0",
            "fume = 0.8\npm = 5",
            ['limit "DB31": fume 1 → 0.8', 'limit "DB31": pm unset → 5'],
        ),
        ("9000/old-secret", "9000/new-secret", ['receiver "duty": url changed']),
        ('Token = "old-secret"', 'Token = "new"', ['receiver "duty": headers.Token changed']),
        ('"00', '"ff', ['profile "acme": sm4_keys.MN1 changed']),
        ('vendor = "ACME"', 'vendor = ["A"]', ['profile "acme": match.vendor [ACME] → [A]']),
        (
            'name = "acme"',
            'name = "other2"',
            ['profile "acme" removed', 'profile "other2" added'],
        ),
        (
            ROUTES,
            '[[route]]\nreceiver = "duty"\n',
            [
                "route 1 removed: match = { severity = [critical], district = [xuhui, jingan] },"
                " receiver = [duty]"
            ],
        ),
        ("\n[freshness]", '\n[log]\nlevel = "debug"', ["[log] level info → debug"]),
        ("\n[mqtt]", '\nlanguage = "en"\n[mqtt]', ["language zh → en"]),
        (
            "\n[mqtt]",
            '\nbusiness_hours = "10:00-22:00"\n[mqtt]',
            ["business_hours 10:00-14:00, 16:30-22:00 → 10:00-22:00"],
        ),
    ],
)
def test_it_names_what_differs_as_an_operator_would(
    folder: Path, old: str, new: str, lines: list[str]
) -> None:
    before, after = config(folder, BASE), config(folder, BASE.replace(old, new, 1))
    told = [str(change) for change in changes.between(before, after)]
    assert told == lines
    assert changes.applicable(before, after) == after


def test_the_order_of_profiles_rules_and_routes_counts(folder: Path) -> None:
    before = config(folder, BASE)
    turned = before.model_copy(
        update={name: tuple(reversed(getattr(before, name))) for name in ("profile", "route")}
    )
    told = [str(change) for change in changes.between(before, turned)]
    assert told == ["profile in another order", "route in another order"]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[mqtt]", 'zone = "Asia/Tokyo"\n[mqtt]', "zone Asia/Shanghai → Asia/Tokyo"),
        (
            "[mqtt]",
            '[mqtt]\nurl = "mqtt://other"',
            "[mqtt] url mqtt://127.0.0.1:1883 → mqtt://other",
        ),
        ("old-secret", "new-secret", "[mqtt] password changed"),
        ("@db/", "@other/", "[database] url changed"),
        ("[database]", "[database]\npool_size = 4", "[database] pool_size 8 → 4"),
        ("[freshness]", "[ingest]\nmax_batch = 10", "[ingest] max_batch 2000 → 10"),
        (
            "[freshness]",
            '[web]\nlisten = "[::]:80"',
            "[web] listen 127.0.0.1:8080 → [::]:80",
        ),
    ],
)
def test_what_needs_a_restart_waits_and_the_rest_does_not(
    folder: Path, old: str, new: str, line: str
) -> None:
    before = config(folder, BASE)
    text = BASE.replace(old, new, 1).replace('"400d"', '"30d"')
    wanted = config(folder, text)
    now = changes.applicable(before, wanted)
    assert [str(c) for c in changes.between(before, now)] == ["[retention] readings 400d → 30d"]
    assert [str(c) for c in changes.between(now, wanted)] == [line]
    assert changes.applicable(now, before) == before


def test_no_secret_is_ever_shown(folder: Path) -> None:
    before = config(folder, BASE)
    after = config(folder, BASE.replace("old-secret", "new-secret"))
    told = "\n".join(map(str, changes.between(before, after)))
    assert told.count("changed") == 4
    assert "secret" not in told


def test_the_example_differs_from_no_configuration_in_all_that_it_sets() -> None:
    example, none = examine(EXAMPLE, {}).config, Config()
    assert example
    told = changes.between(none, example)
    sections = [n for n in Config.model_fields if getattr(example, n) != getattr(none, n)]
    assert [n for n in sections if not any(n in change.what for change in told)] == []
    assert changes.between(example, example) == ()
