"""Who is told what, together with what, and when."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from fumewatch.core.alert import State
from fumewatch.core.dispatch.grouping import same
from fumewatch.core.routing import GroupBy
from tests.core.dispatch_scene import (
    Scene,
    a_receiver,
    a_route,
    an_alert,
    at_monitor,
    expected,
    minute,
)

SITE = {"group_by": "site", "group_wait": "1m", "group_interval": "5m"}
AGAIN = {**SITE, "repeat_interval": "1h"}
ONLY_FIRING = {"states": ["firing"]}
ONLY_ENDS = {"states": ["resolved"]}

TABLE: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    (
        "each alert by itself, at once",
        {},
        {},
        """
        0 fire a b
        -> 0 duty: +a
        -> 0 duty: +b
        """,
    ),
    (
        "an end, not sooner than the interval",
        {},
        {},
        """
        0 fire a
        2 resolve a
        -> 0 duty: +a
        -> 5 duty: -a
        """,
    ),
    (
        "an end after the interval, at once",
        {},
        {},
        """
        0 fire a
        9 resolve a
        -> 0 duty: +a
        -> 9 duty: -a
        """,
    ),
    (
        "a group waits for others",
        SITE,
        {},
        """
        0 fire a
        0.5 fire b@8
        -> 1 duty: +a +b@8
        """,
    ),
    (
        "what comes later waits for the interval",
        SITE,
        {},
        """
        0 fire a
        2 fire b
        3 fire c
        -> 1 duty: +a
        -> 6 duty: +b +c =a
        """,
    ),
    (
        "over before it was told",
        SITE,
        {},
        """
        0 fire a
        0.5 resolve a
        """,
    ),
    (
        "over before its group was due",
        SITE,
        {},
        """
        0 fire a
        2 fire b
        3 resolve b
        -> 1 duty: +a
        """,
    ),
    (
        "new, over and still",
        SITE,
        {},
        """
        0 fire a b
        7 resolve a
        7 fire c
        -> 1 duty: +a +b
        -> 7 duty: +c -a =b
        """,
    ),
    (
        "a group that is over begins anew",
        SITE,
        {},
        """
        0 fire a
        9 resolve a
        10 fire b
        -> 1 duty: +a
        -> 9 duty: -a
        -> 11 duty: +b
        """,
    ),
    (
        "two sites",
        SITE,
        {},
        """
        0 fire a@6 b@9
        -> 1 duty: +a@6
        -> 1 duty: +b@9
        """,
    ),
    (
        "the worse first",
        SITE,
        {},
        """
        0 fire i@3 a@6 c@9
        -> 1 duty: +c@9
        -> 1 duty: +a@6
        -> 1 duty: +i@3
        """,
    ),
    (
        "what goes on is told again",
        AGAIN,
        {},
        """
        0 fire a
        130 resolve a
        -> 1 duty: +a
        -> 61 duty again: =a
        -> 121 duty again: =a
        -> 130 duty: -a
        """,
    ),
    (
        "a message puts off the repetition of all in it",
        AGAIN,
        {},
        """
        0 fire a
        31 fire b
        92 resolve a b
        -> 1 duty: +a
        -> 31 duty: +b =a
        -> 91 duty again: =a =b
        -> 96 duty: -a -b
        """,
    ),
    (
        "a repetition not sooner than the interval",
        {"repeat_interval": "1m"},
        {},
        """
        0 fire a
        12 resolve a
        -> 0 duty: +a
        -> 5 duty again: =a
        -> 10 duty again: =a
        -> 15 duty: -a
        """,
    ),
    (
        "ends that nobody wants to hear of",
        SITE,
        ONLY_FIRING,
        """
        0 fire a b
        9 resolve a
        9 fire c
        -> 1 duty: +a +b
        -> 9 duty: +c =b
        """,
    ),
    (
        "only ends",
        {**AGAIN, "group_interval": 0},
        ONLY_ENDS,
        """
        0 fire a
        200 resolve a
        -> 200 duty: -a
        """,
    ),
    (
        "only ends, and over before it counted as told",
        SITE,
        ONLY_ENDS,
        """
        0 fire a
        0 resolve a
        """,
    ),
    (
        "a route that takes what fires",
        {"match": {"state": "firing"}},
        {},
        """
        0 fire a
        9 resolve a
        -> 0 duty: +a
        """,
    ),
    (
        "a route of others",
        {"match": {"rule": "b"}},
        {},
        """
        0 fire a b
        -> 0 duty: +b
        """,
    ),
    (
        "part of an incident",
        {},
        {},
        """
        0 part a
        5 resolve a
        """,
    ),
    (
        "released from an incident",
        {},
        {},
        """
        0 part a
        5 release a
        20 resolve a
        -> 5 duty: +a
        -> 20 duty: -a
        """,
    ),
]


@pytest.mark.parametrize("restarts", [False, True], ids=["one daemon", "restarted each time"])
@pytest.mark.parametrize(
    ("route", "receiver", "script"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_messages(
    route: dict[str, Any], receiver: dict[str, Any], script: str, restarts: bool
) -> None:
    scene = Scene([a_route(**route)], [a_receiver(**receiver)], restarts=restarts)

    assert scene.play(script, until=210) == expected(script)


def test_what_is_released_waits_for_others() -> None:
    scene = Scene([a_route(**SITE)])

    assert scene.play("0 part a b\n5 release a b") == ["6 duty: +a +b"]


def test_the_first_route_to_a_receiver_groups() -> None:
    scene = Scene(
        [
            a_route(receiver=["duty", "machine"], match={"rule": "a"}, **{"continue": True}),
            a_route(receiver=["street", "duty"], **SITE),
            a_route(receiver="nobody"),
        ],
        [a_receiver("duty"), a_receiver("street"), a_receiver("nobody")],
    )

    assert scene.play("0 fire a b") == ["0 duty: +a", "1 street: +a +b", "1 duty: +b"]


def test_pending_alerts_are_nobodys() -> None:
    scene = Scene()
    scene.fire("a", state=State.PENDING, fired_at=None)
    scene.restart()

    assert scene.dispatcher.next_at is None
    assert not scene.due(minute(5))


def test_sites_of_one_name_are_not_one_group() -> None:
    scene = Scene([a_route(group_by=["site", "rule"])])
    scene.places[6] = replace(at_monitor(6), site="老王面馆")
    scene.places[9] = replace(at_monitor(9), site="老王面馆")
    scene.fire("a@6"), scene.fire("a@9")
    groups = [plan.group for plan in scene.due(minute(0)).plans]

    assert {group.labels for group in groups} == {(("site", "老王面馆"), ("rule", "a"))}
    assert len({group.thread for group in groups}) == 2


def test_an_alerts_id_is_no_label_for_people() -> None:
    scene = Scene([a_route(group_by=["alert", "site"])])
    scene.fire("a"), scene.fire("b")

    assert [plan.group.labels for plan in scene.due(minute(0)).plans] == [(("site", "site 2"),)] * 2


@pytest.mark.parametrize("by", get_args(GroupBy))
def test_every_label_groups(by: GroupBy) -> None:
    assert same(an_alert("a"), at_monitor(7), by)


def test_two_leaders_make_the_same_messages() -> None:
    routes = [a_route(**AGAIN)]
    one, two = Scene(routes), Scene(routes)
    script = "0 fire a b\n9 resolve a\n9 fire c\n90 resolve b"
    one.play(script, until=100), two.play(script, until=100)

    assert one.lines == two.lines
    assert len(one.lines) == 4
    assert one.keys == two.keys
