"""What a contender promises, measured: when it acks, what a second delivery does, and what a
kill -9 in mid-stream loses and doubles."""

import random
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

from tests.bench import crash, twice
from tests.bench.crash import Cost
from tests.bench.end_to_end import Load
from tests.bench.machine import BenchError, Table, spread
from tests.bench.peers.contender import Contender, Skipped
from tests.bench.stage import Stage
from tests.bench.twice import Acks


@dataclass(frozen=True, slots=True)
class Plan:
    """`kills` of each contender, each in a stream of this load."""

    kills: int
    stream: Load


@dataclass(slots=True)
class Found:
    """By contender: what was measured, or why it was not."""

    acks: dict[str, Acks] = field(default_factory=dict)
    costs: dict[str, list[Cost]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def as_json(self) -> dict[str, object]:
        return {
            "acks": {name: asdict(acks) for name, acks in self.acks.items()},
            "kills": {name: [asdict(one) for one in costs] for name, costs in self.costs.items()},
            "missing": self.missing,
        }


def measure(stage: Stage, contenders: Sequence[Contender], plan: Plan) -> Found:
    found = Found()
    for contender in contenders:
        if contender.table is None:
            found.missing[contender.name] = "stores nothing"
    for number in range(-1, plan.kills):
        for contender in contenders:
            if contender.name not in found.missing:
                _note(found, stage, contender, number, plan)
    return found


def _note(found: Found, stage: Stage, contender: Contender, number: int, plan: Plan) -> None:
    """Number -1: what it acks; from 0 on: a kill."""
    try:
        _measure(found, stage, contender, number, plan)
    except Skipped as reason:
        found.missing[contender.name] = f"skipped: {reason}"
        print(f"SKIPPED {contender.title}: {reason}", file=sys.stderr)
    except BenchError as error:
        found.missing[contender.name] = "failed"
        found.failed = True
        print(f"FAILED {contender.title}: {error}", file=sys.stderr)


def _measure(found: Found, stage: Stage, contender: Contender, number: int, plan: Plan) -> None:
    result: Acks | Cost
    if number < 0:
        result = found.acks[contender.name] = twice.measure(stage, contender)
    else:
        result = crash.measure(stage, contender, plan.stream, random.Random(number))
        found.costs.setdefault(contender.name, []).append(result)
    print(f"{contender.title:42} {result}", file=sys.stderr, flush=True)


# tables -------------------------------------------------------------------------------------


def table(found: Found, contenders: Sequence[Contender], plan: Plan) -> Table:
    stream = plan.stream
    title = (
        f"acked while commits hang, and rows once {twice.READINGS} readings were sent twice; lost "
        f"and stored twice by a kill -9 in a stream of {stream.readings:,} at {stream.rate:,}/s: "
        f"median (least-greatest) of {plan.kills} kills"
    )
    header = ("", "acked before commit", "rows of sent twice", "kill -9 loses", "kill -9 doubles")
    return Table(title, header, [_row(found, each) for each in contenders])


def _row(found: Found, contender: Contender) -> list[str]:
    if reason := found.missing.get(contender.name):
        return [contender.title, reason, "-", "-", "-"]
    acks, costs = found.acks[contender.name], found.costs[contender.name]
    return [
        contender.title,
        f"{'yes' if acks.acked else 'no'} ({acks.acked} of {acks.published})",
        f"{acks.rows} of {acks.published}",
        spread([one.missing for one in costs]),
        spread([one.double for one in costs]),
    ]


_PARTS: Final = {"in_hand": "in hand", "away": "while away", "later": "later"}


def lost(found: Found, contenders: Sequence[Contender]) -> Table:
    """Where what a kill loses was measured: before it, until it was back, afterwards."""
    rows = [
        [
            each.title,
            *(spread([getattr(one, part) for one in found.costs[each.name]]) for part in _PARTS),
        ]
        for each in contenders
        if each.name in found.costs
    ]
    title = "Readings that a kill -9 loses, by when they were measured"
    return Table(title, ("", *_PARTS.values()), rows)
