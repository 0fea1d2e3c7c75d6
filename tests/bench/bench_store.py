"""What storing readings costs: rows/s, and CPU-µs per row of client and server.

    python -m tests.bench.bench_store [--engine plain|timescaledb] [--seconds 3]

A real server with its durable defaults (fsync, full_page_writes, synchronous_commit on); batches of
random readings, each committed. Server CPU is that of all its processes, from /proc.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.core.reading import CHANNELS, MISSING, Readings
from fumewatch.core.rollup import Rollup
from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
from fumewatch.store import Database, DatabaseSettings, migrate, monitors, readings, rollups
from fumewatch.store.wire import to_us

START = datetime(2026, 11, 23, tzinfo=UTC)
STATES = [i for i, channel in enumerate(CHANNELS) if channel.is_state]
TIMESCALEDB = {"shared_preload_libraries": "timescaledb", "timescaledb.telemetry_level": "off"}


class Fleet:
    """Batches as a fleet sends them: each monitor in turn, its clock going on."""

    def __init__(self, size: int, batch: int) -> None:
        self.size, self.batch, self.sent = size, batch, 0
        self._random = np.random.default_rng(1)

    def next(self, with_nulls: bool = False) -> Readings:
        index = np.arange(self.sent, self.sent + self.batch)
        self.sent += self.batch
        values = self._random.integers(0, 5000, (len(CHANNELS), self.batch)).astype(np.int32)
        values[STATES] = 1
        monitor = (index % self.size + 1).astype(np.int32)
        if with_nulls:
            values[1, monitor % 3 == 0] = MISSING
            values[5, monitor % 5 == 0] = MISSING
        return Readings(
            monitor,
            to_us(START) + index * 1000,
            values,
            np.full(self.batch, ord("N"), np.uint8),
            np.zeros(self.batch, np.int16),
        )


class Bench:
    """One empty database, and the means of all that is done to it."""

    def __init__(self, server: Postgres, database: Database, seconds: float) -> None:
        self._server, self._database, self._seconds = server, database, seconds
        self._clock = START
        self.newest = readings.Newest()
        self.rollup = Rollup(ZoneInfo("Asia/Shanghai"))

    def add(self, rows: Readings) -> int:
        self._clock += timedelta(milliseconds=1)
        with self._database.transaction() as conn:
            self.rollup.add(readings.add(conn, rows, self._clock, self.newest))
        return len(rows)

    def flush(self) -> None:
        delta = self.rollup.drain(STREETS)
        with self._database.transaction() as conn:
            rollups.flush(conn, delta, self._clock)

    def measure(self, name: str, step: Callable[[], int], per: str = "row") -> None:
        rows, steps = 0, 0
        wall, client, server = time.perf_counter(), time.process_time(), _cpu(self._server.pid)
        while time.perf_counter() - wall < self._seconds:
            rows += step()
            steps += 1
        wall = time.perf_counter() - wall
        client = (time.process_time() - client) / rows * 1e6
        server = (_cpu(self._server.pid) - server) / rows * 1e6
        print(
            f"| {name:46} | {rows / wall:9,.0f} | {client:6.2f} | {server:6.2f} |"
            f" {client + server:6.2f} | {wall / steps * 1000:7.1f} |",
            flush=True,
        )


STREETS = {m: ("xuhui", f"street {m % 13}") for m in range(1, 10_001)}


def _cpu(postmaster: int) -> float:
    """Seconds that the server's processes have used; ours live as long as the measurement."""
    pids = [postmaster, *map(int, _read(f"/proc/{postmaster}/task/{postmaster}/children").split())]
    return sum(int((_read(f"/proc/{pid}/schedstat") or "0").split()[0]) for pid in pids) / 1e9


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


@contextmanager
def opened(server: Postgres, name: str) -> Iterator[Database]:
    server.create_database(name)
    migrate.upgrade(server.url(name))
    database = Database(DatabaseSettings(url=server.url(name)))
    database.open()
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", f"M{i:05}") for i in range(10_000)])
    yield database
    database.close()


def bench(server: Postgres, seconds: float) -> None:
    print("| path | rows/s | client µs | server µs | both | ms/step |\n|---|---|---|---|---|---|")
    for size in (1_000, 10_000):
        for batch in (500, 2_000, 5_000):
            fleet = Fleet(size, batch)
            with opened(server, f"new_{size}_{batch}") as database:
                run = Bench(server, database, seconds)
                run.add(fleet.next())
                name = f"{size:,} monitors, batches of {batch:,}"
                run.measure(f"all new, {name}", lambda r=run, f=fleet: r.add(f.next()))
                if batch == 2_000:
                    others(run, fleet, name)


def others(run: Bench, fleet: Fleet, name: str) -> None:
    run.measure(f"all new with nulls, {name}", lambda: run.add(fleet.next(with_nulls=True)))
    run.flush()
    again = fleet.next()
    run.add(again)
    run.measure("all known", lambda: run.add(again))

    def merged() -> int:
        rows = fleet.next()
        first, second = rows.values.copy(), rows.values.copy()
        first[4:], second[:4] = MISSING, MISSING
        half = [
            Readings(rows.monitor, rows.measured_at, v, rows.quality, rows.unjudged)
            for v in (first, second)
        ]
        return run.add(half[0]) + run.add(half[1])

    run.measure("frames of one instant in two batches", merged)

    def flushed() -> int:
        run.add(fleet.next())
        run.flush()
        return fleet.batch

    run.flush()
    run.measure("all new, roll-ups flushed after each batch", flushed)

    def flushed_seldom() -> int:
        for _ in range(100):
            run.add(fleet.next())
        run.flush()
        return 100 * fleet.batch

    run.measure("all new, roll-ups flushed every 200,000 rows", flushed_seldom)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["plain", "timescaledb"], default="plain")
    parser.add_argument("--seconds", type=float, default=3)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    settings = {"max_wal_size": "4GB"} | (TIMESCALEDB if options.engine != "plain" else {})
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    assert bin_dir, "no PostgreSQL here"
    try:
        with Postgres(bin_dir, folder, settings) as server:
            bench(server, options.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
