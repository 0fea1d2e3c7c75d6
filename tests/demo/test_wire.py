"""The fleet's messages, read back by the daemon's own decoder."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fumewatch.core.decode import Decoded, Horizon, decode
from fumewatch.core.reading import MISSING, Readings
from fumewatch.demo.fleet import Fleet, build
from fumewatch.demo.signal import SENTINEL, Emission, emit
from fumewatch.demo.situations import Kind, Situation, plan
from fumewatch.demo.wire import RUBBISH, Sending, messages, reading_topic, status_topic

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
AT_S = int(AT.timestamp())
DAY_US = 86_400_000_000


def decoded(fleet: Fleet, sendings: list[Sending], at_s: int = AT_S) -> Decoded:
    codes = [fleet.outlets[sending.monitor].monitor for sending in sendings]
    horizon = Horizon(at_s * 1_000_000 - DAY_US, at_s * 1_000_000 + DAY_US)
    return decode([s.payload for s in sendings], codes, at_s * 1_000_000, horizon)


def read_back(fleet: Fleet, sendings: list[Sending], at_s: int) -> Readings:
    """What the daemon would store of these messages; a monitor's number is its index."""
    ids = np.array([s.monitor for s in sendings], np.int32)
    return decoded(fleet, sendings, at_s).readings(ids)


def test_what_is_sent_is_what_is_read() -> None:
    fleet = build(60, 2, AT)
    emission = emit(fleet, plan(fleet, AT, AT + timedelta(hours=2)), AT_S, AT_S + 7200, 60)
    sendings = [s for s in messages(fleet, emission) if s.readings]
    assert sum(s.readings for s in sendings) == len(emission.readings)
    read = decoded(fleet, sendings)
    assert read.faults == []
    ids = np.array([s.monitor for s in sendings], np.int32)
    got = read.readings(ids)
    order = np.argsort(emission.readings.monitor, kind="stable")
    sent = emission.readings.take(order)
    assert np.array_equal(got.monitor, sent.monitor)
    assert np.array_equal(got.measured_at, sent.measured_at)
    assert np.array_equal(got.quality, sent.quality)
    assert np.array_equal(got.values, np.where(sent.values == SENTINEL, MISSING, sent.values))


@pytest.mark.parametrize("rubbish", RUBBISH)
def test_rubbish_is_refused(rubbish: bytes) -> None:
    read = decoded(build(1, 1, AT), [Sending(0, rubbish, 0)])
    assert len(read.faults) == 1
    assert len(read) == 0


def test_rubbish_goes_out_besides_the_readings() -> None:
    fleet = build(2, 1, AT)
    nothing = emit(fleet, [], AT_S, AT_S, 60)
    broken = Situation(1, Kind.MALFORMED, AT_S, AT_S + 1)
    sendings = list(messages(fleet, Emission(nothing.readings, nothing.sent_s, (broken,), ())))
    assert [(s.monitor, s.readings) for s in sendings] == [(1, 0)]


def test_topics_are_the_contracts() -> None:
    fleet = build(1, 1, AT, "pudong")
    code = fleet.outlets[0].monitor
    assert reading_topic(fleet, 0) == f"fume/pudong/{code}/up"
    assert status_topic(fleet, 0) == f"fume/pudong/{code}/status"
