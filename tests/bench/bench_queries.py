"""How long the pages' questions take with 50 million readings stored.

    python -m tests.bench.bench_queries [--readings 50] [--monitors 10000]
        [--engine plain|timescaledb|both] [--keep DIR]

10,000 monitors at a reading a minute, each of a restaurant of its own, in order of time, filled by
the server (fsync off meanwhile: it takes some minutes). On TimescaleDB all days but the last two
are compressed. Each question is asked through the functions that pages and API call, of other
monitors each time, cold (the server restarted, its files out of the kernel's memory) and warm (the
same asked a moment before): wall time until the answer is in our hands as objects, and the server's
CPU time, which does not mind what else the machine does. Leaves .bench/queries.md.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import mean, median
from typing import Final, TypeAlias

import psycopg

from fumewatch.demo.postgres import Postgres, debian_bin_dir, has_timescaledb
from fumewatch.store import Connection, Database, DatabaseSettings, partitions, readings
from fumewatch.store.pages import fleet
from tests.bench import stuffing
from tests.bench.machine import BenchError, Table, cpu_seconds, description
from tests.bench.peers import fumewatch

RESULTS: Final = Path(__file__).parents[2] / ".bench"
SETTINGS: Final = {
    "fsync": "off",  # only while filling: what is asked afterwards writes nothing
    "autovacuum": "off",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "maintenance_work_mem": "1GB",
}
TIMESCALEDB: Final = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
}
END: Final = datetime(2026, 11, 23, 12, tzinfo=UTC)
WARM_ROUNDS: Final = 100
COLD_ROUNDS: Final = 10
_DAY: Final = timedelta(days=1)
_NOBODY: Final = 0
_LONG: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Asked:
    """ms: wall time at the median, the 99th percentile and the least; server's CPU, mean."""

    engine: str
    what: str
    cached: str
    rows: int
    p50: float
    p99: float
    least: float
    cpu: float
    aim: float


Ask: TypeAlias = Callable[[Connection, int], int]
"""Of this monitor; how many rows came back."""


@dataclass(frozen=True, slots=True)
class Question:
    """`aim`: ms. `monitors`: how many there are."""

    what: str
    aim: float
    monitors: int
    ask: Ask


@contextmanager
def stuffed(folder: Path, engine: str, monitors: int, number: int) -> Iterator[Postgres]:
    """A server with so many readings; filled only where the folder has none."""
    bin_dir = debian_bin_dir()
    if bin_dir is None or (engine == "timescaledb" and not has_timescaledb(bin_dir)):
        raise BenchError(f"{engine} is not installed for Debian's PostgreSQL")
    settings = SETTINGS | (TIMESCALEDB if engine == "timescaledb" else {})
    done = folder / f"{engine}-{monitors}-{number}"
    with Postgres(bin_dir, folder / engine, settings) as server:
        if not done.exists():
            _fill(server, folder, monitors, number)
            done.touch()
        yield server


