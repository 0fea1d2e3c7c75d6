"""Monitors that speak HJ 212 or a vendor's own JSON, through the running daemon."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import psycopg
import pytest

from fumewatch.core.decode.hj212.encode import encode
from fumewatch.mqtt import Message, MqttSettings, Subscriber
from tests.daemon.conftest import Daemon, World, reading, until

pytestmark = pytest.mark.timeout(180)

BEIJING = timezone(timedelta(hours=8))
PROFILES = """
[[profile]]
name = "acme"
match = { vendor = "Acme" }
like = "hj212"
downlink = "fume/{district}/{monitor}/down"
[[profile]]
name = "cloud"
topic = "/sys/+/{monitor}/up"
district = "xuhui"
format = "json"
time = "ts"
time_format = "milliseconds"
items = "data"
[profile.channel.fume]
path = "v.ofc"
unit = "µg/m³"
[profile.channel.fan_on]
path = "v.fan"
on = [2, "运行"]
off = [1, "关闭"]
"""


def data_time(minutes_ago: float = 0) -> str:
    return (datetime.now(BEIJING) - timedelta(minutes=minutes_ago)).strftime("%Y%m%d%H%M%S")


def frame(cp: str, command: int = 2011, monitor: str = "M1", flag: str = "5", **more: str) -> bytes:
    header = {"QN": f"{data_time()}000", "ST": "31", "CN": str(command), "PW": "123456"}
    return encode({**header, "MN": monitor, "Flag": flag, **more}, cp)


def exceeding(minutes: int = 9) -> Iterator[bytes]:
    for ago in range(minutes, -1, -1):
        yield frame(f"DataTime={data_time(ago)};a34041-Rtd={1.5 + ago / 100};ga2101-Rtd=1")


def give_vendor(world: World, monitor: str, vendor: str) -> None:
    with psycopg.connect(world.database_url) as conn:
        conn.execute("update monitor set vendor = %s where code = %s", (vendor, monitor))


@contextmanager
def hearing(world: World, topic: str) -> Iterator[list[bytes]]:
    """The payloads that come there, from now on."""
    settings = MqttSettings(
        url=world.broker.url, topic=topic, client_id="device", keep_session=False
    )
    states: list[bool] = []
    subscriber = Subscriber(settings, lambda is_up, _: states.append(is_up))
    subscriber.start()
    heard = _Heard(subscriber)
    try:
        until(lambda: any(states))
        yield heard
    finally:
        subscriber.stop()


class _Heard(list[bytes]):
    def __init__(self, subscriber: Subscriber) -> None:
        super().__init__()
        self._subscriber = subscriber

    def wait(self, count: int) -> list[bytes]:
        end = time.monotonic() + 30
        while len(self) < count and time.monotonic() < end:
            if batch := self._subscriber.take(100, 0.2):
                messages: list[Message] = batch.messages
                self.extend(message[1] for message in messages)
                self._subscriber.ack(batch)
        return list(self)


def answered(daemon: Daemon, path: str) -> Any:
    return json.loads(daemon.get(path)[1])


def test_a_monitor_that_speaks_hj_212_warns_without_any_profile(world: World):
    world.assign("M1")
    daemon = world.daemon().start()
    for sent in exceeding():
        world.publish_raw("fume/xuhui/M1/up", sent)
    until(lambda: world.sink.bodies, daemon.log)
    assert world.sink.bodies[0]["rule"] == "exceedance"
    assert world.count("dead_letter") == 0


def test_who_asks_is_answered_after_the_commit_and_again_for_a_repetition(world: World):
    world.assign("M1")
    give_vendor(world, "M1", "Acme")
    daemon = world.daemon(more=PROFILES).start()
    sent = frame(f"DataTime={data_time()};a34041-Rtd=0.4;ga2101-Rtd=1")
    with hearing(world, "fume/+/+/down") as heard:
        world.publish_raw("fume/xuhui/M1/up", sent)
        world.publish_raw("fume/xuhui/M1/up", sent)
        replies = heard.wait(2)
    assert len(replies) == 2, daemon.log()
    assert world.count("reading") == 1
    qn = sent[sent.index(b"QN=") : sent.index(b";ST")]
    assert all(qn in reply and b"CN=9014" in reply and b"MN=M1" in reply for reply in replies)


def test_a_vendors_own_json_on_a_topic_of_its_own(world: World):
    daemon = world.daemon(more=PROFILES).start()
    now_ms = int(time.time() * 1000)
    payload = {
        "data": [
            {"ts": now_ms, "v": {"ofc": 820, "fan": "运行"}},
            {"ts": now_ms - 60_000, "v": {"ofc": "410.5", "fan": 1}},
        ]
    }
    world.publish_raw("/sys/p1/D7/up", json.dumps(payload).encode())
    world.publish_raw(
        "/sys/p1/D7/up", json.dumps({"data": [{"ts": now_ms, "v": {"ofc": "-"}}]}).encode()
    )
    until(lambda: world.count("reading") == 2 and world.count("dead_letter") == 1, daemon.log)
    stored = world.rows("select fume, fan_on from reading order by measured_at")
    assert stored == [(410, 0) if stored[0][0] == 410 else (411, 0), (820, 1)]
    assert world.rows("select district, code from monitor") == [("xuhui", "D7")]
    assert world.rows("select profile, kind from dead_letter") == [("cloud", "wrong_type")]


def test_a_vendor_given_later_changes_how_its_payloads_are_read(world: World):
    more = PROFILES.replace('like = "hj212"', 'channel.fume = { code = "X1" }')
    world.assign("M1")
    daemon = world.daemon(more=more).start()
    world.publish_raw("fume/xuhui/M1/up", frame(f"DataTime={data_time(2)};X1-Rtd=0.4"))
    until(lambda: world.count("dead_letter") == 1, daemon.log)
    give_vendor(world, "M1", "Acme")

    world.publish("NEW", reading())  # a monitor never heard of: the roster is loaded anew
    until(lambda: world.count("reading") == 1, daemon.log)
    until(lambda: _reads_own(world), daemon.log)


def _reads_own(world: World) -> bool:
    world.publish_raw("fume/xuhui/M1/up", frame(f"DataTime={data_time(1)};X1-Rtd=0.5"))
    time.sleep(0.2)
    return (500,) in world.rows("select fume from reading")


def test_what_devices_tell_besides_is_kept_once(world: World):
    world.assign("M1")
    daemon = world.daemon().start()
    hour = (datetime.now(BEIJING) - timedelta(hours=2)).strftime("%Y%m%d%H0000")
    for _ in range(2):
        world.publish_raw("fume/xuhui/M1/up", frame(f"DataTime={hour};RestartTime={hour}", 2081))
        world.publish_raw(
            "fume/xuhui/M1/up", frame(f"DataTime={hour};PolId=a34041;i11001-Info=//清洗//", 3020)
        )
        world.publish_raw("fume/xuhui/M1/up", frame(f"DataTime={hour};a34041-Avg=0.8", 2061))
        world.publish_raw("fume/xuhui/M1/up", frame("", 9015))
    world.publish("M1", reading())
    until(lambda: world.count("reading") == 1, daemon.log)
    assert sorted(world.rows("select kind from device_event")) == [("log",), ("restart",)]
    assert world.rows("select interval, channel, mean from device_aggregate") == [
        ("hour", "fume", 800)
    ]
    assert world.rows("select heard_at is not null from monitor") == [(True,)]
    assert world.count("dead_letter") == 0


def test_split_packets_become_one_reading_though_they_come_apart(world: World):
    daemon = world.daemon().start()
    at = data_time()
    packets = [
        frame(f"DataTime={at};a34041-Rtd=0.8", flag="7", PNUM="2", PNO="1"),
        frame(f"DataTime={at};a34000-Rtd=1.4", flag="7", PNUM="2", PNO="2"),
    ]
    for number, packet in enumerate(packets, 1):
        world.publish_raw("fume/xuhui/M1/up", packet)
        until(
            lambda n=number: world.rows("select num_nonnulls(fume, pm) from reading") == [(n,)],
            daemon.log,
        )
    assert world.rows("select fume, pm from reading") == [(800, 1400)]


def test_a_frame_of_another_monitor_is_refused(world: World):
    daemon = world.daemon().start()
    world.publish_raw(
        "fume/xuhui/M1/up", frame(f"DataTime={data_time()};a34041-Rtd=9", monitor="M2")
    )
    until(lambda: world.count("dead_letter") == 1, daemon.log)
    assert world.rows("select kind, profile from dead_letter") == [("wrong_monitor", "default")]
    assert (world.count("reading"), world.count("monitor")) == (0, 0)
    now = datetime.now(UTC).isoformat()
    assert "fumewatch_dead_letters_total" in daemon.get("/metrics")[1], now
