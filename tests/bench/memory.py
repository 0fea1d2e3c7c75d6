"""The daemon's memory with many monitors, an hour of each in its window, readings coming in."""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.bench import latency
from tests.bench.end_to_end import Load, publish
from tests.bench.machine import Table, rss_mib
from tests.bench.peers import fumewatch
from tests.bench.stage import Stage


@dataclass(frozen=True, slots=True)
class Memory:
    """MiB resident: once its windows are filled from the store, after the load, and at most."""

    monitors: int
    filled: float
    loaded: float
    peak: float

    def as_json(self) -> dict[str, object]:
        return asdict(self)


def measure(stage: Stage, template: str, load: Load) -> Memory:
    with ExitStack() as stack:
        act = stack.enter_context(stage.run(template, load.readings))
        process = stack.enter_context(fumewatch.daemon(act.scene))
        act.wait_subscribed(process)
        time.sleep(2)  # what was due at the start is judged
        filled = rss_mib(process.pid)
        publish(act.scene.broker_port, load)
        time.sleep(latency.due(time.time()) - time.time() + 2)  # and the roll-ups are flushed
        return Memory(load.monitors, filled, rss_mib(process.pid), peak_mib(process.pid))


def peak_mib(pid: int) -> float:
    """The most memory that a process ever had, MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def table(runs: Sequence[Memory]) -> Table:
    header = ("monitors, an hour of each in the window", "after the start", "under load", "at most")
    rows = [
        (f"{run.monitors:,}", *(f"{mib:.0f} MiB" for mib in (run.filled, run.loaded, run.peak)))
        for run in runs
    ]
    return Table("fumewatch, memory of the daemon", header, rows)
