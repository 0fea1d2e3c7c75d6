"""The shipped rules over simulated months, held against what really happened there.

    python -m tests.bench.truth [--seeds N] [--first SEED] [--monitors N] [--days N]
                                [--config FILE] [--set RULE.OPTION=VALUE ...] [--only RULE ...]
                                [--strays RULE ...]

A fleet with a labelled course (fumewatch.demo.months) is emitted straight into the engine, day by
day; no broker, no database. Each alert that fires is looked up in the truth (tests.bench.happened).
`--set` tries another option of a rule, as TOML: --set forecast.min_rise='"0.4 * limit"'.
"""

import argparse
import json
import multiprocessing
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from itertools import chain
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from fumewatch.core.alert import Severity, State, Transition
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.reading import CHANNELS, INDEX, MEASURED, MISSING, Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule
from fumewatch.core.site import ZONE_NAME, Place
from fumewatch.demo.fleet import LIMIT_MG_M3, LIMIT_PROFILE, Fleet
from fumewatch.demo.months import live_through, midnight_s, troubles
from fumewatch.demo.signal import SENTINEL, emit
from tests.bench.happened import episodes
from tests.bench.known import DAY_S, Known, is_held
from tests.bench.machine import Table, spread
from tests.bench.scoring import Fired, Score, pooled, score

