"""`fumewatch rules test`: tests of rules, what is told of them, and of faulty files."""

from pathlib import Path

import pytest

from fumewatch.config import example
from tests.cli.conftest import Fumewatch, Write

GOOD = """
[[test]]
name = "ten minutes above the limit"
series = { fume = "0.4x10 1.3x10", fan_on = "onx*" }
expect = [{ at = "20m", rule = "exceedance", state = "firing" }]
"""
BAD = """
[[test]]
name = "half an hour about the limit"
series = { fume = "1.0x10 1.1x20", fan_on = "onx*" }
expect = [
  { at = "10m", rule = "exceedance", state = "pending" },
  { at = "11:30", rule = "exceedance", state = "firing", value = 1.2, severity = "info" },
  { rule = "severe-exceedance", never = true },
  { rule = "exceedance", never = true },
]
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration lies about."""
    monkeypatch.chdir(tmp_path)


def test_good_tests_pass_by_the_shipped_rules(fumewatch: Fumewatch, write: Write) -> None:
    said = fumewatch("rules", "test", write(GOOD, "good.toml"))
    assert said.out == "PASS  ten minutes above the limit\n1 test, none failed\n"
    assert (said.code, said.err) == (0, "")


def test_a_failure_shows_what_the_rule_saw_and_did(fumewatch: Fumewatch, write: Write) -> None:
    write(BAD, "bad.toml")
    said = fumewatch("rules", "test", "bad.toml")
    assert said.code == 1
    assert said.out.splitlines() == [
        "FAIL  half an hour about the limit",
        "      bad.toml:6: exceedance at 10m (11:10): expected pending, but it is none"
        " (clear: 1, limit 1)",
        "      bad.toml:7: exceedance at 30m (11:30): expected value 1.2, but it is 1.1",
        "      bad.toml:7: exceedance at 30m (11:30): expected severity info, but it is warning",
        "      bad.toml:9: exceedance: expected never to fire, but it fires at 11m (11:11)",
        "        exceedance: 11m (11:11)   none → firing  1.01, limit 1  breached",
        "        fume          ▁▁▁▁▁▁▁▁▁▁████████████████████  1 to 1.1 mg/m³",
        "        fan_on        ██████████████████████████████",
        "                      └────────┘  window at 10m (11:10)",
        "                       └────────┘  window at 11m (11:11)",
        "                                          └────────┘  window at 30m (11:30)",
        "1 test, 1 failed",
    ]


def test_only_names_the_rule_that_fired_besides(fumewatch: Fumewatch, write: Write) -> None:
    only = 'only = true\nexpect = [{ at = "60m", rule = "exceedance", state = "none" }]'
    write(f'[[test]]\nname = "x"\nseries = {{ fume = "0.95x60" }}\n{only}', "t.toml")
    said = fumewatch("rules", "test", "t.toml")
    assert said.out.splitlines()[1:4] == [
        "      t.toml:1: near-limit: only the rules that are named may fire,"
        " but it fires at 33m (11:33)",
        "        near-limit: 3m (11:03)    none → pending  0.95, limit 0.9  breached",
        "        near-limit: 33m (11:33)   pending → firing  0.95, limit 0.9  breach held",
    ]


def test_what_a_rule_says_of_held_values_is_told(fumewatch: Fumewatch, write: Write) -> None:
    held = GOOD.replace("0.4x10 1.3x10", "0.4x60 =1.3x30").replace("20m", "65m")
    said = fumewatch("rules", "test", write(held, "t.toml"))
    assert "expected firing, but it is none (clear: 0.55, limit 1; 4 minutes held)" in said.out


def test_verbose_shows_good_tests_too(fumewatch: Fumewatch, write: Write) -> None:
    said = fumewatch("rules", "test", write(GOOD, "good.toml"), "--verbose")
    assert said.code == 0
    assert "exceedance: 17m (11:17)   none → firing  1.03, limit 1  breached" in said.out
    assert "near-limit: 16m (11:16)   none → pending" in said.out
    assert "fume          ▁▁▁▁▁▁▁▁▁▁██████████  0.4 to 1.3 mg/m³" in said.out


