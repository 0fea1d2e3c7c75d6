"""The commands as people and programs see them: output, exit status, help."""

import io
import re
import socket
import subprocess
import sys
import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from rich.console import Console

from fumewatch import __version__
from fumewatch.cli import demo
from fumewatch.cli.fleet import NEEDED
from fumewatch.config import load
from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Interval
from fumewatch.core.integrity import Comparison, Outcome
from fumewatch.demo.gateway import Tally
from fumewatch.demo.settings import example
from fumewatch.demo.sink import Delivered
from fumewatch.demo.state import DemoState
from fumewatch.store import Database, comparisons, daemons, dead_letters, devices, monitors
from fumewatch.store.dead_letters import DeadLetter
from fumewatch.store.summary import Counts
from fumewatch.store.wire import to_us
from tests.cli.conftest import Fumewatch, Said, Write
from tests.fixtures.broker import Broker

EXAMPLE = Path(__file__).parents[2] / "deploy/sites.example.csv"
COMMANDS = (
    *("run", "check", "migrate", "status", "simulate", "demo", "decode"),
    *("sites import", "sites list", "profiles list", "profiles show"),
    *("deadletters list", "deadletters show", "deadletters export", "deadletters replay"),
)


# ── Help and usage ────────────────────────────────────────────────────────────────────────────────


def test_the_version(fumewatch: Fumewatch) -> None:
    assert fumewatch("--version") == Said(0, f"fumewatch {__version__}\n", "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples(fumewatch: Fumewatch, command: str) -> None:
    said = fumewatch(*command.split(), "--help")
    assert said.code == 0
    assert re.search(rf"Examples:\n +fumewatch {command}", said.out)


def test_help_says_of_each_command_what_it_does_to_the_end(fumewatch: Fumewatch) -> None:
    for group in ("", "contacts", "deadletters"):
        said = fumewatch(*group.split(), "--help")
        _, _, commands = said.out.partition("Commands:")
        assert commands
        assert "..." not in commands


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, fumewatch.cli; print(*{m.partition('.')[0] for m in sys.modules})"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pydantic", "psycopg", "paho", "fastapi", "sqlalchemy", "plotly"}
    assert not heavy & set(said.stdout.split())


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (("chekc",), "No such command 'chekc'"),
        (("check", "--conect"), "No such option: --conect"),
        (("sites", "import"), "Missing argument"),
        (("simulate", "--for", "3x"), "'3x' is not a duration; write 90s, 10m, 1h30m or 7d"),
        (("simulate", "--broker", "tcp://x"), "write mqtt://host:port, or mqtts://host:port"),
        (("simulate", "--monitors", "0"), "should be greater than or equal to 1"),
    ],
)
def test_wrong_usage_is_status_2(
    fumewatch: Fumewatch, args: tuple[str, ...], complaint: str
) -> None:
    said = fumewatch(*args)
    assert (said.code, said.out) == (2, "")
    assert complaint in said.err


# ── check ─────────────────────────────────────────────────────────────────────────────────────────


def test_check_of_a_good_file_sums_it_up(fumewatch: Fumewatch) -> None:
    said = fumewatch("check", "--config", Path(__file__).parents[2] / "config.example.toml")
    assert (said.code, said.err) == (0, "")
    for words in ("rules", "exceedance, severe-exceedance", "GB 18483-2001", "bus (mqtt)", "good"):
        assert words in said.out
    assert re.search(
        r"^Who is told: \d+ routes, \d+ receivers \(\d+ of people\), \d+ ", said.out, re.M
    )


def test_check_names_every_fault(fumewatch: Fumewatch, write: Write) -> None:
    file = write('langage = "zh"\n[web]\nlisten = "8080"\n')
    said = fumewatch("check", "-c", file)
    assert (said.code, said.out) == (1, "")
    assert said.err.replace(f"{file.parent}/", "").splitlines() == [
        "config.toml:1: langage: unknown key; did you mean 'language'?",
        "config.toml:3: [web] listen: '8080' is not host:port; write 127.0.0.1:8080 or [::]:8080",
        "config.toml is refused: 2 faults.",
    ]


