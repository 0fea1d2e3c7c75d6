"""Readings from mosquitto, QoS 1, to committed rows in PostgreSQL: fumewatch beside its peers.

One run: a new broker, a new database (a copy of a template), the contender; once it has
subscribed, the generator publishes, flat out or at a rate; the run ends when SQL counts every
reading. The rate is from the first publish to the last commit, as PostgreSQL itself stamped it.
Rounds interleave the contenders, so that a slow minute of the machine hits all of them.

fumewatch judges once a minute, which a run of some seconds may miss: `bench_core` says what that
costs. A minute of 1,000 monitors has 1,000 readings at work, and far more here.
"""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Final

import psycopg

from tests.bench.machine import (
    BenchError,
    Table,
    cpu_seconds,
    rss_mib,
    spread,
    tail,
)
from tests.bench.peers.contender import Contender, Skipped
from tests.bench.peers.others import HERE, PEER_DATABASE
from tests.bench.stage import Act, Stage

_STALL_S: Final = 60.0
_QUIET: Final = 0.5
"""Cores: a consumer that takes less is perhaps done, so that counting is worth its cost."""


@dataclass(frozen=True, slots=True)
class Load:
    """`rate` in readings/s, 0: as fast as they go. `exceeding`: so many monitors over limit."""

    readings: int
    monitors: int
    rate: int = 0
    exceeding: int = 0


_WARM: Final = Load(5_000, 1_000)
_WARM_S: Final = 2.0
"""Before the ruler is laid on, each contender has seen so many readings and had time for them:
what programs do but once (compiling, first statements, registering) is not theirs for each."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured. CPU in µs a reading; memory in MiB."""

    contender: str
    offered: int
    readings: int
    seconds: float
    rate: float
    consumer_us: float
    database_us: float
    broker_us: float
    rss_mib: float
    published_per_s: float

    @property
    def headline_us(self) -> float:
        return self.consumer_us + self.database_us


