"""What is held back by inhibition and silences, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from fumewatch.core.dispatch.mute import Inhibition, Quiet, Silence
from fumewatch.core.site import Place
from tests.core.dispatch_scene import (
    START,
    Scene,
    a_route,
    a_silence,
    an_alert,
    expected,
    minute,
)

GROUP = {"group_by": "site", "group_interval": "5m"}
AGAIN = {**GROUP, "repeat_interval": "1h"}
SEVERE = {"source": {"match": {"severity": "critical"}}, "target": {"match": {"rule": ["b", "d"]}}}
BY_SITE = {**SEVERE, "equal": ["site"]}
BOTH = {
    "source": {"match": {"severity": "critical"}},
    "target": {"match_re": {"rule": ".*"}},
    "equal": "site",
}

INHIBITED = [
    (
        "until the source is over",
        SEVERE,
        """
        0 fire c b
        30 resolve c
        -> 0 duty: +c
        -> 30 duty: +b -c
        """,
    ),
    (
        "and over before: never told",
        SEVERE,
        """
        0 fire c b
        20 resolve b
        30 resolve c
        -> 0 duty: +c
        -> 30 duty: -c
        """,
    ),
    (
        "only by what it has in common with",
        SEVERE,
        """
        0 fire c b@8
        -> 0 duty: +c +b@8
        """,
    ),
    (
        "the same site will do",
        BY_SITE,
        """
        0 fire c b@8 b@9
        -> 0 duty: +c
        -> 0 duty: +b@9
        """,
    ),
    (
        "as long as any source fires",
        BY_SITE,
        """
        0 fire c@6 c@8 b
        20 resolve c@6
        30 resolve c@8
        -> 0 duty: +c@6 +c@8
        -> 20 duty: -c@6 =c@8
        -> 30 duty: +b -c@8
        """,
    ),
    (
        "none by itself, nor by its like",
        BOTH,
        """
        0 fire c c@8 b@6
        -> 0 duty: +c +c@8
        """,
    ),
    (
        "an end is told all the same",
        SEVERE,
        """
        0 fire b
        10 fire c
        20 resolve b
        -> 0 duty: +b
        -> 10 duty: +c
        -> 20 duty: -b =c
        """,
    ),
    (
        "an incident's part inhibits, too",
        SEVERE,
        """
        0 part c
        0 fire b
        9 resolve c
        -> 9 duty: +b
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("rule", "script"), [row[1:] for row in INHIBITED], ids=[row[0] for row in INHIBITED]
)
def test_inhibition(rule: dict[str, Any], script: str, restarts: bool) -> None:
    scene = Scene([a_route(**GROUP)], inhibit=[rule], restarts=restarts)

    assert scene.play(script) == expected(script)


def test_unassigned_monitors_are_not_of_one_site() -> None:
    scene = Scene(inhibit=[BY_SITE])
    for number in (6, 8):
        scene.places[number] = Place(number, f"MN{number}", "xuhui")

    assert scene.play("0 fire c@6 b@8") == ["0 duty: +c@6", "0 duty: +b@8"]


SILENCED = [
    (
        "until it ends",
        GROUP,
        """
        0 silence a 20
        1 fire a b
        -> 1 duty: +b
        -> 20 duty: +a =b
        """,
    ),
    (
        "until it is ended",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 unsilence a
        -> 9 duty: +a
        """,
    ),
    (
        "until the last one ends",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 silence a 30
        -> 30 duty: +a
        """,
    ),
    (
        "over in silence: never told",
        GROUP,
        """
        0 silence a 20
        1 fire a
        9 resolve a
        """,
    ),
    (
        "told before, over in silence: not told",
        GROUP,
        """
        0 fire a b
        5 silence a 20
        9 resolve a
        30 resolve b
        -> 0 duty: +a +b
        -> 30 duty: -b
        """,
    ),
    (
        "nor repeated, nor listed",
        AGAIN,
        """
        0 fire a b
        50 silence a 100
        110 resolve a b
        -> 0 duty: +a +b
        -> 60 duty again: =b
        -> 100 duty again: =a =b
        -> 110 duty: -a -b
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("route", "script"), [row[1:] for row in SILENCED], ids=[row[0] for row in SILENCED]
)
def test_silences(route: dict[str, Any], script: str, restarts: bool) -> None:
    scene = Scene([a_route(**route)], restarts=restarts)

    assert scene.play(script) == expected(script)


def test_a_silence_that_is_still_to_come_is_none() -> None:
    scene = Scene()
    scene.silences = [a_silence(minute(60), minute(30), rule="a")]
    scene.use()

    assert scene.play("10 fire a\n40 fire a@8") == ["10 duty: +a", "60 duty: +a@8"]


def test_a_silence_of_what_fires_is_none_of_its_end() -> None:
    scene = Scene([a_route(**GROUP)])
    scene.play("0 fire a", until=1)
    scene.silences = [a_silence(minute(60), state="firing")]
    scene.use()

    assert scene.play("9 fire b\n10 resolve a b") == ["0 duty: +a", "10 duty: -a"]


@pytest.mark.parametrize(
    ("model", "table", "words"),
    [
        (Quiet, {"hours": "nights"}, "'nights' is not a span of hours"),
        (Quiet, {"hours": "00:00-24:00"}, "never ends; write hours like 22:00-07:00"),
        (Quiet, {"hours": "08:00-20:00, 20:00-08:00"}, "never ends"),
        (Quiet, {"hours": "workday closed"}, "never begins; leave `quiet` out"),
        (Inhibition, {**SEVERE, "equal": ["alert"]}, "no two alerts are the same alert"),
        (
            Inhibition,
            {"source": {"match": {"kind": "x"}}, "target": {"match": {"kind": ["x"]}}},
            "source and target are the same alerts",
        ),
        (Silence, {"ends_at": START}, "not after its start"),
        (Silence, {"ends_at": "2026-11-23T12:00:00"}, "timezone"),
        (Silence, {"ends_at": minute(1), "reason": "  "}, "at least 1 character"),
    ],
)
def test_what_cannot_be_meant(model: type[BaseModel], table: dict[str, Any], words: str) -> None:
    if model is Silence:
        known = a_silence(minute(9), rule="a").model_dump()
        table = {**known, **table}
    with pytest.raises(ValidationError, match=words):
        model.model_validate(table)


@pytest.mark.parametrize(
    ("at", "ended", "active"),
    [(-1, None, False), (0, None, True), (8.9, None, True), (9, None, False), (5, 4, False)],
)
def test_a_silence_is_active(at: float, ended: float | None, active: bool) -> None:
    silence = a_silence(minute(9), rule="a")
    if ended is not None:
        silence = silence.model_copy(update={"ended_at": minute(ended), "ended_by": "Li"})

    assert silence.is_active(minute(at)) is active


def test_nothing_is_due_of_a_thousand_that_are_inhibited() -> None:
    scene = Scene([a_route(group_by="alert")], inhibit=[{**SEVERE, "equal": ["district"]}])
    scene.fire("c")
    scene.due(minute(0))
    for number in range(1000):
        at = START + timedelta(seconds=number)
        scene.take(an_alert(f"b@{number % 40}", at), at)
    assert not scene.due(minute(20))
    assert scene.dispatcher.next_at is None

    scene.resolve("c", minute(30))
    assert len(scene.due(minute(30)).plans) == 1001