def _fill(server: Postgres, folder: Path, monitors: int, number: int) -> None:
    began = time.monotonic()
    server.create_database("stuffed")
    url = server.url("stuffed")
    codes = (f"M{i + 1:06d}" for i in range(monitors))
    fumewatch.fill(folder, fumewatch.sites_csv("xuhui", codes))(url)
    start = END - timedelta(minutes=number // monitors)
    with psycopg.connect(url, autocommit=True) as conn:
        partitions.ensure(conn, [(start + timedelta(days=i)).date() for i in range(_days(start))])
        conn.execute("alter table reading drop constraint reading_pkey")  # built at once it is fast
        rows = stuffing.fill(conn, start, END, _tell)
        conn.execute("alter table reading add primary key (monitor_id, measured_at)")
        stuffing.note_latest(conn, END)
        if partitions.engine(conn) is partitions.Engine.TIMESCALEDB:
            partitions.set_columnstore(conn, _LONG)
            old = END - timedelta(days=1)
            conn.execute("select compress_chunk(show_chunks('reading', older_than => %s))", [old])
        conn.execute("vacuum analyze")
    print(f"{rows:,} readings stored in {time.monotonic() - began:.0f} s", flush=True)


def _tell(rows: int) -> None:
    if not rows % 6_000_000:
        print(f"{rows:,} readings", file=sys.stderr, flush=True)


def _days(start: datetime) -> int:
    return (END.date() - start.date()).days + 1


def ask(server: Postgres, engine: str, monitors: int, number: int) -> Iterator[Asked]:
    os.sync()  # what is not written yet, the kernel would not forget
    with _connected(server) as conn:
        known = fleet.places(conn)
    for question in _questions(monitors, number, known):
        yield _cold(server, engine, question)
        yield _warm(server, engine, question)


def _questions(monitors: int, number: int, known: Mapping[int, fleet.Place]) -> list[Question]:
    first = END - timedelta(minutes=number // monitors)
    questions: list[tuple[str, float, Ask]] = [
        (f"newest readings of {monitors:,} monitors, from their table", 50, _latest),
        (
            "their states and alerts at known sites, as pages ask every two seconds",
            50,
            lambda conn, _: len(fleet.joined(known, fleet.states(conn))),
        ),
        ("the whole fleet, sites and all", 50, lambda conn, _: len(fleet.monitors(conn))),
        ("24 h of one monitor, the last", 30, _day(END)),
        ("24 h of one monitor, the first", 30, _day(first + _DAY)),
    ]
    return [Question(what, aim, monitors, ask) for what, aim, ask in questions]


def _latest(conn: Connection, _: int) -> int:
    return len(conn.execute("select * from monitor_latest").fetchall())


def _day(end: datetime) -> Ask:
    return lambda conn, monitor: len(readings.of_monitor(conn, monitor, end - _DAY, end))


def _cold(server: Postgres, engine: str, question: Question) -> Asked:
    """After a restart with none of the files in memory, but for the catalogue and its like."""
    spent = Spent()
    for monitor in random.Random(5).sample(range(1, question.monitors + 1), COLD_ROUNDS):
        server.stop()
        _forget(server.folder)
        server.start()
        with _connected(server) as conn:
            fleet.monitor(conn, _NOBODY)
            readings.of_monitor(conn, _NOBODY, END - _LONG, END)
            spent.ask(server, conn, question, monitor)
    return spent.told(engine, question, "cold")


def _warm(server: Postgres, engine: str, question: Question) -> Asked:
    """Somebody has just asked the same."""
    spent = Spent()
    with _connected(server) as conn:
        for monitor in random.Random(6).choices(range(1, question.monitors + 1), k=WARM_ROUNDS):
            question.ask(conn, monitor)
            spent.ask(server, conn, question, monitor)
    return spent.told(engine, question, "warm")


class Spent:
    """What asking one question took, time by time."""

    def __init__(self) -> None:
        self._rows = 0
        self._wall: list[float] = []
        self._cpu: list[float] = []

    def ask(self, server: Postgres, conn: Connection, question: Question, monitor: int) -> None:
        cpu, began = cpu_seconds(server.pid), time.perf_counter()
        self._rows = question.ask(conn, monitor)
        self._wall.append((time.perf_counter() - began) * 1e3)
        self._cpu.append((cpu_seconds(server.pid) - cpu) * 1e3)

    def told(self, engine: str, question: Question, cached: str) -> Asked:
        wall = sorted(self._wall)
        return Asked(
            engine,
            question.what,
            cached,
            self._rows,
            p50=median(wall),
            p99=wall[int(len(wall) * 0.99)],
            least=wall[0],
            cpu=mean(self._cpu),
            aim=question.aim,
        )


@contextmanager
def _connected(server: Postgres) -> Iterator[Connection]:
    database = Database(DatabaseSettings(url=server.url("stuffed")))
    database.open()
    try:
        with database.transaction() as conn:
            yield conn
    finally:
        database.close()


def _forget(folder: Path) -> None:
    """See that the kernel has none of these files in memory, but what is not written yet."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def table(asked: Sequence[Asked], number: int) -> Table:
    header = ("", "engine", "", "rows", "median", "p99", "least", "server CPU", "aim", "met")
    rows = [
        (
            one.what,
            one.engine,
            one.cached,
            f"{one.rows:,}",
            *(f"{ms:.1f} ms" for ms in (one.p50, one.p99, one.least, one.cpu)),
            f"< {one.aim:.0f} ms",
            "yes" if one.p50 < one.aim else "**no**",
        )
        for one in asked
    ]
    return Table(f"Questions with {number:,} readings stored", header, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--readings", type=float, default=50, help="million (50)")
    parser.add_argument("--monitors", type=int, default=10_000)
    parser.add_argument("--engine", choices=["plain", "timescaledb", "both"], default="plain")
    parser.add_argument("--keep", type=Path, help="a folder to keep the databases in")
    options = parser.parse_args()
    number = int(options.readings * 1e6)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="fumewatch-"))
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    engines = ["plain", "timescaledb"] if options.engine == "both" else [options.engine]
    asked: list[Asked] = []
    try:
        for engine in engines:
            with stuffed(folder, engine, options.monitors, number) as server:
                asked += ask(server, engine, options.monitors, number)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    found = table(asked, number)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "queries.md").write_text(f"{description()}\n\n{found.markdown()}\n")
    print(f"{description()}\n\n{found.text()}")


if __name__ == "__main__":
    main()