def test_check_speaks_json(fumewatch: Fumewatch, write: Write) -> None:
    said = fumewatch("check", "--json", "-c", write('language = "fr"'))
    assert said.code == 1
    assert said.json["good"] is False
    assert said.json["faults"][0]["what"] == "language: 'fr' is not one of zh, en"
    said = fumewatch("check", "--json", "-c", write("", "other.toml"))
    assert (said.code, said.json["good"], said.json["summary"]["rules"]) == (0, True, [])
    assert "no [[rule]]" in said.json["warnings"][0]["what"]


def test_check_takes_the_file_of_the_environment(
    fumewatch: Fumewatch, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FUMEWATCH_CONFIG", str(write('zone = "Mars"')))
    assert "'Mars' is not a time zone" in fumewatch("check").err


def test_check_tries_the_connections(fumewatch: Fumewatch, config: Path, broker: Broker) -> None:
    broken = '[[receiver]]\nname = "duty"\nkind = "webhook"\nurl = "http://127.0.0.1:1/token"\n'
    told = config.read_text().replace('receiver = "log"', 'receiver = ["log", "duty"]')
    config.write_text(f'{told}{broken}[mqtt]\nurl = "{broker.url}"\n')
    said = fumewatch("check", "--connect", "-c", config)
    assert said.code == 1
    assert re.search(
        r"^database: PostgreSQL [\d.]+.*, no TimescaleDB, schema current(; .*)?$", said.out, re.M
    )
    assert f"broker: 127.0.0.1:{broker.port} lets us subscribe to fume/+/+/up" in said.out
    assert "receiver log: " in said.out
    assert said.err.splitlines()[1:] == [
        "receiver duty: NOT REACHED: 127.0.0.1:1: Connection refused"
    ]
    assert "[web] public_url: is empty" in said.err
    assert f"{config} is good, but not reached: receiver duty." in said.out
    assert "token" not in said.err


def test_check_misses_a_limit_profile_that_outlets_name(fumewatch: Fumewatch, config: Path) -> None:
    fumewatch("sites", "import", EXAMPLE, "-c", config)
    config.write_text(config.read_text().replace("DB31/844-2014", "DB31/844-2030"))
    said = fumewatch("check", "--connect", "-c", config)
    assert "outlets name limit profiles that no [[limit]] has: 'DB31/844-2014'" in said.err


def test_check_tells_of_a_vendor_that_no_monitor_has(fumewatch: Fumewatch, config: Path) -> None:
    assert fumewatch("sites", "import", EXAMPLE, "-c", config).code == 0
    with config.open("a") as file:
        file.write('[[profile]]\nname = "own"\nlike = "hj212"\nmatch = { vendor = "Nobody" }\n')
    said = fumewatch("check", "--connect", "-c", config)
    assert "profile 'own': no monitor has vendor 'Nobody'" in said.out


def test_check_says_what_is_away(fumewatch: Fumewatch, write: Write) -> None:
    text = '[database]\nurl = "postgresql://127.0.0.1:1/x"\nconnect_timeout = "1s"\n'
    said = fumewatch(
        "check", "--connect", "--json", "-c", write(text + '[mqtt]\nurl = "mqtt://127.0.0.1:1"\n')
    )
    assert said.code == 1
    tried = {
        each["name"]: (each["is_reached"], each["detail"]) for each in said.json["connections"]
    }
    assert tried["database"][0] is False
    assert tried["broker"][0] is False
    assert "127.0.0.1:1" in tried["broker"][1]


# ── migrate ───────────────────────────────────────────────────────────────────────────────────────


def test_migrate_says_what_it_did(
    fumewatch: Fumewatch, write: Write, empty_database_url: str
) -> None:
    config = write(f'[database]\nurl = "{empty_database_url}"\n')
    assert "The schema went from nothing to 0007." in fumewatch("migrate", "-c", config).out
    assert "The schema is at 0007 already." in fumewatch("migrate", "-c", config).out
    assert fumewatch("migrate", "--json", "-c", config).json == {"before": "0007", "after": "0007"}


@pytest.mark.parametrize(
    "command", ["migrate", "status", "sites list", "deadletters replay --all-open"]
)
def test_a_database_that_is_away_is_status_1_without_a_traceback(
    fumewatch: Fumewatch, write: Write, command: str
) -> None:
    text = '[database]\nurl = "postgresql://127.0.0.1:1/x"\nconnect_timeout = "1s"\n'
    said = fumewatch(*command.split(), "-c", write(text))
    assert (said.code, said.out) == (1, "")
    assert "Traceback" not in said.err
    assert re.search(
        r"^fumewatch: the database cannot be used now: .*refused Is the server", said.err, re.M
    )
    assert said.err.endswith("and [database] url of the configuration.\n")


@pytest.mark.parametrize("command", ["status", "sites list", "sites import x.csv"])
def test_a_wrong_configuration_is_status_1_with_its_faults(
    fumewatch: Fumewatch, write: Write, command: str
) -> None:
    said = fumewatch(*command.split(), "-c", write("language = 3"))
    assert said.code == 1
    assert said.err.endswith("config.toml:1: language: 3 is not one of zh, en\n")


def test_an_empty_database_is_sent_to_migrate(
    fumewatch: Fumewatch, write: Write, empty_database_url: str
) -> None:
    said = fumewatch("status", "-c", write(f'[database]\nurl = "{empty_database_url}"\n'))
    assert said.code == 1
    assert "the database has no schema yet; run fumewatch migrate" in said.err


@pytest.mark.parametrize(
    "command",
    [
        "migrate", "status", "check --connect", "sites list", "sites import {example}",
        "cleanings import {csv}", "complaints import {csv}", "contacts import {csv}",
        "silences list", "alerts list", "outbox retry 1", "roles apply --writer x",
        "deadletters replay --all-open", "backup {csv}.dump", "audit verify",
    ],
)  # fmt: skip
def test_a_database_that_is_newer_is_refused(
    fumewatch: Fumewatch, config: Path, database_url: str, tmp_path: Path, command: str
) -> None:
    with psycopg.connect(database_url) as conn:
        conn.execute("update alembic_version set version_num = '9999'")
    csv = tmp_path / "x.csv"
    csv.write_text("")
    said = fumewatch(*command.format(csv=csv, example=EXAMPLE).split(), "-c", config)
    assert said.code == 1
    assert "install the newer fumewatch" in said.err + said.out


# ── simulate ──────────────────────────────────────────────────────────────────────────────────────


def test_simulate_publishes_and_tells_how_much(
    fumewatch: Fumewatch, broker: Broker, tmp_path: Path
) -> None:
    sites = tmp_path / "sites.csv"
    said = fumewatch(
        "simulate", "--broker", broker.url, "--monitors", "3", "--interval", "1s",
        "--for", "2s", "--backfill", "10m", "--sites", sites, "--json",
    )  # fmt: skip
    assert said.code == 0
    assert said.json["readings"] >= 3
    assert said.json["confirmed"] >= said.json["messages"] > 0
    assert sites.read_text().startswith("district,street,site_code")


def test_simulate_says_which_profiles_all_its_makes_need(
    fumewatch: Fumewatch, broker: Broker, tmp_path: Path
) -> None:
    """And what it says may be pasted into the shipped configuration."""
    usual = ("simulate", "--broker", broker.url, "--monitors", "3", "--for", "1s", "--json")
    assert fumewatch(*usual).err == ""
    said = fumewatch(*usual, "--speak-all")
    assert said.code == 0
    assert said.json["confirmed"] > 0
    needed = said.err.partition(f"{NEEDED}\n")[2]
    path = tmp_path / "config.toml"
    path.write_text(f"{example()}\n{needed}", encoding="utf-8")
    assert [profile.like for profile in load(path).profile] == ["hj212", "json-lampblack"]


def test_simulate_fails_where_no_broker_is(fumewatch: Fumewatch) -> None:
    said = fumewatch("simulate", "--broker", "mqtt://127.0.0.1:1", "--monitors", "2", "--for", "2s")
    assert (said.code, said.err) == (1, "fumewatch: 127.0.0.1:1: the broker cannot be reached\n")
    assert "0 confirmed" in said.out


# ── status ────────────────────────────────────────────────────────────────────────────────────────


def beat(database: Database, age: timedelta, **overrides: Any) -> None:
    at = datetime.now(UTC) - age
    parts = {"broker": {"is_up": False, "detail": "connection refused", "since": at.isoformat()}}
    daemon = daemons.Daemon(
        **{
            "id": uuid.uuid4(),
            "host": "shanghai",
            "pid": 7,
            "version": "0.1.0",
            "started_at": at,
            "heartbeat_at": at,
            "is_leader": True,
            "health": parts,
            "counters": {},
            **overrides,
        }
    )
    with database.transaction() as conn:
        daemons.beat(conn, daemon)


def test_status_of_nothing_at_all(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("status", "-c", config)
    assert said.code == 1
    assert said.out.startswith(
        "The daemon is not running: none has reported within a day. Start it with fumewatch run."
    )
    assert re.search(r"monitors +none yet", said.out)
    assert re.search(r"database +PostgreSQL [\d.]+.*, \d+(\.\d)? MiB", said.out)


def test_status_tells_of_daemons_and_the_fleet(
    fumewatch: Fumewatch, config: Path, database: Database
) -> None:
    fumewatch("sites", "import", EXAMPLE, "-c", config)
    beat(database, timedelta(0))
    beat(database, timedelta(0), host="standby", is_leader=False, health={})
    letter = DeadLetter(datetime.now(UTC), "fume/xuhui/x/up", b"{", "not_json", "no")
    with database.transaction() as conn:
        dead_letters.add(conn, [letter, letter])
    said = fumewatch("status", "-c", config)
    assert said.code == 0
    assert "not running" not in said.out
    assert re.search(r"shanghai/7 +0\.1\.0 +leads .* broker *\n", said.out)
    assert "\nshanghai/7 down: broker: connection refused\n" in said.out
    assert re.search(r"standby/7 .* stands by .* nothing", said.out)
    assert max(map(len, said.out.splitlines())) <= 100
    assert re.search(r"monitors +4 offline", said.out)
    assert re.search(r"none +not_json +2 ", said.out)


@pytest.mark.parametrize("detail", ["starting", "taking over"])
def test_status_does_not_call_down_what_only_begins(
    fumewatch: Fumewatch, config: Path, database: Database, detail: str
) -> None:
    beat(database, timedelta(0), health={"ingest": {"is_up": False, "detail": detail}})
    assert re.search(rf"shanghai/7 .* {detail} .* nothing", fumewatch("status", "-c", config).out)


HELD = {
    "inbox": {
        "messages": 1200,
        "bytes": 300_000,
        "unacked": 1100,
        "most_messages": 50_000,
        "most_bytes": 64 << 20,
    },
    "receive_maximum": 10_000,
    "queue": {"level": "warning", "detail": "480,000 of 600,000 messages, 80%", "dropped": 0},
}


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        (
            {},
            [
                "broker's queue +WARNING: 480,000 of 600,000 messages, 80%",
                "received, not yet stored +1,200 of 50,000; 293 KiB of 64 MiB",
                "not yet acked +1,100; receive_maximum 10,000",
            ],
        ),
        ({"inbox": None}, ["inbox +closed: nothing is taken in, the broker holds it"]),
        (
            {"queue": {"level": "dropping", "detail": "so many", "dropped": 7123}},
            ["broker's queue +DROPPING: so many", "dropped by the broker +7,123 since"],
        ),
    ],
)
def test_status_tells_where_readings_are_on_their_way(
    fumewatch: Fumewatch,
    config: Path,
    database: Database,
    changes: dict[str, Any],
    lines: list[str],
) -> None:
    beat(database, timedelta(0), counters={"held": HELD | changes})
    said = fumewatch("status", "-c", config)
    for line in lines:
        assert re.search(line, said.out), said.out
    assert fumewatch("status", "--json", "-c", config).json["held"] == HELD | changes


