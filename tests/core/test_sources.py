"""Which monitor a message is of, and by which profile it is read."""

from typing import Any

import pytest

from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.profile import Profile
from fumewatch.core.site import Place
from fumewatch.core.sources import Kind, Sources
from fumewatch.core.topic import Pattern

READING, STATUS = Pattern.parse("fume/+/+/up"), Pattern.parse("fume/+/+/status")


def sources(*profiles: dict[str, Any], most: int = 100) -> Sources:
    """With a last one, "default", that takes what the others leave."""
    decoders = [Decoder(Profile.model_validate(each)) for each in (*profiles, {"name": "default"})]
    return Sources(READING, STATUS, decoders, most)


def test_sources_remember_and_stay_bounded():
    known = sources(most=3)
    first = known[b"fume/xuhui/M1/up"]
    assert first.kind is Kind.READING
    assert known[b"fume/xuhui/M1/up"] is first
    assert known[b"fume/xuhui/M1/status"].kind is Kind.STATUS
    assert known[b"\xff/what"].kind is Kind.STRANGE
    for i in range(10):
        assert known[b"fume/x/%d/up" % i].code == str(i)
        assert len(known) <= 3


PLACES = [
    Place(1, "M1", "xuhui", vendor="Acme", model="A1", tags=("火锅",)),
    Place(2, "M2", "xuhui", vendor="Bolt", model="B1"),
    Place(3, "M3", "minhang", vendor="Acme", model="A2"),
]


@pytest.mark.parametrize(
    ("match", "takes"),
    [
        ({}, ["M1", "M2", "M3", "M9"]),
        ({"vendor": "Acme"}, ["M1", "M3"]),
        ({"vendor": ["Acme", "Bolt"], "district": "xuhui"}, ["M1", "M2"]),
        ({"vendor": "Acme", "model": "A2"}, ["M3"]),
        ({"tags": ["火锅", "烧烤"]}, ["M1"]),
        ({"district": "minhang"}, ["M3", "M9"]),
    ],
)
def test_a_profile_is_chosen_by_what_is_known_of_the_monitor(match, takes):
    known = sources({"name": "own", "match": match})
    known.learn(PLACES)
    topics = {"M1": "xuhui", "M2": "xuhui", "M3": "minhang", "M9": "minhang"}
    chosen = [
        code
        for code, district in topics.items()
        if known[f"fume/{district}/{code}/up".encode()].profile == "own"
    ]
    assert chosen == takes


def test_the_first_profile_that_fits_wins():
    known = sources({"name": "one", "match": {"district": "xuhui"}}, {"name": "two"})
    assert known[b"fume/xuhui/M1/up"].profile == "one"
    assert known[b"fume/minhang/M1/up"].profile == "two"


def test_a_profile_with_a_topic_of_its_own_leaves_the_common_one_alone():
    known = sources({"name": "own", "topic": "/sys/+/{monitor}/post", "district": "xuhui"})
    assert known[b"/sys/p/D7/post"].profile == "own"
    assert known[b"/sys/p/D7/post"].key == ("xuhui", "D7")
    assert known[b"fume/xuhui/M1/up"].profile == "default"
    assert known.filters == ["/sys/+/+/post", "fume/+/+/up", "fume/+/+/status"]


def test_a_change_of_vendor_changes_the_profile_of_a_topic_known_already():
    known = sources({"name": "own", "match": {"vendor": "Acme"}})
    assert known[b"fume/xuhui/M2/up"].profile == "default"
    known.learn([Place(2, "M2", "xuhui", vendor="Acme")])
    assert known[b"fume/xuhui/M2/up"].profile == "own"
    remembered = known[b"fume/xuhui/M2/up"]
    known.learn([Place(2, "M2", "xuhui", vendor="Acme")])
    assert known[b"fume/xuhui/M2/up"] is remembered, "nothing changed"


def test_a_monitor_that_the_payload_names_is_of_its_topics_district():
    known = sources(
        {
            "name": "gateway",
            "topic": "gateway/{district}/up",
            "monitor_from": "payload",
            "monitor_field": "id",
            "channel": {"fume": {"path": "fume"}},
        }
    )
    gateway = known[b"gateway/xuhui/up"]
    assert gateway.code == ""
    named = known.of(gateway, "M7")
    assert named.key == ("xuhui", "M7")
    assert known.of(gateway, "M7") is named
