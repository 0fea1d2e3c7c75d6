"""What systemd hears of us, by itself and of a daemon whose parts hang on purpose."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from fumewatch.core.errors import StoreUnavailable
from fumewatch.health import QUEUE, Health, Part
from fumewatch.mqtt import Echo
from fumewatch.store import Database, DatabaseSettings
from fumewatch.store.waiting import waits
from fumewatch.terms import PARTS
from fumewatch.watchdog import (
    ECHO_SECONDS,
    LIMITS,
    Signs,
    Systemd,
    Watchdog,
    has_begun,
    is_alive,
    state_of,
)
from tests.daemon.conftest import Daemon, World, exceeding, reading, until
from tests.daemon.test_daemon import own_server  # noqa: F401 - a fixture
from tests.fixtures.broker import Broker

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
T = 10_000.0
LONG = ECHO_SECONDS + 1


# ── The rule ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("signs", "reason"),
    [
        (Signs({}), ""),
        (Signs({"main": T}), ""),
        (Signs({"main": T - LIMITS["main"]}), ""),
        (Signs({"main": T - 121, "dispatch": T}), "main has not gone round for 121 s"),
        (Signs({"main": T, "evaluate": T - 181}), "evaluate has not gone round for 181 s"),
        (Signs({"dispatch": T - 121}), "dispatch has not gone round for 121 s"),
        (Signs({"deliver": T - 121}), "deliver has not gone round for 121 s"),
        (Signs({"send": T - 300}), ""),
        (Signs({"send": T - 901}), "send has not gone round for 901 s"),
        (Signs({"lookout": T - 181}), "lookout has not gone round for 181 s"),
        (Signs({"of another kind": 0.0}), ""),
        # the echo: owed since, proven, taken in at
        (Signs({}, T - LONG, False, None), ""),
        (Signs({}, T - LONG, True, T - 1), ""),
        (Signs({}, T - 5, True, T - LONG), ""),
        (Signs({}, None, True, T - LONG), ""),
        (
            Signs({}, T - LONG, True, T - 900),
            "ingest is deaf: the broker took our echo 121 s ago, and nothing has come through for"
            " 121 s",
        ),
        (
            Signs({}, T - 900, True, T - LONG),
            "ingest is deaf: the broker took our echo 900 s ago, and nothing has come through for"
            " 121 s",
        ),
        (
            Signs({"main": T}, T - 200, True, None),
            "ingest is deaf: the broker took our echo 200 s ago, and nothing has come through for"
            " 200 s",
        ),
    ],
)
def test_only_what_a_restart_can_mend_is_death(signs: Signs, reason: str) -> None:
    verdict = is_alive(signs, T)
    assert (verdict.reason, verdict.is_alive) == (reason, not reason)


def parts(**details: str) -> dict[str, Part]:
    """A part is up unless told why not; "starting": it has not reported."""
    names = (*PARTS, QUEUE)
    return {name: Part(name not in details, details.get(name, ""), NOW) for name in names}


UNBORN = dict.fromkeys(PARTS[1:], "starting")


@pytest.mark.parametrize(
    ("found", "leads", "begun", "state"),
    [
        (parts(), True, True, "leading"),
        (parts(**UNBORN), True, False, None),
        (parts(database="starting", **UNBORN), False, False, None),
        (
            parts(database="refused\nby host", **UNBORN),
            False,
            True,
            "waiting for the database: refused by host",
        ),
        (parts(), False, True, "standing by"),
        (parts(broker="another client_id"), False, True, "standing by; broker: another client_id"),
        (parts(**dict.fromkeys(PARTS[1:], "taking over")), True, False, None),
        (parts(broker="connection refused"), True, True, "leading; broker: connection refused"),
        (parts(broker="starting"), True, False, None),
        (parts(dispatch="starting"), True, False, None),
    ],
)
def test_the_start_is_over_once_we_lead_stand_by_or_wait_for_the_database(
    found: dict[str, Part], leads: bool, begun: bool, state: str | None
) -> None:
    assert has_begun(found) is begun
    if state is not None:
        assert state_of(found, leads=leads) == state


# ── The socket ──────────────────────────────────────────────────────────────────────────────────


class Manager:
    """systemd's end of the socket: what was told, line by line."""

    def __init__(self, address: str) -> None:
        self.lines: list[str] = []
        self.datagrams: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.settimeout(0.1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            try:
                datagram = self._socket.recv(4096).decode()
            except TimeoutError:
                continue
            self.datagrams.append(datagram)
            self.lines += datagram.splitlines()

    def count(self, line: str) -> int:
        return self.lines.count(line)

    def states(self) -> list[str]:
        return [line.removeprefix("STATUS=") for line in self.lines if line.startswith("STATUS=")]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A short one: the address of a socket has 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="fw-") as folder:
        yield Path(folder)


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, socket_folder: Path) -> str:
    return f"{'@' if request.param == 'abstract' else ''}{socket_folder}/notify"


