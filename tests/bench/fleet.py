"""A daemon as shipped, with a large fleet: what a bench of it can ask while readings come."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg

from fumewatch.config import load
from fumewatch.store import partitions
from tests.bench import stuffing
from tests.bench.end_to_end import Load, generator
from tests.bench.machine import BenchError, rss_mib, running, tail
from tests.bench.memory import peak_mib
from tests.bench.peers import fumewatch
from tests.bench.stage import Act, Spent, Stage

SETTLED_S: Final = 2.0
"""What was published so long ago is committed, or late."""
_WITHIN_S: Final = 180.0
"""A start with 100,000 monitors, on a machine that others use."""
_EXCEEDING: Final = 20
_LATENCY: Final = """
    select count(*), percentile_cont(array[0.5, 0.99, 1]) within group (order by
        extract(epoch from pg_xact_commit_timestamp(xmin)) - extract(epoch from measured_at))
    from reading where measured_at >= to_timestamp(%s) and measured_at < to_timestamp(%s)
"""


def say(what: str) -> None:
    """Progress, on stderr."""
    print(f"# {datetime.now():%H:%M:%S} {what}", file=sys.stderr, flush=True)  # noqa: DTZ005


@dataclass(frozen=True, slots=True)
class Waited:
    """Seconds from publish to commit."""

    readings: int
    p50: float
    p99: float
    greatest: float


@dataclass(frozen=True, slots=True)
class Run:
    """CPU seconds a second; MiB: at most while measured, and ever. `started`: seconds to ready."""

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

    def each_us(self, of: float) -> float:
        """CPU-µs a reading of `daemon`, `database` or `broker`."""
        return of / self.rate * 1e6


@dataclass(frozen=True, slots=True)
class Scene:
    act: Act
    process: "subprocess.Popen[bytes]"
    started: float


@contextmanager
def filled(server: Stage, monitors: int, minutes: int) -> Iterator[Act]:
    """A database with so many minutes of so many monitors, up to now, and a broker."""
    template = f"fleet_{monitors}_{minutes}"
    say(f"{monitors:,} monitors, {minutes} minutes of each: filling")
    codes = (f"FM{i + 1:07d}" for i in range(monitors))
    server.make_template(
        template, fumewatch.fill(server.folder, fumewatch.sites_csv("xuhui", codes))
    )
    with server.run(template, 0) as act:
        now, history = datetime.now(UTC).replace(microsecond=0), timedelta(minutes=minutes)
        with psycopg.connect(act.scene.database_url, autocommit=True) as conn:
            days = {(now + by).date() for by in (-history, timedelta(0), timedelta(hours=1))}
            partitions.ensure(conn, days)
            rows = stuffing.fill(conn, now - history, now)
            stuffing.note_latest(conn, now)
            conn.execute("vacuum analyze")
        say(f"{rows:,} readings stored")
        yield act


@contextmanager
def ready(act: Act) -> Iterator[Scene]:
    """The daemon, once it has its window and its subscription."""
    began = time.monotonic()
    with fumewatch.serving(act.scene, within=_WITHIN_S) as process:
        act.wait_subscribed(process)
        took = time.monotonic() - began
        say(f"ready after {took:.1f} s, {peak_mib(process.pid):,.0f} MiB at most")
        yield Scene(act, process, took)


def measure(scene: Scene, monitors: int, minutes: int) -> Run:
    """Whole minutes, from half a minute on: each has one judging of all, in its middle."""
    act, process, rate = scene.act, scene.process, max(monitors // 60, 1)
    load_ = Load(10**9, monitors, rate, _EXCEEDING)
    with running(generator(act.scene.broker_port, load_), act.scene.folder / "generator.log"):
        _sleep_until_half_past()
        before, began = act.spent(process.pid), time.time()
        highest = _watch(scene, minutes, lambda: act.spent(process.pid))
        after, until = act.spent(process.pid), time.time()
        time.sleep(SETTLED_S)
        waited = latency(act, began, until)
    seconds = until - began
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


def _watch(scene: Scene, minutes: int, spent: Callable[[], Spent]) -> float:
    """MiB, the most of each second's; tells of each minute."""
    highest = 0.0
    for minute in range(minutes):
        before, until = spent(), time.monotonic() + 60
        while (left := until - time.monotonic()) > 0:
            if scene.process.poll() is not None:
                raise BenchError(f"fumewatch ended:\n{tail(scene.act.scene.log)}")
            highest = max(highest, rss_mib(scene.process.pid))
            time.sleep(min(left, 1))
        share = (spent().consumer - before.consumer) / 60
        say(f"minute {minute + 1} of {minutes}: {share:.1%} of a core, {highest:,.0f} MiB")
    return highest


def _sleep_until_half_past() -> None:
    """At least half a minute from now."""
    after = time.time() + 30
    say("warming up until half past the next minute")
    time.sleep(30 + (30 - after) % 60)


def latency(act: Act, since: float, until: float) -> Waited:
    """Of what was measured in between, seconds since 1970."""
    number, waited = act.session.execute(_LATENCY, [since, until]).fetchone() or (0, None)
    if not number:
        raise BenchError("nothing was stored")
    return Waited(int(number), *(float(seconds) for seconds in waited))
