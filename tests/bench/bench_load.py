"""A large fleet: CPU, memory and commit latency, how they grow, and how long a start takes.

    python -m tests.bench load [--only fleets rates start] [--minutes 3] [--monitors 1000 10000 ...]

Real mosquitto, real PostgreSQL, the daemon as shipped, each monitor's last minutes in its window.

fleets  each monitor sends a reading a minute. After a minute to warm up, whole minutes are
        measured: CPU time of daemon, database and broker from /proc, the daemon's memory each
        second, and of each reading the time from its publish to the commit that has it, as
        PostgreSQL stamped it
rates   the highest rate that --rate-monitors (10,000) can keep up: some seconds each of more and
        more, as long as 99 of 100 readings are committed within two seconds
start   from the command to ready, of --start-monitors (10,000) with their last 2.5 hours stored:
        all that the shipped rules' window is filled from

CPU time does not mind what else the machine does; latency, rates and the start do. Each part leaves
.bench/load-PART.md, and fleets, where they are several, .bench/load.svg.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import sleep, time
from typing import Final

from tests.bench.end_to_end import Load, publish
from tests.bench.fleet import SETTLED_S, Run, Waited, filled, latency, measure, ready, say
from tests.bench.machine import (
    BenchError,
    Table,
    cpu_seconds,
    description,
    spread,
    turn_sigterm_into_exit,
)
from tests.bench.memory import peak_mib
from tests.bench.plot import Line, loglog
from tests.bench.stage import Act, Stage, stage

RESULTS: Final = Path(__file__).parents[2] / ".bench"
PARTS: Final = ("fleets", "rates", "start")
RATES: Final = (5_000, 10_000, 15_000, 20_000, 25_000, 30_000, 40_000, 50_000, 60_000, 80_000)
MINUTES: Final = 60
START_MINUTES: Final = 150
_BAR: Final = 60


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
        return self.is_all and is_offered and self.waited.p99 <= SETTLED_S


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds until it was ready, CPU seconds until then, MiB at most."""

    seconds: float
    cpu: float
    peak: float


# measured -----------------------------------------------------------------------------------


def fleets(server: Stage, args: argparse.Namespace) -> Iterator[Table]:
    runs: list[Run] = []
    for monitors in sorted(args.monitors):
        with filled(server, monitors, MINUTES) as act, ready(act) as scene:
            runs.append(measure(scene, monitors, args.minutes))
        say(f"{runs[-1]}")
    yield grown(runs)
    yield costs(runs)
    if len(runs) > 1:
        (RESULTS / "load.svg").write_text(drawn(runs))
    if goals := [goal for run in runs if run.monitors == 100_000 for goal in aims(run)]:
        yield Table("Aims", ("aim", "measured", "met"), goals)


def rates(server: Stage, args: argparse.Namespace) -> Iterator[Table]:
    """Up to the first that was not sustained."""
    monitors, steps = args.rate_monitors, list[Step]()
    with filled(server, monitors, MINUTES) as act, ready(act):
        for rate in sorted(args.rates):
            steps.append(_offer(act, Load(rate * args.rate_seconds, monitors, rate)))
            say(f"{steps[-1]}")
            if not steps[-1].is_sustained:
                break
    yield climbed(steps, monitors, args.rate_seconds)


def _offer(act: Act, load: Load) -> Step:
    stored, began = act.count("reading"), time()
    published = publish(act.scene.broker_port, load)
    sleep(SETTLED_S)
    is_all = act.count("reading") - stored == load.readings
    return Step(load.rate, published.rate, latency(act, began, time()), is_all)


def start(server: Stage, args: argparse.Namespace) -> Iterator[Table]:
    monitors, starts = args.start_monitors, list[Start]()
    with filled(server, monitors, START_MINUTES) as act:
        for _ in range(args.rounds):
            with ready(act) as scene:
                pid = scene.process.pid
                starts.append(Start(scene.started, cpu_seconds(pid), peak_mib(pid)))
    yield started(starts, monitors)


# told ---------------------------------------------------------------------------------------


def grown(runs: Sequence[Run]) -> Table:
    header = (
        *("monitors", "readings/s", "daemon, of a core", "database", "broker"),
        *("memory", "at most", "ready after", "committed, p50", "p99", "longest"),
    )
    rows = [
        (
            f"{run.monitors:,}",
            f"{run.rate:,.0f}",
            *(f"{part:.1%}" for part in (run.daemon, run.database, run.broker)),
            *(f"{mib:.0f} MiB" for mib in (run.loaded, run.peak)),
            f"{run.started:.1f} s",
            *(_ms(at) for at in (run.waited.p50, run.waited.p99, run.waited.greatest)),
        )
        for run in runs
    ]
    rules, minutes = runs[0].rules, round(runs[0].seconds / 60)
    title = f"A reading a minute of each monitor, {rules} rules, {minutes} minutes"
    return Table(title, header, rows)


