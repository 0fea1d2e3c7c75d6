"""What the core costs: decoding and the engine's taking in a reading; judging a minute.

python -m tests.bench.bench_core [MONITORS ...]

Judged as in the daemon: once a minute, all monitors, by the rules of config.example.toml. Rules of
days are left out (bench_days), as the daemon judges them once a night from the store.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import median
from time import thread_time
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.config import example, load
from fumewatch.config.rosters import roster_of
from fumewatch.core.alert import State
from fumewatch.core.decode import Horizon, decode
from fumewatch.core.engine import Engine
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.rules import DayRule
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE, iso

START = 1_795_406_400 * 1_000_000  # noon in Shanghai, on the hour
BATCH = 2000
WARM, TICKS = 80, 40
"""Minutes: to fill the window, and to be measured. Among these are four of patterns, one of
learning."""
STREETS, VENDORS = 16, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("monitors", nargs="*", type=int, default=[1000, 10_000])
    args = parser.parse_args()
    bench_decode()
    for monitors in args.monitors:
        bench_engine(monitors)


def show(what: str, number: float, unit: str) -> None:
    print(f"{what:<58}{number:>8.2f} {unit}")


def best(run: Callable[[], object], times: int = 40) -> float:
    """CPU seconds of the fastest run: the machine's other work only ever adds."""
    taken = []
    for _ in range(times):
        begin = thread_time()
        run()
        taken.append(thread_time() - begin)
    return min(taken)


def payload(rng: random.Random) -> bytes:
    reading = {
        "measured_at": iso(START),
        "fume": round(rng.lognormvariate(-1.5, 0.8), 2),
        "pm": round(rng.uniform(0, 3), 2),
        "nmhc": round(rng.uniform(0, 8), 2),
        "temperature": round(rng.uniform(30, 60), 1),
        "humidity": round(rng.uniform(40, 60), 1),
        "velocity": 9.1,
        "fan_on": True,
        "fan_current": 3.2,
        "purifier_on": rng.random() > 0.05,
        "purifier_current": 1.1,
        "quality": "N",
    }
    return json.dumps(reading, separators=(",", ":")).encode()


def bench_decode() -> None:
    rng = random.Random(7)
    sent, codes = [payload(rng) for _ in range(BATCH)], [""] * BATCH
    horizon = Horizon(START - 10**12, START + 10**12)
    seconds = best(lambda: decode(sent, codes, START, horizon), 50)
    size = len(sent[0])
    show(f"decode, {BATCH} payloads of {size} bytes", seconds / BATCH * 1e6, "µs/reading")


def bench_engine(monitors: int) -> None:
    engine = shipped(monitors)
    rng = np.random.default_rng(7)
    adding, judging, moves = [], [], []
    for minute in range(WARM + TICKS):
        batches = list(readings(monitors, minute, rng))
        begin = thread_time()
        for batch in batches:
            engine.add(batch)
        added = thread_time()
        moves += engine.advance(START + (minute + 1) * MINUTE)
        if minute >= WARM:
            adding.append((added - begin) / monitors)
            judging.append(thread_time() - added)
    show(f"engine.add, {monitors:,} monitors", median(adding) * 1e6, "µs/reading")
    what = f"a minute judged by {len(engine.rules)} rules, {monitors:,} monitors"
    show(what, median(judging) * 1e3, "ms CPU, median")
    show("", max(judging) * 1e3, "ms CPU, at most")
    shares = f"{median(judging):.1%} of a second, {median(judging) / 60:.2%} of a core"
    fired = Counter(move.alert.rule for move in moves if move.alert.state is State.FIRING)
    print(f"   {shares}; fired in {WARM + TICKS} minutes: {dict(fired)}")


def shipped(monitors: int) -> Engine:
    config = load(example.path(), {})
    rules = [rule for rule in config.rule if not isinstance(rule, DayRule)]
    limits = config.limit
    places = [
        Place(
            i,
            f"m{i}",
            "xuhui",
            1,
            street=f"street {i % STREETS}",
            vendor=f"vendor {i % VENDORS}",
            limit_profile=limits[i % len(limits)].name,
        )
        for i in range(monitors)
    ]
    roster = roster_of(config, places, {})
    engine = Engine(rules, config.freshness, roster, ZoneInfo(str(config.zone)), keeps_days=False)
    engine.begin(START)
    return engine


def readings(monitors: int, minute: int, rng: np.random.Generator) -> Iterator[Readings]:
    """A reading of each monitor, as `payload` has it, every value measured anew."""
    for first in range(0, monitors, BATCH):
        ids = np.arange(first, min(first + BATCH, monitors), dtype=np.int32)
        n = len(ids)
        values = np.full((len(CHANNELS), n), MISSING, np.int32)
        values[INDEX["fume"]] = 1000 * rng.lognormal(-1.5, 0.8, n).clip(0, 30)
        values[INDEX["pm"]] = rng.integers(0, 3000, n)
        values[INDEX["nmhc"]] = rng.integers(0, 8000, n)
        values[INDEX["fan_current"]] = rng.integers(3000, 3400, n)
        values[INDEX["purifier_current"]] = rng.integers(1000, 1200, n)
        values[INDEX["fan_on"]] = 1
        values[INDEX["purifier_on"]] = rng.random(n) > 0.05
        at = np.full(n, START + minute * MINUTE + MINUTE // 2, np.int64)
        yield Readings(ids, at, values, np.full(n, ord("N"), np.uint8), np.zeros(n, np.int16))


if __name__ == "__main__":
    main()
