"""The subscriber with a real mosquitto: at least once, in order, bounded, and never stuck."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fumewatch.demo import broker as embedded
from fumewatch.mqtt import DUP, RETAIN, TRUNCATED, Publisher
from fumewatch.mqtt import subscriber as subscriber_module
from tests.fixtures.broker import Broker
from tests.mqtt.conftest import HandmadeBroker, Listener, eventually, numbers, payloads

Listen = Callable[..., Listener]
Publish = Callable[..., Publisher]
Brokers = Callable[..., Broker]

UP = "fume/xuhui/FM01/up"
STATUS = "fume/xuhui/FM01/status"
CONNACK_5 = b"\x20\x03\x00\x00\x00"
SUBACK_5 = b"\x90\x05\x00\x01\x00"  # and two reason codes


def send(publisher: Publisher, *payloads: object) -> None:
    publisher.publish_many([(UP, str(payload).encode(), False) for payload in payloads])


@pytest.mark.usefixtures("reader_kind")
@pytest.mark.parametrize("version", [4, 5])
def test_messages_come_in_order(
    broker: Broker, listen: Listen, publisher: Publish, version: int
) -> None:
    listener = listen(broker.url, version=version)
    assert listener.wait_until(True) == "connected"
    send(publisher(broker.url, version=version), *range(3000))
    messages = listener.receive(3000)
    assert numbers(messages) == list(range(3000))
    assert {(topic, flags) for topic, _, _, flags in messages} == {(UP.encode(), 0x32)}
    assert listener.subscriber.depth == 0


@pytest.mark.usefixtures("reader_kind")
def test_what_was_not_acked_comes_again_after_a_broker_restart(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    send(publisher(broker.url), *range(300))
    first = next(listener.batches(1))
    listener.subscriber.ack(first)
    acked = len(first.messages)
    listener.receive(300 - acked, ack=False)
    assert eventually(lambda: listener.subscriber.depth == 300 - acked)
    send(publisher(broker.url), "300")  # the acks went out before this came back
    listener.receive(1, ack=False)
    broker.restart()
    again = listener.receive(301 - acked)
    assert numbers(again) == list(range(acked, 301))
    assert all(flags & DUP for *_, flags in again)
    assert listener.subscriber.generation > 1


def test_a_power_cut_of_the_broker_loses_nothing_it_had_saved(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    send(publisher(broker.url), *range(100))
    listener.receive(100, ack=False)
    saved = broker.directory / "data" / "mosquitto.db"
    assert eventually(lambda: saved.exists() and saved.read_bytes().count(UP.encode()) >= 100)
    broker.kill()
    listener.wait_until(False)
    broker.start()
    assert numbers(listener.receive(100)) == list(range(100))


@pytest.mark.soak
def test_nothing_is_lost_while_the_broker_comes_and_goes(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    """With acks for some batches only: the others come again after the next restart."""
    listener = listen(broker.url, inbox_limit=1000)
    listener.wait_until(True)
    numbered = ((UP, str(n).encode(), False) for n in range(6000))
    sending = threading.Thread(target=publisher(broker.url).publish_many, args=(numbered,))
    sending.start()
    missing = set(range(6000))
    for turn in range(1000):
        if turn in (5, 10, 15):
            broker.restart()
        if batch := listener.subscriber.take(50 + turn, 0.5):
            missing -= set(numbers(batch.messages)) if turn % 3 else set()
            if turn % 3:
                listener.subscriber.ack(batch)
        if turn > 15 and not sending.is_alive() and batch is None:
            break
    broker.restart()
    while missing:
        missing -= set(numbers(listener.receive(1)))
    sending.join()


def test_a_broker_that_goes_while_we_do_not_read_is_noticed(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url, inbox_limit=10)
    listener.wait_until(True)
    send(publisher(broker.url), *range(100))
    assert eventually(lambda: listener.subscriber.depth >= 10)
    broker.stop()
    listener.wait_until(False)
    broker.start()
    assert numbers(listener.receive(100))[-1] == 99


def test_an_ack_for_an_earlier_connection_is_dropped(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    send(publisher(broker.url), *range(10))
    (old,) = listener.batches(10)
    broker.restart()
    assert eventually(lambda: listener.subscriber.generation == old.generation + 1)
    (new,) = listener.batches(10)
    listener.subscriber.ack(old)
    time.sleep(0.3)
    broker.restart()
    assert numbers(listener.receive(10)) == list(range(10))  # the old ack did nothing
    listener.subscriber.ack(new)


def test_messages_wait_at_the_broker_while_we_are_away(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    before = listen(broker.url)
    before.wait_until(True)
    before.subscriber.stop()
    assert before.states[-1] == (False, "stopped")
    send(publisher(broker.url), *range(1500))
    assert numbers(listen(broker.url).receive(1500)) == list(range(1500))


def test_what_a_forgetful_broker_no_longer_has_is_not_thrown_away(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    broker = brokers("persistence false")
    listener = listen(broker.url)
    listener.wait_until(True)
    send(publisher(broker.url), *range(50))
    assert eventually(lambda: listener.subscriber.depth == 50)
    broker.restart()
    assert eventually(lambda: listener.subscriber.generation == 2)
    listener.wait_until(True)
    assert numbers(listener.receive(50)) == list(range(50))
    assert listener.subscriber.depth == 0


def test_what_a_killed_broker_handed_over_since_it_saved_is_not_thrown_away(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    """It knows us, and not what it gave us: so that is nowhere but in our inbox."""
    broker = brokers("autosave_interval 1800")
    listener = listen(broker.url)
    listener.wait_until(True)
    os.kill(broker.pid, signal.SIGUSR1)  # save now
    assert eventually((broker.directory / "data" / "mosquitto.db").exists)
    send(publisher(broker.url), *range(50))
    assert eventually(lambda: listener.subscriber.depth == 50)
    broker.kill()
    broker.start()
    assert eventually(lambda: listener.subscriber.generation >= 2)
    listener.wait_until(True)
    assert numbers(listener.receive(50)) == list(range(50))


def test_without_a_session_nothing_waits(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    before = listen(broker.url, keep_session=False)
    before.wait_until(True)
    before.subscriber.stop()
    send(publisher(broker.url), 1)
    after = listen(broker.url, keep_session=False)
    after.wait_until(True)
    assert after.subscriber.take(10, 0.5) is None


@pytest.mark.usefixtures("reader_kind")
def test_retained_statuses_come_at_each_connect(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    publisher(broker.url).publish(STATUS, b"online", retain=True)
    listener = listen(broker.url)
    for _ in range(2):
        ((topic, payload, _, flags),) = listener.receive(1)
        assert (topic, payload, flags & RETAIN) == (STATUS.encode(), b"online", RETAIN)
        broker.restart()


@pytest.mark.soak
@pytest.mark.usefixtures("reader_kind")
def test_a_flood_waits_at_the_broker_and_none_of_it_is_lost(
    broker: Broker, listen: Listen, publisher: Publish, reader_kind: str
) -> None:
    """Full for longer than the broker's patience with a silent client."""
    total = 20_000 if reader_kind == "batches" else 3_000
    listener = listen(broker.url, inbox_limit=500, keepalive="2s")
    listener.wait_until(True)
    numbered = [(UP, f"{n:0200d}".encode(), False) for n in range(total)]
    publisher(broker.url).publish_many(numbered)
    deepest = 0
    for _ in range(50):
        time.sleep(0.1)
        deepest = max(deepest, listener.subscriber.depth)
    assert 500 <= deepest <= 500 + 256 * 1024 // 200
    assert numbers(listener.receive(total)) == list(range(total))
    assert listener.states == [(True, "connected")]
    assert listener.subscriber.generation == 1


