"""Who would get what of an alert, when and why."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from fumewatch.core.alert import PART_OF, Alert
from fumewatch.core.calendar import ONLY_WEEKENDS
from fumewatch.core.dispatch.explain import Explained, ReceiverSaid, explain
from fumewatch.core.dispatch.mute import Inhibition
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label
from tests.core.dispatch_scene import (
    SHANGHAI,
    START,
    Scene,
    a_receiver,
    a_route,
    a_silence,
    an_alert,
    at_monitor,
    minute,
)

ON = {"continue": True}
ROUTES = [
    a_route(receiver="bus", **ON),
    a_route(receiver="boss", match={"severity": "critical"}),
    a_route(receiver=["duty", "bus"], match={"street": "street 1"}, group_by="site", group_wait=60),
    a_route(receiver="rest"),
]
RECEIVERS = [
    a_receiver("bus", takes="transitions"),
    a_receiver("boss"),
    a_receiver("duty"),
    a_receiver("rest"),
]
INHIBIT = Inhibition.model_validate(
    {"source": {"match": {"severity": "critical"}}, "target": {"match": {"severity": "warning"}}}
)


def explained(alert: Alert | None = None, now: datetime = START, **known: Any) -> Explained:
    receivers = known.pop("receivers", RECEIVERS)
    alert = alert or an_alert("a")
    given = {"routes": ROUTES, "calendar": ONLY_WEEKENDS, "zone": SHANGHAI, **known}
    return explain(
        alert, at_monitor(alert.monitor), now, receivers={r.name: r for r in receivers}, **given
    )


def duty(alert: Alert | None = None, now: datetime = START, **receiver: Any) -> ReceiverSaid:
    known = receiver.pop("known", {})
    found = explained(
        alert,
        now,
        routes=[a_route(group_wait=60)],
        receivers=[a_receiver(**receiver)],
        **known,
    )
    return found.receivers[0]


def test_each_route_says_why() -> None:
    found = explained()

    assert [(said.number, said.takes, said.mismatch, said.is_reached) for said in found.routes] == [
        (1, True, None, True),
        (2, False, Label.SEVERITY, True),
        (3, True, None, True),
        (4, False, None, False),
    ]
    assert found.labels[Label.STREET] == ("street 1",)


def test_each_receiver_is_told_by_the_first_route() -> None:
    bus, duty = explained().receivers

    assert (bus.name, bus.route, bus.takes, bus.at) == ("bus", 1, "transitions", START)
    assert (duty.name, duty.route, duty.at) == ("duty", 3, minute(1))
    assert duty.group == (("site", "site 2"),)
    assert (duty.wait, duty.interval) == (timedelta(minutes=1), timedelta(minutes=5))


@pytest.mark.parametrize(
    ("alert", "receiver", "why_not"),
    [
        (an_alert("a"), {}, ""),
        (an_alert("a"), {"states": ["resolved"]}, "state"),
        (an_alert("a"), {"contact": "site"}, "no contact"),
        (an_alert("a", evidence={PART_OF: {"alert": "x", "name": "x"}}), {}, "part of an incident"),
        (an_alert("a"), {"takes": "transitions", "states": ["pending"]}, "state"),
        (
            an_alert("a", evidence={PART_OF: {"alert": "x", "name": "x"}}),
            {"takes": "transitions"},
            "part of an incident",
        ),
    ],
)
def test_why_not(alert: Alert, receiver: dict[str, Any], why_not: str) -> None:
    said = duty(alert, **receiver)

    assert said.why_not == why_not
    assert (said.at is None) == bool(why_not)


def test_contacts_are_named() -> None:
    ann = Contact(1, "Ann")
    said = duty(contact="vendor", known={"contacts": lambda place, role: [ann]})

    assert said.addressees == (ann,)
    assert said.at == minute(1)


@pytest.mark.parametrize(
    ("hours", "silenced", "at", "quiet_until"),
    [
        ("13:00-14:00", (), 1, None),
        ("12:00-14:00", (), 120, 120),
        ("12:01-14:00", (), 120, 120),  # they begin while the group waits
        ("13:00-14:00", (90,), 120, 120),  # and while it is silenced
        ("12:00-13:00", (90,), 90, 60),
        ("15:00-16:00", (30, 90), 90, None),
    ],
)
def test_when(hours: str, silenced: tuple[int, ...], at: int, quiet_until: int | None) -> None:
    silences = [a_silence(minute(end), rule="a") for end in silenced]
    others = [a_silence(minute(500), rule="b"), a_silence(minute(500), minute(400), rule="a")]
    said = duty(quiet={"hours": hours}, known={"silences": [*silences, *others]})

    assert said.at == minute(at)
    assert said.quiet_until == (None if quiet_until is None else minute(quiet_until))
    assert said.silences == tuple(silences)


def test_what_inhibits() -> None:
    source = an_alert("c")
    firing = [(each, at_monitor(each.monitor)) for each in (source, an_alert("c@8"), an_alert("a"))]
    said = duty(known={"inhibitions": [INHIBIT], "firing": firing})

    assert said.why_not == "inhibited"
    assert [(each.number, each.source) for each in said.inhibited] == [(1, source)]


@pytest.mark.parametrize(
    ("receiver", "silences"),
    [
        ({}, []),
        ({"quiet": {"hours": "12:00-14:00"}}, []),
        ({"quiet": {"hours": "12:00-14:00"}}, [a_silence(minute(130), rule="a")]),
        ({"quiet": {"hours": "12:01-14:00", "through": {"match": {"rule": "a"}}}}, []),
        ({"quiet": {"hours": "13:00-14:00"}}, [a_silence(minute(70), rule="a")]),
    ],
)
def test_it_happens_as_explained(receiver: dict[str, Any], silences: list[Any]) -> None:
    said = duty(**receiver, known={"silences": silences})
    scene = Scene([a_route(group_wait=60)], [a_receiver(**receiver)])
    scene.silences = silences
    scene.use()

    assert said.at is not None
    minutes = (said.at - START) // timedelta(minutes=1)
    assert scene.play("0 fire a") == [f"{minutes} duty: +a"]
