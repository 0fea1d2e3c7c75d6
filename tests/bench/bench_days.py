"""What a night of day rules costs, and how often deterioration is right about made-up sites.

python -m tests.bench.bench_days [--sites]
"""

import argparse
from time import perf_counter, thread_time

import numpy as np

from fumewatch.config import example, load
from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Numbers
from fumewatch.core.days import Days
from fumewatch.core.rules import DayRule
from tests.core.days_scene import day_rule, days_of

MONITORS = 10_000
NIGHTS = 60
PEAK = 4.0
"""How many times its median a day's highest ten minutes are; the limit is 1.0 mg/m³."""
RULES = [rule for rule in load(example.path(), {}).rule if isinstance(rule, DayRule)]


def alike(days: int, n: int, r: float, rng: np.random.Generator) -> Numbers:
    """[days, n]: days that differ by a quarter, and resemble the day before by r."""
    noise = rng.normal(size=(days + 30, n))
    for i in range(1, len(noise)):
        noise[i] = r * noise[i - 1] + np.sqrt(1 - r * r) * noise[i]
    found: Numbers = np.exp(0.25 * noise[30:])
    return found


def scene(fume: Numbers) -> Days:
    return days_of(
        {"fume": fume, "purifier_current": 3 + 0 * fume}, peak={"fume": PEAK * fume}, cleaned=[]
    )


def cost() -> None:
    fume = np.linspace(0.08, 0.18, 28)[:, None] * alike(28, MONITORS, 0.3, np.random.default_rng(1))
    days = scene(fume)
    total = 0.0
    for rule in RULES:
        cpu, wall = [], []
        for _ in range(5):
            begin, clock = thread_time(), perf_counter()
            rule.judge(days)
            cpu.append(thread_time() - begin)
            wall.append(perf_counter() - clock)
        total += min(cpu)
        print(f"{rule.id}: {min(cpu):.3f} s CPU, {min(wall):.3f} s")
        clock = perf_counter()
        for row in range(50):
            rule.evidence(days, row)
        print(f"    evidence {(perf_counter() - clock) / 50 * 1e3:.1f} ms an alert")
    print(f"{MONITORS:,} monitors, 28 days, {len(RULES)} rules: {total:.2f} s CPU")


def nights(rule: DayRule, fume: Numbers) -> tuple[float, Numbers, Numbers]:
    """Alerts a site and month; [n], NaN without one: the night of the first, days left it told."""
    n, total = fume.shape[1], len(fume) - 28
    firing, streak, opened = np.zeros(n, np.bool_), np.zeros(n), 0
    first, told = np.full(n, np.nan), np.full(n, np.nan)
    for night in range(total):
        found = rule.judge(scene(fume[night : night + 28]))
        streak = np.where(found.opens[0] == Verdict.BREACH, streak + 1, 0)
        new = ~firing & (streak > rule.hold.days)
        opened += int(new.sum())
        is_first = new & np.isnan(first)
        first[is_first], told[is_first] = night, found.value[0][is_first]
        firing = (firing & (found.stays[0] != Verdict.CLEAR)) | new
    return opened / n / total * 30, first, told


def sites(n: int = 300) -> None:
    rng = np.random.default_rng(7)
    for fields in ({}, {"for": "2d"}):
        rule = day_rule(kind="deterioration", **fields)
        for r in (0.0, 0.5):
            for level in (0.4, 0.8):
                a_month, _, _ = nights(rule, level / PEAK * alike(28 + NIGHTS, n, r, rng))
                print(f"{fields} healthy, peak {level}, AR {r}: {a_month:.3f} a site and month")
            for length in (60, 120):
                course = np.interp(np.arange(28 + length), [28, 28 + length], [0.4, 1.0]) / PEAK
                _, first, told = nights(rule, course[:, None] * alike(28 + length, n, r, rng))
                true = length - 1 - first
                print(
                    f"{fields} 0.4 to 1.0 in {length} days, AR {r}: "
                    f"{np.mean(~np.isnan(first)):.0%} found, in the median "
                    f"{np.nanmedian(true):.0f} days before, told {np.nanmedian(told):.0f}"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", action="store_true", help="made-up sites, too: some minutes")
    cost()
    if parser.parse_args().sites:
        sites()


if __name__ == "__main__":
    main()
