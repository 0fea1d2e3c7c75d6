"""Payloads that mean no good, or are merely strange: what they must not cost or change."""

import json
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from fumewatch.config import profiles
from fumewatch.core.decode.columns import Horizon
from fumewatch.core.decode.decoder import Decoder
from fumewatch.core.decode.hj212.encode import encode
from fumewatch.core.decode.profile import Profile
from fumewatch.core.reading import INDEX, MISSING
from fumewatch.core.sources import Sources
from fumewatch.core.topic import Pattern, fill

NOW = round(datetime(2026, 11, 23, 4, tzinfo=UTC).timestamp() * 1e6)
ANY = Horizon(-(2**62), 2**62)
TIME = "DataTime=20261123120000"


def hj(cp: str, command: int = 2011, **header: str) -> bytes:
    own = {"QN": "20261123120000000", "ST": "31", "CN": str(command), "PW": "1", "MN": "A1"}
    return encode({**own, "Flag": "4", **header}, cp)


def like(**options: object) -> Decoder:
    return Decoder(
        Profile.model_validate({**profiles.ready_made()["hj212"], "name": "p", **options})
    )


def read(decoder: Decoder, *payloads: bytes):
    return decoder.decode(payloads, ["A1"] * len(payloads), NOW, ANY)


def packet(place: int, cp: str, total: int = 2, command: int = 2011, **more: str) -> bytes:
    header = {"Flag": "6", "PNUM": str(total), "PNO": str(place), **more}
    return hj(f"{TIME};{cp}", command, **header)


def test_a_number_of_packets_costs_no_memory() -> None:
    tracemalloc.start()
    read(like(), b" " + packet(1, "a34041-Rtd=1", total=999_999_999))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_packets_of_one_number_with_other_channels_are_both_kept() -> None:
    both = packet(1, "a34041-Rtd=1"), packet(1, "a01012-Rtd=20")
    apart, together = read(like(), *both), read(like(), b"".join(both))
    assert (apart.values != MISSING).sum() == (together.values != MISSING).sum()


def test_logs_in_two_packets_are_both_kept() -> None:
    both = packet(1, "Info=//a//", command=3020), packet(2, "Info=//b//", command=3020)
    assert len(read(like(), *both).facts) == len(read(like(), b"".join(both)).facts)


def test_each_packet_that_asks_is_answered() -> None:
    decoder = like(downlink="d/{monitor}")
    both = (
        packet(1, "a34041-Rtd=1", QN="20261123120000001", Flag="7"),
        packet(2, "a01012-Rtd=1", QN="20261123120000002", Flag="7"),
    )
    assert len(read(decoder, *both).facts) == len(read(decoder, b"".join(both)).facts)


def test_a_packet_without_our_channels_is_no_fault_whatever_its_form() -> None:
    plain = packet(2, "zz99-Rtd=1")
    assert [read(like(), each).faults for each in (plain, b" " + plain)] == [[], []]


def test_a_long_time_is_not_read_again_for_every_item() -> None:
    decoder = Decoder(
        Profile.model_validate(
            {
                "name": "i",
                "format": "json",
                "items": "data",
                "time": "$.t",
                "channel": {"fume": {"path": "a"}},
            }
        )
    )
    payload = json.dumps({"t": "9" * 200_000, "data": [{"a": 1}] * 4999}).encode()
    began = time.thread_time()
    assert len(read(decoder, payload).faults) == 4999
    assert time.thread_time() - began < 5, "it took minutes when each item read it anew"


def test_labels_of_metrics_are_few() -> None:
    found = read(like(), *(hj("a=1;b=2", 100_000 + i) for i in range(300)))
    assert len(found.oddities) < 10


def test_least_and_most_belong_to_the_mean() -> None:
    decoder = like(channel={"fume": {"code": "a34041", "suffix": "ZsAvg"}})
    values = "a34041-Min=1,a34041-Max=3,a34041-ZsMin=10,a34041-ZsAvg=20,a34041-ZsMax=30"
    (told,) = read(decoder, hj(f"{TIME};{values}", 2061)).facts
    assert (told.fact.least, told.fact.mean, told.fact.most) == (10_000, 20_000, 30_000)


def test_an_implausible_current_tells_no_state() -> None:
    decoder = like(
        channel={"fan_current": {"code": "ia"}, "fan_on": {"from": "fan_current", "above": 0.5}}
    )
    found = read(decoder, hj(f"{TIME};ia-Rtd=5000"))
    assert found.values[INDEX["fan_on"]].tolist() == [MISSING]


@pytest.mark.parametrize("format_", ["hj212", "json"])
def test_a_time_zone_that_is_not_heeded_is_refused(format_: str) -> None:
    with pytest.raises(ValueError, match="time_zone"):
        Profile.model_validate({"name": "z", "format": format_, "time_zone": "UTC"})


def test_names_inside_payloads_do_not_fill_the_memory() -> None:
    decoder = like(topic="cloud/+/in", district="x", monitor_from="payload")
    sources = Sources(Pattern.parse("f/+/+/up"), Pattern.parse("f/+/+/status"), [decoder], most=10)
    for topic in range(10):
        for name in range(10):
            sources.of(sources[b"cloud/%d/in" % topic], f"m{name}")
    assert len(sources._named) <= 10


def test_a_district_is_no_template() -> None:
    assert fill("fume/{district}/{monitor}/down", "{monitor}", "A1") == "fume/{monitor}/A1/down"
