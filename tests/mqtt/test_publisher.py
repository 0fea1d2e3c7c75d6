"""The publisher with a real mosquitto: waits for the broker's word, and gives up in time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from fumewatch.core.errors import BrokerUnavailable
from fumewatch.mqtt import RETAIN, Publisher, Will
from fumewatch.mqtt import publisher as publisher_module
from tests.fixtures.broker import Broker
from tests.mqtt.conftest import Listener, eventually, numbers

Listen = Callable[..., Listener]
Publish = Callable[..., Publisher]
Brokers = Callable[..., Broker]

UP = "fume/xuhui/FM01/up"
STATUS = "fume/xuhui/FM01/status"


@pytest.mark.usefixtures("reader_kind")
@pytest.mark.parametrize("version", [4, 5])
@pytest.mark.parametrize("qos", [0, 1])
def test_a_message_arrives(
    broker: Broker, listen: Listen, publisher: Publish, version: int, qos: int
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    publisher(broker.url, version=version).publish(UP, "雨", qos)
    ((topic, payload, _, _),) = listener.receive(1)
    assert (topic, payload.decode()) == (UP.encode(), "雨")


def test_it_connects_at_first_use_only(broker: Broker, publisher: Publish) -> None:
    ours = publisher(broker.url)
    assert not [t for t in threading.enumerate() if t.name.startswith("mqtt-")]
    ours.stop()
    with pytest.raises(BrokerUnavailable, match="stopped"):
        ours.publish(UP, b"1")


@pytest.mark.usefixtures("reader_kind")
def test_an_unreachable_broker_is_reported_in_time(brokers: Brokers, publisher: Publish) -> None:
    ours = publisher(brokers(start=False).url)
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable, match=r"no answer in 0.5 s: connection refused"):
        ours.publish(UP, b"1", timeout=0.5)
    assert time.monotonic() - began < 2


def test_a_broker_that_hangs_is_reported_in_time(broker: Broker, publisher: Publish) -> None:
    ours = publisher(broker.url)
    ours.publish(UP, b"1")
    broker.freeze()
    with pytest.raises(BrokerUnavailable, match=r"no answer in 0.5 s"):
        ours.publish(UP, b"2", timeout=0.5)
    broker.thaw()
    ours.publish(UP, b"3")


def test_a_message_given_up_is_not_sent_later(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    broker = brokers(start=False)
    ours = publisher(broker.url)
    with pytest.raises(BrokerUnavailable):
        ours.publish(UP, b"1", timeout=0.2)
    broker.start()
    listener = listen(broker.url)
    listener.wait_until(True)
    ours.publish(UP, b"2")
    assert numbers(listener.receive(1)) == [2]


def test_a_broker_that_comes_back_gets_the_message_that_waits(
    brokers: Brokers, publisher: Publish
) -> None:
    broker = brokers(start=False)
    timer = threading.Timer(0.5, broker.start)
    timer.start()
    publisher(broker.url).publish(UP, b"1", timeout=10)
    timer.join()


def test_many_threads_may_publish(broker: Broker, listen: Listen, publisher: Publish) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    ours = publisher(broker.url)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: ours.publish(UP, str(n)), range(200)))
    assert sorted(numbers(listener.receive(200))) == list(range(200))


@pytest.mark.usefixtures("reader_kind")
@pytest.mark.parametrize("window", [1, 30, 1000])
def test_many_messages_keep_their_order(
    broker: Broker, listen: Listen, publisher: Publish, window: int
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    messages = [(UP, str(n).encode(), False) for n in range(1000)]
    assert publisher(broker.url).publish_many(messages, window=window) == 1000
    assert numbers(listener.receive(1000)) == list(range(1000))


def test_the_brokers_own_window_is_respected(
    brokers: Brokers, listen: Listen, publisher: Publish
) -> None:
    """mosquitto throws out who sends more than its receive maximum."""
    broker = brokers("max_inflight_messages 5")
    states: list[tuple[bool, str]] = []
    ours = publisher(broker.url, on_state=lambda *state: states.append(state))
    ours.publish_many([(UP, b"1", False)] * 500)
    assert states == [(True, "connected")]


def test_a_broker_restart_amid_many_messages_loses_none(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    listener = listen(broker.url)
    listener.wait_until(True)
    restart = threading.Timer(0.1, broker.restart)

    def messages() -> object:
        for n in range(3000):
            if n == 500:
                restart.start()
            if n > 2000:
                time.sleep(0.0005)
            yield UP, str(n).encode(), False

    assert publisher(broker.url).publish_many(messages()) == 3000  # type: ignore[arg-type]
    restart.join()
    missing = set(range(3000))
    for batch in listener.batches(10**9):
        missing -= set(numbers(batch.messages))
        listener.subscriber.ack(batch)
        if not missing:
            break


def test_many_messages_give_up_when_nothing_moves(broker: Broker, publisher: Publish) -> None:
    ours = publisher(broker.url)
    ours.publish(UP, b"1")
    broker.freeze()
    with pytest.raises(BrokerUnavailable):
        ours.publish_many([(UP, b"2", False)] * 2000, timeout=0.5)


@pytest.mark.parametrize("topic", ["fume/#", "fume/+/x", ""])
def test_a_topic_that_cannot_be_is_refused(broker: Broker, publisher: Publish, topic: str) -> None:
    ours = publisher(broker.url, version=4)
    with pytest.raises(BrokerUnavailable, match="cannot be sent"):
        ours.publish(topic, b"1")


def test_the_broker_publishes_the_last_will(
    broker: Broker, listen: Listen, publisher: Publish
) -> None:
    ours = publisher(broker.url, will=Will(STATUS, b"offline"))
    ours.publish(STATUS, b"online", retain=True)
    listener = listen(broker.url)
    ((_, payload, _, flags),) = listener.receive(1)
    assert (payload, flags & RETAIN) == (b"online", RETAIN)
    ours.publish("x" * 1000, b"")
    cut(ours)
    ((_, payload, _, _),) = listener.receive(1)
    assert payload == b"offline"
    ours.stop()  # a goodbye has no will
    assert listener.subscriber.take(1, 0.5) is None


def cut(publisher: Publisher) -> None:
    """As a power cut at the monitor's: the connection ends without a goodbye."""
    role = publisher._role
    real, done = role.work, threading.Event()

    def fail(client: object) -> None:
        role.work = real  # type: ignore[method-assign]
        done.set()
        raise ConnectionResetError("cut")

    role.work = fail  # type: ignore[method-assign, assignment]
    publisher._network.wake()
    assert done.wait(5)


