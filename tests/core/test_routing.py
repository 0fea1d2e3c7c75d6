from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.alert import Severity, State
from fumewatch.core.routing import (
    Label,
    Matchers,
    Route,
    Sieve,
    labels_of,
    notification_key,
    route,
)
from fumewatch.core.site import Place
from tests.core.transitions import a_place, a_transition


def routes(*tables: dict[str, Any]) -> list[Route]:
    return [Route.model_validate(table) for table in tables]


ALL = {"receiver": "all"}
CRITICAL = {"receiver": "leader", "match": {"severity": "critical"}}
STREET = {"receiver": ["street", "duty"], "match": {"street": ["天平路街道", "徐家汇街道"]}}
BOTH = {"receiver": "both", "match": {"severity": ["warning"], "kind": "threshold"}}
LINKAGE = {"receiver": "linkage", "match": {"kind": "linkage"}}
UNASSIGNED = {"receiver": "vendor", "match": {"site": ""}}


def on(table: dict[str, Any]) -> dict[str, Any]:
    return {**table, "continue": True}


@pytest.mark.parametrize(
    ("tables", "receivers"),
    [
        ([], ()),
        ([ALL], ("all",)),
        ([CRITICAL], ()),
        ([CRITICAL, ALL], ("all",)),
        ([STREET], ("street", "duty")),
        ([BOTH], ("both",)),
        ([LINKAGE], ()),
        ([UNASSIGNED], ()),
        ([STREET, ALL], ("street", "duty")),  # the first that takes it wins
        ([on(STREET), ALL], ("street", "duty", "all")),  # unless it goes on
        ([on(STREET), on(BOTH), LINKAGE], ("street", "duty", "both")),
        ([on(ALL), ALL], ("all",)),  # nobody is told twice
        ([on(STREET), {"receiver": ["duty", "x"]}], ("street", "duty", "x")),
        ([on(LINKAGE), CRITICAL], ()),
    ],
)
def test_a_warning_by_a_threshold_in_tianping(
    tables: list[dict[str, Any]], receivers: tuple[str, ...]
) -> None:
    assert route(routes(*tables), labels_of(a_transition().alert, a_place())) == receivers


@pytest.mark.parametrize(
    ("label", "value"),
    [
        ("severity", "critical"),
        ("rule", "purifier-off"),
        ("kind", "linkage"),
        ("state", "firing"),
        ("monitor", "MN0007"),
        ("district", "xuhui"),
        ("street", "天平路街道"),
        ("site", "老王面馆"),
        ("vendor", "acme"),
    ],
)
def test_every_label_can_be_matched(label: str, value: str) -> None:
    labels = labels_of(
        a_transition(severity=Severity.CRITICAL, rule="purifier-off", kind="linkage").alert,
        a_place(),
    )

    matching = routes({"receiver": "x", "match": {label: value}})
    assert route(matching, labels) == ("x",)
    assert route(matching, {**labels, Label(label): ("something else",)}) == ()


def test_an_unassigned_monitor_can_be_matched() -> None:
    labels = labels_of(a_transition().alert, Place(monitor=9, code="MN9", district="xuhui"))

    assert route(routes(UNASSIGNED), labels) == ("vendor",)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "receiver"),
        ({"receiver": []}, "at least 1 item"),
        ({"receiver": "x", "match": {"colour": "red"}}, "'severity', 'rule'"),
        ({"receiver": "x", "match": {"severity": "warn"}}, "no severity is called 'warn'"),
        ({"receiver": "x", "match": {"state": ["open"]}}, "there are pending, firing, resolved"),
        ({"receiver": "x", "match": {"street": []}}, "at least 1 item"),
        ({"receiver": "x", "matches": {}}, "Extra inputs"),
        ({"receiver": "x", "goes_on": True}, "Extra inputs"),
    ],
)
def test_wrong_routes_are_refused(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Route.model_validate(table)


def test_a_key_is_one_transition_at_one_receiver() -> None:
    firing, resolved = a_transition(State.FIRING), a_transition(State.RESOLVED)
    keys = [notification_key(t, name) for t in (firing, resolved) for name in ("duty", "mail")]

    assert len(set(keys)) == 4
    assert notification_key(a_transition(State.FIRING), "duty") == keys[0]


VALUES = st.lists(st.sampled_from("abc"), min_size=1, max_size=2).map(tuple)
NAMED = st.dictionaries(st.sampled_from([Label.MONITOR, Label.STREET, Label.TAG]), VALUES)
MATCHERS = st.builds(Matchers, match=NAMED, match_re=NAMED, match_not=NAMED)


@given(
    st.lists(MATCHERS, max_size=8),
    st.sampled_from("abc"),
    st.sampled_from(["", "a", "b"]),
    st.lists(st.sampled_from("abc"), unique=True).map(tuple),
)
def test_a_sieve_finds_whoever_takes_it_in_their_order(
    matchers: list[Matchers], monitor: str, street: str, tags: tuple[str, ...]
) -> None:
    labels = {Label.MONITOR: (monitor,), Label.STREET: (street,), Label.TAG: tags}
    sieve = Sieve(range(len(matchers)), lambda n: matchers[n])
    expected = [n for n, each in enumerate(matchers) if each.take(labels)]
    assert list(sieve.taking(labels)) == expected
