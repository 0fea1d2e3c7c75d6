"""Dead letters replayed: by the running daemon, by the command where none runs, each once."""

import json
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from fumewatch.config import Config, load
from fumewatch.config.ways import sources
from fumewatch.ingest import Ingest, Limits
from fumewatch.replay import replay_all
from fumewatch.store import Database, dead_letters, rollups
from fumewatch.store.dead_letters import CUT, DeadLetter, Which
from fumewatch.store.leader import Leader
from tests.daemon.conftest import Daemon, World, exceeding, reading, until
from tests.daemon.test_pump import Clock, pumping, turn_until
from tests.fixtures.database import on_engines

pytestmark = pytest.mark.timeout(180)


def put(world: World, *payloads: Any, topic: str = "fume/xuhui/M1/up", **facts: Any) -> None:
    """Letters whose payloads an older profile could not read; ours can, where they are good."""
    usual = {"kind": "no_time", "detail": "an older profile's"} | facts
    letters = [
        DeadLetter(datetime.now(UTC), topic, payload, **usual)
        for payload in (p if isinstance(p, bytes) else json.dumps(p).encode() for p in payloads)
    ]
    with psycopg.connect(world.database_url) as conn:
        dead_letters.add(conn, letters)


def ask(world: World, **which: Any) -> None:
    with psycopg.connect(world.database_url) as conn:
        dead_letters.request(conn, Which(**which), 0, 10_000, datetime.now(UTC))


def fumewatch(daemon: Daemon, *args: str) -> subprocess.CompletedProcess[str]:
    return daemon.ask("deadletters", *args, timeout=90)


def at_once(world: World, daemon: Daemon, *commands: tuple[str, ...]) -> list[dict[str, Any]]:
    """What each replay says in the end, all started together; each must succeed."""
    files = [world.folder / f"{number}.out" for number, _ in enumerate(commands)]
    errors = world.folder / "err"
    forks = [
        daemon.command("deadletters", "replay", *args, "--json", out=file, err=errors)
        for args, file in zip(commands, files, strict=True)
    ]
    assert [fork.wait(90) for fork in forks] == [0] * len(commands), errors.read_text()
    return [json.loads(file.read_text()) for file in files]


def states(world: World) -> list[tuple[str, bool, bool, bool]]:
    """(kind, replayed, asked for, tried) by number."""
    return world.rows(
        "select kind, replayed_at is not null, requested_at is not null, tried_at is not null"
        " from dead_letter order by id"
    )


def agree(world: World) -> bool:
    """The roll-ups count what is stored."""
    query = "select count(*) from reading", "select coalesce(sum(readings), 0) from rollup_day"
    return world.rows(query[0]) == world.rows(query[1])


# ── By the daemon ───────────────────────────────────────────────────────────────────────────────


@on_engines("plain", "timescaledb")
def test_a_letter_stays_while_it_is_wrong_and_is_replayed_once_it_is_not(world: World):
    daemon = world.daemon().start()
    world.publish_raw("fume/xuhui/M1/up", json.dumps([reading(3), {"fume": 1}]).encode())
    put(world, [reading(2), reading(1)])
    until(lambda: world.count("dead_letter") == 2, daemon.log)
    said = fumewatch(daemon, "replay", "--all-open")
    assert said.returncode == 1
    assert "1 letter of 2 replayed." in said.stdout
    assert "no_time" in said.stdout
    assert "the configuration in force there" in said.stderr
    assert sorted(states(world)) == [
        ("no_time", False, False, True),
        ("no_time", True, False, False),
    ]
    assert world.count("reading") == 3
    again = fumewatch(daemon, "replay", "--all-open", "--json")
    assert json.loads(again.stdout)["asked"] == 1
    assert world.count("reading") == 3
    assert daemon.stop() == 0
    assert agree(world)
    assert world.rows("select count(distinct received_at) from reading") == [(2,)]


def test_what_was_of_the_future_is_taken_when_its_time_has_come(world: World):
    clock = Clock()
    with pumping(world, clock) as pump:
        world.publish("M1", reading(-60))
        turn_until(pump, lambda: world.count("dead_letter") == 1)
        ask(world)
        turn_until(pump, lambda: states(world) == [("future", False, False, True)])
        clock.offset = timedelta(hours=2)
        ask(world)
        turn_until(pump, lambda: states(world) == [("future", True, False, True)])
        assert world.count("reading") == 1
    assert agree(world)


def test_what_is_older_than_the_retention_stays_dead(world: World):
    with pumping(world, Clock()) as pump:
        put(world, reading(500 * 24 * 60))
        ask(world)
        turn_until(pump, lambda: states(world) == [("too_old", False, False, True)])


