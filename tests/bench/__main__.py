"""make bench: fumewatch beside its peers, end to end; and what its parts do alone.

    python -m tests.bench [--quick] [--rounds N] [NAME ...]

NAME is a contender (fumewatch, floor, paho, paho_batch, node_red, pathway, pathway_kept), what they
promise (guarantees: of the contenders named, or of all), a figure of fumewatch alone (decode;
truth: the shipped rules over simulated months; latency; memory), or a bench of a part (core, store,
mqtt, bytes, backtest, dispatch, handover, load, queries); a part alone takes options of its own:
`load --minutes 10`. Without NAME: all contenders, what they promise, and all figures of fumewatch
alone. The tables are also left in .bench/, as markdown and JSON.
"""

import argparse
import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from tests.bench import aims, decode, end_to_end, guarantees, latency, memory, truth
from tests.bench.end_to_end import Load, Plan
from tests.bench.machine import (
    BenchError,
    Table,
    description,
    first_line,
    turn_sigterm_into_exit,
)
from tests.bench.peers import fumewatch
from tests.bench.peers.contender import Contender
from tests.bench.peers.node_red import NODE_RED
from tests.bench.peers.others import BATCHED, FLOOR, STOCK
from tests.bench.peers.pathway import PATHWAY, PATHWAY_KEPT
from tests.bench.stage import Stage
from tests.bench.stage import stage as open_stage

RESULTS: Final = Path(__file__).parents[2] / ".bench"
TEMPLATE: Final = "fumewatch_bench"
CONTENDERS: Final = (
    fumewatch.contender(TEMPLATE),
    *(FLOOR, STOCK, BATCHED, NODE_RED, PATHWAY, PATHWAY_KEPT),
)
ALONE: Final = ("decode", "truth", "latency", "memory", "guarantees")
UNSTAGED: Final = {"decode", "truth"}
"""These need no servers."""
PARTS: Final = (
    "core",
    "store",
    "mqtt",
    "bytes",
    "backtest",
    "dispatch",
    "handover",
    "load",
    "queries",
)

MONITORS: Final = 1000
BREACHES_A_SECOND: Final = 5
EXCEEDING: Final = 20
LATE: Final = Load(60_000, MONITORS, 1000)
FULL: Final = Plan(
    rounds=3,
    flat_out=Load(300_000, MONITORS, 0, EXCEEDING),
    offered=Load(30_000, MONITORS, 1000, EXCEEDING),
)
QUICK: Final = Plan(
    rounds=1,
    flat_out=Load(100_000, MONITORS, 0, EXCEEDING),
    offered=Load(8_000, MONITORS, 1000, EXCEEDING),
)
MANY: Final = 10_000
STREAM: Final = guarantees.Plan(kills=5, stream=Load(12_000, MONITORS, 1000))
QUICK_STREAM: Final = guarantees.Plan(kills=1, stream=Load(8_000, MONITORS, 1000))


def main() -> int:
    name, *options = sys.argv[1:] or [""]
    if name in PARTS and options and options[0].startswith("--"):
        return _part(name, *options)
    args = _arguments()
    turn_sigterm_into_exit()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for part in PARTS:
        if part in args.names and (code := _part(part)):
            return code
    if not args.names or set(args.names) - set(PARTS):
        try:
            return _end_to_end(args)
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
    return 0


def _part(name: str, *options: str) -> int:
    """The exit status."""
    return subprocess.run([sys.executable, "-m", f"tests.bench.bench_{name}", *options]).returncode


def _arguments() -> argparse.Namespace:
    known = (*(contender.name for contender in CONTENDERS), *ALONE, *PARTS)
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="one short round: to try it out")
    parser.add_argument("--rounds", type=int, help="of the comparison (3) and kills (5)")
    args = parser.parse_args()
    if strange := set(args.names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(strange))}; there are {', '.join(known)}")
    return args


