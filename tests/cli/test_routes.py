"""`fumewatch routes`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fumewatch.core.addressing import Entry
from fumewatch.core.alert import Alert, Severity
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.dispatch.plan import Told
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Matchers
from fumewatch.store import Database, actions, contacts, monitors, silences, sites, told
from tests.cli.conftest import Fumewatch, Said, Write
from tests.web.seed import STREETS, alert, facts, open_alert

FRIDAY = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)
"""23:30 in Shanghai."""
AT = ("--at", "2026-11-27 23:30")
AWAY = "postgresql://nobody@127.0.0.1:9/none"
PERSON = (
    'kind = "email"\nhost = "mail"\nfrom = "a@example.org"\nto = ["b@example.org"]\n'
    'security = "none"\n'
)
WAYS = f"""
[[limit]]
name = "DB31/844-2014"
fume = 1.0
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
above = 1
[[receiver]]
name = "duty"
{PERSON}quiet = {{ hours = "22:00-07:00", through = {{ match = {{ severity = "critical" }} }} }}
[[receiver]]
name = "owner"
{PERSON}contact = "site"
[[receiver]]
name = "log"
kind = "log"
path = "alerts.jsonl"
[[route]]
receiver = "log"
match = {{ street = "{STREETS[0]}", severity = ["warning", "info"] }}
[[route]]
receiver = ["duty", "log"]
continue = true
group_by = ["street", "rule"]
group_wait = "30s"
[[route]]
receiver = "owner"
repeat_interval = "1d"
[[inhibit]]
source = {{ match = {{ severity = "critical" }} }}
target = {{ match = {{ severity = "warning" }} }}
[[escalation]]
name = "ladder"
until = "closed"
[[escalation.step]]
name = "self-correction"
receiver = "owner"
[[escalation.step]]
name = "visit"
receiver = "duty"
after = "3 working days"
unless = ["visited", "corrected"]
[[escalation.step]]
name = "enforcement"
receiver = "duty"
on = "confirmed"
after = "24h"
[[digest]]
name = "morning"
receiver = "duty"
at = "08:30"
"""


def lines(said: Said) -> list[str]:
    """Its lines, with runs of spaces as one."""
    return [" ".join(line.split()) for line in said.out.splitlines()]


@pytest.fixture
def routes(fumewatch: Fumewatch, write: Write):
    """The command on a database that is away."""
    config = write(f'[database]\nurl = "{AWAY}"\nconnect_timeout = "1s"\n{WAYS}')

    def run(*args: str | Path) -> Said:
        return fumewatch("routes", *args, "-c", config)

    return run


def test_labels_alone_are_explained_without_a_database(routes) -> None:
    said = routes("explain", "--rule", "exceedance", "--street", "田林街道", *AT)
    assert said.code == 0
    assert said.err.startswith("explained by the configuration alone: silences, contacts, other")
    assert len(said.err.splitlines()) == 1
    found = lines(said)
    for line in (
        "As of 2026-11-27 23:30, an alert with",
        "kind = threshold",
        f"1 no street is 田林街道, it wants street={STREETS[0]} log",
        "2 yes duty, log (continues)",
        "3 yes owner",
        "duty 2 2026-11-28 07:00 street 田林街道, rule exceedance group_wait 30s; quiet until "
        "2026-11-28 07:00; again at the earliest after 5m",
        "log 2 2026-11-27 23:30 a machine: each change at once",
        "owner 3 not told nobody is entered: fumewatch contacts import",
        "self-correction 2026-11-27 23:30 owner (nobody)",
        "visit 2026-12-03 08:30 duty visited, corrected",
        "Not without an action: enforcement (from on = confirmed)",
        "Digest morning: to duty next at 2026-11-28 08:30, if it is listed then.",
    ):
        assert line in found, "\n".join(found)


def test_what_gets_through_quiet_hours_and_what_an_earlier_route_keeps(routes) -> None:
    critical = routes("explain", "--severity", "critical", *AT, "--json").json
    assert [(r["name"], r["at"], r["quiet_until"]) for r in critical["receivers"]] == [
        ("duty", "2026-11-27T23:30:30+08:00", None),
        ("log", "2026-11-27T23:30:00+08:00", None),
        ("owner", None, None),
    ]
    kept = routes("explain", "--rule", "exceedance", "--street", STREETS[0], *AT, "--json").json
    assert [(r["number"], r["takes"], r["reached"]) for r in kept["routes"]] == [
        (1, True, True),
        (2, False, False),
        (3, False, False),
    ]
    assert [r["name"] for r in kept["receivers"]] == ["log"]


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ([], "give the id of an alert, or what it is like"),
        (["x", "--rule", "exceedance"], "give the id of an alert, or what it is like"),
        (["--rule", "exceedence"], "no rule 'exceedence'; did you mean exceedance?"),
        (["--severity", "bad"], "no severity 'bad'; there are info, warning, critical"),
        (["--rule", "exceedance", "--at", "noon"], "'noon' is no time"),
    ],
)
def test_what_nobody_can_explain(routes, args: list[str], error: str) -> None:
    said = routes("explain", *args)
    assert (said.code, said.out) == (2, "")
    assert error in " ".join(said.err.split())


def test_the_ways_are_listed(routes) -> None:
    found = lines(routes("list"))
    for line in (
        f"1 street={STREETS[0]}, severity=warning | info log",
        "2 everything duty, log and on street, rule 30s 5m –",
        "3 everything owner alert – 5m 1d",
        "visit 3 working days duty visited, corrected",
        "enforcement 1d after confirmed duty",
        "morning everything duty 08:30 workday, weekend, holiday open",
        "1 severity=critical severity=warning monitor",
    ):
        assert line in found, "\n".join(found)
    assert [len(each) for each in routes("list", "--json").json.values()] == [3, 1, 1, 1]


@pytest.fixture
def stored(database: Database) -> list[Alert]:
    """A warning and a critical one at the first of two monitors, which has an owner."""
    with database.transaction() as conn:
        sites.replace(conn, facts(2))
        ids = list(monitors.register(conn, [("xuhui", "XH0000"), ("xuhui", "XH0001")]).values())
        warning = alert(ids[0], "exceedance", FRIDAY - timedelta(hours=2))
        critical = alert(ids[0], "severe", FRIDAY - timedelta(hours=1), severity=Severity.CRITICAL)
        for one in (warning, critical):
            open_alert(conn, one)
        contacts.add(conn, [Entry("site", "S0000", Contact(0, "王店长", phone="13800000000"))])
    return [warning, critical]


@pytest.fixture
def on_store(fumewatch: Fumewatch, write: Write, database_url: str, stored: list[Alert]):
    config = write(f'[database]\nurl = "{database_url}"\n{WAYS}')

    def run(*args: object) -> Said:
        return fumewatch("routes", "explain", *map(str, args), "-c", config)

    return run


def test_an_alert_of_the_store_is_explained_with_what_was_done(
    on_store, database: Database, stored: list[Alert]
) -> None:
    warning, critical = stored
    street = STREETS[0]
    with database.transaction() as conn:
        step = {"escalation": "ladder", "step": "self-correction", "receivers": ["owner"]}
        took = Action(critical.id, FRIDAY, ActionKind.ESCALATED, "", "fumewatch", detail=step)
        actions.append(conn, [took])
        told.save(conn, [Told("owner", "contact 1", critical.id, critical.state, FRIDAY)])
        silences.add(
            conn,
            Silence(
                matchers=Matchers(),
                starts_at=FRIDAY,
                ends_at=datetime(2126, 11, 27, tzinfo=UTC),
                reason="roof is repaired",
                author="张三",
                created_at=FRIDAY,
            ),
        )
    found = lines(on_store(critical.id, *AT))
    for line in (
        f"Alert {critical.id}, firing since 2026-11-27 22:30",
        "1 no severity is critical, it wants severity=warning | info log",
        "owner 3 2126-11-27 08:00 王店长 (contact 1) silenced by 1; again at the earliest after 5m;"
        " repeated after 1d",
        "Silence 1 by 张三, 2026-11-27 23:30 to 2126-11-27 08:00: roof is repaired",
        "owner contact 1 was told at 2026-11-27 23:30 that it is firing.",
        "self-correction 2026-11-27 22:30 owner (王店长) 2026-11-27 23:30",
        "The next step, as things stand: visit at 2026-12-03 08:30.",
        f"street = {street}",
    ):
        assert line in found, "\n".join(found)
    inhibited = on_store(warning.id, *AT, "--json").json
    assert inhibited["routes"][0]["takes"] is True
    assert inhibited["receivers"][0]["at"] == "2026-11-27T23:30:00+08:00", "machines are told"


def test_labels_are_looked_up_and_what_is_given_counts_more(on_store, stored) -> None:
    by_monitor = on_store("--rule", "exceedance", "--monitor", "xuhui/XH0000", *AT, "--json").json
    assert by_monitor["labels"]["street"] == [STREETS[0]]
    assert by_monitor["labels"]["tag"] == ["重点"]
    moved = on_store("--site", "S0000", "--street", STREETS[2], *AT)
    assert moved.err == ""
    found = lines(moved)
    assert "monitor = XH0000" in found
    assert f"street = {STREETS[2]}" in found
    assert "owner 3 not told 王店长 (contact 1) not while it is inhibited" in found
    fires = "severe (critical) fires since 2026-11-27 22:30"
    assert f"Inhibited by [[inhibit]] 1: {fires}" in found
    misspelt = on_store("--street", "田林", *AT)
    assert misspelt.err == "no street is called '田林'; did you mean '田林街道'? (warning)\n"


def test_an_alert_or_a_monitor_that_is_not_there(on_store) -> None:
    missing = on_store("00000000-0000-0000-0000-000000000000")
    assert (missing.code, missing.out) == (2, "")
    assert "no alert 00000000-0000-0000-0000-000000000000; alerts list" in missing.err
    assert "'not-an-id' is no id of an alert" in on_store("not-an-id").err
    assert "no monitor 'XH0009'; did you mean" in on_store("--monitor", "XH0009").err
