"""Where runs take place: one PostgreSQL for all of them; for each a broker, a database and a folder
of its own, and the means to ask what they have spent and stored."""

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from fumewatch.demo.postgres import Postgres, debian_bin_dir
from tests.bench.machine import BenchError, cpu_seconds, tail, wait_until
from tests.bench.peers.contender import Scene
from tests.fixtures.broker import Broker

_SETTINGS: Final = {
    "wal_level": "replica",  # Debian's default; the private server's own is leaner
    "max_wal_senders": "10",
    "synchronous_commit": "on",
    "fsync": "on",
    "track_commit_timestamp": "on",  # when the last row was committed, without asking meanwhile
}
_BROKER: Final = """
set_tcp_nodelay false
log_type subscribe
log_dest stderr
"""
"""As deploy/mosquitto.conf has it, and in the log who has subscribed (to its standard output
mosquitto writes late)."""
_READY_S: Final = 60.0
_RELOADED_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds so far."""

    consumer: float
    database: float
    broker: float


class Stage:
    """One PostgreSQL for the whole bench; the templates that runs copy are made once."""

    def __init__(self, folder: Path, postgres: Postgres, admin: psycopg.Connection) -> None:
        self.folder = folder
        self.postgres = postgres
        self._admin = admin
        self._runs = 0

    def make_template(self, name: str, fill: Callable[[str], None]) -> None:
        self.postgres.create_database(name)
        fill(self.postgres.url(name))

    @contextmanager
    def run(self, template: str, readings: int, broker: str = "") -> Iterator["Act"]:
        """A scene with its broker running; all of it is gone afterwards.

        `broker`: lines of mosquitto.conf besides the usual ones.
        """
        self._runs += 1
        name = f"run_{self._runs}"
        with ExitStack() as stack:
            self._admin.execute(f"create database {name} template {template}")
            stack.callback(self._admin.execute, f"drop database {name} with (force)")
            self._admin.execute("checkpoint")
            server = Broker(_BROKER + broker)
            stack.callback(server.remove)
            server.start()
            folder = self.folder / name
            folder.mkdir()
            url = self.postgres.url(name)
            session = stack.enter_context(psycopg.connect(url, autocommit=True))
            session.execute("set max_parallel_workers_per_gather = 0")
            yield Act(Scene(folder, server.port, url, readings), server, session, self.postgres.pid)

    @contextmanager
    def no_commit(self) -> Iterator[None]:
        """Meanwhile no commit comes back: the server waits for a standby that does not exist."""
        self._configure("set synchronous_standby_names = 'nobody'")
        try:
            yield
        finally:
            self._configure("reset synchronous_standby_names")

    def _configure(self, change: str) -> None:
        self._admin.execute(f"alter system {change}")
        self._admin.execute("select pg_reload_conf()")
        time.sleep(_RELOADED_S)


@contextmanager
def stage() -> Iterator[Stage]:
    bin_dir = debian_bin_dir()
    if not bin_dir:
        raise BenchError("PostgreSQL is not installed (apt install postgresql)")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fumewatch-bench-")))
        folder.chmod(0o755)
        postgres = stack.enter_context(Postgres(bin_dir, folder / "postgres", _SETTINGS))
        admin = stack.enter_context(psycopg.connect(postgres.url(), autocommit=True))
        yield Stage(folder, postgres, admin)


class Act:
    """A run in progress: what can be asked of its broker, database and consumer."""

    def __init__(
        self, scene: Scene, broker: Broker, session: psycopg.Connection, postmaster: int
    ) -> None:
        self.scene = scene
        self.broker = broker
        self.session = session
        self._postmaster = postmaster
        self._ours = frozenset([session.info.backend_pid])

    def wait_subscribed(self, process: subprocess.Popen[bytes], topic: str = "fume/+/+/up") -> None:
        def subscribed() -> bool:
            if process.poll() is not None:
                raise BenchError(f"ended before it subscribed:\n{tail(self.scene.log)}")
            return topic in self.broker.log

        wait_until(f"a subscription to {topic}", subscribed, _READY_S)

    def spent(self, consumer: int) -> Spent:
        return Spent(
            cpu_seconds(consumer),
            cpu_seconds(self._postmaster, self._ours),  # our counting is not the contender's
            cpu_seconds(self.broker.pid),
        )

    def count(self, table: str) -> int:
        row = self.session.execute(f"select count(*) from {table}").fetchone()
        return int(row[0]) if row else 0

    def last_commit(self, table: str) -> float:
        """Seconds since 1970."""
        query = f"""
            select extract(epoch from max(pg_xact_commit_timestamp(by)))
            from (select distinct xmin as by from {table}) as writer"""
        row = self.session.execute(query).fetchone()
        return float(row[0]) if row else 0.0

    def said_done(self) -> float | None:
        """When a contender that stores nothing had seen all."""
        for line in self.scene.log.read_text().splitlines():
            if line.startswith("done "):
                return float(line.split()[1])
        return None
