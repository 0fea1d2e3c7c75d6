"""What a kill -9 costs a contender: readings that the broker had acked, and that are nowhere.

A thousand monitors publish at a steady rate, QoS 1; the contender is killed in mid-stream, all of
its processes at once, and started again two seconds later. A second subscriber, which nobody kills,
writes down what came by. When nothing more is stored the contender is asked to stop (SIGTERM), and
what is stored is held against what came by, reading by reading:

in hand     measured before the kill, and not stored: it was acked first, or never committed
away        measured from the kill until it had subscribed again, and not stored
later       measured afterwards, and not stored
double      stored more than once

Every contender that can have one has a session that the broker keeps.
"""

import json
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tests.bench.end_to_end import Load, generator
from tests.bench.machine import BenchError, end, running, tail, wait_until
from tests.bench.peers.contender import Contender
from tests.bench.stage import Act, Stage

SETTLED_S: Final = 3.0
"""After it has subscribed: what programs do but once is over."""
KILLED_AT: Final = (0.3, 0.5)
"""Of the stream, by chance between these: no batch is always met at the same place."""
AWAY_S: Final = 2.0
STILL_S: Final = 10.0
"""Nothing more was stored for so long: nothing more will be."""
LONGEST_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Cost:
    """Readings of one kill."""

    published: int
    in_hand: int
    away: int
    later: int
    double: int

    @property
    def missing(self) -> int:
        return self.in_hand + self.away + self.later


def cost(came_by: Sequence[int], stored: Iterable[int], killed: int, back: int) -> Cost:
    """All times in µs; a reading is known by its own."""
    times = Counter(stored)
    missing = [at for at in came_by if at not in times]
    return Cost(
        len(came_by),
        sum(at < killed for at in missing),
        sum(killed <= at < back for at in missing),
        sum(at >= back for at in missing),
        sum(times[at] - 1 for at in came_by if at in times),
    )


def measure(server: Stage, contender: Contender, load: Load, chance: random.Random) -> Cost:
    """Raise Skipped where the contender cannot be had."""
    with ExitStack() as stack:
        act = stack.enter_context(server.run(contender.template, load.readings))
        with contender.launch(act.scene) as process:
            act.wait_subscribed(process)
            time.sleep(SETTLED_S)
            came_by = stack.enter_context(_witness(act))
            sending = stack.enter_context(_sending(act, load))
            time.sleep(load.readings / load.rate * chance.uniform(*KILLED_AT))
            _kill(process)
            killed = time.time()
        time.sleep(AWAY_S)
        subscriptions = _subscriptions(act)
        with (contender.again or contender.launch)(act.scene) as process:
            wait_until(
                f"another subscription\n{tail(act.scene.log)}",
                lambda: _subscriptions(act) > subscriptions,
                60,
            )
            back = time.time()
            if sending.wait(LONGEST_S):
                raise BenchError("the generator failed")
            wait_still(act, contender)
            end(process)
        sent = came_by(load.readings)
        stored = stored_since(act, contender, sent[0])
        return cost(sent, stored, int(killed * 1e6), int(back * 1e6))


@contextmanager
def _sending(act: Act, load: Load) -> Iterator["subprocess.Popen[bytes]"]:
    with running(generator(act.scene.broker_port, load), act.scene.folder / "sent") as process:
        yield process


@contextmanager
def _witness(act: Act) -> Iterator["_CameBy"]:
    log, before = act.scene.folder / "came_by", _subscriptions(act)
    words = ("-p", str(act.scene.broker_port), "-V", "5", "-q", "1", "-t", "fume/+/+/up")
    with running(["mosquitto_sub", *words], log):
        wait_until("the witness", lambda: _subscriptions(act) > before, 10)
        yield _CameBy(log)


class _CameBy:
    def __init__(self, log: Path) -> None:
        self._log = log

    def __call__(self, number: int) -> list[int]:
        """When each was measured; BenchError unless it is so many."""
        wait_until("all that was sent", lambda: self._lines() >= number, 30)
        payloads = self._log.read_text().splitlines()
        if len(payloads) != number:
            raise BenchError(f"{len(payloads)} readings came by where {number} were sent")
        return sorted(_us(json.loads(payload)["measured_at"]) for payload in payloads)

    def _lines(self) -> int:
        return self._log.read_bytes().count(b"\n")


def _us(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1e6)


def _subscriptions(act: Act) -> int:
    return act.broker.log.count("fume/+/+/up")


def _kill(process: "subprocess.Popen[bytes]") -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_still(act: Act, contender: Contender, still: float = STILL_S) -> None:
    """Until nothing more was stored for `still` seconds."""
    assert contender.table
    seen, since, began = -1, time.monotonic(), time.monotonic()
    while time.monotonic() - since < still and time.monotonic() - began < LONGEST_S:
        if (count := act.count(contender.table)) != seen:
            seen, since = count, time.monotonic()
        time.sleep(0.5)


def stored_since(act: Act, contender: Contender, first: int) -> list[int]:
    """When each stored reading was measured, µs, from `first` on: a daemon has older ones."""
    at = contender.measured_at
    found = act.session.execute(
        f"select (extract(epoch from {at}) * 1000000)::bigint from {contender.table}"
        f" where {at} >= to_timestamp(%s::float8 / 1000000) - interval '1 ms'",
        [first],
    )
    return [row[0] for row in found if row[0] >= first]
