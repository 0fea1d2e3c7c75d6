"""From one leader to the next: how long nothing is stored, and where the time goes.

    python -m tests.bench.bench_handover [--monitors 0 10000] [--minutes 120] [--rounds 3]

Two daemons as shipped on one database and one broker; the fleet sends a reading a minute each, a
probe twenty a second. The leader is killed (kill -9) or asked to stop (SIGTERM). All from that
moment on, in ms: until the standby leads, until the broker has given it the session, until its
first batch is committed, until it has loaded what judges (it stores meanwhile); and the longest
time in which nothing was stored, of the probe's readings. What the successor itself computes until
it is ready is told in CPU-ms: that does not depend on who else uses the machine.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import httpx2
import tomlkit

from tests.bench import history
from tests.bench.machine import (
    BenchError,
    Table,
    cpu_seconds,
    description,
    running,
    tail,
    turn_sigterm_into_exit,
    wait_until,
)
from tests.bench.peers.fumewatch import FUMEWATCH, fill, sites_csv, write_config
from tests.bench.stage import Act, Stage, stage

PROBES_A_SECOND: Final = 20
SETTLE_S: Final = 8.0
AFTER_S: Final = 6.0
PATIENCE_S: Final = 120.0
STEPS: Final = ("leads", "session", "stored", "loaded")
HOW: Final = {"kill -9": signal.SIGKILL, "SIGTERM": signal.SIGTERM}


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds since the signal, by step; `gap`: in which nothing was stored; `cpu`: of the
    successor until it was ready."""

    steps: dict[str, float]
    gap: float
    cpu: float


class Daemon:
    def __init__(self, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{port}"
        self._log = log

    def leads(self) -> bool:
        return "fumewatch_leader 1.0" in self._get("/metrics") and '"ready":true' in self._get(
            "/readyz"
        )

    def stands_by(self) -> bool:
        return "standing by" in self._get("/readyz")

    def said(self, event: str) -> Iterator[tuple[float, dict[str, Any]]]:
        for line in self._log.read_text().splitlines():
            if line.startswith("{") and (entry := json.loads(line))["event"] == event:
                yield datetime.fromisoformat(entry["timestamp"]).timestamp(), entry

    def _get(self, path: str) -> str:
        if self.process.poll() is not None:
            raise BenchError(f"fumewatch ended:\n{tail(self._log)}")
        try:
            return httpx2.get(self._url + path, timeout=5).text
        except httpx2.TransportError:
            return ""


@contextmanager
def daemon(act: Act, name: str) -> Iterator[Daemon]:
    folder = act.scene.folder / name
    folder.mkdir()
    path, port = write_config(folder, act.scene.database_url, act.scene.broker_url)
    document: dict[str, Any] = tomlkit.parse(path.read_text()).unwrap()
    document.setdefault("log", {})["format"] = "json"
    document["login"] = {"required": False}  # else /readyz and /metrics tell us nothing
    path.write_text(tomlkit.dumps(document))
    log = folder / "log"
    with running([*FUMEWATCH, "run", "--config", path], log) as process:
        yield Daemon(process, port, log)


def measure(server: Stage, template: str, monitors: int, how: signal.Signals) -> Took:
    with ExitStack() as stack:
        act = stack.enter_context(server.run(template, 0))
        first = stack.enter_context(daemon(act, "first"))
        wait_until("the first leads", first.leads, PATIENCE_S)
        second = stack.enter_context(daemon(act, "second"))
        wait_until("the second stands by", second.stands_by, PATIENCE_S)
        stack.enter_context(_publishing(act, "PROBE", 1, PROBES_A_SECOND))
        if monitors:
            stack.enter_context(_publishing(act, "xuhui", monitors, max(monitors // 60, 1)))
        time.sleep(SETTLE_S)
        began = time.time()
        idle = cpu_seconds(second.process.pid)
        os.kill(first.process.pid, how)
        wait_until("the second leads", second.leads, PATIENCE_S)
        busy = cpu_seconds(second.process.pid) - idle
        time.sleep(AFTER_S)
        return _took(act, second, began, busy)


@contextmanager
def _publishing(act: Act, district: str, monitors: int, rate: int) -> Iterator[None]:
    words = {"--port": act.scene.broker_port, "--count": 10**9, "--monitors": monitors}
    words |= {"--rate": rate, "--district": district}
    flat = [str(word) for pair in words.items() for word in pair]
    log = act.scene.folder / f"generator-{district}.log"
    script = Path(__file__).parent / "generator.py"
    with running([sys.executable, script, *flat], log) as process:
        yield
        if process.poll() is not None:
            raise BenchError(f"the generator ended:\n{tail(log)}")


def _took(act: Act, second: Daemon, began: float, cpu: float) -> Took:
    found = act.session.execute(
        "select distinct extract(epoch from received_at) as at from reading r"
        " join monitor m on m.id = r.monitor_id where m.district = 'PROBE' order by at"
    ).fetchall()
    stored = [float(row[0]) for row in found]
    steps = {
        "leads": _first(at for at, _ in second.said("leading")),
        "loaded": _first(at for at, _ in second.said("loaded")),
        "session": _first(at for at, line in second.said("broker") if line["up"]),
    }
    steps = {name: at - began for name, at in steps.items()}
    steps["stored"] = _first(at for at in stored if at > began + steps["leads"]) - began
    pairs = pairwise(stored)
    return Took(steps, max(after - before for before, after in pairs if after > began), cpu)


def _first(times: Iterator[float]) -> float:
    found = next(times, None)
    if found is None:
        raise BenchError("the second never came so far")
    return found


def rows(server: Stage, monitors: int, minutes: int, rounds: int) -> Iterator[Sequence[str]]:
    template = f"fleet_{monitors}"
    make = fill(server.folder, sites_csv("xuhui", (f"FM{i + 1:07d}" for i in range(monitors))))
    server.make_template(template, make)
    history.MINUTES = minutes  # type: ignore[misc]
    stored = history.fill(server.postgres.url(template), datetime.now(UTC)) if monitors else 0
    for name, how in HOW.items():
        took = [measure(server, template, monitors, how) for _ in range(rounds)]
        cells = [_ms([each.steps[step] for each in took]) for step in STEPS]
        figures = (_ms([each.gap for each in took]), _ms([each.cpu for each in took]))
        yield (f"{monitors:,}", f"{stored:,}", name, *cells, *figures)
        print(f"# {monitors} {name}: {took}", file=sys.stderr, flush=True)


def _ms(seconds: Sequence[float]) -> str:
    middle = f"{median(seconds) * 1000:,.0f}"
    return middle if len(seconds) == 1 else f"{middle} (at most {max(seconds) * 1000:,.0f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--monitors", nargs="*", type=int, default=[0, 10_000])
    parser.add_argument("--minutes", type=int, default=120, help="of history in the store")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    turn_sigterm_into_exit()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # compiled once, as what is installed is
    with stage() as server:
        found = [
            row
            for monitors in args.monitors
            for row in rows(server, monitors, args.minutes, args.rounds)
        ]
    head = ("monitors", "readings", "leader", *STEPS, "nothing stored for", "CPU")
    print(f"{description()}\n\n{Table('From one leader to the next: ms', head, found).text()}")


if __name__ == "__main__":
    main()
