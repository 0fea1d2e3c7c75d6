"""What the core costs: decode and window.add per reading, a pass of the ten example rules.

python -m tests.bench.bench_core
"""

import json
import random
import tomllib
from collections.abc import Callable
from pathlib import Path
from time import thread_time

import numpy as np
from pydantic import TypeAdapter

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.decode import Horizon, decode
from fumewatch.core.reading import Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule, needs
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE, iso
from fumewatch.core.window import Window

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
START = 1_795_406_400 * 1_000_000  # noon in Shanghai
BATCH = 2000
ZONE = "Asia/Shanghai"


def best(run: Callable[[], object], times: int = 40) -> float:
    """CPU seconds of the fastest run: the machine's other work only ever adds."""
    taken = []
    for _ in range(times):
        begin = thread_time()
        run()
        taken.append(thread_time() - begin)
    return min(taken)


def payload(rng: random.Random, at: int) -> bytes:
    reading = {
        "measured_at": iso(at),
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


def batches(monitors: int, minutes: int) -> list[tuple[Readings, list[bytes]]]:
    """A reading a minute from each monitor."""
    rng = random.Random(7)
    horizon = Horizon(START - 10**12, START + 10**12)
    found = []
    for minute in range(minutes):
        for first in range(0, monitors, BATCH):
            ids = np.arange(first, min(first + BATCH, monitors), dtype=np.int32)
            sent = [payload(rng, START + minute * MINUTE) for _ in ids]
            found.append((decode(sent, [""] * len(ids), START, horizon).readings(ids), sent))
    return found


def show(what: str, number: float, unit: str) -> None:
    print(f"{what:<52}{number:>9.2f} {unit}")


def bench_decode(sent: list[bytes]) -> None:
    horizon, codes = Horizon(START - 10**12, START + 10**12), [""] * len(sent)
    seconds = best(lambda: decode(sent, codes, START, horizon), 50)
    size = len(sent[0])
    show(f"decode, {len(sent)} payloads of {size} bytes", seconds / len(sent) * 1e6, "µs/reading")


def bench_rules(monitors: int, minutes: int) -> None:
    rules = [
        TypeAdapter(Rule).validate_python(raw)
        for raw in tomllib.loads(EXAMPLE.read_text("utf-8"))["rule"]
    ]
    channels, longest = needs(rules)
    window = Window(channels, longest, monitors=monitors)
    taken = []
    for readings, _ in batches(monitors, minutes):
        begin = thread_time()
        window.add(readings)
        taken.append((thread_time() - begin) / len(readings))
    show(f"window.add, {monitors} monitors", float(np.median(taken)) * 1e6, "µs/reading")
    hours = BusinessHours.parse("10:00-14:00, 16:30-22:00", ZONE)
    places = [
        Place(i, f"m{i}", "xuhui", 1, street=f"s{i % 16}", limit_profile="x")
        for i in range(monitors)
    ]
    roster = Roster.build(places, {"x": {"fume": 1.0, "pm": 5.0, "nmhc": 10.0}}, hours)
    now = START + (minutes - 1) * MINUTE + MINUTE // 2
    ids = np.arange(monitors, dtype=np.int32)
    firing: dict[str, np.ndarray] = {}

    def run() -> None:
        view = window.view(ids, now, roster)
        for rule in rules:
            firing[rule.id] = rule.judge(view, np.zeros(monitors, np.bool_)).verdict

    show(f"{len(rules)} rules at {monitors} monitors", best(run) * 1e3, "ms/pass")
    counts = {rule: int((verdict == 2).sum()) for rule, verdict in firing.items()}
    print("   breaches:", counts)


def main() -> None:
    bench_decode(batches(BATCH, 1)[0][1])
    bench_rules(1000, 80)
    bench_rules(10_000, 76)


if __name__ == "__main__":
    main()