@pytest.mark.soak
@pytest.mark.usefixtures("reader_kind")
def test_an_idle_connection_lives_on(broker: Broker, listen: Listen, publisher: Publish) -> None:
    listener = listen(broker.url, keepalive="2s")
    listener.wait_until(True)
    time.sleep(4)
    send(publisher(broker.url), 1)
    listener.receive(1)
    assert listener.states == [(True, "connected")]


def test_a_broker_that_hangs_is_given_up_and_found_again(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url, keepalive="1s")
    listener.wait_until(True)
    broker.freeze()
    assert listener.wait_until(False) == "the broker does not answer"
    broker.thaw()
    listener.wait_until(True)
    send(publisher(broker.url), 1)
    listener.receive(1)


def test_a_broker_that_starts_later_is_found(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    broker = brokers(start=False)
    listener = listen(broker.url)
    assert listener.wait_until(False) == "connection refused"
    broker.start()
    listener.wait_until(True)
    send(publisher(broker.url), 1)
    listener.receive(1)
    assert listener.states == [(False, "connection refused"), (True, "connected")]


@pytest.mark.soak
@pytest.mark.skipif(not embedded.is_installed(), reason="iotcore is not installed")
def test_a_small_window_of_the_broker_is_learned(
    tmp_path: Path, listen: Listen, publisher: Publish
) -> None:
    """rumqttd allows 100 un-acked messages, whatever we ask: 500 a second if each waits 200 ms."""
    with embedded.Broker(tmp_path) as broker:
        before = listen(broker.url)
        before.wait_until(True)
        before.subscriber.stop()
        send(publisher(broker.url), *range(5000))
        listener = listen(broker.url)
        began = time.monotonic()
        assert numbers(listener.receive(5000)) == list(range(5000))
        assert time.monotonic() - began < 8  # 10 s at 500 a second


@pytest.mark.usefixtures("reader_kind")
def test_of_a_message_too_long_the_beginning_comes_and_the_rest_goes_on(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url, max_message=100_000)
    listener.wait_until(True)
    send(publisher(broker.url), "before", "x" * 3_000_000, "after")
    before, long, after = listener.receive(3)
    assert payloads([before, after]) == [b"before", b"after"]
    assert (long[1], long[3] & TRUNCATED) == (b"x" * 1024, TRUNCATED)
    time.sleep(0.3)
    broker.restart()
    listener.wait_until(True)
    assert listener.subscriber.take(10, 1.0) is None  # all three were acked


def test_stopping_is_quick_whatever_the_broker_does(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    up, down = brokers(), brokers(start=False)
    listeners = [listen(up.url), listen(down.url), listen(up.url, start=False)]
    listeners[0].wait_until(True)
    listeners[1].wait_until(False)
    send(publisher(up.url), 1)
    for listener in listeners:
        began = time.monotonic()
        listener.subscriber.stop()
        listener.subscriber.stop()
        assert time.monotonic() - began < 2
        assert not listener.subscriber.alive


def test_take_ends_when_the_subscriber_is_stopped(broker: Broker, listen: Listen) -> None:
    listener = listen(broker.url)
    timer = threading.Timer(0.2, listener.subscriber.stop)
    timer.start()
    began = time.monotonic()
    assert listener.subscriber.take(10, 10) is None
    assert time.monotonic() - began < 5
    timer.join()


def test_a_mistake_in_the_network_thread_ends_the_connection_only(
    broker: Broker, listen: Listen, publisher: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    mistakes = iter([ZeroDivisionError("oops")])
    real = subscriber_module.Pace.note

    def fails_once(*args: object, **kwargs: object) -> None:
        for mistake in mistakes:
            raise mistake
        real(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(subscriber_module.Pace, "note", fails_once)
    send(publisher(broker.url), *range(5))
    assert numbers(listener.receive(5)) == list(range(5))
    assert (False, "internal error: oops") in listener.states
    assert listener.subscriber.alive


def test_a_listener_that_fails_does_not_stop_the_subscriber(
    broker: Broker, listen: Listen, publisher: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Listener, "_note", lambda *_: 1 // 0)
    listener = listen(broker.url)
    send(publisher(broker.url), 0)
    send(publisher(broker.url), 1)
    assert eventually(lambda: listener.subscriber.generation == 1)
    assert listener.subscriber.alive


@pytest.mark.parametrize(
    ("suback", "is_up", "why"),
    [
        (b"\x01\x01", True, "connected"),
        (
            b"\x00\x00",
            True,
            "connected, but the broker grants QoS 0 only: an outage loses messages",
        ),
        (b"\x87\x01", False, "not allowed to subscribe to fume/+/+/up"),
        (b"\x87\x87", False, "not allowed to subscribe to fume/+/+/up and fume/+/+/status"),
    ],
)
def test_what_the_broker_grants_is_looked_at(
    handmade: Callable[..., HandmadeBroker], listen: Listen, suback: bytes, is_up: bool, why: str
) -> None:
    broker = handmade((CONNACK_5, SUBACK_5 + suback))
    listener = listen(broker.url)
    eventually(lambda: listener.states)
    assert listener.states[0] == (is_up, why)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"\xd0\xff\xff\xff\xff\x01", "protocol error: a length of more than four bytes"),
        (b"\x20\x01\x00", "protocol error: CONNACK packet is too small"),
        (
            b"\x20\x02\x00\x01",
            "the broker does not speak this MQTT version; set version = 4",
        ),
        (b"\x20\x03\x00\x87\x00", "not authorised"),
        (b"\x20\x03\x00\x86\x00", "wrong user name or password"),
        (b"\x20\x03\x00\x89\x00", "server busy"),
    ],
)
def test_a_broker_that_does_not_let_us_in_is_tried_again(
    handmade: Callable[..., HandmadeBroker], listen: Listen, answer: bytes, why: str
) -> None:
    broker = handmade((answer, b""), (CONNACK_5, SUBACK_5 + b"\x01\x01"))
    listener = listen(broker.url)
    listener.wait_until(True)
    assert listener.states[0] == (False, why)


def test_the_brokers_own_keepalive_is_obeyed(
    handmade: Callable[..., HandmadeBroker], listen: Listen
) -> None:
    one_second = b"\x20\x06\x00\x00\x03\x13\x00\x01"
    broker = handmade((one_second, SUBACK_5 + b"\x01\x01"))
    listen(broker.url, keepalive="60s").wait_until(True)
    assert broker.receive() == b"\xc0\x00"  # a PINGREQ


def test_the_reason_of_a_disconnect_is_told(
    handmade: Callable[..., HandmadeBroker], listen: Listen
) -> None:
    taken_over = b"\xe0\x02\x8e\x00"
    broker = handmade((CONNACK_5, SUBACK_5 + b"\x01\x01" + taken_over))
    listener = listen(broker.url)
    assert listener.wait_until(False) == "another client with the same client_id took over"