def test_stopping_tells_who_still_waits(brokers: Brokers, publisher: Publish) -> None:
    ours = publisher(brokers(start=False).url)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ours.publish, UP, b"1", timeout=30)
        assert eventually(lambda: ours._role.queue)
        ours.stop()
        with pytest.raises(BrokerUnavailable, match="stopped"):
            waiting.result(5)


def test_each_publisher_has_a_client_id_of_its_own(broker: Broker, publisher: Publish) -> None:
    states: list[tuple[bool, str]] = []
    both = [publisher(broker.url, on_state=lambda *s: states.append(s)) for _ in range(2)]
    for ours in both * 2:
        ours.publish(UP, b"1")
    assert states == [(True, "connected")] * 2
    assert publisher_module._WINDOW >= 1


def test_a_message_that_the_broker_cannot_stand_stops_no_other(
    broker: Broker, publisher: Publish
) -> None:
    ours = publisher(broker.url)
    ours.publish("ok/first", b"x")
    assert ours.post("fume/xuhui/a\x01/down", b"##")  # mosquitto ends the connection for it
    eventually(lambda: _is_published(ours))


def _is_published(ours: Publisher) -> bool:
    try:
        ours.publish("ok/then", b"x", timeout=2)
    except BrokerUnavailable:
        return False
    return True
