"""What is said of routes, escalations, digests, inhibition and receivers that do not fit."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.config import examine
from fumewatch.config.routing_checks import KINDS
from fumewatch.core.conditions import covers
from fumewatch.core.routing import Label, Matchers

RULE = '[[rule]]\nid = "exceedance"\nkind = "threshold"\nchannel = "fume"\nabove = 1.0\n'
PEOPLE = (
    '[[receiver]]\nname = "duty"\nkind = "email"\nhost = "mail"\nfrom = "a@b.cn"\nto = ["b@b.cn"]\n'
)
MACHINE = '[[receiver]]\nname = "log"\nkind = "log"\npath = "alerts.jsonl"\n'
BOTH = f"{RULE}{PEOPLE}{MACHINE}"
"""15 lines."""
ROUTE = '[[route]]\nreceiver = ["duty", "log"]\n'
TOLD = f"{BOTH}{ROUTE}"
"""17 lines."""


def ladder(step: str = 'receiver = "duty"', rest: str = "") -> str:
    return f'[[escalation]]\nname = "e"\n{rest}[[escalation.step]]\nname = "s"\n{step}\n'


def digest(receiver: str = "duty", rest: str = "", name: str = "d") -> str:
    return f'[[digest]]\nname = "{name}"\nreceiver = "{receiver}"\nat = "08:30"\n{rest}'


def said(tmp_path: Path, text: str, *, faults: bool, advice: bool = False) -> list[str]:
    file = tmp_path / "config.toml"
    file.write_text(text)
    examined = examine(file, {}, date(2026, 11, 23) if advice else None)
    found = examined.faults if faults else examined.warnings
    assert faults or not examined.faults
    return [str(each).removeprefix(f"{file}:") for each in found]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            BOTH + '[[route]]\nreceiver = "dutty"\n',
            "17: route 1: receiver: no receiver is named 'dutty'; did you mean 'duty'?",
        ),
        (
            BOTH + '[[route]]\nreceiver = ["duty", "bus"]\n',
            "17: route 1: receiver: no receiver is named 'bus'; known: duty, log",
        ),
        (
            TOLD + ladder('receiver = "x"'),
            "22: escalation \"e\": step[1].receiver: no receiver is named 'x'; known: duty, log",
        ),
        (
            TOLD + ladder('receiver = ["duty", "log"]'),
            "22: escalation \"e\": step[1].receiver: 'log' takes transitions, not steps; "
            'name a receiver of people (takes = "groups")',
        ),
        (
            TOLD + digest("dury"),
            "20: digest \"d\": receiver: no receiver is named 'dury'; did you mean 'duty'?",
        ),
        (
            TOLD + digest("log"),
            "20: digest \"d\": receiver: 'log' takes transitions, not digests; "
            'name a receiver of people (takes = "groups")',
        ),
        (
            TOLD + '[dead_man]\nreceiver = "nobody"\n',
            "19: [dead_man] receiver: no receiver is named 'nobody'; known: duty, log",
        ),
        (
            TOLD + ladder() + ladder(),
            "24: escalation \"e\": name: 'e' is taken by line 19 already",
        ),
        (TOLD + digest() + digest(), "23: digest \"d\": name: 'd' is taken by line 19 already"),
        (
            TOLD + ladder() + '[[escalation.step]]\nname = "s"\nreceiver = "duty"\n',
            "20: escalation \"e\": step: two steps are called 's'; records go by their names",
        ),
        (
            BOTH + ROUTE + 'match = { rule = "exceedence" }\n',
            "18: route 1: match.rule: no rule is named 'exceedence'; did you mean 'exceedance'?",
        ),
        (
            BOTH + ROUTE + 'match_not = { rule = ["exceedance", "x"] }\n',
            "18: route 1: match_not.rule: no rule is named 'x'; known: exceedance",
        ),
        (
            BOTH + ROUTE + 'match = { kind = "treshold" }\n',
            "18: route 1: match.kind: no kind of rule is named 'treshold'; "
            "did you mean 'threshold'?",
        ),
        (
            TOLD + digest(rest='match = { rule = "x" }\n'),
            "22: digest \"d\": match.rule: no rule is named 'x'; known: exceedance",
        ),
        (
            TOLD + ladder(rest='match = { rule = "x" }\n'),
            "20: escalation \"e\": match.rule: no rule is named 'x'; known: exceedance",
        ),
        (
            TOLD + '[[inhibit]]\nsource = { match = { rule = "x" } }\ntarget = {}\n',
            "19: inhibit 1: source.match.rule: no rule is named 'x'; known: exceedance",
        ),
        (
            TOLD + '[[inhibit]]\nsource = {}\ntarget = { match_not = { rule = "x" } }\n',
            "20: inhibit 1: target.match_not.rule: no rule is named 'x'; known: exceedance",
        ),
        (
            TOLD + '[[inhibit]]\nsource = { match = { tag = "a" } }\n'
            'target = { match = { tag = "a" } }\n',
            "18: inhibit 1: source and target are the same alerts, and none inhibits itself; "
            "write which inhibit which",
        ),
        (
            RULE + MACHINE + 'contact = "site"\n[[route]]\nreceiver = "log"\n',
            '10: receiver "log": contact: goes with takes = "groups": a machine is sent each '
            "transition at its own address; leave it out",
        ),
        (
            RULE + PEOPLE + 'quiet = { hours = "22:00" }\n[[route]]\nreceiver = "duty"\n',
            "12: receiver \"duty\": quiet.hours: '22:00' is not a span of hours",
        ),
        (
            TOLD + ladder(rest='hours = "nine to five"\n'),
            "20: escalation \"e\": hours: 'nine' is not a span of hours",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_and_what_to_do(
    tmp_path: Path, text: str, fault: str
) -> None:
    (found,) = said(tmp_path, text, faults=True)
    assert found.startswith(fault)


def route(text: str, then: str = "") -> str:
    return f'[[route]]\nreceiver = "duty"\n{text}\n{then}'


@pytest.mark.parametrize(
    ("text", "warnings"),
    [
        (TOLD, []),
        (
            BOTH + route("") + route("") + ROUTE,
            [
                "19: route 2: never reached: the route in line 16 takes all",
                "22: route 3: never reached: the route in line 16 takes all",
            ],
        ),
        (BOTH + route("continue = true") + ROUTE, []),
        (
            BOTH
            + route('match = { severity = ["info", "warning"] }')
            + route('match = { severity = "info", street = "x" }')
            + ROUTE,
            ["19: route 2: never reached: the route in line 16 takes all that it would"],
        ),
        (
            BOTH
            + route('match_re = { site = ".*店" }')
            + route('match = { site = "甲店" }')
            + ROUTE,
            ["19: route 2: never reached: the route in line 16 takes all that it would"],
        ),
        (
            BOTH
            + route('match_not = { street = "x" }')
            + route('match = { street = "y" }')
            + route('match = { street = ["x", "y"] }')
            + ROUTE,
            ["19: route 2: never reached: the route in line 16 takes all that it would"],
        ),
        (
            BOTH + route('match_not = { tag = "x" }') + route('match = { tag = "y" }') + ROUTE,
            [],
        ),
        (
            TOLD
            + ladder(rest='match = { tag = "a" }\n')
            + ladder().replace('"e"', '"all"')
            + ladder(rest='match = { tag = "b" }\n').replace('"e"', '"b"'),
            ['29: escalation "b": never reached: the escalation in line 24 takes all'],
        ),
        (
            BOTH
            + '[[route]]\nreceiver = "log"\ngroup_by = "site"\ngroup_wait = "1m"\n'
            + "continue = true\n"
            + ROUTE,
            [
                "18: route 1: group_by: has no effect: log takes transitions, each at once; "
                "leave it out"
            ],
        ),
        (BOTH + ROUTE + 'group_by = "site"\n', []),
        (
            BOTH + ROUTE + 'group_interval = "10m"\nrepeat_interval = "5m"\n',
            [
                "19: route 1: repeat_interval: 5m is shorter than group_interval = 10m, "
                "which it waits for; make it longer"
            ],
        ),
        (
            BOTH + '[[route]]\nreceiver = "log"\n',
            [
                '6: receiver "duty": nothing is sent there: no route, escalation, digest or '
                "[dead_man] names it; name it or take it out"
            ],
        ),
        (BOTH + '[[route]]\nreceiver = "log"\n' + ladder(), []),
        (BOTH + '[[route]]\nreceiver = "log"\n' + digest(), []),
        (BOTH + '[[route]]\nreceiver = "log"\n[dead_man]\nreceiver = "duty"\n', []),
        (
            RULE + PEOPLE + route("") + '[dead_man]\nreceiver = ["duty"]\n',
            [
                "16: [dead_man] receiver: 'duty' is the only receiver: if it fails, nobody is "
                "told; add another one"
            ],
        ),
        (
            RULE + MACHINE + 'quiet = { hours = "22:00-07:00" }\n[[route]]\nreceiver = "log"\n',
            [
                '10: receiver "log": quiet: has no effect: it takes transitions, each at once; '
                "leave it out"
            ],
        ),
    ],
)
def test_what_is_doubtful_is_told(tmp_path: Path, text: str, warnings: list[str]) -> None:
    assert said(tmp_path, text, faults=False) == warnings


NO_URL = (
    "[web] public_url: is empty: links in messages to duty lead nowhere; "
    "write the address under which people open the page"
)
NO_SECRET = (
    "[links] secret: is empty: whom duty tells cannot answer from the message; "
    'write secret_file = "links.secret"'
)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (TOLD, [NO_URL, NO_SECRET]),
        (TOLD + '[web]\npublic_url = "https://a.cn"\n', [NO_SECRET]),
        (TOLD + f'[links]\nsecret = "{"x" * 40}"\n', [NO_URL]),
        (RULE + MACHINE + '[[route]]\nreceiver = "log"\n', []),
        (BOTH + '[[route]]\nreceiver = "log"\n', []),
    ],
)
def test_links_that_lead_nowhere_are_told_to_who_asks(
    tmp_path: Path, text: str, advice: list[str]
) -> None:
    found = said(tmp_path, text, faults=False, advice=True)
    told = [each.partition(": ")[2] for each in found if "receiver" not in each]
    assert [each for each in told if "a secret stands here" not in each] == advice
    assert [w for w in said(tmp_path, text, faults=False) if "is empty" in w] == []


def test_every_kind_of_rule_is_known() -> None:
    assert {"threshold", "linkage", "absence", "deterioration", "recurrence"} < KINDS


_VALUES = st.lists(st.sampled_from("abc"), min_size=1, max_size=2)
_LABELS = st.sampled_from([Label.STREET, Label.TAG])
_TABLES = st.dictionaries(_LABELS, _VALUES, max_size=2)
_PATTERNS = st.dictionaries(
    _LABELS, st.lists(st.sampled_from(["a", "[ab]", ".*"]), min_size=1), max_size=2
)
_MATCHERS = st.builds(
    lambda match, match_re, match_not: Matchers.model_validate(
        {"match": match, "match_re": match_re, "match_not": match_not}
    ),
    _TABLES,
    _PATTERNS,
    _TABLES,
)
_ALERTS = st.builds(
    lambda street, tags: {Label.STREET: (street,), Label.TAG: tuple(tags)},
    st.sampled_from("abc"),
    st.lists(st.sampled_from("abc"), max_size=3, unique=True),
)


@given(_MATCHERS, _MATCHERS, _ALERTS)
def test_what_covers_others_takes_whatever_they_take(
    wider: Matchers, narrower: Matchers, labels: dict[Label, tuple[str, ...]]
) -> None:
    if covers(wider, narrower) and narrower.take(labels):
        assert wider.take(labels)
    assert covers(wider, wider)
