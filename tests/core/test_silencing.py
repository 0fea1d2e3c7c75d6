"""How a silence stands, what it cannot be, what it keeps back."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import pytest

from fumewatch.core.addressing import Addressing, Entry, Role
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Matchers, Route, labels_of
from fumewatch.core.silencing import kept_back, silencing, standing, wrong_span
from tests.core.transitions import OPENED_AT, a_place, a_transition


def after(minutes: float) -> datetime:
    return OPENED_AT + timedelta(minutes=minutes)


def silence(ended: float | None = None, **match: str) -> Silence:
    """From minute 0 to 60."""
    return Silence(
        matchers=Matchers.model_validate({"match": match}),
        starts_at=after(0),
        ends_at=after(60),
        reason="x",
        author="x",
        created_at=after(-9),
        ended_at=None if ended is None else after(ended),
        ended_by=None if ended is None else "x",
    )


@pytest.mark.parametrize(
    ("ended", "minute", "stands", "over"),
    [
        (None, -1, "coming", 60),
        (None, 0, "active", 60),
        (None, 59, "active", 60),
        (None, 60, "ended", 60),
        (30, 29, "active", 30),
        (30, 30, "ended", 30),
        (-5, -6, "coming", -5),
        (-5, -4, "ended", -5),
    ],
)
def test_how_it_stands(ended: float | None, minute: float, stands: str, over: float) -> None:
    assert standing(silence(ended), after(minute)) == stands
    assert silence(ended).until == after(over)


DAY = 24 * 60


@pytest.mark.parametrize(
    ("start", "end", "why"),
    [
        (0, 60, ""),
        (0, 90 * DAY, ""),
        (0, 90 * DAY + 1, "it ends in more than 90 days; change the routes or the rule instead"),
        (-60, 0, "its end lies in the past; give one that is still to come"),
        (60, 60, "it ends before it starts"),
    ],
)
def test_what_a_silence_cannot_be(start: float, end: float, why: str) -> None:
    assert wrong_span(after(start), after(end), after(0)) == why


def test_which_silences_take_an_alert() -> None:
    labels = labels_of(a_transition().alert, a_place())
    one, other, all_of_it = silence(severity="warning"), silence(street="x"), silence()
    assert silencing([one, other, all_of_it], labels) == (one, all_of_it)


@dataclass(frozen=True)
class Receiver:
    takes: Literal["transitions", "groups"] = "groups"
    contact: Role | None = None


RECEIVERS = {
    "duty": Receiver(),
    "mail": Receiver(),
    "owner": Receiver(contact="site"),
    "mqtt": Receiver("transitions"),
}
PEOPLE = Addressing(Entry("site", "S1", Contact(number, "")) for number in (1, 2))
HERE = [a_place(monitor=n, code=f"M{n}", site_code="S1", street="s") for n in range(3)]
THERE = [a_place(monitor=n, code=f"M{n}", site="x", site_code="S2", street="t") for n in range(2)]


@pytest.mark.parametrize(
    ("routes", "count"),
    [
        ([{"receiver": "duty"}], {"duty": 5}),
        ([{"receiver": ["mqtt"]}], {}),
        ([{"receiver": ["duty", "mail"], "group_by": "street"}], {"duty": 2, "mail": 2}),
        ([{"receiver": "duty", "group_by": ["kind", "monitor"]}], {"duty": 3}),
        ([{"receiver": "owner"}], {"owner": 6}),
        ([{"receiver": "owner", "group_by": "site"}], {"owner": 2}),
        (
            [
                {"receiver": "duty", "match": {"street": "s"}, "continue": True},
                {"receiver": ["duty", "mail"], "group_by": "street"},
            ],
            {"duty": 4, "mail": 2},
        ),
        ([{"receiver": "duty", "match": {"street": "elsewhere"}}], {}),
    ],
)
def test_messages_are_counted_as_routes_group_them(routes, count: dict[str, int]) -> None:
    alerts = [(a_transition(monitor=p.monitor).alert, p) for p in HERE]
    alerts += [(a_transition(monitor=p.monitor, rule="r").alert, p) for p in THERE]
    found = kept_back(alerts, [Route.model_validate(r) for r in routes], RECEIVERS, PEOPLE)
    assert found == count