def prepare(stage: Stage) -> None:
    def peer(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute((HERE / "schema.sql").read_text())

    stage.make_template(PEER_DATABASE, peer)


@dataclass(frozen=True, slots=True)
class Published:
    """What the generator says: when its first message left (seconds since 1970), and how fast."""

    started_at: float
    rate: float


def generator(port: int, load: Load) -> list[str]:
    """The command; its monitors are FM0000001 and so on."""
    command = [sys.executable, "-m", "tests.bench.generator", "--port", str(port), "--qos", "1"]
    command += ["--count", str(load.readings), "--rate", str(load.rate)]
    return [
        *command,
        "--monitors",
        str(load.monitors),
        "--exceeding",
        str(load.exceeding),
    ]


def publish(port: int, load: Load) -> Published:
    done = subprocess.run(generator(port, load), capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"the generator failed:\n{done.stderr[-2000:]}")
    said = json.loads(done.stdout.splitlines()[-1])
    return Published(said["began_at"], said["rate"])


def measure(stage: Stage, contender: Contender, load: Load) -> Run:
    """Raise Skipped where the contender cannot be had, BenchError where readings are lost."""
    with ExitStack() as stack:
        act = stack.enter_context(stage.run(contender.template, _WARM.readings + load.readings))
        process = stack.enter_context(contender.launch(act.scene))
        act.wait_subscribed(process)
        stored = act.count(contender.table) if contender.table else 0
        publish(act.scene.broker_port, replace(_WARM, monitors=load.monitors))
        time.sleep(_WARM_S)
        before = act.spent(process.pid)
        published = publish(act.scene.broker_port, load)
        done_at = _wait_done(act, contender, process, stored + act.scene.readings)
        after = act.spent(process.pid)
        resident = rss_mib(process.pid)
    seconds = done_at - published.started_at
    scale = 1e6 / load.readings
    return Run(
        contender.name,
        load.rate,
        load.readings,
        seconds,
        load.readings / seconds,
        (after.consumer - before.consumer) * scale,
        (after.database - before.database) * scale,
        (after.broker - before.broker) * scale,
        resident,
        published.rate,
    )


def _wait_done(
    act: Act, contender: Contender, process: subprocess.Popen[bytes], rows: int
) -> float:
    """When the last of so many rows was committed, seconds since 1970; BenchError if never."""
    seen, since, counted_at = -1, time.monotonic(), 0.0
    while True:
        if process.poll() is not None:
            raise BenchError(f"{contender.title} died:\n{tail(act.scene.log)}")
        if _cores(process.pid) < _QUIET or time.monotonic() - counted_at > 5:
            counted_at = time.monotonic()
            done_at, count = _progress(act, contender.table, rows)
            if done_at:
                return done_at
            if count != seen:
                seen, since = count, counted_at
        if time.monotonic() - since > _STALL_S:
            log = tail(act.scene.log)
            raise BenchError(f"{contender.title} stored {seen} of {rows}\n{log}")


def _cores(pid: int, over: float = 0.25) -> float:
    before = cpu_seconds(pid)
    time.sleep(over)
    return (cpu_seconds(pid) - before) / over


def _progress(act: Act, table: str | None, rows: int) -> tuple[float | None, int]:
    if table is None:
        return act.said_done(), 0
    count = act.count(table)
    if count > rows:
        raise BenchError(f"{count} rows where {rows} are right")
    return (act.last_commit(table) if count == rows else None), count


# all of it ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run, how often."""

    rounds: int
    flat_out: Load
    offered: Load


@dataclass(slots=True)
class Results:
    """Every run; and, with the reason, the contenders that could not be had or that failed."""

    runs: list[Run] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def of(self, name: str, offered: int) -> list[Run]:
        return [run for run in self.runs if run.contender == name and run.offered == offered]

    def as_json(self) -> dict[str, object]:
        runs = [asdict(run) for run in self.runs]
        return {"runs": runs, "skipped": self.skipped, "failed": self.failed}


def compare(stage: Stage, contenders: Sequence[Contender], plan: Plan) -> Results:
    results = Results()
    for number in range(plan.rounds):
        for load in (plan.flat_out, plan.offered):
            for contender in contenders:
                if contender.name not in results.skipped | results.failed:
                    _note(results, stage, contender, load, f"{number + 1}/{plan.rounds}")
    return results


def _note(results: Results, stage: Stage, contender: Contender, load: Load, round: str) -> None:
    try:
        run = measure(stage, contender, load)
    except Skipped as reason:
        results.skipped[contender.name] = str(reason)
        print(f"SKIPPED {contender.title}: {reason}", file=sys.stderr)
        return
    except BenchError as error:
        results.failed[contender.name] = str(error)
        print(f"FAILED {contender.title}: {error}", file=sys.stderr)
        return
    results.runs.append(run)
    offered = f"{load.rate}/s offered" if load.rate else "flat out"
    print(
        f"round {round} {offered:15} {contender.title:42} {run.rate:9,.0f}/s  consumer "
        f"{run.consumer_us:6.1f}  database {run.database_us:6.1f}  broker {run.broker_us:6.1f} µs"
        f"  {run.rss_mib:5.0f} MiB",
        file=sys.stderr,
        flush=True,
    )


def tables(results: Results, contenders: Sequence[Contender], plan: Plan) -> list[Table]:
    flat, offered = plan.flat_out, plan.offered
    title = (
        f"mosquitto QoS 1 to committed rows: median (least-greatest) of {plan.rounds} interleaved "
        f"rounds; {flat.readings:,} readings of {flat.monitors:,} monitors as fast as they go, "
        f"{offered.readings:,} at {offered.rate:,}/s; CPU-µs a reading of consumer and database"
    )
    header = ("", "readings/s", "CPU-µs", f"CPU-µs at {offered.rate:,}/s", "memory, MiB")
    split = "consumer / database / broker"
    return [
        Table(title, (*header, "judged"), [_row(results, each, plan) for each in contenders]),
        Table(
            "CPU-µs a reading by process",
            ("", f"{split}, flat out", f"{split}, at {offered.rate:,}/s"),
            [_split_row(results, each, plan) for each in contenders if results.of(each.name, 0)],
        ),
    ]


def _row(results: Results, contender: Contender, plan: Plan) -> list[str]:
    if reason := results.skipped.get(contender.name):
        return [contender.title, f"skipped: {reason}", "-", "-", "-", contender.judged]
    if contender.name in results.failed:
        return [contender.title, "failed", "-", "-", "-", contender.judged]
    flat = results.of(contender.name, 0)
    offered = results.of(contender.name, plan.offered.rate)
    return [
        contender.title,
        spread([run.rate for run in flat]),
        spread([run.headline_us for run in flat], 1),
        spread([run.headline_us for run in offered], 1),
        spread([run.rss_mib for run in flat]),
        contender.judged,
    ]


def _split_row(results: Results, contender: Contender, plan: Plan) -> list[str]:
    flat = results.of(contender.name, 0)
    offered = results.of(contender.name, plan.offered.rate)
    return [contender.title, _split(flat), _split(offered)]


def _split(runs: Sequence[Run]) -> str:
    columns = (
        [run.consumer_us for run in runs],
        [run.database_us for run in runs],
        [run.broker_us for run in runs],
    )
    return " / ".join(f"{median(column):.1f}" for column in columns)