def test_status_asks_the_broker_itself_while_the_database_is_away(
    fumewatch: Fumewatch, broker: Broker, write: Write
) -> None:
    text = '[database]\nurl = "postgresql://127.0.0.1:1/x"\nconnect_timeout = "1s"\n'
    path = write(f'{text}[mqtt]\nurl = "{broker.url}"\nbroker_queue = 1000\n')
    said = fumewatch("status", "-c", path)
    assert said.code == 1
    assert re.search(r"broker's queue +\d+ of 1,000 messages, \d+%", said.out)
    found = fumewatch("status", "--json", "-c", path).json["held"]["queue"]
    assert (found["level"], found["most"], found["dropped"]) == ("easy", 1000, 0)


def test_status_tells_of_devices(fumewatch: Fumewatch, config: Path, database: Database) -> None:
    now = datetime.now(UTC)
    start = (now - timedelta(hours=5)).replace(minute=0, second=0, microsecond=0)
    restart = DeviceEvent(EventKind.RESTART, to_us(now))
    means = [DeviceAggregate(Interval.HOUR, to_us(start), n, mean=1000) for n in range(3)]
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])
        devices.add(conn, [(1, restart), (2, restart), *((1, mean) for mean in means)], now)
        devices.add(conn, [(1, restart)], now - timedelta(days=8))
        due = comparisons.due(conn, now, 10)
        outcomes = [Outcome.DIFFERS, Outcome.AGREES, Outcome.TOO_FEW]
        found = [Comparison(outcome, 7, 1) for outcome in outcomes]
        comparisons.record(conn, list(zip(due, found, strict=True)), now)
    said = fumewatch("status", "-c", config)
    assert re.search(r"device means compared / differing in 7 days +2 / 1 ", said.out)
    assert re.search(r"device restarts in 7 days +2 ", said.out)
    said = fumewatch("status", "--json", "-c", config)
    assert said.json["devices"] == {"compared": 2, "differ": 1, "restarts": 2}


