"""A large fleet for minutes on end: CPU, memory and commit latency, and how they grow.

    python -m tests.bench.bench_load [--minutes 3] [--monitors 1000 10000 100000] [--no-rates]

Real mosquitto, real PostgreSQL, the daemon as shipped with an hour of every monitor in its window.
Each monitor sends a reading a minute. After a minute to warm up, whole minutes are measured: CPU
time of daemon, database and broker from /proc, the daemon's memory each second, and of each reading
the time from its publish to the commit that has it, as PostgreSQL stamped it.

Then the highest rate that 10,000 monitors can keep up: 15 seconds each of more and more, as long as
99 of 100 readings are committed within two seconds.

CPU time does not mind what else the machine does; latency and rates do. Leaves .bench/load.md and
.bench/load.svg.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg

from fumewatch.config import load
from fumewatch.store import partitions
from tests.bench import stuffing
from tests.bench.end_to_end import Load, generator, publish
from tests.bench.machine import (
    BenchError,
    Table,
    description,
    rss_mib,
    running,
    tail,
    turn_sigterm_into_exit,
)
from tests.bench.memory import peak_mib
from tests.bench.peers import fumewatch
from tests.bench.plot import Line, loglog
from tests.bench.stage import Act, Stage, stage

RESULTS: Final = Path(__file__).parents[2] / ".bench"
HISTORY: Final = timedelta(hours=1)
WITHIN_S: Final = 180.0
"""A start with 100,000 monitors, on a machine that others use."""
EXCEEDING: Final = 20
RATES: Final = (5_000, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000, 80_000)
RATE_S: Final = 15
SUSTAINED_S: Final = 2.0
_LATENCY: Final = """
    select count(*), percentile_cont(array[0.5, 0.99, 1]) within group (order by
        extract(epoch from pg_xact_commit_timestamp(xmin)) - extract(epoch from measured_at))
    from reading where measured_at >= to_timestamp(%s)
"""


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds from publish to commit."""

    readings: int
    p50: float
    p99: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Run:
    """CPU seconds a second; MiB. `judged` rules; `started`: seconds until it was ready."""

    monitors: int
    rules: int
    seconds: float
    daemon: float
    database: float
    broker: float
    started: float
    loaded: float
    peak: float
    waited: Waited

    @property
    def rate(self) -> float:
        return self.waited.readings / self.seconds

    @property
    def each_us(self) -> tuple[float, float]:
        """CPU-µs a reading of daemon and database."""
        return self.daemon / self.rate * 1e6, self.database / self.rate * 1e6


@dataclass(frozen=True, slots=True)
class Step:
    """What was offered a second, and what came of it."""

    offered: int
    published: float
    waited: Waited
    is_all: bool

    @property
    def is_sustained(self) -> bool:
        is_offered = self.published >= 0.95 * self.offered
        return self.is_all and is_offered and self.waited.p99 <= SUSTAINED_S


@dataclass(frozen=True, slots=True)
class Scene:
    act: Act
    process: "subprocess.Popen[bytes]"
    started: float


@contextmanager
def at_work(server: Stage, monitors: int) -> Iterator[Scene]:
    """A daemon that is ready, an hour of so many monitors in its window."""
    template = f"load_{monitors}"
    codes = (f"FM{i + 1:07d}" for i in range(monitors))
    server.make_template(
        template, fumewatch.fill(server.folder, fumewatch.sites_csv("xuhui", codes))
    )
    with server.run(template, 0) as act:
        now = datetime.now(UTC).replace(microsecond=0)
        with psycopg.connect(act.scene.database_url, autocommit=True) as conn:
            partitions.ensure(conn, {(now - HISTORY).date(), now.date(), (now + HISTORY).date()})
            stuffing.fill(conn, now - HISTORY, now)
            stuffing.note_latest(conn, now)
            conn.execute("vacuum analyze")
        began = time.monotonic()
        with fumewatch.serving(act.scene, within=WITHIN_S) as process:
            act.wait_subscribed(process)
            yield Scene(act, process, time.monotonic() - began)