def test_a_long_series_is_drawn_in_as_many_columns_as_fit(
    fumewatch: Fumewatch, write: Write
) -> None:
    long = GOOD.replace("0.4x10 1.3x10", "0.4x600 _x60 1.3x60").replace("20m", "12h")
    drawn = fumewatch("rules", "test", write(long, "t.toml"), "-v").out
    (fume,) = (line.split()[1] for line in drawn.splitlines() if line.strip().startswith("fume"))
    assert fume == "▁" * 60 + "·" * 6 + "█" * 6


def test_json_has_what_came_of_every_test(fumewatch: Fumewatch, write: Write) -> None:
    file = write(GOOD + BAD, "t.toml")
    said = fumewatch("rules", "test", file, "--json")
    assert said.code == 1
    assert (said.json["tests"], said.json["failed"]) == (2, 1)
    good, bad = said.json["results"]
    assert (good["name"], good["passed"], good["line"], good["differences"]) == (
        "ten minutes above the limit", True, 2, [],
    )  # fmt: skip
    assert good["transitions"][1] == {
        "at": "2026-11-23T03:17:00+00:00",
        "rule": "exceedance",
        "monitor": "monitor",
        "before": None,
        "state": "firing",
        "severity": "warning",
        "reason": "breached",
        "value": 1.03,
        "limit": 1.0,
    }
    assert bad["differences"][0] == {
        "where": f"{file}:11",
        "rule": "exceedance",
        "monitor": "monitor",
        "at": "2026-11-23T03:10:00+00:00",
        "what": "state",
        "expected": "pending",
        "actual": "none",
        "said": {"verdict": "clear", "value": 1.0, "limit": 1.0, "held": 0},
    }
    assert [each["what"] for each in bad["differences"]] == ["state", "value", "severity", "never"]


def test_tests_of_one_rule(fumewatch: Fumewatch, write: Write) -> None:
    file = write(GOOD + BAD, "t.toml")
    assert fumewatch("rules", "test", file, "--rule", "severe-exceedance").out.startswith("FAIL")
    both = fumewatch("rules", "test", file, "--rule", "severe-exceedance", "--rule", "exceedance")
    assert both.out.endswith("2 tests, 1 failed\n")
    none = fumewatch("rules", "test", file, "--rule", "offline")
    assert none.code == 2
    assert "no test names the rule offline" in none.err


def test_no_file_is_wrong_usage(fumewatch: Fumewatch) -> None:
    assert fumewatch("rules", "test").code == 2


# ── which configuration ──

LOW = '[[limit]]\nname = "low"\nfume = 0.5\n[[rule]]\nid = "exceedance"\nkind = "threshold"\n'
LOW += 'channel = "fume"\nabove = "limit"\n'
CALM = '[[test]]\nname = "x"\nseries = {{ fume = "{}x30" }}\nexpect = [{{ rule = "exceedance", '
CALM += "never = true }}]\n"


@pytest.mark.parametrize("fume", [0.6, 0.4])
@pytest.mark.parametrize("way", ["option", "file", "usual place", "environment"])
def test_rules_are_those_of_a_configuration(
    fumewatch: Fumewatch, write: Write, monkeypatch: pytest.MonkeyPatch, way: str, fume: float
) -> None:
    config = write(LOW, "config.toml" if way == "usual place" else "own.toml")
    text = CALM.format(fume)
    if way == "environment":
        monkeypatch.setenv("FUMEWATCH_CONFIG", str(config))
    if way == "file":
        text = f'config = "own.toml"\n{text}'
    given = ("--config", config) if way == "option" else ()
    said = fumewatch("rules", "test", write(text, "t.toml"), *given)
    assert said.code == (0 if fume < 0.5 else 1), said.out


def test_the_option_comes_before_the_file(fumewatch: Fumewatch, write: Write) -> None:
    write(LOW, "own.toml")
    file = write(f'config = "own.toml"\n{CALM.format(0.6)}', "t.toml")
    assert fumewatch("rules", "test", file).code == 1
    assert fumewatch("rules", "test", file, "--config", example.path()).code == 0


