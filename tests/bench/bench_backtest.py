"""What it costs to judge history: readings a second once they are loaded, from PostgreSQL to the
report's numbers, a minute of a live fleet, and a night of the rules of days.

python -m tests.bench.bench_backtest [--monitors N] [--days N] [--rounds N] [PART ...]

The fleet is the demo's with its usual troubles, a reading a minute, under the example's rules.
Rates are of CPU time of this process, which other work on the machine raises, though less than the
clock.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import perf_counter, process_time
from typing import Final

import numpy as np

from fumewatch import config
from fumewatch.backtest.compare import Span
from fumewatch.backtest.run import Trial, engine_of, run
from fumewatch.backtest.sources import StoreSource, by_time
from fumewatch.config import Config
from fumewatch.core.reading import INDEX, MISSING, Readings
from fumewatch.core.rules import Rule
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.demo.fleet import LIMIT_PROFILE, Fleet, build, facts
from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
from fumewatch.demo.signal import emit
from fumewatch.demo.situations import plan
from fumewatch.store import Database, DatabaseSettings, migrate, monitors, readings, sites
from tests.bench import bench_days
from tests.bench.machine import spread
from tests.bench.peers.fumewatch import write_config

START: Final = datetime(2026, 11, 22, 16, tzinfo=UTC)  # midnight in Shanghai
HOUR_US: Final = 60 * MINUTE
HOURS_AT_ONCE: Final = 6
LIVE_MONITORS: Final = 10_000
LIVE_MINUTES: Final = 90
PARTS: Final = ("judge", "live", "postgres", "night")


def us(at: datetime) -> int:
    return round(at.timestamp() * 1e6)


def example(url: str = "postgresql://localhost/none") -> Config:
    with tempfile.TemporaryDirectory() as folder:
        path, _ = write_config(Path(folder), url, "mqtt://127.0.0.1:1")
        return config.load(path, {})


def blocks(fleet: Fleet, hours: int, at_once: int = HOURS_AT_ONCE) -> Iterator[Readings]:
    """Sorted by time, as a backtest's sources give them."""
    first_s = int(START.timestamp())
    troubles = plan(fleet, START, START + timedelta(hours=hours))
    for begin, end in pairwise(range(first_s, first_s + hours * 3600 + 1, at_once * 3600)):
        yield by_time(emit(fleet, troubles, begin, end, 60).readings)


def places(monitors: int) -> dict[int, Place]:
    return {
        i: Place(i, f"m{i}", "xuhui", 1, street=f"s{i % 16}", limit_profile=LIMIT_PROFILE)
        for i in range(monitors)
    }


def peak_mib() -> float:
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


# ── once loaded ──


def judge(count: int, hours: int, rounds: int) -> None:
    tried = example()
    history = list(blocks(build(count, 3, START), hours))
    number = sum(map(len, history))
    rates, plain, moves = [], [], 0
    for _ in range(rounds):
        engine = engine_of(tried, tried.rule, places(count))
        engine.begin(us(START))
        moves, begin = 0, process_time()
        for i, block in enumerate(history):
            engine.add(block)
            moves += len(engine.advance(us(START) + (i + 1) * HOURS_AT_ONCE * HOUR_US))
        rates.append(number / (process_time() - begin))
        begin = process_time()
        rolling_means(history, count, tried.rule)
        plain.append(number / (process_time() - begin))
    ratio = np.median(rates) / np.median(plain)
    print(f"judged, {len(tried.rule)} rules:  {spread(rates)} readings/s and core")
    print(f"rolling means alone: {spread(plain)}; we do {ratio:.2f} times as many")
    print(f"    of {number:,} readings, {count:,} monitors; {moves:,} transitions")


def rolling_means(history: Sequence[Readings], count: int, rules: Sequence[Rule]) -> int:
    """What a loop in numpy makes of the same columns: for each monitor and rule the rolling mean
    of ten minutes, compared with a number. No freshness, `when`, statistics, gaps or alerts."""
    windows = [next(iter(getattr(r, "own_channels", ())), INDEX["fume"]) for r in rules]
    found, kernel = 0, np.ones(10) / 10
    for block in history:
        rows = (block.measured_at - block.measured_at.min()) // MINUTE
        for channel in set(windows):
            table = np.zeros((count, int(rows.max()) + 1))
            value = block.values[channel]
            table[block.monitor, rows] = np.where(value == MISSING, 0, value) / 1000
            for _ in range(windows.count(channel)):
                for series in table:
                    found += int((np.convolve(series, kernel, "valid") > 1.0).sum())
    return found


