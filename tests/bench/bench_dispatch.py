"""What telling people costs: from saved transitions to committed outbox rows, on a real PostgreSQL.

    python -m tests.bench.bench_dispatch [ALERTS ...] [--times 5]

The rules, routes and inhibitions of config.example.toml; besides, a route for each of 20 streets to
the street's group and its patrol's contacts, one to the contacts of each site, an escalation, 40
silences, signed links. 10,000 monitors, each of a site of its own; of ten alerts one is inhibited
by another at its monitor. Every site has a contact, so there are nearly as many notices as alerts.

read: what the store knows of transitions, silences and bodies. core: whom, what and when. bodies:
words and links. write: rows, and the commit. Medians; a server with its durable defaults.
"""

import argparse
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from itertools import count as counting
from pathlib import Path
from statistics import median
from typing import Any, Final
from unittest import mock

import numpy as np

from fumewatch import dispatch, log
from fumewatch.core.dispatch.dispatcher import Dispatcher
from fumewatch.core.dispatch.making import Maker
from fumewatch.core.followup.ladders import Ladders
from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
from fumewatch.dispatch import Dispatch
from tests.bench.bench_core import MINUTE, START, readings, shipped
from tests.bench.machine import Table
from tests.bench.storm import MONITORS, Scene

IDLE_ROUNDS: Final = 20
WARM, TURNS = 80, 40
PARTS: Final = ("read", "core", "bodies", "write")


class Watch:
    """Seconds spent in each part: the functions of the path, wrapped. None calls another one."""

    def __init__(self) -> None:
        self.spent: defaultdict[str, float] = defaultdict(float)

    def wrap(self, part: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **more: Any) -> Any:
            begin = time.perf_counter()
            try:
                return call(*args, **more)
            finally:
                self.spent[part] += time.perf_counter() - begin

        return timed

    @contextmanager
    def watching(self) -> Iterator[None]:
        parts: list[tuple[str, Any, Sequence[str]]] = [
            ("read", dispatch.told, ("mark", "since", "of", "standing", "load", "followed")),
            ("read", dispatch.silences, ("unended",)),
            ("read", dispatch.contacts, ("mark", "all_contacts")),
            ("read", dispatch.actions, ("since", "of_alerts", "mark")),
            ("core", Dispatcher, ("use", "load", "take", "place", "note", "due")),
            ("core", Ladders, ("take", "load", "due", "forget_before")),
            ("bodies", Maker, ("make",)),
            ("write", dispatch.outbox, ("add",)),
            ("write", dispatch.told, ("save",)),
            ("write", dispatch.actions, ("append",)),
        ]
        patches = [
            mock.patch.object(owner, name, self.wrap(part, getattr(owner, name)))
            for part, owner, names in parts
            for name in names
        ]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()


def settled(leader: Dispatch) -> int:
    """Rounds until nothing more is due; the notices of all of them."""
    total = 0
    while written := leader.round():
        total += written
    return total


def storms(scene: Scene, count: int, times: int) -> list[str]:
    """From saved transitions to committed rows."""
    taken, parts, notices = [], defaultdict(list), 0
    for _ in range(times):
        leader, watch = scene.stormy(count), Watch()
        with watch.watching():
            begin = time.perf_counter()
            notices = settled(leader)
            taken.append(time.perf_counter() - begin)
        watch.spent["write"] += taken[-1] - sum(watch.spent.values())  # the commit, in the main
        for part in PARTS:
            parts[part].append(watch.spent[part])
        assert notices == scene.rows() > 0
    cells = [_ms(median(parts[part])) for part in PARTS]
    return [f"{count:,} alerts fire: {notices:,} notices", _ms(median(taken)), *cells]


def idle(scene: Scene, count: int, times: int) -> list[str]:
    leader = scene.stormy(count)
    settled(leader)
    scene.settle()
    taken = [_timed(leader.round) for _ in range(times * IDLE_ROUNDS)]
    return [f"nothing happens, {count:,} alerts open", _ms(median(taken)), *[""] * len(PARTS)]


def starts(scene: Scene, count: int, times: int) -> list[str]:
    settled(scene.stormy(count))
    scene.settle()
    taken, parts = [], defaultdict(list)
    for _ in range(times):
        watch = Watch()
        with watch.watching():
            taken.append(_timed(scene.leader().round))
        for part in PARTS:
            parts[part].append(watch.spent[part])
    cells = [_ms(median(parts[part])) for part in PARTS]
    return [f"a start, {count:,} alerts open", _ms(median(taken)), *cells]


def beside(scene: Scene, count: int, times: int) -> Table:
    """How much slower the pump is while alerts are dispatched: one thread each, one GIL."""
    turn = turns()
    for _ in range(WARM):
        turn()
    alone = [_timed(turn) for _ in range(TURNS)]
    meanwhile, lasted = [], []
    for _ in range(times):
        thread = threading.Thread(
            target=lambda leader: lasted.append(_timed(lambda: settled(leader))),
            args=(scene.stormy(count),),
        )
        thread.start()
        while thread.is_alive():
            meanwhile.append(_timed(turn))
    row = [
        f"while {count:,} alerts are dispatched",
        *(_ms(figure) for each in (alone, meanwhile) for figure in (median(each), max(each))),
        f"{median(meanwhile) / median(alone):.2f}",
        _ms(median(lasted)),
    ]
    header = ("", "alone", "at most", "beside", "at most", "times", "dispatch")
    return Table(f"A minute of {MONITORS:,} monitors, added and judged: ms", header, [row])


def turns() -> Callable[[], None]:
    """A minute at a time: all that the pump does of it but for the store."""
    engine = shipped(MONITORS)
    rng = np.random.default_rng(7)
    measured = [list(readings(MONITORS, 0, rng)) for _ in range(10)]
    minutes = counting()

    def turn() -> None:
        minute = next(minutes)
        for batch in measured[minute % len(measured)]:
            engine.add(replace(batch, measured_at=batch.measured_at + minute * MINUTE))
        engine.advance(START + (minute + 1) * MINUTE)

    return turn


def _timed(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}" if seconds < 0.1 else f"{seconds * 1000:,.0f}"


@contextmanager
def opened() -> Iterator[Scene]:
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    folder.chmod(0o755)
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    assert bin_dir, "no PostgreSQL here"
    try:
        with (
            Postgres(bin_dir, folder / "postgres") as server,
            (folder / "log").open("w") as lines,
            redirect_stderr(lines),
        ):
            log.set_up("info", "json")  # a line a notice, as in the daemon
            scene = Scene(server, folder)
            yield scene
            scene.database.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("alerts", nargs="*", type=int, default=[1000, 10_000])
    parser.add_argument("--times", type=int, default=5)
    args = parser.parse_args()
    most = max(args.alerts)
    with opened() as scene:
        rows = [storms(scene, count, args.times) for count in args.alerts]
        rows += [idle(scene, most, args.times), starts(scene, most, args.times)]
        title = f"Dispatch, {MONITORS:,} monitors, {len(scene.config.route)} routes: ms"
        print(Table(title, ("what", "all", *PARTS), rows).text(), end="\n\n", flush=True)
        print(beside(scene, most, args.times).text())


if __name__ == "__main__":
    main()
