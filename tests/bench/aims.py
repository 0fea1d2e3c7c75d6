"""What the project set itself, beside what this run measured."""

from collections.abc import Iterator, Sequence
from statistics import median

from tests.bench.decode import CANONICAL, HJ212, OURS, Rate
from tests.bench.end_to_end import Plan, Results
from tests.bench.latency import LATENESS, Latency
from tests.bench.machine import Table
from tests.bench.memory import Memory

MiB_OF_250_MB = 250e6 / 2**20


def table(
    results: Results,
    plan: Plan,
    late: Latency | None,
    big: Memory | None,
    rates: Sequence[Rate] = (),
) -> Table | None:
    """None where nothing that was aimed at has been measured."""
    rows = [*_decoding(rates), *_rates(results, plan), *_alone(late, big)]
    return Table("Aims", ("aim", "measured", "met"), rows) if rows else None


def _decoding(rates: Sequence[Rate]) -> Iterator[list[str]]:
    least = {HJ212: 100_000, CANONICAL: 400_000}
    for rate in rates:
        if rate.way == OURS and rate.payload in least:
            aim = f"at least {least[rate.payload]:,} payloads/s a core, {rate.payload}"
            yield _line(aim, f"{rate.rate:,.0f}", rate.rate >= least[rate.payload])


def _rates(results: Results, plan: Plan) -> Iterator[list[str]]:
    flat, offered = results.of("fumewatch", 0), results.of("fumewatch", plan.offered.rate)
    if not flat:
        return
    rate = median(run.rate for run in flat)
    cpu = median(run.headline_us for run in flat)
    slow = median(run.headline_us for run in offered)
    yield _line("at least 50,000 readings/s flat out", f"{rate:,.0f}", rate >= 50_000)
    yield _line("at most 12 CPU-µs, daemon and database", f"{cpu:.1f}", cpu <= 12)
    yield _line(f"at most 30 at {plan.offered.rate:,}/s", f"{slow:.1f}", slow <= 30)
    for name, letter, factor in (
        ("floor", "a", 0.7),
        ("paho_batch", "c", 3),
        ("node_red", "d", 1.2),
    ):
        if others := results.of(name, 0):
            ratio = rate / median(run.rate for run in others)
            yield _line(f"at least {factor} times ({letter})", f"{ratio:.2f}", ratio >= factor)


def _alone(late: Latency | None, big: Memory | None) -> Iterator[list[str]]:
    if late:
        for what, took in (
            (f"from the end of a minute and {LATENESS:.0f} s", late.waited),
            ("from publish, of a minute already judged,", late.late),
        ):
            aim = f"p99 {what} to the webhook under 2 s at {late.offered:,}/s"
            yield _line(aim, f"{took.p99:.2f} s", took.p99 < 2 and not took.missing)
    if big:
        met = big.loaded < MiB_OF_250_MB
        aim = f"under 250 MB for {big.monitors:,} monitors"
        yield _line(aim, f"{big.loaded * 2**20 / 1e6:.0f} MB", met)


def _line(aim: str, measured: str, is_met: bool) -> list[str]:
    return [aim, measured, "yes" if is_met else "**no**"]