def costs(runs: Sequence[Run]) -> Table:
    """With a bar for each, as long as the daemon's cost, and what each reading costs the daemon
    beyond those of the fleet before."""
    most = max(run.each_us(run.daemon) for run in runs)
    further = [
        f"{(more.daemon - less.daemon) / (more.rate - less.rate) * 1e6:,.0f}"
        for less, more in pairwise(runs)
    ]
    rows = [
        (
            f"{run.monitors:,}",
            *(f"{run.each_us(part):,.0f}" for part in (run.daemon, run.database, run.broker)),
            beyond,
            ("█" * max(round(run.each_us(run.daemon) / most * _BAR), 1)).ljust(_BAR),
        )
        for run, beyond in zip(runs, ["-", *further], strict=True)
    ]
    title = "CPU-µs a reading; of a small fleet, few readings bear what the daemon costs at rest"
    return Table(
        title,
        ("monitors", "daemon", "database", "broker", "daemon, each further one", "daemon"),
        rows,
    )


def aims(run: Run) -> list[tuple[str, str, str]]:
    memory, what = run.peak * 2**20 / 1e6, f"{run.monitors:,} monitors, {run.rate:,.0f}/s"
    return [
        (f"{what}: under 40 % of a core, daemon", f"{run.daemon:.1%}", _met(run.daemon < 0.4)),
        (f"{what}: under 1 GB, daemon, at most", f"{memory:,.0f} MB", _met(memory < 1000)),
    ]


def climbed(steps: Sequence[Step], monitors: int, seconds: int) -> Table:
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
    best = max((step.offered for step in steps if step.is_sustained), default=0)
    rule = f"99 of 100 committed within {SETTLED_S:.0f} s, none lost"
    what = f"The highest rate of {monitors:,} monitors, {seconds} s each: {best:,}/s"
    return Table(f"{what} ({rule})", header, rows)


def started(starts: Sequence[Start], monitors: int) -> Table:
    seconds = [each.seconds for each in starts]
    cells = (
        spread(seconds, 1),
        spread([each.cpu for each in starts], 1),
        spread([each.peak for each in starts]),
        _met(median(seconds) < 5),
    )
    header = ("monitors", "ready after, s", "CPU, s", "memory at most, MiB", "under 5 s")
    title = f"{len(starts)} starts with {START_MINUTES} minutes of each monitor stored"
    return Table(title, header, [(f"{monitors:,}", *cells)])


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def drawn(runs: Sequence[Run]) -> str:
    """Beside a level line through the largest fleet: in proportion, a reading costs the same."""
    ends, level = (runs[0].monitors, runs[-1].monitors), runs[-1].each_us(runs[-1].daemon)
    lines = [
        Line("daemon", [(run.monitors, run.each_us(run.daemon)) for run in runs]),
        Line("database", [(run.monitors, run.each_us(run.database)) for run in runs]),
        Line("in proportion", [(monitors, level) for monitors in ends], dashed=True),
    ]
    title = f"CPU of a reading, each monitor one a minute, {runs[0].rules} rules"
    return loglog(title, "monitors", "CPU-µs a reading", lines)


def main() -> int:
    args = _arguments()
    turn_sigterm_into_exit()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as what is installed is
    measures: dict[str, Callable[[Stage, argparse.Namespace], Iterator[Table]]] = {
        "fleets": fleets,
        "rates": rates,
        "start": start,
    }
    RESULTS.mkdir(exist_ok=True)
    with ExitStack() as stack:
        try:
            server = stack.enter_context(stage())
            for part in args.only:
                _report(part, list(measures[part](server, args)))
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench load", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="all of them")
    parser.add_argument("--minutes", type=int, default=3, help="measured of each fleet (3)")
    parser.add_argument("--monitors", nargs="+", type=int, default=[1000, 10_000, 100_000])
    parser.add_argument("--rates", nargs="+", type=int, default=RATES, help="readings a second")
    parser.add_argument("--rate-seconds", type=int, default=15, help="of each rate (15)")
    parser.add_argument("--rate-monitors", type=int, default=10_000)
    parser.add_argument("--start-monitors", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5, help="starts (5)")
    return parser.parse_args()


def _report(part: str, tables: Sequence[Table]) -> None:
    command = " ".join(["python -m tests.bench load", *sys.argv[1:]])
    head = f"`{command}` · {datetime.now(UTC):%Y-%m-%d} · {description()}"
    markdown = "\n\n".join([head, *(table.markdown() for table in tables)])
    (RESULTS / f"load-{part}.md").write_text(markdown + "\n")
    print("\n\n".join([head, *(table.text() for table in tables)]) + "\n", flush=True)


if __name__ == "__main__":
    sys.exit(main())