def test_words_go_to_the_socket_that_is_named(address: str) -> None:
    with closing(Manager(address)) as manager:
        systemd = Systemd({"NOTIFY_SOCKET": address})
        systemd.tell("READY=1", "STATUS=leading")
        systemd.tell("WATCHDOG=1")
        until(lambda: len(manager.datagrams) == 2)
        systemd.close()
    assert manager.datagrams == ["READY=1\nSTATUS=leading", "WATCHDOG=1"]


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"WATCHDOG_USEC": "1000000"}])
def test_without_a_socket_nobody_is_told(environ: dict[str, str]) -> None:
    systemd = Systemd(environ)
    with capture_logs() as logs:
        systemd.tell("READY=1")
    assert systemd.watchdog_seconds == 0
    assert logs == []


def test_a_socket_that_is_gone_is_logged_once(tmp_path: Path) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    with capture_logs() as logs, closing(systemd):
        systemd.tell("READY=1")
        systemd.tell("WATCHDOG=1")
    assert [each["event"] for each in logs] == ["systemd cannot be told"]


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("60000000", "", 60.0),
        ("60000000", "ours", 60.0),
        ("60000000", "1", 0.0),
        ("", "", 0.0),
        ("soon", "", 0.0),
    ],
)
def test_the_interval_is_for_the_process_that_is_named(usec: str, pid: str, seconds: float) -> None:
    pid = str(os.getpid()) if pid == "ours" else pid  # else xdist's workers collect other tests
    environ = {"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": usec, "WATCHDOG_PID": pid}
    assert Systemd(environ).watchdog_seconds == seconds


# ── The watchdog, by itself ─────────────────────────────────────────────────────────────────────


class Clock:
    def __init__(self) -> None:
        self.now = T

    def __call__(self) -> float:
        return self.now


class Heard(Systemd):
    def __init__(self) -> None:
        super().__init__({})
        self.watchdog_seconds = 60.0
        self.lines: list[str] = []

    def tell(self, *lines: str) -> None:
        self.lines += lines

    def take(self) -> list[str]:
        lines, self.lines = self.lines, []
        return lines


class Scene:
    def __init__(self) -> None:
        self.clock, self.systemd = Clock(), Heard()
        self.health = Health((*PARTS, QUEUE), lambda: NOW, self.clock)
        self.echo = Echo("me", self.clock)
        self.stopping = False
        self.watchdog = Watchdog(
            self.health,
            self.echo,
            lambda: True,
            lambda: self.stopping,
            self.systemd,
            self.clock,
        )

    def begin(self) -> None:
        for name in PARTS:
            self.health.up(name)
        self.health.beat("main")

    def after(self, seconds: float) -> list[str]:
        self.clock.now += seconds
        self.watchdog.look()
        return self.systemd.take()


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_start_that_goes_on_gets_more_time_and_then_says_so(scene: Scene) -> None:
    assert "EXTEND_TIMEOUT_USEC=30000000" in scene.after(0)
    assert "EXTEND_TIMEOUT_USEC=30000000" not in scene.after(1)
    assert "EXTEND_TIMEOUT_USEC=30000000" in scene.after(10)
    scene.begin()
    lines = scene.after(1)
    assert "READY=1" in lines
    assert "STATUS=leading" in lines
    assert "READY=1" not in scene.after(1)


def test_it_is_fed_four_times_an_interval_while_all_goes_round(scene: Scene) -> None:
    scene.begin()
    fed = []
    for _ in range(60):
        scene.health.beat("main")
        fed += scene.after(1)
    assert fed.count("WATCHDOG=1") == 4


def test_what_hangs_is_logged_once_and_ends_the_feeding_until_it_goes_on(scene: Scene) -> None:
    thread = threading.Thread(target=scene.health.beat, args=["dispatch"])
    thread.start()
    thread.join()
    scene.begin()
    scene.after(0)
    with capture_logs() as logs:
        for _ in range(20):
            scene.health.beat("main")
            lines = scene.after(10)
        assert "WATCHDOG=1" not in lines
        scene.health._beats.clear()
        assert "WATCHDOG=1" in scene.after(1)
    assert [(each["log_level"], each.get("reason")) for each in logs] == [
        ("error", "dispatch has not gone round for 130 s"),
        ("warning", "dispatch has not gone round for 130 s"),
    ]


