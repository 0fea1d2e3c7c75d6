"""Bytes a stored reading takes: as shipped on both engines, and by column type on TimescaleDB.

    python -m tests.bench.bench_bytes [--monitors 200]

Two days of the simulated fleet, a reading a minute (values held for 10 minutes at most makes), and
the worst case beside it: every value new each minute, in all its digits.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import psycopg

from fumewatch.core.reading import CHANNELS, MEASURED, MISSING, Readings
from fumewatch.demo import fleet as fleets
from fumewatch.demo import signal
from fumewatch.demo.postgres import Postgres, debian_bin_dir, has_timescaledb
from fumewatch.store import Database, DatabaseSettings, migrate, partitions, readings, rollups

START = datetime(2026, 11, 23, tzinfo=UTC)
DAYS = 2
NAMES = [CHANNELS[c].name for c in MEASURED]
TYPES = {
    "int4 thousandths": ("int", "{}"),
    "float4": ("real", "({} / 1000.0)::real"),
    "float8": ("double precision", "({} / 1000.0)::double precision"),
    "numeric(9,3)": ("numeric(9,3)", "({} / 1000.0)::numeric(9,3)"),
}
SETTINGS = {
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "fsync": "off",
    "max_wal_size": "4GB",
}


def simulated(monitors: int) -> Readings:
    fleet = fleets.build(monitors, seed=1, at=START)
    start = int(START.timestamp())
    return signal.emit(fleet, [], start, start + DAYS * 86400, 60).readings


def restless(rows: Readings) -> Readings:
    """The same, but each value moves by some hundredths each minute and has three decimals."""
    random = np.random.default_rng(1)
    values = rows.values.copy()
    measured = values[list(MEASURED)]
    moved = np.abs(measured + random.normal(0, 40, measured.shape).astype(np.int32))
    values[list(MEASURED)] = np.where(measured == MISSING, MISSING, moved)
    return Readings(rows.monitor, rows.measured_at, values, rows.quality, rows.unjudged)


def table(conn: psycopg.Connection, name: str, kind: str, expression: str) -> None:
    """A copy of `reading` with its measured channels of another type."""
    columns = ", ".join(f"{expression.format(n)} as {n}" for n in NAMES)
    conn.execute(
        f"create table {name} as select monitor_id, fan_on, purifier_on, measured_at, received_at,"
        f" {columns}, unjudged, quality from reading limit 0"
    )
    for channel in NAMES:
        conn.execute(f"alter table {name} alter {channel} type {kind}")
    conn.execute(f"alter table {name} add primary key (monitor_id, measured_at)")
    conn.execute(
        f"select create_hypertable('{name}', 'measured_at', chunk_time_interval => interval"
        " '1 day', create_default_indexes => false)"
    )
    conn.execute(
        f"insert into {name} select monitor_id, fan_on, purifier_on, measured_at, received_at,"
        f" {columns}, unjudged, quality from reading order by measured_at, monitor_id"
    )


def measure(conn: psycopg.Connection, name: str, rows: int) -> str:
    size = "select sum(total_bytes), sum(index_bytes) from chunks_detailed_size(%s)"
    total, index = conn.execute(size, [name]).fetchone() or (0, 0)
    conn.execute(
        f"alter table {name} set (timescaledb.compress, timescaledb.compress_segmentby ="
        " 'monitor_id', timescaledb.compress_orderby = 'measured_at')"
    )
    conn.execute("select compress_chunk(show_chunks(%s))", [name])
    compressed, _ = conn.execute(size, [name]).fetchone() or (0, 0)
    return f"{(total - index) / rows:6.1f} | {index / rows:6.1f} | {compressed / rows:6.1f}"


SIZES = """
    select sum(pg_total_relation_size(tree.relid))::bigint
    from pg_partition_tree(%s::regclass) tree
"""


def fill(server: Postgres, name: str, rows: Readings) -> str:
    """The URL of a database that holds these readings, rolled up."""
    server.create_database(name)
    url = server.url(name)
    migrate.upgrade(url)
    database = Database(DatabaseSettings(url=url))
    database.open()
    with database.transaction() as conn:
        conn.execute(
            "insert into monitor (id, district, code) overriding system value"
            " select n, 'xuhui', 'M' || n from unnest(%s::int[]) n",
            [np.unique(rows.monitor).tolist()],
        )
        for start in range(0, len(rows), 50_000):
            part = np.arange(start, min(start + 50_000, len(rows)))
            readings.add(conn, rows.take(part), START + timedelta(seconds=start))
    with database.transaction() as conn:
        conn.execute("set local statement_timeout = 0")
        rollups.recover(conn, ZoneInfo("Asia/Shanghai"))
    database.close()
    return url


def shipped(url: str, values: str, rows: int) -> None:
    """Of the tables that are kept as long as readings are, indexes and all."""
    with psycopg.connect(url, autocommit=True) as conn:
        kind = partitions.engine(conn)
        sizes = []
        for cut in ("reading", "rollup_10m"):
            if kind is partitions.Engine.TIMESCALEDB:
                conn.execute("select set_columnstore(interval '7 days')")
                conn.execute("select compress_chunk(show_chunks(%s))", [cut])
                size = "select sum(total_bytes)::bigint from chunks_detailed_size(%s)"
            else:
                size = SIZES
            sizes.append(conn.execute(size, [cut]).fetchall()[0][0] / rows)
    told = " | ".join(f"{size:6.1f}" for size in (*sizes, sum(sizes)))
    print(f"| {kind.name.lower()} | {values} | {told} |", flush=True)


def bench(server: Postgres, name: str, rows: Readings) -> None:
    url = server.url(name)
    with psycopg.connect(url, autocommit=True) as conn:
        stored = conn.execute("select count(*) from reading").fetchone()[0]
        for i, (label, (kind, expression)) in enumerate(TYPES.items()):
            table(conn, f"t{i}", kind, expression)
            print(f"| {name} | {label:16} | {measure(conn, f't{i}', stored)} |", flush=True)


@contextmanager
def running(bin_dir: Path, settings: dict[str, str]) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    try:
        with Postgres(bin_dir, folder, settings) as server:
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--monitors", type=int, default=200)
    options = parser.parse_args()
    bin_dir = debian_bin_dir()
    if bin_dir is None or not has_timescaledb(bin_dir):
        raise SystemExit("TimescaleDB is not installed for Debian's PostgreSQL")
    rows = simulated(options.monitors)
    of = {"simulated": rows, "restless": restless(rows)}
    print(f"{len(rows):,} readings\n")
    print("| engine | values | reading | its ten minutes | both |\n|---|---|---|---|---|")
    plain = {"fsync": "off", "max_wal_size": "4GB"}
    with running(bin_dir, plain) as server:
        for name, some in of.items():
            shipped(fill(server, name, some), name, len(some))
    with running(bin_dir, SETTINGS) as server:
        for name, some in of.items():
            fill(server, name, some)
            shipped(fill(server, f"{name}_compressed", some), name, len(some))
        print("\n| values | type | heap | key index | compressed, all in |\n|---|---|---|---|---|")
        for name, some in of.items():
            bench(server, name, some)


if __name__ == "__main__":
    main()
