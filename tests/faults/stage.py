"""A stage: real parts that may be broken one by one, and a clock that goes on when told to."""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from fumewatch import recall
from fumewatch.config import load
from fumewatch.config.rosters import roster_of
from fumewatch.core.engine import Engine
from fumewatch.core.reading import Readings
from fumewatch.core.site import Place
from fumewatch.demo.postgres import Postgres
from fumewatch.mqtt import MqttSettings, Subscriber
from fumewatch.store import monitors, readings
from fumewatch.terms import STANDING_BY
from tests.core.scene import micros
from tests.core.scene import readings as rows_of
from tests.daemon.conftest import Daemon, World
from tests.faults.clock import Clock
from tests.faults.far_end import FarEnd
from tests.faults.proxy import Proxy
from tests.faults.publisher import Feed, Monitors, Numbered
from tests.fixtures.broker import Broker, free_port
from tests.fixtures.forks import Forks

PATIENCE_S: Final = 90.0
MONITORS: Final = 6
PAST: Final = 140
"""Minutes: more than the window and what it takes to know which value was fresh."""
HOUR_US: Final = 3_600_000_000
Kill = tuple[str, int]

CONFIG: Final = """
[mqtt]
url = "{broker}"
keepalive = "{keepalive}"
[database]
url = "{database}"
connect_timeout = "2s"
statement_timeout = "20s"
[evaluate]
lateness = "0s"
settle = "0s"
[web]
listen = "127.0.0.1:{port}"
[login]
required = false
[[limit]]
name = "DB31/844-2014"
fume = 1.0
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
window = "3m"
min_count = 2
above = "limit"
clear_below = "0.9 * limit"
severity = "warning"
when = {{ fan_on = true }}
[[rule]]
id = "lasting"
kind = "threshold"
channel = "fume"
window = "2m"
min_count = 1
above = 0.9
for = "2m"
severity = "critical"
[[rule]]
id = "offline"
kind = "absence"
in_hours = "3m"
severity = "warning"
[[receiver]]
name = "duty"
kind = "webhook"
url = "{far_end}/duty"
[[receiver]]
name = "people"
kind = "http"
url = "{far_end}/people"
body = '{{"key": {{{{ key | tojson }}}}, "state": {{{{ state | tojson }}}}}}'
[[route]]
receiver = "duty"
continue = true
[[route]]
receiver = "people"
group_by = ["rule", "monitor"]
group_interval = "0s"
"""