def test_a_loop_that_was_left_is_not_waited_for(scene: Scene) -> None:
    scene.begin()
    scene.health.beat("evaluate")
    scene.health.rest("evaluate")
    scene.clock.now += 1000
    scene.health.beat("main")
    assert "WATCHDOG=1" in scene.after(0)


def test_an_echo_that_stays_away_ends_it_unless_readings_come(scene: Scene) -> None:
    scene.begin()
    scene.echo.open()
    scene.echo.taken(scene.echo.send()[0])
    scene.echo.back(b"me 1")
    scene.echo.taken(scene.echo.send()[0])
    scene.clock.now += LONG
    scene.health.beat("main")
    scene.health.beat("intake")
    assert "WATCHDOG=1" in scene.after(0)
    scene.clock.now += LONG
    scene.health.beat("main")
    lines = scene.after(0)
    assert "WATCHDOG=1" not in lines
    assert "STATUS=hangs: ingest is deaf" in " ".join(lines)


@pytest.mark.parametrize("how", ["taken", "refused"])
def test_a_reload_is_over_once_it_is_taken_or_refused(scene: Scene, how: str) -> None:
    scene.begin()
    scene.after(0)
    scene.watchdog.reloading()
    first, second = scene.systemd.take()
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert "READY=1" not in scene.after(1)
    if how == "taken":
        scene.health.config_taken()
    else:
        scene.health.config_refused([])
    assert "READY=1" in scene.after(1)
    assert "READY=1" not in scene.after(1)


def test_at_the_stop_it_says_so_once_and_feeds_no_more(scene: Scene) -> None:
    scene.begin()
    scene.after(0)
    scene.stopping = True
    assert "STOPPING=1" in scene.after(1)
    assert scene.after(100) == []


# ── Waiting for the database ────────────────────────────────────────────────────────────────────


@pytest.mark.soak
def test_a_thread_that_waits_for_the_database_is_told_from_one_that_hangs(
    database_url: str,
) -> None:
    settings = DatabaseSettings(url=database_url, pool_size=2)
    database, inside, free = Database(settings), threading.Event(), threading.Event()

    def in_a_query() -> None:
        with database.transaction() as conn:
            conn.execute("lock table reading")

    def in_a_transaction() -> None:
        with database.transaction():
            inside.set()
            free.wait()

    def for_a_connection() -> None:
        with pytest.raises(StoreUnavailable, match="all 2 connections"), database.transaction():
            pass

    database.open()
    with closing(database), psycopg.connect(database_url) as conn:
        conn.execute("lock table reading")
        in_query, hanging, waiting = (
            threading.Thread(target=each)
            for each in (in_a_query, in_a_transaction, for_a_connection)
        )
        in_query.start()
        until(lambda: waits(in_query.ident or 0))
        hanging.start()
        inside.wait()
        waiting.start()
        until(lambda: waits(waiting.ident or 0))
        assert waits(in_query.ident or 0)
        assert not waits(hanging.ident or 0), "within a transaction, and not for the database"
        waiting.join()
        free.set()
        conn.rollback()
        for thread in (in_query, hanging):
            thread.join()
    assert not waits(in_query.ident or 0), "it is over"


# ── A daemon ────────────────────────────────────────────────────────────────────────────────────


class Watched:
    """A daemon under a service manager of ours, with limits of seconds."""

    def __init__(self, daemon: Daemon, manager: Manager, flag: Path) -> None:
        self.daemon, self.manager, self._flag = daemon, manager, flag

    def start(self) -> "Watched":
        first = {"call": "tests.daemon.hangs:prepare", "flag": str(self._flag)}
        self.daemon.start(ready=False, first=first)
        return self

    def hang(self, part: str) -> None:
        Path(f"{self._flag}.{part}").touch()

    def fed(self, more: int = 3) -> None:
        """It goes on to be fed."""
        before = self.manager.count("WATCHDOG=1")
        until(lambda: self.manager.count("WATCHDOG=1") >= before + more, self.daemon.log)

    def proven(self) -> None:
        """An echo has come back, and it is fed."""
        until(lambda: metric(self.daemon, "fumewatch_echo_seconds_count") > 0, self.daemon.log)
        self.fed()


def metric(daemon: Daemon, name: str) -> float:
    for line in daemon.get("/metrics")[1].splitlines():
        if line.startswith(f"{name} "):
            return float(line.split()[1])
    return 0.0


@pytest.fixture
def under_systemd(
    socket_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Daemon], Watched]]:
    """under_systemd(daemon) -> the daemon with a manager that listens; not yet started."""
    address = f"{socket_folder}/notify"
    with ExitStack() as stack:

        def make(daemon: Daemon) -> Watched:
            manager = Manager(address)
            stack.callback(manager.close)
            monkeypatch.setenv("NOTIFY_SOCKET", address)
            monkeypatch.setenv("WATCHDOG_USEC", "2000000")
            return Watched(daemon, manager, socket_folder / "hang")

        yield make