def test_a_configuration_that_is_named_must_be_there(fumewatch: Fumewatch, write: Write) -> None:
    file = write(f'config = "gone.toml"\n{GOOD}', "t.toml")
    said = fumewatch("rules", "test", file)
    assert said.code == 1
    assert "gone.toml: no such file" in said.err


# ── faulty files ──


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["t.toml:1: no [[test]]"]),
        ("[[test]", ["t.toml:1: not TOML: Expected ']]' at the end of an array declaration"]),
        ("[[test]]\nname = 'x'", ['t.toml:1: test "x": sends nothing: give it series, or days']),
        (
            "[[test]]\nname = 'x'\nseries.fume = '1'",
            ['t.toml:1: test "x": expects nothing: give it expect, or only = true'],
        ),
        (
            "only = true\n[[test]]\nname = 'x'\nstart = '2026'\nseries.fume = 1\nlinterval = '1m'",
            [
                "t.toml:1: only: unknown key; known: config, test",
                "t.toml:4: test \"x\": start: '2026' is no instant; write 2026-11-23T11:00:00,",
                't.toml:5: test "x": series.fume: must be text in quotes, not 1',
                "t.toml:6: test \"x\": linterval: unknown key; did you mean 'interval'?",
            ],
        ),
        (
            "[[test]]\nname = 'x'\nstart = 2026-11-23T11:00:30\ninterval = '1s'\nseries.fume = '1'",
            [
                't.toml:3: test "x": start: 2026-11-23 11:00:30 is within a minute; rules judge',
                't.toml:4: test "x": interval: must be at least 2 seconds, not 1s',
            ],
        ),
        (
            "[[test]]\nname = 'x'\nonly = true\n[test.series]\nfume = '0.4x5 0.5y'\nfum = '1'\n"
            "fan_on = '1'\n[test.site]\nlimit_profile = 'DB'\nbusiness_hours = '10-12'",
            [
                't.toml:5: test "x": series.fume: item 2 "0.5y", column 7: no number',
                "t.toml:6: test \"x\": series.fum: is not known here; did you mean 'fume'?",
                't.toml:7: test "x": series.fan_on: item 1 "1", column 1: a state is on, off',
                "t.toml:9: test \"x\": site.limit_profile: no [[limit]] is named 'DB'; known: ",
                "t.toml:10: test \"x\": site.business_hours: '10-12' is not a span of hours",
            ],
        ),
        (
            "[[test]]\nname = 'x'\nquality = 'NN'\nonly = true\nseries.fan_on = 'onx*'",
            [
                't.toml:1: test "x": has no end; one series must say how long it is: x30, not x*',
                't.toml:3: test "x": quality: item 1 "NN", column 1: a data flag is one letter',
            ],
        ),
        (
            "[[test]]\nname = 'x'\nonly = true\nseries.fume = '1'\n[test.monitor.A.series]\n"
            "fume = '1'",
            ['t.toml:1: test "x": has [test.monitor...]: series and the like stand in there'],
        ),
        (
            "[[test]]\nname = 'x'\nonly = true\n[test.monitor.A]\nseries.fume = '1'\n"
            "[test.monitor.B]\ndays.fume = '1'\ndays.noise = '1'",
            [
                't.toml:5: test "x": monitor.A.series: goes with minutes, and the test has days',
                't.toml:8: test "x": monitor.B.days.noise: is not known here; known: readings',
            ],
        ),
    ],
)
def test_every_fault_of_a_file_is_named_with_its_line(
    fumewatch: Fumewatch, write: Write, text: str, told: list[str]
) -> None:
    write(text, "t.toml")
    said = fumewatch("rules", "test", "t.toml")
    assert (said.code, said.out) == (1, "")
    lines = said.err.splitlines()
    assert len(lines) == len(told), said.err
    for line, start in zip(lines, told, strict=True):
        assert line.startswith(start), line


TWO = (
    "[[test]]\nname = 'x'\nstart = 2026-11-23T11:00:00+08:00\n[test.monitor]\n"
    "A.series.fume = '1'\nB.series.fume = '1'\n[[test.expect]]\nrule = 'offline'\n"
)