def test_a_replayed_reading_raises_an_alert_like_any_other(world: World):
    world.assign("M1")
    clock = Clock()
    with pumping(world, clock) as pump:
        clock.pace = timedelta(seconds=1)  # so that each turn judges
        put(world, exceeding())
        ask(world)
        turn_until(pump, lambda: world.count("alert") == 1)


def test_a_replayed_monitor_is_registered_and_its_old_status_left_out(world: World):
    with pumping(world, Clock()) as pump:
        put(world, reading(), topic="fume/xuhui/NEW/up")
        put(world, b"offline", topic="fume/xuhui/M1/status", kind="bad_status")
        ask(world)
        turn_until(pump, lambda: [each[1] for each in states(world)] == [True, True])
    assert world.rows("select code, status from monitor") == [("NEW", None)]


def test_a_letter_that_the_database_refuses_stays_alone(world: World):
    with psycopg.connect(world.database_url) as conn:
        conn.execute(
            "create function refuse() returns trigger language plpgsql as"
            " $$ begin if new.fume = 6660 then raise exception 'not this one'; end if;"
            " return new; end $$"
        )
        conn.execute(
            "create trigger refuse before insert on reading for each row execute function refuse()"
        )
    put(world, *[reading(n, fume=6.66 if n == 13 else n / 100) for n in range(20)])
    with pumping(world, Clock()) as pump:
        ask(world)
        turn_until(pump, lambda: not any(asked for _, _, asked, _ in states(world)))
    kinds = [kind for kind, replayed, _, _ in states(world) if not replayed]
    assert kinds == ["store_refused"]
    assert world.count("reading") == 19
    assert agree(world)


def test_a_letter_that_was_cut_is_not_taken_for_whole_even_if_forced(world: World):
    put(world, reading(), kind="too_large", detail=CUT)
    with psycopg.connect(world.database_url) as conn:
        conn.execute("update dead_letter set requested_at = now()")
    with pumping(world, Clock()) as pump:
        turn_until(pump, lambda: states(world) == [("too_large", False, False, True)])
    assert world.count("reading") == 0


def test_messages_are_taken_between_replays(world: World):
    put(world, *[[reading(n / 100)] for n in range(1200)])
    with pumping(world, Clock()) as pump:
        ask(world)
        world.publish("LIVE", reading())
        turn_until(pump, lambda: world.count("monitor where code = 'LIVE'") == 1)
        assert world.count("dead_letter where replayed_at is null") > 0
        turn_until(pump, lambda: world.count("dead_letter where replayed_at is null") == 0)


def test_kills_in_mid_replay_lose_and_double_nothing(world: World):
    """3,000 numbered readings in letters; kill -9 twice on the way; each is stored exactly once."""
    daemon = world.daemon().start()
    put(world, *[reading(n / 100, fume=n / 1000) for n in range(3000)])
    ask(world)
    replayed = "dead_letter where replayed_at is not null"
    for some in (1, 1200):
        until(lambda some=some: world.count(replayed) >= some, daemon.log)
        daemon.kill()
        both = f"select (select count(*) from reading), (select count(*) from {replayed})"
        ((stored, settled),) = world.rows(both)
        assert stored == settled
        daemon.start(ready=False)
    until(lambda: world.count(replayed) == 3000, daemon.log)
    assert world.rows("select count(*), count(distinct fume) from reading") == [(3000, 3000)]
    until(daemon.is_ready, daemon.log)
    assert daemon.stop() == 0
    assert agree(world)


def test_two_commands_at_once_ask_for_the_same_and_both_are_told(world: World):
    daemon = world.daemon().start()
    put(world, *[reading(n / 10) for n in range(100)])
    told = at_once(world, daemon, *[("--kind", "no_time")] * 2)
    assert max(report["replayed"] for report in told) == 100
    assert all(report["replayed"] == report["asked"] for report in told)
    assert world.count("reading") == 100


def test_metrics_tell_of_replays(world: World):
    daemon = world.daemon().start()
    put(world, reading(), b"{")
    assert fumewatch(daemon, "replay", "--all-open").returncode == 1
    told = daemon.get("/metrics")[1]
    assert 'fumewatch_replays_total{outcome="replayed"} 1.0' in told
    assert 'fumewatch_replays_total{outcome="still_dead"} 1.0' in told
    assert "fumewatch_dead_letters_total{" not in told, "no second letter"


# ── Without one ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def idle(world: World) -> Daemon:
    """One that is configured and does not run."""
    return world.daemon()


@pytest.fixture
def config(idle: Daemon) -> Config:
    return load(idle.config)


