"""`simulate` on a real mosquitto: what it says it sent is what arrives."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fumewatch.core.sites_csv import parse
from fumewatch.demo.fleet import LIMIT_PROFILE, Fleet
from fumewatch.demo.names import Speech
from fumewatch.demo.sender import Sender
from fumewatch.demo.simulate import Figures, Scene, SimulateOptions, simulate
from fumewatch.demo.situations import Kind, Situation
from fumewatch.demo.wire import Sending, reading_topic
from fumewatch.mqtt.settings import MqttSettings
from tests.demo.listener import Heard, listening, wait_for
from tests.demo.reader import read_back
from tests.fixtures.broker import Broker

BEGINS = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
BEGINS_S = int(BEGINS.timestamp())


class Clock:
    """Runs `pace` times as fast as the wall's, from BEGINS."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._began = time.monotonic()

    def __call__(self) -> datetime:
        return BEGINS + timedelta(seconds=self._pace * (time.monotonic() - self._began))


def options(at: Broker, **changes: Any) -> SimulateOptions:
    usual = SimulateOptions(
        MqttSettings(url=at.url),
        monitors=30,
        interval=timedelta(seconds=5),
        seed=5,
        duration=timedelta(seconds=60),
        is_dense=True,
    )
    return replace(usual, **changes)


def quiet(_: Figures) -> None:
    pass


def readings_in(heard: Heard, fleet: Fleet) -> list[tuple[str, float]]:
    """(monitor's code, measured at) of all that the demo's configuration reads."""
    numbers = {reading_topic(fleet, monitor): monitor for monitor in range(len(fleet))}
    heard_of = [*heard.on("/up"), *heard.on("/data")]
    sendings = [Sending(numbers[message.topic], message.payload) for message in heard_of]
    readings = read_back(fleet, sendings, BEGINS_S)
    codes = [fleet.outlets[monitor].monitor for monitor in readings.monitor]
    return list(zip(codes, (readings.measured_at / 1e6).tolist(), strict=True))


def test_what_it_counts_arrives(broker: Broker, tmp_path: Path) -> None:
    plan = options(
        broker,
        backfill=timedelta(hours=2),
        speak_all=True,
        sites_csv=tmp_path / "sites.csv",
        labels=tmp_path / "labels.jsonl",
    )
    scene = Scene.set_up(plan, BEGINS)
    with listening(broker.url, "#") as heard:
        sent = simulate(plan, Clock(pace=30), threading.Event(), quiet, scene)
        wait_for(lambda: len(heard.on("/up")) + len(heard.on("/data")) == sent.messages)
        wait_for(lambda: len(heard.on("/status")) == sent.status_messages)
    assert sent.confirmed == sent.messages + sent.status_messages
    readings = readings_in(heard, scene.fleet)
    assert len(readings) == sent.readings
    assert 30 * 120 * 0.8 < sent.readings < 30 * (120 + 12) * 1.02
    assert sent.told > 0
    assert {o.speaks for o in scene.fleet.outlets} == set(Speech)
    sites = parse(plan.sites_csv.read_bytes(), "sites.csv", [LIMIT_PROFILE])
    assert {monitor.code for monitor in sites.monitors} >= {code for code, _ in readings}
    labels = [json.loads(line) for line in plan.labels.read_text().splitlines()]
    kinds = Counter(label["kind"] for label in labels)
    assert kinds["malformed"] == sent.malformed
    assert min(kinds["exceedance"], kinds["edited"]) >= 1
    assert all(label["start"] < label["end"] for label in labels)


@pytest.mark.soak
def test_a_power_cut_is_told_by_the_last_will(broker: Broker) -> None:
    plan = options(broker, monitors=3, duration=timedelta(seconds=60))
    at_s = int(BEGINS.timestamp())
    cut = Situation(1, Kind.POWER_CUT, at_s + 15, at_s + 40)
    scene = replace(Scene.set_up(plan, BEGINS), situations=[cut])
    code = scene.fleet.outlets[1].monitor
    with listening(broker.url, "fume/#") as heard:
        simulate(plan, Clock(pace=10), threading.Event(), quiet, scene)
        statuses = [m.payload for m in heard.on(f"{code}/status")]
        assert statuses == [b"online", b"offline", b"online"]
    measured = [when for who, when in readings_in(heard, scene.fleet) if who == code]
    assert measured
    assert not [when for when in measured if at_s + 15 <= when < at_s + 40]


@pytest.mark.soak
def test_it_survives_a_broker_restart(broker: Broker) -> None:
    """Every reading arrives though the broker was away in the middle."""
    plan = options(broker, duration=timedelta(seconds=8), interval=timedelta(seconds=1))
    troubles: list[str] = []
    with listening(broker.url, "fume/+/+/up") as heard:
        sent = _in_thread(plan, lambda figures: troubles.append(figures.trouble))
        time.sleep(2)
        broker.stop()
        time.sleep(2)
        broker.start()
        figures = sent()
        wait_for(lambda: len({m.payload for m in heard.on("/up")}) >= distinct(figures))
    assert figures.confirmed == figures.messages + figures.status_messages
    assert "the broker cannot be reached" in troubles
    assert figures.trouble == ""


def test_it_stops_at_once_when_no_broker_is_there(brokers: Callable[..., Broker]) -> None:
    plan = options(brokers(start=False), monitors=2000, duration=None)
    stop = threading.Event()
    threading.Timer(1.5, stop.set).start()
    began = time.monotonic()
    sent = simulate(plan, Clock(), stop, quiet)
    assert time.monotonic() - began < 8
    assert sent.confirmed == 0
    assert sent.trouble == "the broker cannot be reached"


def test_nobody_waits_for_a_broker_that_turns_out_not_to_be_there(
    brokers: Callable[..., Broker],
) -> None:
    settings = MqttSettings(url=brokers(start=False).url)
    sender = Sender(settings, "early")
    sender.send("fume/xuhui/M1/up", b"{}", threading.Event())
    sender.trouble = ""  # as it is before the first attempt has failed
    began = time.monotonic()
    assert not sender.settle(10)
    assert time.monotonic() - began < 8
    sender.close()


def test_a_refusal_is_told(brokers: Callable[..., Broker]) -> None:
    closed = brokers("allow_anonymous false")
    plan = options(closed, monitors=1, duration=timedelta(seconds=1))
    sent = simulate(plan, Clock(), threading.Event(), quiet)
    assert "refuses us" in sent.trouble


@pytest.mark.parametrize("version", [4, 5])
def test_both_versions_of_mqtt(broker: Broker, version: int) -> None:
    plan = options(
        broker,
        broker=MqttSettings(url=broker.url, version=version),
        duration=timedelta(seconds=20),
    )
    sent = simulate(plan, Clock(pace=10), threading.Event(), quiet)
    assert sent.readings > 30
    assert sent.confirmed == sent.messages + sent.status_messages


def _in_thread(
    plan: SimulateOptions, on_progress: Callable[[Figures], None]
) -> Callable[[], Figures]:
    results: list[Figures] = []
    work = threading.Thread(
        target=lambda: results.append(simulate(plan, Clock(), threading.Event(), on_progress))
    )
    work.start()

    def result() -> Figures:
        work.join(60)
        return results[0]

    return result


def distinct(figures: Figures) -> int:
    """A reading that is sent twice has one payload: allow for a few."""
    return int(figures.messages * 0.99)