def test_status_says_when_the_daemon_has_gone(
    fumewatch: Fumewatch, config: Path, database: Database
) -> None:
    beat(database, timedelta(minutes=5))
    said = fumewatch("status", "-c", config)
    assert said.code == 1
    assert re.match(r"The daemon is not running: the last heartbeat was 5m(\ds)? ago", said.out)
    assert re.search(r"shanghai/7 .* gone ", said.out)


def test_status_tells_what_became_of_the_configuration(
    fumewatch: Fumewatch, config: Path, database: Database
) -> None:
    told = {
        "since": (datetime.now(UTC) - timedelta(hours=2)).isoformat(),
        "refused_at": datetime.now(UTC).isoformat(),
        "faults": ["config.toml:3: unknown key"],
        "after_restart": ["[mqtt] url"],
    }
    beat(database, timedelta(0), counters={"configuration": told}, health={})
    said = fumewatch("status", "-c", config).out
    assert re.search(
        r"taken 2h(\ds)? ago; refused \ds ago: config.toml:3: unknown key; after a", said
    )
    assert fumewatch("status", "--json", "-c", config).json["daemons"][0]["counters"] == {
        "configuration": told
    }


def test_status_speaks_json(fumewatch: Fumewatch, config: Path, database: Database) -> None:
    beat(database, timedelta(0))
    status = fumewatch("status", "--json", "-c", config).json
    assert status["running"] is True
    assert status["daemons"][0]["health"]["broker"]["detail"] == "connection refused"
    assert status["counts"]["readings_stored"] == 0
    assert status["outbox"] == {"due": 0, "failed": 0, "oldest_due": None}
    assert status["monitors"]["normal"] == 0
    assert status["database"]["timescaledb"] is None
    assert status["database"]["engine"] == "PostgreSQL"