# ── live ──


def live(count: int, minutes: int) -> None:
    """A minute at a time, as the daemon judges."""
    tried = example()
    engine = engine_of(tried, tried.rule, places(count))
    engine.begin(us(START) + 11 * HOUR_US)
    spent = []
    fleet, at_s = build(count, 3, START), int(START.timestamp()) + 11 * 3600
    troubles = plan(fleet, START, START + timedelta(days=1))
    for minute in range(at_s, at_s + 60 * minutes, 60):
        engine.add(emit(fleet, troubles, minute, minute + 60, 60).readings)
        begin = process_time()
        engine.advance((minute + 60) * 1_000_000)
        spent.append((process_time() - begin) * 1e3)
    columns = engine.window.nbytes / 2**20
    print(f"live, {count:,} monitors: {spread(spent, 1)} ms CPU a minute")
    print(f"    window {columns:.0f} MiB, {columns * 2**20 / count / 1024:.1f} KiB a monitor")


# ── from PostgreSQL ──


def postgres(count: int, days: int, rounds: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    assert bin_dir, "no PostgreSQL here"
    try:
        with Postgres(bin_dir, folder, {"max_wal_size": "4GB", "fsync": "off"}) as server:
            server.create_database("history")
            url = server.url("history")
            migrate.upgrade(url)
            database = Database(DatabaseSettings(url=url))
            database.open()
            try:
                number = fill(database, build(count, 3, START), days)
                for _ in range(rounds):
                    backtest(database, example(url), number, days)
            finally:
                database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fill(database: Database, fleet: Fleet, days: int) -> int:
    with database.transaction() as conn:
        sites.replace(conn, facts(fleet))
        keys = [(fleet.district, outlet.monitor) for outlet in fleet.outlets]
        ids = monitors.register(conn, keys)
    numbers = np.array([ids[key] for key in keys], np.int32)
    total, newest = 0, readings.Newest()
    for i, block in enumerate(blocks(fleet, days * 24, 1)):
        named = Readings(
            numbers[block.monitor], block.measured_at, block.values, block.quality, block.unjudged
        )
        with database.transaction() as conn:
            received_at = START + timedelta(hours=i + 1)
            total += len(readings.add(conn, named, received_at, newest).new)
    return total


def backtest(database: Database, tried: Config, number: int, days: int) -> None:
    with database.transaction() as conn:
        known = monitors.places(conn, tried.business_hours.zone)
    source = StoreSource(database, known, is_all=True)
    span = Span(START, START + timedelta(days=days))
    clock, cpu = perf_counter(), process_time()
    (outcome,) = run([Trial(tried, "example")], source, span, START, _tell_nobody)
    clock, cpu = perf_counter() - clock, process_time() - cpu
    month = 30 * 1440 * 1000 * clock / number
    print(
        f"PostgreSQL: {number:,} readings in {clock:.1f} s ({cpu:.1f} s CPU of ours), "
        f"{number / clock:,.0f} a second; 43 million would take {month:.0f} s"
    )
    print(f"    {len(outcome.fired):,} alerts fired, peak memory {peak_mib():.0f} MiB")


def _tell_nobody(_readings: int, _until: int) -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--monitors", type=int, default=1000)
    parser.add_argument("--days", type=int, default=2, help="of history; 30 take long to store")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count, days, rounds = options.monitors, options.days, options.rounds
    todo: dict[str, Callable[[], None]] = {
        "judge": lambda: judge(count, days * 24, rounds),
        "live": lambda: live(LIVE_MONITORS, LIVE_MINUTES),
        "postgres": lambda: postgres(count, days, rounds),
        "night": bench_days.cost,
    }
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for part in options.parts or PARTS:
        todo[part]()


if __name__ == "__main__":
    main()