@pytest.mark.parametrize(
    ("expect", "told"),
    [
        ("never = true", "7: expect[1]: monitor is missing; the test has A, B"),
        ("monitor = 'C'\nnever = true", "9: expect[1].monitor: no monitor is named 'C'"),
        ("monitor = 'A'", "7: expect[1]: needs at and state, or never = true"),
        ("monitor = 'A'\nat = '3m'", "7: expect[1]: needs at and state, or never = true"),
        ("monitor = 'A'\nat = '3m'\nnever = true", "7: expect[1]: never = true says all"),
        ("monitor = 'A'\nnever = false", "10: expect[1].never: False is not one of True"),
        (
            "monitor = 'A'\nat = '3m'\nstate = 'none'\nvalue = 1",
            '7: expect[1]: state = "none" is no alert: it has no value and no severity',
        ),
        ("at = '3m'\nstate = 'on'", "10: expect[1].state: 'on' is not one of none, pending"),
        (
            "monitor = 'A'\nstate = 'none'\nat = 'noon'",
            "11: expect[1].at: 'noon' is no time; write \"25m\" after the start",
        ),
        (
            "monitor = 'A'\nstate = 'none'\nat = '90s'",
            "11: expect[1].at: is within a minute; rules judge at the ends of whole minutes",
        ),
        (
            "monitor = 'A'\nstate = 'none'\nat = 2026-11-23T10:59:00",
            "11: expect[1].at: is before the start",
        ),
        (
            "monitor = 'A'\nstate = 'none'\nat = '401d'",
            "11: expect[1].at: is more than 400 days after the start",
        ),
        ("rule2 = 'x'\nnever = true", "9: expect[1].rule2: unknown key; did you mean 'rule'?"),
    ],
)
def test_every_fault_of_an_expectation_is_named(
    fumewatch: Fumewatch, write: Write, expect: str, told: str
) -> None:
    write(f"{TWO}{expect}\n", "t.toml")
    line, _, what = told.partition(": ")
    said = fumewatch("rules", "test", "t.toml")
    assert said.err.startswith(f't.toml:{line}: test "x": {what}')
    assert said.err.count("\n") == 1


def test_a_rule_must_be_there_and_judge_what_is_given(fumewatch: Fumewatch, write: Write) -> None:
    minutes = GOOD.replace('"exceedance"', '"exceedence"')
    days = '[[test]]\nname = "d"\ndays = { fume = "1x9" }\n'
    days += 'expect = [{ at = "9d", rule = "offline", state = "none" }]\n'
    write(minutes + days, "t.toml")
    said = fumewatch("rules", "test", "t.toml", "gone.toml")
    assert said.err.splitlines() == [
        't.toml:5: test "ten minutes above the limit": expect[1].rule: no rule is named'
        " 'exceedence'; did you mean 'exceedance'?",
        "t.toml:9: test \"d\": expect[1].rule: 'offline' does not judge days; give the test series"
        " instead",
        "gone.toml: no such file",
    ]


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ('"16m"', "none"),
        ('"17m"', "firing"),
        ('"11:16"', "none"),
        ('"11:17"', "firing"),
        ("11:17:00", "firing"),
        ("2026-11-23T11:16:00", "none"),
        ("2026-11-23T03:17:00Z", "firing"),
    ],
)
def test_times_are_written_in_many_ways(
    fumewatch: Fumewatch, write: Write, at: str, state: str
) -> None:
    text = GOOD.replace('"20m"', at).replace('"firing"', f'"{state}"')
    said = fumewatch("rules", "test", write(text.replace("1.3x10", "1.3x10 0.4x30"), "t.toml"))
    assert said.code == 0, said.out


def test_a_time_by_the_clock_is_the_next_one(fumewatch: Fumewatch, write: Write) -> None:
    late = GOOD.replace("\nseries", "\nstart = 2026-11-23T23:50:00\nseries").replace(
        '"20m"', '"00:08"'
    )
    said = fumewatch("rules", "test", write(late, "t.toml"), "--verbose")
    assert said.code == 0
    assert "exceedance: 17m (11-24 00:07)  none → firing" in said.out