def _end_to_end(args: argparse.Namespace) -> int:
    """The exit status: 1 where a contender failed."""
    plan = QUICK if args.quick else FULL
    plan = Plan(args.rounds or plan.rounds, plan.flat_out, plan.offered)
    chosen = [each for each in CONTENDERS if not args.names or each.name in args.names]
    alone = [name for name in ALONE if not args.names or name in args.names]
    results, late, big, promised = end_to_end.Results(), None, None, None
    promising = chosen or CONTENDERS if "guarantees" in alone else ()
    stream = _stream(args)
    rates = decode.measure() if "decode" in alone else []
    truth_plan = truth.QUICK if args.quick else truth.FULL
    judged = truth.measure(truth_plan, truth.rules_of(truth.EXAMPLE)) if "truth" in alone else []
    unstaged = [decode.table(rates)] if rates else []
    unstaged += truth.tables(truth_plan, judged) if judged else []
    unstaged_json = {
        "decode": [rate.as_json() for rate in rates],
        "truth": truth.as_json(truth_plan, judged) if judged else None,
    }
    if set(alone) <= UNSTAGED and not chosen:
        return _report([*unstaged, *_aims(results, plan, late, big, rates)], unstaged_json)
    with open_stage() as stage:
        end_to_end.prepare(stage)
        if "latency" in alone or any(each.template == TEMPLATE for each in (*chosen, *promising)):
            _prepare(stage)
        if chosen:
            results = end_to_end.compare(stage, chosen, plan)
        if promising:
            promised = guarantees.measure(stage, promising, stream)
        if "latency" in alone:
            load = replace(LATE, readings=8_000) if args.quick else LATE
            late = latency.measure(stage, TEMPLATE, load, _breaching(load))
        if "memory" in alone:
            big = memory.measure(stage, _many(stage), Load(5 * MANY, MANY, 2000))
    tables = [
        *unstaged,
        *_contenders(results, chosen, plan, promised, promising, stream),
        *([latency.table([late])] if late else []),
        *([memory.table([big])] if big else []),
    ]
    tables += _aims(results, plan, late, big, rates)
    alone_json: dict[str, object] = {
        "latency": late and late.as_json(),
        "memory": big and big.as_json(),
        "guarantees": promised and promised.as_json(),
        **unstaged_json,
    }
    _report(tables, {**results.as_json(), **alone_json})
    return 1 if results.failed or (promised and promised.failed) else 0


def _stream(args: argparse.Namespace) -> guarantees.Plan:
    plan = QUICK_STREAM if args.quick else STREAM
    return replace(plan, kills=args.rounds or plan.kills)


def _contenders(
    results: end_to_end.Results,
    chosen: Sequence[Contender],
    plan: Plan,
    promised: guarantees.Found | None,
    promising: Sequence[Contender],
    stream: guarantees.Plan,
) -> list[Table]:
    """Numbers, with what was measured of promises beside them."""
    compared = end_to_end.tables(results, chosen, plan) if chosen else []
    if not promised:
        return compared
    facts = guarantees.table(promised, promising, stream)
    first = compared[0].beside(facts) if compared else facts
    return [first, guarantees.lost(promised, promising), *compared[1:]]


def _aims(
    results: end_to_end.Results,
    plan: Plan,
    late: latency.Latency | None,
    big: memory.Memory | None,
    rates: Sequence[decode.Rate],
) -> list[Table]:
    aimed = aims.table(results, plan, late, big, rates)
    return [aimed] if aimed else []


def _prepare(stage: Stage) -> None:
    known = [*(_code(i) for i in range(MONITORS)), *_breaching(LATE)]
    sites = fumewatch.sites_csv("xuhui", known)
    stage.make_template(TEMPLATE, fumewatch.fill(stage.folder, sites))


def _many(stage: Stage) -> str:
    name = f"{TEMPLATE}_many"
    sites = fumewatch.sites_csv("xuhui", (_code(i) for i in range(MANY)))
    stage.make_template(name, fumewatch.fill(stage.folder, sites))
    return name


def _code(index: int) -> str:
    """As the generator names them."""
    return f"FM{index + 1:07d}"


def _breaching(load: Load) -> list[str]:
    number = BREACHES_A_SECOND * load.readings // load.rate
    return [f"breach-{i:04d}" for i in range(number)]


def _programs() -> list[str]:
    versions = [
        first_line("/usr/sbin/mosquitto", "-h"),
        first_line("psql", "--version"),
        f"Node.js {first_line('node', '--version')}".removesuffix("Node.js "),
        f"Python {sys.version.split()[0]}",
    ]
    return [version for version in versions if version]


def _report(tables: Sequence[Table], raw: dict[str, object]) -> int:
    """0, once told."""
    machine = description()
    arguments = " ".join(sys.argv[1:])
    command = f'make bench ARGS="{arguments}"' if arguments else "make bench"
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    head = " · ".join([command, today, machine, *_programs()])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "results.json").write_text(json.dumps({"what": head, **raw}, indent=1))
    _, _, rest = head.partition(" · ")
    markdown = "\n\n".join([f"`{command}` · {rest}", *(table.markdown() for table in tables)])
    (RESULTS / "results.md").write_text(markdown + "\n")
    print("\n\n".join([head, *(table.text() for table in tables)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
