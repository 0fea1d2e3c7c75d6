"""Rules that read alerts, and rules about the whole fleet, as the engine runs them."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.core.alert import Transition
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.reading import Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule
from fumewatch.core.rules.outage import Outage
from fumewatch.core.view import MINUTE
from tests.core.history import at
from tests.core.scene import ZONE, place, readings, roster_of, rule_of, wavering

EXCEEDANCE = {"kind": "threshold", "channel": "fume", "above": "limit", "min_count": 1}
START = "23 11:00"


def every_minute(*series: Sequence[float | None], start: str = START) -> Readings:
    """Of monitors 0, 1, ...: one value of fume a minute."""
    rows = [
        (monitor, at(start) + minute * MINUTE, {"fume": value})
        for monitor, values in enumerate(series)
        for minute, value in enumerate(values)
        if value is not None
    ]
    return readings(rows)


def moves_of(
    rules: Sequence[Rule], sent: Readings, roster: Roster, minutes: int, *, pieces: int = 1000
) -> list[tuple[str, int, str, str]]:
    """(rule, monitor, new state, minutes after START), of an engine advanced piece by piece."""
    engine = Engine(rules, Freshness(), roster, ZoneInfo(ZONE))
    engine.begin(at(START))
    engine.add(sent)
    moves: list[Transition] = []
    for piece in range(pieces, minutes + pieces, pieces):
        moves += engine.advance(at(START) + min(piece, minutes) * MINUTE)
    return [_told(move) for move in moves]


def _told(move: Transition) -> tuple[str, int, str, str]:
    alert = move.alert
    after = round(move.at.timestamp() * 1e6) - at(START)
    return alert.rule, alert.monitor, alert.state.value, f"{after // MINUTE}"


def bursts(n: int) -> list[float]:
    """Twenty minutes above the limit, forty below it, n times."""
    return [*wavering(1.5, 20), *wavering(0.2, 40)] * n


def test_alerts_again_and_again_are_one_more() -> None:
    rules = [
        rule_of(**EXCEEDANCE, id="exceedance"),
        rule_of(kind="recurrence", id="again", rules=["exceedance"], within="3h"),
    ]
    found = moves_of(rules, every_minute(bursts(3)), roster_of(place()), 300)
    opened = [move for move in found if move[2] == "firing"]
    assert [move[0] for move in opened] == ["exceedance"] * 3 + ["again"]
    third, again = (int(move[3]) for move in opened[2:])
    assert 0 <= again - third < 10
    assert found[-1][0] == "again"
    assert 0 <= int(found[-1][3]) - (int(opened[0][3]) + 180) <= 60


def test_an_outage_opens_before_its_members_go_offline() -> None:
    rules = [
        rule_of(kind="absence", id="offline", in_hours="30m"),
        rule_of(kind="outage", id="outage", at_least=3),
    ]
    alive = wavering(0.2, 90)
    cut = [*alive[:20], *[None] * 50, *alive[70:]]
    roster = roster_of(*(place(i, vendor="acme") for i in range(5)))
    found = moves_of(rules, every_minute(alive, cut, cut, cut, alive), roster, 90)
    assert found == [
        ("outage", 0, "firing", "39"),
        *[("offline", monitor, "firing", "49") for monitor in (1, 2, 3)],
        *[("offline", monitor, "resolved", "71") for monitor in (1, 2, 3)],
        ("outage", 0, "resolved", "71"),
    ]


@pytest.mark.parametrize("pieces", [1, 7, 60])
def test_in_which_pieces_does_not_matter(pieces: int) -> None:
    rules: list[Any] = [
        rule_of(**EXCEEDANCE, id="exceedance"),
        rule_of(kind="flatline", id="flat", refreshes=3),
        rule_of(kind="jump", id="jump"),
        rule_of(kind="outage", id="outage", at_least=2, share=0.4, by="street"),
        rule_of(kind="recurrence", id="again", rules=["exceedance", "jump"], within="2h"),
    ]
    random = np.random.default_rng(7)
    stuck = [*wavering(0.3, 40), *[0.31] * 100, *wavering(0.3, 60)]
    slow = [round(0.2 + 0.05 * (minute // 7 % 9), 2) for minute in range(200)]
    gaps = [None if random.random() < 0.2 else value for value in bursts(4)[:200]]
    silent = [*wavering(0.2, 50), *[None] * 70, *wavering(0.2, 80)]
    sent = every_minute(stuck, slow, gaps, silent, [*silent])
    roster = roster_of(*map(place, range(5)))
    whole = moves_of(rules, sent, roster, 220)
    assert {move[0] for move in whole} == {rule.id for rule in rules}
    assert moves_of(rules, sent, roster, 220, pieces=pieces) == whole


def test_members_fold_into_the_incident() -> None:
    rule = rule_of(kind="outage", id="outage", at_least=3)
    assert isinstance(rule, Outage)
    roster = roster_of(*(place(i, vendor="acme") for i in range(5)))
    engine = Engine([rule], Freshness(), roster, ZoneInfo(ZONE))
    engine.begin(at(START))
    alive = wavering(0.2, 60)
    engine.add(every_minute(alive, alive[:20], alive[:20], alive[:20], alive))
    engine.advance(at(START) + 60 * MINUTE)
    view = engine.window.view(engine.ids, roster)
    assert rule.members(view, 0).tolist() == [-1, 0, 0, 0, -1]
    assert list(engine.open["outage"]) == [0]
