"""Who is told what, together with what, and when."""

from dataclasses import replace
from typing import Any, get_args

import pytest

from fumewatch.core.alert import State
from fumewatch.core.dispatch.grouping import same
from fumewatch.core.dispatch.plan import Told
from fumewatch.core.notice import Contact
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


ANN, BO = Contact(1, "Ann"), Contact(2, "Bo")
TO_SITE = a_receiver("site", contact="site")
BY_SITE = a_route(receiver="site", group_by="site")


def test_each_contact_is_told() -> None:
    scene = Scene([BY_SITE], [TO_SITE], people=[ANN, BO])

    assert scene.play("0 fire a\n9 resolve a") == [
        "0 site/contact 1: +a",
        "0 site/contact 2: +a",
        "9 site/contact 1: -a",
        "9 site/contact 2: -a",
    ]
    assert not scene.unaddressed


def test_without_a_contact_it_is_said_once_and_told_as_soon_as_there_is_one() -> None:
    scene = Scene([BY_SITE], [TO_SITE])
    alert = scene.fire("a")
    assert scene.due(minute(0)).unaddressed == (("site", alert),)
    assert not scene.due(minute(1))
    assert scene.dispatcher.unaddressed == (("site", alert),)

    scene.people = [ANN]
    scene.use()
    scene.due(minute(2))

    assert scene.lines == ["2 site/contact 1: +a"]
    assert scene.dispatcher.unaddressed == ()


def test_over_before_there_was_a_contact() -> None:
    scene = Scene([BY_SITE], [TO_SITE])
    scene.play("0 fire a\n5 resolve a")
    scene.people = [ANN]
    scene.use()

    assert not scene.due(minute(6))
    assert scene.dispatcher.unaddressed == ()


def test_a_contact_that_is_gone_is_put_down_as_told() -> None:
    scene = Scene([BY_SITE], [TO_SITE], people=[ANN, BO])
    scene.play("0 fire a", until=1)
    scene.people = [BO]
    scene.use()
    scene.play("9 resolve a")

    assert scene.lines[2:] == ["9 site/contact 2: -a"]
    assert {row.state for row in scene.told.values()} == {State.RESOLVED}


def test_a_contact_is_addressed_as_it_is_now() -> None:
    scene = Scene([BY_SITE], [TO_SITE], people=[ANN])
    scene.fire("a")
    scene.people = [replace(ANN, email="ann@example.org")]
    scene.use()

    (plan,) = scene.due(minute(0)).plans
    assert plan.to == scene.people[0]


def test_where_no_route_leads_any_more_the_end_is_told_by_itself() -> None:
    scene = Scene([a_route(**AGAIN)])
    scene.play("0 fire a b", until=2)
    scene.routes = [a_route(match={"rule": "other"})]
    scene.restart()

    assert scene.play("99 resolve a")[1:] == ["99 duty: -a"]


def test_a_site_that_moved_is_told_in_its_new_street() -> None:
    routes = [a_route(receiver=f"street{n}", match={"street": f"street {n}"}) for n in (1, 2)]
    scene = Scene(routes, [a_receiver("street1"), a_receiver("street2")])
    scene.play("0 fire a", until=1)
    scene.places[7] = at_monitor(12)
    scene.restart()
    scene.due(minute(2))

    assert scene.play("9 resolve a") == [
        "0 street1: +a",
        "2 street2: +a",
        "9 street1: -a",
        "9 street2: -a",
    ]


def test_of_a_receiver_that_is_gone_nothing_is_left_to_tell() -> None:
    scene = Scene([a_route(receiver=["duty", "gone"])], [a_receiver(), a_receiver("gone")])
    scene.play("0 fire a b", until=1)
    scene.receivers = [a_receiver()]
    scene.restart()
    scene.resolve("a", minute(9))
    due = scene.due(minute(9))

    assert [row.receiver for row in due.quiet] == ["gone"]
    assert scene.lines[4:] == ["9 duty: -a"]


def test_what_ended_while_nobody_ran_is_told_at_the_start() -> None:
    scene = Scene()
    scene.play("0 fire a b", until=1)
    scene.alerts["a"] = replace(scene.alerts["a"], state=State.RESOLVED, resolved_at=minute(5))
    scene.alerts["c"] = an_alert("c", minute(6))
    scene.restart()

    scene.due(minute(30))

    assert scene.lines[2:] == ["30 duty: +c", "30 duty: -a"]


def test_a_new_grouping_repeats_nothing() -> None:
    scene = Scene([a_route(**SITE)])
    scene.play("0 fire a b", until=2)
    scene.routes = [a_route(group_by=["street", "severity"], group_interval="10m")]
    scene.restart()

    assert scene.play("3 fire d") == ["1 duty: +a +b", "11 duty: +d =a =b"]


def test_who_was_told_by_an_escalation_hears_of_the_end_by_itself() -> None:
    scene = Scene([a_route(**SITE)], [a_receiver(), a_receiver("boss", quiet=None)])
    alert = scene.fire("a")
    row = Told("boss", "", alert.id, State.FIRING, minute(2))
    scene.dispatcher.note([row])
    scene.told["boss", "", alert.id] = row

    assert scene.play("9 resolve a", until=20) == ["1 duty: +a", "9 boss: -a", "9 duty: -a"]


def test_a_place_that_is_not_known_is_still_told() -> None:
    scene = Scene([a_route(**SITE)])
    scene.fire("a@39")
    del scene.places[39]
    scene.restart()

    assert scene.play("") == ["1 duty: +a@39"]


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


def test_other_routes_do_not_change_the_thread_of_a_group() -> None:
    alert = an_alert("a")
    scenes = Scene(), Scene([a_route(receiver="x", **{"continue": True}), a_route(group_wait="1m")])
    threads = set()
    for scene in scenes:
        scene.take(alert, minute(0))
        threads |= {plan.group.thread for plan in scene.due(minute(1)).plans}

    assert len(threads) == 1


def test_what_could_not_be_written_is_due_again() -> None:
    scene = Scene()
    scene.fire("a")
    lost = scene.dispatcher.due(minute(0))
    scene.restart()

    assert scene.due(minute(0)) == lost