@pytest.mark.parametrize("engine", ["timescaledb"], indirect=True)
def test_status_knows_timescaledb(fumewatch: Fumewatch, config: Path) -> None:
    said = fumewatch("status", "-c", config)
    assert re.search(r"database +PostgreSQL .* with TimescaleDB [\d.]+ \(TimescaleDB\), ", said.out)


# ── demo ──────────────────────────────────────────────────────────────────────────────────────────


def state(**overrides: Any) -> DemoState:
    counts = Counts(**dict.fromkeys((field.name for field in fields(Counts)), 1234))
    recent = (
        Delivered(8.0, "firing", "critical", "【严重预警】川渝小馆\n第二行", "x"),
        Delivered(9.0, "resolved", "critical", "【恢复】川渝小馆", "x"),
    )
    return replace(
        DemoState("running", 12.0, page="http://127.0.0.1:1/", counts=counts, recent=recent),
        **overrides,
    )


def test_the_demo_on_a_terminal_shows_page_counters_and_the_latest_messages() -> None:
    console = Console(width=100, file=io.StringIO())
    console.print(demo._picture(state()))
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert "page: http://127.0.0.1:1/" in told
    assert "1,234 readings stored" in told
    assert "8.0 s  【严重预警】川渝小馆\n" in told
    assert "第二行" not in told