def test_where_no_daemon_runs_the_command_does_it(world: World, idle: Daemon):
    put(world, [reading(60 * 24 * 9), reading(60 * 24 * 9 - 1)], reading(), b"{")
    said = fumewatch(idle, "replay", "--all-open")
    assert said.returncode == 1
    assert "2 letters of 3 replayed, 3 readings nobody had." in said.stdout
    assert "not_json" in said.stdout
    assert agree(world)
    assert world.rows("select count(*) from monitor_latest") == [(1,)]
    idle.start()
    world.publish("M1", reading())
    until(lambda: world.count("reading") == 4, idle.log)
    assert idle.stop() == 0
    assert agree(world)


@pytest.mark.parametrize("days", [0, pytest.param(9, marks=pytest.mark.soak)])
def test_what_a_command_left_uncounted_the_next_start_counts(
    world: World, idle: Daemon, config: Config, database: Database, days: int
):
    """Killed after the readings and before the roll-ups, be it with readings of long ago."""
    idle.start()
    world.publish("M1", reading())
    until(lambda: world.count("reading") == 1, idle.log)
    assert idle.stop() == 0
    put(world, reading(60 * 24 * days + 5))
    ask(world)
    with database.transaction() as conn:
        mark = rollups.received_to(conn)
    now, ways = lambda: datetime.now(UTC), sources(config)
    limits = Limits.of(config)
    assert Ingest(database, None, ways, limits, now, mark, lambda *_: False).replay()
    assert not agree(world)
    idle.start()
    assert idle.stop() == 0
    assert world.count("reading") == 2
    assert agree(world)


def test_a_clock_behind_the_last_batch_loses_no_rollup(
    world: World, config: Config, database: Database
):
    for n in range(2):
        put(world, reading(120 + n))
        ask(world)
        behind = timedelta(hours=n)
        replay_all(config, database, lambda b=behind: datetime.now(UTC) - b, lambda _: True)
    assert world.count("reading") == 2
    assert agree(world)


def test_two_commands_without_a_daemon_take_turns(world: World, idle: Daemon):
    put(world, *[reading(n / 100) for n in range(1500)])
    told = at_once(world, idle, ("--kind", "no_time"), ("--topic", "fume/*"))
    assert all(report["replayed"] == report["asked"] for report in told)
    assert world.count("reading") == 1500
    assert agree(world)


def test_a_command_that_is_killed_leaves_the_rest_to_the_daemon(world: World, idle: Daemon):
    put(world, *[reading(n / 100) for n in range(3000)])
    log = world.folder / "log"
    process = idle.command("deadletters", "replay", "--all-open", out=log, err=log)
    until(lambda: world.count("dead_letter where replayed_at is not null") > 0)
    process.kill()
    process.wait()
    idle.start()
    until(lambda: world.count("dead_letter where replayed_at is null") == 0, idle.log)
    assert idle.stop() == 0
    assert world.count("reading") == 3000
    assert agree(world)


def test_a_leader_that_does_not_come_to_it_is_waited_for_and_named(world: World, idle: Daemon):
    put(world, reading())
    with closing(Leader(world.database_url)) as leader:
        assert leader.try_lead()
        said = fumewatch(idle, "replay", "--all-open", "--timeout", "1s")
        assert said.returncode == 1
        assert "1 letter still to be replayed, letter 1 the first" in said.stderr
        assert states(world) == [("no_time", False, True, False)]


def test_a_leader_that_goes_away_while_we_wait_is_replaced(world: World, idle: Daemon):
    put(world, reading())
    leader = Leader(world.database_url)
    assert leader.try_lead()
    timer = threading.Timer(3, leader.close)
    timer.start()
    assert fumewatch(idle, "replay", "--all-open").returncode == 0
    timer.join()
    assert agree(world)


def test_not_waiting_only_asks(world: World, idle: Daemon):
    put(world, reading())
    said = fumewatch(idle, "replay", "1", "--no-wait")
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.startswith("A replay of 1 letter is asked for: a running daemon does it")
    assert states(world) == [("no_time", False, True, False)]
    idle.start()
    until(lambda: states(world) == [("no_time", True, False, False)], idle.log)


def test_a_replay_stops_where_its_lock_is_lost(world: World, config: Config, database: Database):
    put(world, *[reading(n / 100) for n in range(700)])
    ask(world)
    batches: list[object] = []

    def lost(stored: object) -> bool:
        batches.append(stored)
        return False

    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731
    replay_all(config, database, now, lost)
    assert len(batches) == 1
    assert world.count("dead_letter where replayed_at is not null") == 500
    assert agree(world)