EXAMPLE: Final = Path(__file__).parents[2] / "config.example.toml"
FIRST_DAY: Final = date(2026, 3, 2)
INTERVAL_S: Final = 60
BEYOND_DAYS: Final = 45
"""So far ahead it is known what would come: a horizon of 30 days, and half as much."""
_DAYS_PER_MONTH: Final = 30
_FUME: Final = INDEX["fume"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is simulated. `first`: the first seed."""

    seeds: int = 4
    first: int = 101
    monitors: int = 60
    days: int = 60

    @property
    def numbers(self) -> range:
        return range(self.first, self.first + self.seeds)


FULL: Final = Plan()
QUICK: Final = Plan(seeds=2, monitors=20, days=30)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one seed. `held_alerts`: alerts that rest on nothing but held values.

    hints: rules of severity info, which wake nobody.
    held_minutes: readings that repeated a value above the limit while nothing was measured: each of
    them is a temptation. months: monitors times months.
    """

    seed: int
    scores: tuple[Score, ...]
    hints: tuple[str, ...]
    held_alerts: tuple[Fired, ...]
    held_minutes: int
    months: float
    readings: int
    emit_s: float
    engine_s: float

    def of(self, *, hints: bool) -> list[Score]:
        """Those of hints, or those of messages."""
        return [s for s in self.scores if (s.rule in self.hints) == hints]

    def rate(self, *, hints: bool) -> float:
        """False ones in 20 monitor-months."""
        return 20 * sum(s.false for s in self.of(hints=hints)) / self.months


def measure(plan: Plan, rules: Sequence[Mapping[str, Any]]) -> list[Outcome]:
    """Two seeds at a time. `rules`: the [[rule]] tables of a configuration."""
    jobs = [(seed, plan, list(rules)) for seed in plan.numbers]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        return list(pool.map(_run, *zip(*jobs, strict=True)))


def _run(seed: int, plan: Plan, raw: list[Mapping[str, Any]]) -> Outcome:
    rules = [TypeAdapter[Any](Rule).validate_python(table) for table in raw]
    known = world(plan, seed)
    lived = live(known, rules)
    truth = episodes(known, rules)
    windows = {rule.id: getattr(rule, "window", None) for rule in rules if _measures(rule)}
    held = [
        alert
        for alert in lived.fired
        if (window := windows.get(alert.rule))
        and is_held(known, alert.monitor, alert.at_s, int(window.total_seconds()))
    ]
    scores = tuple(score(rule, lived.fired, truth[rule]) for rule in truth)
    return Outcome(
        seed,
        scores,
        tuple(rule.id for rule in rules if rule.severity is Severity.INFO),
        tuple(held),
        lived.held_minutes,
        known.months,
        lived.readings,
        lived.emit_s,
        lived.engine_s,
    )


def world(plan: Plan, seed: int) -> Known:
    """What happens to that seed's fleet."""
    fleet = live_through(plan.monitors, seed, FIRST_DAY, plan.days + BEYOND_DAYS)
    begin = (FIRST_DAY - date(1970, 1, 1)).days
    return Known(fleet, troubles(fleet, FIRST_DAY, plan.days), begin, plan.days, BEYOND_DAYS)


def _measures(rule: Any) -> bool:
    """It judges measured values, minute by minute."""
    is_of_days = hasattr(rule, "days_needed")
    return not is_of_days and getattr(rule, "channel", "") in {CHANNELS[c].name for c in MEASURED}


# A fleet's life through the engine ------------------------------------------------------------


@dataclass(slots=True)
class Lived:
    fired: list[Fired]
    readings: int = 0
    held_minutes: int = 0
    emit_s: float = 0.0
    engine_s: float = 0.0


def live(known: Known, rules: Sequence[Any]) -> Lived:
    """Every alert that fired, day by day."""
    engine = Engine(rules, Freshness(), roster(known.fleet), ZoneInfo(ZONE_NAME))
    engine.begin(known.start_s * 1_000_000)
    lived = Lived([])
    for day in range(known.begin, known.begin + known.days):
        start_s, end_s = midnight_s(day), midnight_s(day + 1)
        began = time.process_time()
        emission = emit(known.fleet, known.situations, start_s, end_s, INTERVAL_S)
        emitted = time.process_time()
        readings = as_decoded(emission.readings)
        engine.add(readings)
        lived.fired += _fired(engine.advance(end_s * 1_000_000))
        lived.engine_s += time.process_time() - emitted
        lived.emit_s += emitted - began
        lived.readings += len(readings)
        lived.held_minutes += _held_above(readings, known.measures, start_s)
    return lived


def as_decoded(readings: Readings) -> Readings:
    """As the decoder would have it: no sentinels, and what is implausible is not judged."""
    values = np.where(readings.values == SENTINEL, np.int32(MISSING), readings.values)
    unjudged = np.zeros(len(readings), np.int16)
    for c, channel in enumerate(CHANNELS):
        low, high = channel.low * channel.scale, channel.high * channel.scale
        implausible = (values[c] != MISSING) & ((values[c] < low) | (values[c] > high))
        unjudged |= implausible.astype(np.int16) << np.int16(c)
    return replace(readings, values=values, unjudged=unjudged)


def roster(fleet: Fleet) -> Roster:
    """Every monitor is listed, with its hours, its limit and the cleanings of its ledger."""
    assert fleet.course
    places = [
        Place(
            monitor,
            outlet.monitor,
            fleet.district,
            site_id=monitor + 1,
            site=outlet.sites[0].name,
            street=outlet.sites[0].street,
            vendor=outlet.vendor.name,
            limit_profile=LIMIT_PROFILE,
            hours=BusinessHours(outlet.sites[0].spans, ZONE_NAME),
            tags=outlet.sites[0].tags,
            cleanings=tuple(
                datetime.fromtimestamp(day * DAY_S, UTC).date()
                for day in fleet.course.recorded[monitor]
            ),
        )
        for monitor, outlet in enumerate(fleet.outlets)
    ]
    hours = BusinessHours.parse("10:00-14:00, 16:30-22:00", ZONE_NAME)
    return Roster.build(places, {LIMIT_PROFILE: {"fume": LIMIT_MG_M3}}, hours)


def _fired(moves: Sequence[Transition]) -> Iterator[Fired]:
    for move in moves:
        if move.alert.state is State.FIRING and move.before is not State.FIRING:
            yield Fired(move.alert.rule, move.alert.monitor, int(move.at.timestamp()))


def _held_above(readings: Readings, measures: NDArray[np.bool_], start_s: int) -> int:
    minute = (readings.measured_at // 1_000_000 - start_s) // 60 % 1440
    above = readings.values[_FUME] > LIMIT_MG_M3 * CHANNELS[_FUME].scale
    return int(np.count_nonzero(above & ~measures[readings.monitor, minute]))


# What is printed ----------------------------------------------------------------------------


def tables(plan: Plan, outcomes: Sequence[Outcome]) -> list[Table]:
    months = sum(o.months for o in outcomes)
    title = (
        f"Judged on ground truth: {plan.seeds} seeds × {plan.monitors} monitors × {plan.days} days"
        f" ({months:,.0f} monitor-months, {sum(o.readings for o in outcomes):,} readings)"
    )
    header = (
        *("rule", "fired", "close", "false", "precision, by seed", "ought to be found", "found"),
        *("recall", "delay", "lead", "false in 20 monitor-months"),
    )
    rows = [_row(own, months) for own in by_rule(outcomes)]
    aims = Table("Aims on ground truth", ("aim", "measured", "met"), list(_aims(outcomes)))
    return [Table(title, header, rows), aims]


def by_rule(outcomes: Sequence[Outcome]) -> list[list[Score]]:
    """For each rule, its scores by seed."""
    return [list(own) for own in zip(*(o.scores for o in outcomes), strict=True)]


def _row(own: Sequence[Score], months: float) -> list[str]:
    whole = pooled(own)
    days = "deterioration" in whole.rule
    unit, name = (DAY_S, "d") if days else (60, "min")
    leads = whole.rule in ("forecast", "deterioration")
    return [
        whole.rule,
        f"{whole.fired:,}",
        f"{whole.close:,}",
        f"{whole.false:,}",
        spread([s.precision for s in own if s.fired], 2),
        f"{whole.expected:,}",
        f"{whole.found:,}",
        _number(whole.recall),
        "" if leads else _number(whole.delay_s / unit, 0, f" {name}"),
        _number(whole.lead_s / unit, 1, f" {name}") if leads else "",
        f"{20 * whole.false / months:.2f}",
    ]


def _number(value: float, digits: int = 2, unit: str = "") -> str:
    return "-" if np.isnan(value) else f"{value:,.{digits}f}{unit}"


def _aims(outcomes: Sequence[Outcome]) -> Iterator[list[str]]:
    months = sum(o.months for o in outcomes)
    held = sum(len(o.held_alerts) for o in outcomes)
    tempted = sum(o.held_minutes for o in outcomes)
    yield _aim("no alert from held values", f"{held} ({tempted:,} held readings above)", held == 0)
    scores = {own[0].rule: pooled(own) for own in by_rule(outcomes)}
    if found := scores.get("deterioration"):
        lead, right = found.lead_s / DAY_S, found.precision
        aim = "deterioration a median of 5 days before the first exceedance"
        yield _aim(aim, f"{lead:.1f} days of {found.expected}", lead >= 5)
        yield _aim("its precision at least 0.9", f"{right:.2f} of {found.fired}", right >= 0.9)
    for hints in (False, True):
        aim = (
            "false hints (info) in 20 monitor-months"
            if hints
            else ("at most 1 false message (warning, critical) in 20 monitor-months")
        )
        rates = [o.rate(hints=hints) for o in outcomes]
        rate = sum(o.rate(hints=hints) * o.months for o in outcomes) / months
        close = 20 * sum(s.close for o in outcomes for s in o.of(hints=hints)) / months
        measured = f"{rate:.2f}; by seed {spread(rates, 2)}; and {close:.2f} close"
        yield _aim(aim, measured, rate <= 1)
    speed = sum(o.readings for o in outcomes) / sum(o.emit_s for o in outcomes)
    yield _aim("300,000 readings/s from the simulator", f"{speed:,.0f}", speed >= 300_000)


def _aim(aim: str, measured: str, is_met: bool) -> list[str]:
    return [aim, measured, "yes" if is_met else "**no**"]


def as_json(plan: Plan, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {"plan": asdict(plan), "seeds": [asdict(outcome) for outcome in outcomes]}


# On its own ---------------------------------------------------------------------------------


def rules_of(config: Path, changes: Sequence[str] = ()) -> list[dict[str, Any]]:
    """The [[rule]] tables of a configuration, some options changed: `RULE.OPTION=VALUE`."""
    raw: list[dict[str, Any]] = tomllib.loads(config.read_text("utf-8"))["rule"]
    by_id = {rule["id"]: rule for rule in raw}
    for change in changes:
        name, _, value = change.partition("=")
        rule, _, option = name.partition(".")
        if rule not in by_id:
            raise SystemExit(f"--set {change}: no rule {rule}; there are {', '.join(by_id)}")
        by_id[rule][option] = tomllib.loads(f"it = {value}")["it"]
    return raw


def main() -> int:
    args = _arguments()
    plan = Plan(args.seeds, args.first, args.monitors, args.days)
    rules = rules_of(args.config, args.set)
    rules = [rule for rule in rules if not args.only or rule["id"] in args.only]
    outcomes = measure(plan, rules)
    print("\n\n".join(table.text() for table in tables(plan, outcomes)))
    for outcome in outcomes:
        cost = 1e6 / outcome.readings
        print(
            f"seed {outcome.seed}: emit {outcome.emit_s * cost:.2f} µs a reading,"
            f" engine {outcome.engine_s * cost:.2f}; {outcome.engine_s + outcome.emit_s:.0f} s"
        )
    for line in chain.from_iterable(_strays(outcome, args.strays) for outcome in outcomes):
        print(line)
    if args.json:
        args.json.write_text(json.dumps(as_json(plan, outcomes), indent=1))
    return 0


def _strays(outcome: Outcome, rules: Sequence[str]) -> Iterator[str]:
    strays = (stray for own in outcome.scores if own.rule in rules for stray in own.strays)
    held = outcome.held_alerts
    for word, alert in chain((("false", a) for a in strays), (("held", a) for a in held)):
        at = datetime.fromtimestamp(alert.at_s, ZoneInfo(ZONE_NAME))
        yield f"{word}: seed {outcome.seed} {alert.rule} {alert.monitor} {at:%Y-%m-%d %H:%M}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.truth", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seeds", type=int, default=FULL.seeds)
    parser.add_argument("--first", type=int, default=FULL.first)
    parser.add_argument("--monitors", type=int, default=FULL.monitors)
    parser.add_argument("--days", type=int, default=FULL.days)
    parser.add_argument("--config", type=Path, default=EXAMPLE)
    parser.add_argument("--set", action="append", default=[], metavar="RULE.OPTION=VALUE")
    parser.add_argument("--only", action="append", default=[], metavar="RULE")
    parser.add_argument("--strays", action="append", default=[], metavar="RULE")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
