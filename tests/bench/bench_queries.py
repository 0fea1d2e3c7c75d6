"""How long the pages' questions take with 50 million readings stored.

    python -m tests.bench.bench_queries [--readings 50] [--monitors 10000]
        [--engine plain|timescaledb|both] [--keep DIR]

10,000 monitors at a reading a minute, each of a restaurant of its own, in order of time, filled by
the server (fsync off meanwhile: it takes some minutes). On TimescaleDB all days but the last two
are compressed. Each question is asked through the functions that pages and API call, of other
monitors each time: wall time until the answer is in our hands as objects, and the server's CPU
time, which does not mind what else the machine does. Leaves .bench/queries.md.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Final

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
ROUNDS: Final = 100
_LONG: Final = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Asked:
    """ms: wall time at the median, the 99th percentile and the least; server's CPU, mean."""

    engine: str
    what: str
    rows: int
    p50: float
    p99: float
    least: float
    cpu: float
    aim: float | None


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
            partitions.apply_policies(conn, _LONG, _LONG)  # else they might drop them meanwhile
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
    database = Database(DatabaseSettings(url=server.url("stuffed")))
    database.open()
    chance = random.Random(5)
    first = END - timedelta(minutes=number // monitors)

    def day(end: datetime) -> Callable[[Connection], int]:
        start = end - timedelta(days=1)
        return lambda conn: len(readings.of_monitor(conn, chance.randint(1, monitors), start, end))

    questions: list[tuple[str, float | None, Callable[[Connection], int]]] = [
        (f"latest readings of {monitors:,} monitors", 50, _latest),
        (
            "the same with site, street and alerts, as the page has it",
            50,
            lambda conn: len(fleet.monitors(conn)),
        ),
        ("24 h of one monitor, the last", 30, day(END)),
        ("24 h of one monitor, the first", 30, day(first + timedelta(days=1))),
    ]
    try:
        with database.transaction() as conn:
            for what, aim, question in questions:
                yield _time(server, conn, engine, what, aim, question)
    finally:
        database.close()


def _latest(conn: Connection) -> int:
    return len(conn.execute("select * from monitor_latest").fetchall())


def _time(
    server: Postgres,
    conn: Connection,
    engine: str,
    what: str,
    aim: float | None,
    question: Callable[[Connection], int],
) -> Asked:
    rows, took = question(conn), []
    cpu = cpu_seconds(server.pid)
    for _ in range(ROUNDS):
        began = time.perf_counter()
        question(conn)
        took.append((time.perf_counter() - began) * 1e3)
    cpu = (cpu_seconds(server.pid) - cpu) / ROUNDS * 1e3
    took.sort()
    return Asked(
        engine, what, rows, median(took), took[int(ROUNDS * 0.99)], took[0], cpu, aim
    )  # fmt: skip


def table(asked: Sequence[Asked], number: int) -> Table:
    header = ("", "engine", "rows", "median", "p99", "least", "server CPU", "aim", "met")
    rows = [
        (
            one.what,
            one.engine,
            f"{one.rows:,}",
            *(f"{ms:.1f} ms" for ms in (one.p50, one.p99, one.least, one.cpu)),
            f"< {one.aim:.0f} ms" if one.aim else "-",
            "-" if one.aim is None else "yes" if one.p50 < one.aim else "**no**",
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