def measure(scene: Scene, monitors: int, minutes: int) -> Run:
    """Whole minutes, from half a minute on: each has one judging of all, in its middle."""
    act, process, rate = scene.act, scene.process, max(monitors // 60, 1)
    load_ = Load(10**9, monitors, rate, EXCEEDING)
    port = act.scene.broker_port
    with running(generator(port, load_), act.scene.folder / "generator.log"):
        _sleep_until_half_past()
        before, began = act.spent(process.pid), time.time()
        highest = 0.0
        while time.time() < began + 60 * minutes:
            if process.poll() is not None:
                raise BenchError(f"fumewatch ended:\n{tail(act.scene.log)}")
            highest = max(highest, rss_mib(process.pid))
            time.sleep(1)
        after, seconds = act.spent(process.pid), time.time() - began
        waited = latency(act, began, until=began + seconds)
    return Run(
        monitors,
        len(load(fumewatch.EXAMPLE, {}).rule),
        seconds,
        (after.consumer - before.consumer) / seconds,
        (after.database - before.database) / seconds,
        (after.broker - before.broker) / seconds,
        scene.started,
        highest,
        peak_mib(process.pid),
        waited,
    )


def _sleep_until_half_past() -> None:
    """At least half a minute from now."""
    after = time.time() + 30
    time.sleep(30 + (30 - after) % 60)


def latency(act: Act, since: float, until: float | None = None) -> Waited:
    if until is not None:
        time.sleep(max(until + SUSTAINED_S - time.time(), 0))
    number, waited = act.session.execute(_LATENCY, [since]).fetchone() or (0, None)
    if not number:
        raise BenchError("nothing was stored")
    return Waited(int(number), *(float(seconds) for seconds in waited))


def climb(scene: Scene, monitors: int, rates: Sequence[int]) -> list[Step]:
    """Up to the first that was not sustained."""
    steps: list[Step] = []
    for rate in rates:
        stored, began = scene.act.count("reading"), time.time()
        published = publish(scene.act.scene.broker_port, Load(rate * RATE_S, monitors, rate))
        time.sleep(SUSTAINED_S)
        found = latency(scene.act, began)
        is_all = scene.act.count("reading") - stored == rate * RATE_S
        steps.append(Step(rate, published.rate, found, is_all))
        print(f"# {steps[-1]}", file=sys.stderr, flush=True)
        if not steps[-1].is_sustained:
            break
    return steps


# told ---------------------------------------------------------------------------------------


def grown(runs: Sequence[Run]) -> Table:
    header = (
        *("monitors", "readings/s", "daemon, of a core", "database", "broker"),
        *("CPU-µs a reading, daemon", "database", "memory", "at most", "ready after"),
        *("committed, p50", "p99", "longest"),
    )
    rows = [
        (
            f"{run.monitors:,}",
            f"{run.rate:,.0f}",
            *(f"{part:.1%}" for part in (run.daemon, run.database, run.broker)),
            *(f"{us:,.0f}" for us in run.each_us),
            *(f"{mib:.0f} MiB" for mib in (run.loaded, run.peak)),
            f"{run.started:.1f} s",
            *(_ms(at) for at in (run.waited.p50, run.waited.p99, run.waited.greatest)),
        )
        for run in runs
    ]
    rules, minutes = runs[0].rules, round(runs[0].seconds / 60)
    title = f"A reading a minute of each monitor, {rules} rules, {minutes} minutes"
    return Table(title, header, rows)


def aims(runs: Sequence[Run]) -> Table | None:
    large = [run for run in runs if run.monitors == 100_000]
    if not large:
        return None
    run = large[0]
    memory = run.peak * 2**20 / 1e6
    what = f"{run.monitors:,} monitors, {run.rate:,.0f}/s"
    rows = [
        (f"{what}: under 40 % of a core, daemon", f"{run.daemon:.1%}", _met(run.daemon < 0.4)),
        (f"{what}: under 1 GB, daemon, at most", f"{memory:,.0f} MB", _met(memory < 1000)),
    ]
    return Table("Aims", ("aim", "measured", "met"), rows)


def climbed(steps: Sequence[Step], monitors: int) -> Table:
    header = ("offered", "published", "committed, p50", "p99", "longest", "sustained")
    rows = [
        (
            f"{step.offered:,}/s",
            f"{step.published:,.0f}/s",
            *(_ms(at) for at in (step.waited.p50, step.waited.p99, step.waited.greatest)),
            _met(step.is_sustained),
        )
        for step in steps
    ]
    what = f"99 of 100 committed within {SUSTAINED_S:.0f} s, none lost"
    return Table(
        f"The highest rate of {monitors:,} monitors, {RATE_S} s each: {what}", header, rows
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def drawn(runs: Sequence[Run]) -> str:
    """Beside a line of proportion through the largest fleet."""
    ends = runs[0].monitors, runs[-1].monitors
    steepness = runs[-1].daemon / runs[-1].monitors
    lines = [
        Line("daemon", [(run.monitors, 100 * run.daemon) for run in runs]),
        Line("database", [(run.monitors, 100 * run.database) for run in runs]),
        Line("in proportion", [(m, 100 * steepness * m) for m in ends], dashed=True),
    ]
    title = f"CPU of a fleet at a reading a minute each, {runs[0].rules} rules"
    return loglog(title, "monitors", "% of a core", lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--minutes", type=int, default=3, help="measured of each fleet (3)")
    parser.add_argument("--monitors", nargs="*", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--no-rates", action="store_true", help="not the highest rate")
    args = parser.parse_args()
    turn_sigterm_into_exit()
    runs: list[Run] = []
    steps: list[Step] = []
    try:
        with stage() as server:
            for monitors in sorted(args.monitors):
                with at_work(server, monitors) as scene:
                    runs.append(measure(scene, monitors, args.minutes))
                    print(f"# {runs[-1]}", file=sys.stderr, flush=True)
                    if monitors == 10_000 and not args.no_rates:
                        steps = climb(scene, monitors, RATES)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    _report(runs, steps)
    return 0


def _report(runs: Sequence[Run], steps: Sequence[Step]) -> None:
    goals = aims(runs)
    tables = [
        grown(runs),
        *([goals] if goals else []),
        *([climbed(steps, 10_000)] if steps else []),
    ]
    RESULTS.mkdir(exist_ok=True)
    if len(runs) > 1:
        (RESULTS / "load.svg").write_text(drawn(runs))
    head = f"`bench_load {' '.join(sys.argv[1:])}`, {datetime.now(UTC):%Y-%m-%d}, {description()}"
    markdown = "\n\n".join([head, *(table.markdown() for table in tables)])
    (RESULTS / "load.md").write_text(markdown + "\n")
    print("\n\n".join([head, *(table.text() for table in tables)]))


if __name__ == "__main__":
    sys.exit(main())