class Supervised(Daemon):
    @property
    def is_dead(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    @property
    def leads(self) -> bool:
        code, parts = self.get("/readyz")
        return code == 200 and STANDING_BY not in parts


class Stage:
    """`url`: of the database, past the proxy. `kills`: where the first daemon dies, and then the
    next process of it, and so on."""

    def __init__(
        self,
        broker: Broker,
        server: Postgres,
        url: str,
        folder: Path,
        forks: Forks,
        stack: ExitStack,
        seed: int,
    ) -> None:
        self.chance = random.Random(seed)
        self.broker, self.server, self.url = broker, server, url
        self.folder, self._forks, self._stack = folder, forks, stack
        self.clock = Clock(folder / "clock")
        self.begin = _begin()
        self.clock.set(self.begin)
        self.far_end = FarEnd()
        stack.callback(self.far_end.close)
        self.feed = Feed(broker.url)
        stack.callback(self.feed.close)
        self.to_broker = Proxy(lambda: ("127.0.0.1", broker.port))
        facts = conninfo_to_dict(url)
        self.database = str(facts["dbname"])
        socket_file = f"{facts['host']}/.s.PGSQL.{facts['port']}"
        self.to_database = Proxy(lambda: socket_file)
        for proxy in (self.to_broker, self.to_database):
            stack.callback(proxy.close)
        self.proxied_url = (
            f"postgresql://postgres@127.0.0.1:{self.to_database.port}/{self.database}"
        )
        self.monitors = Monitors(MONITORS, self.begin)
        self.daemons: list[Supervised] = []
        self.kills: list[Kill] = []
        self.deaths = 0
        self.missing: set[int] = set()
        """Of what the broker acknowledged: what it then forgot."""
        self.restarts = True
        self.minute = 0
        self._asking: psycopg.Connection[Any] | None = None
        stack.callback(self.hang_up)
        self._assign()
        self._remember()
        self._subscribe()

    def _assign(self) -> None:
        with ExitStack() as stack:
            world = World(self.broker, self.url, self.folder, self._forks, stack)
            world.assign(*self.monitors.codes)

    def _remember(self) -> None:
        """What a service has that ran before: readings, and what they taught until a full hour."""
        self.config = load(self._write_config(0))
        past = [one for minute in range(-PAST, 0) for one in self.monitors.minute(minute, 1)]
        self.feed.acked |= {one.number: one for one in past}
        with psycopg.connect(self.url) as conn:
            places = monitors.places(conn, str(self.config.zone))
            self.ids = {place.code: place.monitor for place in places}
            rows = as_readings(past, self.ids)
            readings.add(conn, rows, self.begin - timedelta(seconds=1))
            engine = self.engine(places)
            engine.add(rows)
            engine.fill(micros(self.begin) // HOUR_US * HOUR_US)
            recall.keep(conn, engine)
            self.places = places

    def engine(self, places: Sequence[Place]) -> Engine:
        """As a daemon's that has run since all this began, but for what it is yet to be told."""
        config, roster = self.config, roster_of(self.config, places)
        engine = Engine(config.rule, config.freshness, roster, config.zone, keeps_days=False)
        engine.begin(micros(self.begin - timedelta(minutes=PAST)))
        return engine

    def _subscribe(self) -> None:
        """The broker keeps messages from now on: as for a service that has run before."""
        is_there = threading.Event()
        settings = MqttSettings(url=self.broker.url)
        subscriber = Subscriber(settings, lambda is_up, _: is_there.set() if is_up else None)
        subscriber.start()
        assert is_there.wait(PATIENCE_S)
        subscriber.stop()

    def daemon(self, keepalive: str = "5s") -> Supervised:
        port = free_port()
        config = self._write_config(port, keepalive)
        daemon = Supervised(config, port, self.folder / f"daemon-{port}.log", self._forks)
        self._stack.callback(daemon.remove)
        self.daemons.append(daemon)
        return daemon

    def _write_config(self, port: int, keepalive: str = "5s") -> Path:
        config = self.folder / f"config-{port}.toml"
        config.write_text(
            CONFIG.format(
                broker=f"mqtt://127.0.0.1:{self.to_broker.port}",
                database=self.proxied_url,
                far_end=self.far_end.url,
                port=port or 8080,
                keepalive=keepalive,
            )
        )
        return config

    def start(self, daemon: Supervised) -> None:
        kill = self.kills.pop(0) if self.kills else None
        first = {"call": "tests.faults.inside:prepare", "clock": str(self.clock.path), "kill": kill}
        daemon.start(ready=False, first=first)

    def tend(self) -> None:
        """As a supervisor does: who died is started again."""
        for daemon in self.daemons:
            if daemon.is_dead and self.restarts:
                assert daemon.process.returncode == -9, self.log()
                self.deaths += 1
                self.start(daemon)

    def stop(self) -> None:
        """In order, which brings the roll-ups up to date."""
        self.kills = []
        self.wait(lambda: any(each.leads for each in self.daemons), "somebody leads")
        self.restarts = False
        for daemon in self.daemons:
            assert daemon.stop() == 0

    def kill(self, daemon: Supervised) -> None:
        daemon.process.kill()

    def wait(self, is_true: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not self._is(is_true):
            assert time.monotonic() < end, f"waited {seconds} s in vain: {what}\n{self.log()}"
            self.tend()
            time.sleep(0.05)

    def _is(self, true: Callable[[], Any]) -> bool:
        """A database that is away says nothing."""
        try:
            return bool(true())
        except psycopg.OperationalError:
            return False

    def log(self) -> str:
        return "\n".join(f"{each.url}\n{each.log()[-6000:]}" for each in self.daemons)

    # ── minutes ──

    def next_minute(self) -> None:
        """The clock goes on; whatever of the minute is not judged by then is made up for."""
        self.minute += 1
        self.clock.set(self.begin + timedelta(minutes=self.minute, seconds=0.2))

    def catch_up(self) -> None:
        """All that the broker acknowledged is stored, and somebody leads."""
        self.wait(lambda: self.feed.is_idle, "the broker acknowledges")
        self.wait(self.is_stored, "all is stored")
        self.wait(lambda: any(each.leads for each in self.daemons), "somebody leads")

    def is_stored(self) -> bool:
        return self.count("reading") >= len(self.feed.acked) - len(self.missing)

    def stored(self) -> set[int]:
        """Numbers of acknowledged readings that are in the store."""
        rows = set(self.rows("select monitor_id, measured_at from reading"))
        acked = list(self.feed.acked.values())
        return {r.number for r in acked if (self.ids[r.monitor], r.measured_at) in rows}

    # ── the store, past the proxy ──

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        if self._asking is None:
            self._asking = psycopg.connect(self.url, autocommit=True)
        try:
            return self._asking.execute(query).fetchall()
        except psycopg.OperationalError:  # the server was killed
            self.hang_up()
            raise

    def hang_up(self) -> None:
        if self._asking is not None:
            self._asking.close()
            self._asking = None

    def count(self, table: str) -> int:
        return int(self.rows(f"select count(*) from {table}")[0][0])


def as_readings(sent: Iterable[Numbered], ids: Mapping[str, int]) -> Readings:
    return rows_of([(ids[one.monitor], micros(one.measured_at), one.values) for one in sent])


def _begin() -> datetime:
    """Some minutes before a full hour, which then comes in the middle of a drill."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return hour - timedelta(minutes=6)


@contextmanager
def staged(
    broker: Broker, server: Postgres, url: str, folder: Path, forks: Forks, seed: int
) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(broker, server, url, folder, forks, stack, seed)
