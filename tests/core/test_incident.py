"""Many monitors fall silent at once: one incident is told, its members are not."""

from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from fumewatch.core.alert import Alert, Severity, State, Transition
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.routing import Route, told
from fumewatch.core.view import MINUTE
from tests.core.scene import NOON, ZONE, micros, place, readings, roster_of, rule_of

OUTAGE = rule_of(id="outage", kind="outage", by="vendor", at_least=3, share=0.5, silent_for="10m")
OFFLINE = rule_of(id="offline", kind="absence", in_hours="15m")
VENDORS = ["acme"] * 5 + ["other"] * 3
PLACES = [place(number, vendor=vendor) for number, vendor in enumerate(VENDORS)]


class Everybody:
    """A receiver that is told of every change."""

    def is_told(self, before: State | None, after: State) -> bool:
        return True


def silent_from(minute: dict[int, int], piece: int, end: int = 60) -> list[Transition]:
    """`minute`: when each monitor falls silent; others go on. Judged `piece` minutes at a time."""
    engine = Engine([OFFLINE, OUTAGE], Freshness(), roster_of(*PLACES), ZoneInfo(ZONE))
    start = micros(NOON)
    rows = [
        (number, start + m * MINUTE, {"fume": 0.1})
        for number in range(len(VENDORS))
        for m in range(min(minute.get(number, end), end))
    ]
    engine.begin(start)
    engine.add(readings(rows))
    moves = []
    for until in range(piece, end + piece, piece):
        moves += engine.advance(start + min(until, end) * MINUTE)
    return moves


def names_told(moves: list[Transition]) -> list[tuple[str, int, bool]]:
    """(rule, monitor, whether anybody is told) of what fired."""
    route, listeners = Route(receiver=("all",)), {"all": Everybody()}
    return [
        (m.alert.rule, m.alert.monitor, bool(told([route], listeners, m, PLACES[m.alert.monitor])))
        for m in moves
        if m.alert.state is State.FIRING
    ]


@pytest.mark.parametrize("piece", [1, 7, 60])
def test_an_outage_is_told_once(piece: int) -> None:
    found = names_told(silent_from({0: 20, 1: 21, 2: 22, 3: 24, 5: 20}, piece))
    assert found == [
        ("outage", 0, True),
        ("offline", 0, False),
        ("offline", 5, True),  # of another vendor
        ("offline", 1, False),
        ("offline", 2, False),
        ("offline", 3, False),
    ]


def test_a_few_are_told_one_by_one() -> None:
    assert names_told(silent_from({0: 20, 1: 21}, 60)) == [
        ("offline", 0, True),
        ("offline", 1, True),
    ]


def test_what_it_is_part_of_stands_in_the_evidence() -> None:
    moves = silent_from({0: 20, 1: 21, 2: 22, 3: 24}, 1)
    outage = next(move.alert for move in moves if move.alert.rule == "outage")
    for move in moves:
        if move.alert.rule == "offline":
            assert move.alert.is_part
            assert move.alert.evidence["part_of"] == {"alert": str(outage.id), "name": "acme"}


def test_members_do_not_count_for_patterns() -> None:
    again = rule_of(id="cuts", kind="recurrence", rules=["offline"], at_least=1, within="1d")
    engine = Engine([OFFLINE, OUTAGE, again], Freshness(), roster_of(*PLACES), ZoneInfo(ZONE))
    start = micros(NOON)
    engine.begin(start)
    ends = {0: 20, 1: 20, 2: 20, 5: 20}
    engine.add(
        readings(
            [
                (number, start + m * MINUTE, {"fume": 0.1})
                for number in range(len(VENDORS))
                for m in range(ends.get(number, 60))
            ]
        )
    )
    moves = engine.advance(start + 60 * MINUTE)
    assert [m.alert.monitor for m in moves if m.alert.rule == "cuts"] == [5]


def test_a_rule_that_was_an_outage_and_is_one_no_more_breaks_nothing() -> None:
    """Its open alert keeps the kind, and gets the evidence of another when it fires."""
    high = rule_of(id="outage", kind="threshold", channel="fume", above=1.0, min_count=1,
                   **{"for": "2m"})  # fmt: skip
    engine = Engine([high, OFFLINE], Freshness(), roster_of(*PLACES), ZoneInfo(ZONE))
    start = micros(NOON)
    engine.begin(start)
    evidence = {"by": "vendor", "name": "acme", "limit": 3}
    engine.load(
        [Alert(uuid4(), "outage", "outage", Severity.WARNING, 0, State.PENDING, NOON, NOON, 3.0,
               3.0, evidence=evidence)]
    )  # fmt: skip
    sent = [(0, start + m * MINUTE, {"fume": 1.5 + m / 100}) for m in range(30)]
    engine.add(readings([*sent, (1, start, {"fume": 0.1})]))
    moves = engine.advance(start + 60 * MINUTE)
    assert ("offline", State.FIRING) in {(m.alert.rule, m.alert.state) for m in moves}


def back(piece: int) -> list[tuple[str, int, str, bool]]:
    """Of the vendor's five, 0 to 3 come back after forty minutes, 4 stays away; what is told."""
    engine = Engine([OFFLINE, OUTAGE], Freshness(), roster_of(*PLACES), ZoneInfo(ZONE))
    start = micros(NOON)
    rows = [
        (number, start + m * MINUTE, {"fume": 0.1})
        for number in range(len(VENDORS))
        for m in range(60)
        if number > 4 or m < 10 or (number < 4 and m >= 40)
    ]
    engine.begin(start)
    engine.add(readings(rows))
    moves = []
    for until in range(piece, 60 + piece, piece):
        moves += engine.advance(start + min(until, 60) * MINUTE)
    route, listeners = Route(receiver=("all",)), {"all": Everybody()}
    return [
        (m.alert.rule, m.alert.monitor, m.reason.value, bool(told([route], listeners, m, place)))
        for m in moves
        for place in [PLACES[m.alert.monitor]]
    ]


@pytest.mark.parametrize("piece", [1, 20, 60])
def test_who_stays_away_when_the_outage_is_over_is_told(piece: int) -> None:
    found = back(piece)
    assert [move for move in found if move[3]] == [
        ("outage", 0, "breached", True),
        ("offline", 4, "incident over, still breached", True),
        ("outage", 0, "cleared", True),
    ]
    assert len([move for move in found if move[0] == "offline"]) == 5 + 4 + 1
