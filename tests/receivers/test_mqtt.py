import json
import queue
from collections.abc import Iterator
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from pydantic import ValidationError

from fumewatch.core.errors import SendError
from fumewatch.mqtt import MqttSettings, Publisher
from fumewatch.receivers.mqtt import MqttReceiver, MqttReceiverSettings, topic_of
from tests.fixtures.broker import Broker
from tests.receivers.factories import KEY, a_body


def settings(**overrides: Any) -> MqttReceiverSettings:
    return MqttReceiverSettings.model_validate({"kind": "mqtt", "name": "bus", **overrides})


@pytest.fixture
def publisher(broker: Broker) -> Iterator[Publisher]:
    publisher = Publisher(MqttSettings(url=broker.url))
    yield publisher
    publisher.stop()


@pytest.fixture
def heard(broker: Broker) -> Iterator["queue.Queue[paho.MQTTMessage]"]:
    """What a stranger on the same broker hears of alerts."""
    messages: queue.Queue[paho.MQTTMessage] = queue.Queue()
    ready = queue.Queue[None]()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = lambda client, userdata, message: messages.put(message)
    client.on_subscribe = lambda client, userdata, mid, codes, properties: ready.put(None)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe("fumewatch/alert/#", qos=1)
    ready.get(timeout=10)
    yield messages
    client.disconnect()
    client.loop_stop()


def test_a_transition_is_on_its_topic(
    publisher: Publisher, heard: "queue.Queue[paho.MQTTMessage]"
) -> None:
    answer = MqttReceiver(settings(), publisher).send(a_body(), KEY)

    message = heard.get(timeout=10)
    assert message.topic == "fumewatch/alert/xuhui/MN0001/exceedance"
    assert answer == f"published on {message.topic}"
    assert (message.qos, message.retain) == (1, False)
    assert json.loads(message.payload) == {**a_body(), "key": str(KEY)}


def test_a_broker_that_is_away_means_again(broker: Broker, publisher: Publisher) -> None:
    broker.kill()

    with pytest.raises(SendError) as caught:
        MqttReceiver(settings(timeout="1s"), publisher).send(a_body(), KEY)

    assert not caught.value.permanent


def test_it_comes_back_with_the_broker(broker: Broker, publisher: Publisher) -> None:
    receiver = MqttReceiver(settings(), publisher)
    receiver.send(a_body(), KEY)
    broker.restart()

    assert receiver.send(a_body(), KEY)


@pytest.mark.parametrize(
    ("monitor", "level"),
    [
        ("MN0001", "MN0001"),
        ("监测 1", "监测 1"),
        ("a/b", "a_b"),
        ("+", "_"),
        ("#", "_"),
        ("a\nb\x00", "a_b_"),
        ("", "_"),
        ("$SYS", "$SYS"),
    ],
)
def test_a_name_is_one_level(monitor: str, level: str) -> None:
    assert topic_of("p/q", a_body(monitor=monitor)) == f"p/q/xuhui/{level}/exceedance"


@pytest.mark.parametrize("topic", ["", "/a", "a/", "a//b", "a/+", "a/#", "$SYS/a", "a\nb"])
def test_a_topic_nobody_can_publish_under_is_refused(topic: str) -> None:
    with pytest.raises(ValidationError, match="is not a topic to publish under"):
        settings(topic=topic)