def test_the_demo_shows_what_people_are_told_and_who_answered() -> None:
    told = Tally(notices=3, alerts=12, escalations=2, first_s=8.4)
    link, alert = "http://127.0.0.1:1/l/AmsG", "http://127.0.0.1:1/alerts/7"
    now = state(told=told, phone=link, answered=alert)
    console = Console(width=100, file=io.StringIO())
    console.print(demo._picture(now))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "3 notices told people of 12 alerts, 2 escalated" in " ".join(drawn.split())
    assert f"told after 8 s; the link on an inspector's phone:\n{link}\n" in drawn
    assert "http://127.0.0.1:1/delivery   silences: http://127.0.0.1:1/silences\n" in drawn
    assert f"acknowledged an alert: {alert}\n" in drawn


def test_the_demo_elsewhere_says_what_people_are_told_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = demo._Lines()
    told = Tally(first_s=1.0)
    for elapsed in (1.0, 2.0, 3.0):
        lines.update(state(elapsed_s=elapsed, told=told, phone="http://127.0.0.1:1/l/AmsG"))
    assert capsys.readouterr().err.count("/l/AmsG\n") == 1


def test_the_demo_elsewhere_says_each_step_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = demo._Lines()
    lines.update(state(step="starting PostgreSQL", counts=None, page="", elapsed_s=0.0))
    for elapsed in (1.0, 2.0, 5.0, 10.9, 11.1):
        lines.update(state(elapsed_s=elapsed))
    said = capsys.readouterr()
    assert said.out == ""
    assert [line[:8] for line in said.err.splitlines()] == ["   0.0 s", "   1.0 s", "  11.1 s"]
    assert "page: http://127.0.0.1:1/" in said.err.splitlines()[1]


def test_a_demo_that_cannot_start_says_why(
    fumewatch: Fumewatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fumewatch.demo.run.missing", lambda: ["iotcore"])
    said = fumewatch("demo")
    assert (said.code, said.out) == (1, "")
    assert said.err == "fumewatch: the demo needs iotcore: pip install 'fumewatch[embedded]'\n"


def test_run_refuses_a_wrong_configuration(fumewatch: Fumewatch, write: Write) -> None:
    said = fumewatch("run", "-c", write("[web]\nlisten = 1\n"))
    assert said.code == 1
    assert said.err.endswith("config.toml:2: [web] listen: must be text in quotes, not 1\n")


def test_run_names_a_port_that_is_taken(fumewatch: Fumewatch, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        config.write_text(f'{config.read_text()}[web]\nlisten = "{listen}"\n')
        said = fumewatch("run", "-c", config)
    assert said.code == 1
    assert f"the pages cannot listen on {listen}: Address already in use" in said.err
    assert "Traceback" not in said.err