UnderSystemd = Callable[[Daemon], Watched]

REASONS = {
    "network": "ingest is deaf",
    "inbox": "ingest is deaf",
    "pump": "main has not gone round",
    "evaluate": "main has not gone round",
    "judging": "evaluate has not gone round",
    "dispatch": "dispatch has not gone round",
    "deliver": "deliver has not gone round",
    "send": "send has not gone round",
    "lookout": "lookout has not gone round",
}


def test_ready_fed_and_then_deaf(world: World, under_systemd: UnderSystemd) -> None:
    """The short one of make test: a network thread that hangs."""
    watched = under_systemd(world.daemon()).start()
    daemon, manager = watched.daemon, watched.manager
    until(lambda: manager.count("READY=1"), daemon.log)
    watched.proven()
    assert "leading" in manager.states()[-1]
    watched.hang("network")
    _starves(watched, REASONS["network"])
    assert world.count("reading") + world.count("dead_letter") == 0, "an echo leaves no trace"
    assert daemon.process.poll() is None
    daemon.kill()


def _starves(watched: Watched, reason: str) -> None:
    """The reason is logged once, and nothing is fed from then on for a whole interval."""

    def told() -> list[str]:
        lines = watched.daemon.log().splitlines()
        return [line for line in lines if "a part hangs" in line and reason in line]

    until(told, watched.daemon.log)
    fed = watched.manager.count("WATCHDOG=1")
    time.sleep(2.5)
    assert watched.manager.count("WATCHDOG=1") == fed
    assert len(told()) == 1
    assert reason in watched.manager.states()[-1]


@pytest.mark.soak
@pytest.mark.parametrize("part", REASONS)
def test_each_part_that_hangs_ends_the_feeding(
    world: World, under_systemd: UnderSystemd, part: str
) -> None:
    world.assign("M1")
    watched = under_systemd(world.daemon()).start()
    watched.proven()
    watched.hang(part)
    if part == "send":
        world.publish("M1", *exceeding())
    _starves(watched, REASONS[part])
    watched.daemon.kill()


@pytest.mark.soak
def test_a_broker_that_is_away_or_hangs_is_no_reason(
    world: World, broker: Broker, under_systemd: UnderSystemd
) -> None:
    watched = under_systemd(world.daemon()).start()
    watched.proven()
    broker.freeze()
    _is_fed_for_long(watched)
    broker.thaw()
    broker.stop()
    _is_fed_for_long(watched)
    broker.start()
    until(watched.daemon.is_ready, watched.daemon.log)
    _is_fed_for_long(watched)
    assert watched.daemon.stop() == 0
    until(lambda: watched.manager.count("STOPPING=1") == 1)


def _is_fed_for_long(watched: Watched) -> None:
    """Much longer than any of the limits."""
    watched.fed(more=20)
    assert "a part hangs" not in watched.daemon.log()


@pytest.mark.soak
def test_a_database_that_locks_us_out_is_no_reason(
    world: World, under_systemd: UnderSystemd
) -> None:
    watched = under_systemd(world.daemon()).start()
    watched.proven()
    with psycopg.connect(world.database_url) as conn:
        conn.execute("lock table reading, transition, outbox in access exclusive mode")
        world.publish("M1", reading())
        until(lambda: world.count("pg_locks where not granted") >= 1, watched.daemon.log)
        _is_fed_for_long(watched)
    until(lambda: world.count("reading") == 1, watched.daemon.log)
    assert watched.daemon.stop() == 0


@pytest.mark.soak
def test_a_database_that_is_away_is_no_reason_nor_does_it_fail_the_start(
    broker: Broker,
    own_server: Any,  # noqa: F811
    tmp_path: Path,
    forks: Any,
    under_systemd: UnderSystemd,
) -> None:
    with ExitStack() as stack:
        world = World(broker, own_server.url(), tmp_path, forks, stack)
        watched = under_systemd(world.daemon()).start()
        watched.proven()
        os.kill(own_server.pid, signal.SIGKILL)
        own_server.stop()
        _is_fed_for_long(watched)
        assert watched.daemon.stop() == 0
        ready = watched.manager.count("READY=1")
        watched.start()
        until(lambda: watched.manager.count("READY=1") == ready + 1, watched.daemon.log)
        assert "waiting for the database" in watched.manager.states()[-1]
        _is_fed_for_long(watched)
        own_server.start()
        until(watched.daemon.is_ready, watched.daemon.log)
        assert watched.daemon.stop() == 0
