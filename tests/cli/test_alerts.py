"""`fumewatch alerts`: list, show, act, with a real database behind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fumewatch.cli import options
from fumewatch.core.alert import State
from fumewatch.store import Database, alerts, monitors
from tests.cli.conftest import Fumewatch, Write
from tests.store.test_alerts import alert, opened

FIRED = datetime(2026, 11, 27, 7, tzinfo=UTC)  # Friday, 15:00 in Shanghai
NOW = FIRED + timedelta(hours=1)
ESCALATION = """
[[escalation]]
name = "ladder"
[[escalation.step]]
name = "street"
receiver = "log"
after = "1 working day"
unless = "visited"
"""


@pytest.fixture
def config(config: Path, write: Write, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(options, "clock", lambda: NOW)
    return write(config.read_text(encoding="utf-8") + ESCALATION)


@pytest.fixture
def id(database: Database) -> str:
    """The short id of an alert that fires at M1."""
    with database.transaction() as conn:
        monitor = monitors.register(conn, [("xuhui", "M1")])["xuhui", "M1"]
        made = alert(monitor, state=State.FIRING, opened_at=FIRED, fired_at=FIRED)
        alerts.save(conn, [opened(replace(made, limit=float("nan")))])
    return made.id.hex[:8]


def test_an_alert_is_taken_on_put_right_and_closed(
    fumewatch: Fumewatch, config: Path, id: str
) -> None:
    def act(*args: str) -> list[str]:
        said = fumewatch("alerts", "act", id, *args, "--by", "Li Wei", "-c", config)
        assert (said.code, said.err) == (0, "")
        return said.out.splitlines()

    coming = "Next: 2026-11-30 15:00 log (ladder, street)"
    assert act("acknowledge") == ["exceedance at M1: acknowledged, Li Wei (1)", coming]
    assert act("acknowledge") == ["exceedance at M1: acknowledged, Li Wei (1)", coming]
    assert act("assign", "--to", "B")[0] == "exceedance at M1: assigned to B, Li Wei (2)"
    assert act("correcting", "--until", "24h")[1] == coming
    assert act("correcting", "--until", "2026-11-30 18:00")[1] == coming
    assert act("visited", "--note", "purifier off") == ["exceedance at M1: visited, Li Wei (5)"]
    assert act("false-alarm")[1] == "The case is closed."
    assert act("reopen")[1] == "Next: 2026-11-30 16:00 log (ladder, street)"
    shown = fumewatch("alerts", "show", id, "-c", config).out
    for line in (
        "rule         exceedance (warning), firing",
        "fired        2026-11-27 15:00",
        "case         assigned to B",
        "next         2026-11-30 16:00 log (ladder, street)",
    ):
        assert line in shown
    record = [line.split(maxsplit=2)[2].split() for line in shown.splitlines() if "Li Wei" in line]
    assert record == [
        ["acknowledged", "Li", "Wei"],
        ["assigned", "Li", "Wei", "to", "B"],
        ["correcting", "Li", "Wei", "until", "2026-11-28", "16:00"],
        ["correcting", "Li", "Wei", "until", "2026-11-30", "18:00"],
        ["visited", "Li", "Wei", "purifier", "off"],
        ["outcome", "Li", "Wei", "false", "alarm"],
        ["reopened", "Li", "Wei"],
    ]


def test_as_json(fumewatch: Fumewatch, config: Path, id: str) -> None:
    said = fumewatch("alerts", "act", id, "confirmed", "--by", "Li Wei", "--json", "-c", config)
    assert said.json["action"]["detail"] == {"outcome": "confirmed"}
    assert said.json["standing"]["outcome"] == "confirmed"
    assert said.json["next"]["receivers"] == ["log"]
    shown = fumewatch("alerts", "show", id, "--json", "-c", config).json
    assert shown["alert"]["limit"] is None
    assert [each["kind"] for each in shown["actions"]] == ["outcome"]
    assert not shown["standing"]["is_closed"]
    listed = fumewatch("alerts", "list", "--json", "-c", config).json
    assert listed["count"] == 1
    assert listed["alerts"][0]["standing"]["outcome_by"] == "Li Wei"


def test_list(fumewatch: Fumewatch, config: Path, id: str) -> None:
    def listed(*args: str) -> str:
        return fumewatch("alerts", "list", *args, "-c", config).out

    assert id in listed()
    assert "unanswered" in listed("--unanswered", "--open", "--unclosed", "--since", "2h")
    fumewatch("alerts", "act", id, "resolved", "--by", "Li Wei", "-c", config)
    assert "resolved, Li Wei" in listed()
    for wanted in ("--unanswered", "--unclosed"):
        assert listed(wanted) == "No alert fired, or none fits.\n"


REFUSED = [
    (["ID", "note", "--by", "A"], 1, "fumewatch: there is nothing in the note"),
    (["ID", "reopen", "--by", "A"], 1, "fumewatch: the case is not closed"),
    (["ID", "assign", "--by", "A"], 1, "it is not said to whom"),
    (["ID", "acknowledge", "--by", " "], 1, "it is not said who"),
    (["ID", "correcting", "--by", "A", "--until", "2026-11-01"], 1, "no time that is still"),
    (["ID", "correcting", "--by", "A", "--until", "soon"], 2, "'soon' is no time; write"),
    (["ID", "visited", "--by", "A", "--until", "24h"], 2, "goes with correcting"),
    (["ID", "visited", "--by", "A", "--to", "B"], 2, "goes with assign"),
    (["ID", "acknowledge"], 2, "--by"),
    (["ID", "escalated", "--by", "A"], 2, "escalated"),
    (["0000", "acknowledge", "--by", "A"], 2, "no alert 0000"),
    (["M1", "acknowledge", "--by", "A"], 2, "'M1' is no id of an alert"),
]


def test_what_is_refused(fumewatch: Fumewatch, config: Path, id: str) -> None:
    for args, code, why in REFUSED:
        given = [id if arg == "ID" else arg for arg in args]
        said = fumewatch("alerts", "act", *given, "-c", config)
        assert (said.code, why in said.err) == (code, True), (args, said.err)
    assert fumewatch("alerts", "show", id, "--json", "-c", config).json["actions"] == []


def test_nothing_fired_yet(fumewatch: Fumewatch, config: Path) -> None:
    assert fumewatch("alerts", "list", "-c", config).out == "No alert fired, or none fits.\n"
