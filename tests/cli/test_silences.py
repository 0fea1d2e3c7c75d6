"""`fumewatch silences`."""

from datetime import timedelta
from pathlib import Path

import pytest

from fumewatch.cli import options
from fumewatch.core.alert import Severity
from fumewatch.store import Database, monitors, sites
from tests.cli.conftest import Fumewatch, Said, Write
from tests.web.seed import alert, facts, open_alert

NOW = options.clock().replace(microsecond=0)
WHY = ("--reason", "roof is repaired", "--by", "张三")


def configured(database_url: str) -> str:
    return (
        f'[database]\nurl = "{database_url}"\n[[limit]]\nname = "DB31/844-2014"\nfume = 1.0\n'
        '[[rule]]\nid = "exceedance"\nkind = "threshold"\nchannel = "fume"\nabove = 1\n'
        '[[receiver]]\nname = "duty"\nkind = "email"\nhost = "mail"\nfrom = "a@example.org"\n'
        'to = ["b@example.org"]\nsecurity = "none"\n'
        '[[receiver]]\nname = "log"\nkind = "log"\npath = "alerts.jsonl"\n'
        '[[route]]\nreceiver = ["duty", "log"]\n'
    )


@pytest.fixture
def config(write: Write, database_url: str) -> Path:
    return write(configured(database_url))


@pytest.fixture
def fleet(database: Database) -> None:
    """Three monitors: two warnings in one street, one critical in another."""
    with database.transaction() as conn:
        sites.replace(conn, facts(3))
        ids = monitors.register(conn, [("xuhui", f"XH{i:04d}") for i in range(3)])
        for n, id in enumerate(ids.values()):
            severity = Severity.CRITICAL if n == 2 else Severity.WARNING
            open_alert(conn, alert(id, "exceedance", NOW - timedelta(minutes=9), severity=severity))


@pytest.fixture
def silences(fumewatch: Fumewatch, config: Path, fleet: None):
    def run(*args: str | Path) -> Said:
        return fumewatch("silences", *args, "-c", config)

    return run


def test_a_silence_is_shown_before_it_is_added_and_listed_until_it_is_ended(silences) -> None:
    match = ("--match", "severity=warning", "--for", "2h", *WHY)
    dry = silences("add", *match, "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert dry.out.startswith("Silence of severity=warning, ")
    assert "XH0000" in dry.out
    assert "XH0002" not in dry.out
    assert dry.out.splitlines()[-2:] == [
        "It keeps back 2 messages to people about 2 open alerts (duty 2).",
        "Dry run: nothing was changed.",
    ]
    assert silences("list").out == "No silences in force or to come; try --all.\n"
    added = silences("add", *match).out.splitlines()
    assert added[-1] == "Silence 1 is added; fumewatch silences end 1 ends it."
    line = silences("list").out.splitlines()[-2]
    assert line.split()[:3] == ["1", "active", "severity=warning"]
    assert line.rstrip().endswith("roof is repaired   张三")
    assert silences("end", "1", "--by", "李四").out.startswith("Silence 1 is ended")
    assert silences("list").out == "No silences in force or to come; try --all.\n"
    (ended,) = silences("list", "--all", "--json").json["silences"]
    assert (ended["state"], ended["author"], ended["ended_by"]) == ("ended", "张三", "李四")
    again = silences("end", "1", "--by", "李四")
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith("fumewatch: silence 1 was ended at ")
    assert again.err.endswith(" by 李四 already\n")


def test_what_it_is_about_as_json(silences) -> None:
    until = (NOW + timedelta(days=3)).isoformat()
    begins = (NOW + timedelta(days=1)).isoformat()
    said = silences(
        "add", "--match-re", "monitor=XH000[12]", "--not", "severity=critical",
        "--from", begins, "--until", until, *WHY, "--json",
    ).json  # fmt: skip
    assert [each["monitor"] for each in said["alerts"]] == ["xuhui/XH0001"]
    assert (said["messages"], said["warnings"], said["dry_run"]) == ({"duty": 1}, [], False)
    silence = said["silence"]
    assert (silence["id"], silence["state"], silence["reason"]) == (1, "coming", "roof is repaired")
    assert silence["matchers"] == {
        "match_re": {"monitor": ["XH000[12]"]},
        "match_not": {"severity": ["critical"]},
    }


def test_one_that_fits_nothing_is_added_with_a_warning(silences) -> None:
    said = silences("add", "--match", "street=田林", "--for", "2h", *WHY)
    assert said.code == 0
    assert said.err == (
        "it fits no alert that is open now (warning)\n"
        "no street is called '田林'; did you mean '田林街道'? (warning)\n"
    )
    assert "It keeps back 0 messages to people about 0 open alerts." in said.out


def test_everything_can_be_silenced_on_purpose(silences) -> None:
    said = silences("add", "--everything", "--for", "10m", *WHY)
    assert said.out.startswith("Silence of everything, ")
    assert "It keeps back 3 messages to people about 3 open alerts (duty 3)." in said.out


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--for", "2h"], "names nothing to silence; give --match, or --everything"),
        (["--everything", "--match", "rule=x", "--for", "2h"], "goes with no --match"),
        (["--match", "rule=x"], "give one of --for and --until"),
        (["--match", "rule=x", "--for", "2h", "--until", "23:59"], "give one of --for and --until"),
        (["--match", "rule=x", "--until", "2020-01-01"], "its end lies in the past"),
        (["--match", "rule=x", "--for", "91d"], "it ends in more than 90 days"),
        (["--match", "rule=x", "--for", "99999999d"], "99999999d is too long"),
        (["--match", "rule=x", "--for", "soon"], "'soon' is not a duration"),
        (["--match", "rule=x", "--from", "2020-01-01", "--for", "2h"], "lies in the past"),
        (["--match", "rule=x", "--until", "tomorrow"], "'tomorrow' is no time"),
        (["--match", "rul=x", "--for", "2h"], "no label is called 'rul'; did you mean 'rule'?"),
        (["--match", "rule=x", "--for", "2h", "--by", " "], "must have 1 to 64 characters"),
    ],
)
def test_what_is_no_silence_is_refused_before_the_store_is_asked(
    fumewatch: Fumewatch, write: Write, args: list[str], error: str
) -> None:
    config = write(configured("postgresql://nobody@127.0.0.1:9/none"))
    said = fumewatch("silences", "add", *WHY, *args, "-c", config)
    assert (said.code, said.out) == (2, "")
    assert error in " ".join(said.err.split())


def test_one_that_is_not_there_cannot_be_ended(silences) -> None:
    said = silences("end", "7", "--by", "x")
    assert said.code == 1
    assert said.err == "fumewatch: there is no silence 7; see fumewatch silences list\n"
