"""Contacts, routes, receivers and places that change while alerts fire, and starts anew."""

from dataclasses import replace

import pytest

from fumewatch.core.alert import State
from fumewatch.core.dispatch.plan import Told
from fumewatch.core.notice import Contact
from tests.core.dispatch_scene import (
    Scene,
    a_receiver,
    a_route,
    an_alert,
    at_monitor,
    minute,
)

SITE = {"group_by": "site", "group_wait": "1m", "group_interval": "5m"}
AGAIN = {**SITE, "repeat_interval": "1h"}
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


@pytest.mark.parametrize("restarts", [False, True])
def test_a_site_that_moved_is_told_in_its_new_street(restarts: bool) -> None:
    routes = [a_route(receiver=f"street{n}", match={"street": f"street {n}"}) for n in (1, 2)]
    scene = Scene(routes, [a_receiver("street1"), a_receiver("street2")])
    scene.play("0 fire a", until=1)
    scene.places[7] = at_monitor(12)
    scene.restart() if restarts else scene.dispatcher.place(scene.places)
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
    scene.put(replace(scene.alerts["a"], state=State.RESOLVED, resolved_at=minute(5)))
    scene.put(an_alert("c", minute(6)))
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


def test_a_place_that_is_as_before_changes_nothing() -> None:
    scene = Scene([a_route(**SITE)])
    scene.fire("a")
    before = scene.dispatcher.next_at
    scene.dispatcher.place({7: at_monitor(7), 8: at_monitor(8)})

    assert scene.dispatcher.next_at == before == minute(1)


def test_an_alert_that_moved_inhibits_where_it_is() -> None:
    severe = {"source": {"match": {"rule": "c"}}, "target": {"match": {"rule": "b"}}}
    scene = Scene(inhibit=[{**severe, "equal": "site"}])
    scene.play("0 fire c b@8 b@9", until=1)
    scene.places[7] = at_monitor(9)
    scene.dispatcher.place(scene.places)

    assert scene.play("5 fire b@10") == ["0 duty: +c", "0 duty: +b@9", "1 duty: +b@8"]
