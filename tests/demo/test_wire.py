"""The fleet's messages, read back by the daemon's own decoders."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fumewatch.config.profiles import DEFAULT
from fumewatch.core.decode.hj212.frame import parse
from fumewatch.core.device import Reply
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.demo.fleet import Fleet, build
from fumewatch.demo.names import VENDORS, Speech
from fumewatch.demo.signal import SENTINEL, Emission, emit
from fumewatch.demo.situations import Kind, Situation, plan
from fumewatch.demo.wire import (
    LAMPBLACK_RUBBISH,
    RUBBISH,
    Sending,
    messages,
    reading_topic,
    status_topic,
)
from tests.demo.reader import config_of_the_demo, decoded, origins, read_back

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
AT_S = int(AT.timestamp())
HOURS_S = 2 * 3600


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return build(150, 2, AT, speak_all=True)


@pytest.fixture(scope="module")
def emission(fleet: Fleet) -> Emission:
    """With much of everything: faults, over range, buffers."""
    situations = plan(fleet, AT, AT + timedelta(seconds=HOURS_S), speed=8)
    return emit(fleet, situations, AT_S, AT_S + HOURS_S, 60)


def of(fleet: Fleet, speech: Speech) -> list[int]:
    return [i for i, outlet in enumerate(fleet.outlets) if outlet.speaks is speech]


def with_readings(fleet: Fleet, emission: Emission) -> list[Sending]:
    return [sending for sending in messages(fleet, emission) if sending.readings]


def by_monitor(readings: Readings) -> Readings:
    return readings.take(np.argsort(readings.monitor, kind="stable"))


def assert_same(got: Readings, sent: Readings) -> None:
    got, sent = by_monitor(got), by_monitor(sent)
    assert np.array_equal(got.monitor, sent.monitor)
    assert np.array_equal(got.measured_at, sent.measured_at)
    assert np.array_equal(got.quality, sent.quality)
    assert np.array_equal(got.values, np.where(sent.values == SENTINEL, MISSING, sent.values))


def test_the_fleet_speaks_as_many_ways_as_it_should() -> None:
    fleet = build(2000, 1, AT, speak_all=True)
    shares = {speech: len(of(fleet, speech)) / len(fleet) for speech in Speech}
    assert 0.22 < shares[Speech.HJ212] < 0.28
    assert 0.08 < shares[Speech.LAMPBLACK] < 0.12


def test_what_is_sent_is_what_is_read(fleet: Fleet, emission: Emission) -> None:
    sendings = with_readings(fleet, emission)
    assert sum(sending.readings for sending in sendings) == len(emission.readings)
    assert decoded(fleet, sendings, AT_S).faults == []
    got = read_back(fleet, sendings, AT_S)
    assert_same(got, emission.readings)
    assert {"N", "D"} == set(map(chr, got.quality))
    assert np.any(emission.readings.values == SENTINEL)


def test_each_is_read_by_the_profile_of_its_make(fleet: Fleet, emission: Emission) -> None:
    sendings = with_readings(fleet, emission)
    for sending, source in zip(sendings, origins(fleet, sendings), strict=True):
        outlet = fleet.outlets[sending.monitor]
        is_known = outlet.is_listed or outlet.vendor.needs_profile
        is_usual = outlet.speaks is Speech.CANONICAL or not is_known
        assert source.profile == (DEFAULT if is_usual else outlet.vendor.model)
        assert source.key == (fleet.district, outlet.monitor)


def test_without_any_profile_all_is_read_but_for_those_that_need_one() -> None:
    """As `simulate` sends without --speak-all, to a daemon with the shipped configuration."""
    fleet = build(60, 2, AT)
    shipped = config_of_the_demo().model_copy(update={"profile": ()})
    assert {o.speaks for o in fleet.outlets} == {Speech.CANONICAL, Speech.HJ212}
    emission = emit(fleet, [], AT_S, AT_S + 600, 60)
    sendings = with_readings(fleet, emission)
    read = decoded(fleet, sendings, AT_S, shipped)
    assert read.faults == []
    ids = np.array([sending.monitor for sending in sendings], np.int32)
    assert_same(read.readings(ids), emission.readings)


class TestHj212:
    def test_some_monitors_want_each_reading_acknowledged(
        self, fleet: Fleet, emission: Emission
    ) -> None:
        hj212 = set(of(fleet, Speech.HJ212))
        sendings = [s for s in with_readings(fleet, emission) if s.monitor in hj212]
        asking = {s.monitor for s in sendings if parse_first(s.payload).flag.ack}
        assert 0 < len(asking) < len(hj212)
        replies = Counter(
            sendings[each.message].monitor
            for each in decoded(fleet, sendings, AT_S).facts
            if isinstance(each.fact, Reply)
        )
        listed = {m for m in asking if fleet.outlets[m].is_listed}
        assert replies.keys() == listed, "strangers are read by the default profile, which has none"
        one = min(listed)
        assert replies[one] == sum(s.readings for s in sendings if s.monitor == one)

    def test_flags_are_the_channels_own(self) -> None:
        fleet = build(60, 2, AT, speak_all=True)
        monitor = of(fleet, Speech.HJ212)[0]
        trouble = Situation(monitor, Kind.OVER_RANGE, AT_S - 600, AT_S + 600, level=45)
        fields = frames_of(fleet, monitor, [trouble])[0].fields
        assert fields["a34041-Flag"] == "T"
        assert fields["a01012-Flag"] == "N"
        trouble = Situation(monitor, Kind.FAULT, AT_S - 600, AT_S + 600)
        fields = frames_of(fleet, monitor, [trouble])[0].fields
        assert {value for key, value in fields.items() if key.endswith("-Flag")} == {"D"}

    def test_no_two_frames_have_the_same_number(self, fleet: Fleet) -> None:
        monitor = of(fleet, Speech.HJ212)[0]
        lost = Situation(monitor, Kind.BUFFERED, AT_S, AT_S + 600)
        frames = frames_of(fleet, monitor, [lost])
        assert len(frames) > 25
        assert len({frame.header["QN"] for frame in frames}) == len(frames)


def frames_of(fleet: Fleet, monitor: int, situations: list[Situation]) -> list:
    emission = emit(fleet, situations, AT_S, AT_S + 1800, 60)
    payload = next(s.payload for s in messages(fleet, emission) if s.monitor == monitor)
    return [parse(frame + b"\r\n", lenient=False) for frame in payload.split(b"\r\n") if frame]


def parse_first(payload: bytes):
    return parse(payload.split(b"\r\n")[0])


def test_states_of_the_vendor_json_are_1_and_2() -> None:
    fleet = build(60, 2, AT, speak_all=True)
    monitor = of(fleet, Speech.LAMPBLACK)[0]
    start, _ = fleet.spans[monitor, 0]
    noon_s = AT_S - 12 * 3600 + int(start) * 60 + 1800
    off = Situation(monitor, Kind.PURIFIER_OFF, noon_s - 60, noon_s + 600)
    sending = next(
        s for s in messages(fleet, emit(fleet, [off], noon_s, noon_s + 60, 60))
        if s.monitor == monitor
    )  # fmt: skip
    assert b'"fanFlag":2,"purifierFlag":1' in sending.payload
    got = decoded(fleet, [sending], noon_s)
    assert [got.values[INDEX[name], 0] for name in ("fan_on", "purifier_on")] == [1, 0]


@pytest.mark.parametrize(
    ("speech", "turns", "kinds"),
    [
        (Speech.CANONICAL, len(RUBBISH), {"not_json", "bad_time", "no_time", "wrong_monitor"}),
        (
            Speech.LAMPBLACK,
            len(LAMPBLACK_RUBBISH),
            {"not_json", "no_time", "bad_state", "wrong_monitor"},
        ),
        (Speech.HJ212, 5, {"crc_mismatch", "truncated", "wrong_monitor", "sentinel_value"}),
    ],
)
def test_rubbish_is_refused(speech: Speech, turns: int, kinds: set[str], fleet: Fleet) -> None:
    monitor = of(fleet, speech)[0]
    refused = set()
    for turn in range(turns):
        sending = rubbish(fleet, monitor, AT_S + turn)
        assert (sending.readings, sending.is_rubbish) == (0, True)
        read = decoded(fleet, [sending], AT_S)
        assert len(read.faults) == 1
        assert len(read) == 0
        refused.add(read.faults[0][1].kind)
    assert refused >= kinds


def rubbish(fleet: Fleet, monitor: int, at_s: int) -> Sending:
    nothing = emit(fleet, [], AT_S, AT_S, 60)
    broken = Situation(monitor, Kind.MALFORMED, at_s, at_s + 1)
    [sending] = messages(fleet, Emission(nothing.readings, nothing.sent_s, (broken,), ()))
    return sending


def test_topics_are_the_contracts_or_the_vendors_own(fleet: Fleet) -> None:
    pudong = build(60, 2, AT, "pudong", speak_all=True)
    for monitor, outlet in enumerate(pudong.outlets):
        common = f"fume/pudong/{outlet.monitor}/up"
        own = f"zaoan/pudong/{outlet.monitor}/data"
        is_own = outlet.speaks is Speech.LAMPBLACK
        assert reading_topic(pudong, monitor) == (own if is_own else common)
        assert status_topic(pudong, monitor) == f"fume/pudong/{outlet.monitor}/status"
    silent_one = build(60, 2, AT)
    assert {reading_topic(silent_one, m).split("/")[0] for m in range(60)} == {"fume"}


def test_every_channel_is_sent_by_some_make() -> None:
    for vendor in VENDORS:
        assert vendor.reports("fume")
    assert all(any(v.reports(c.name) for v in VENDORS) for c in CHANNELS)
