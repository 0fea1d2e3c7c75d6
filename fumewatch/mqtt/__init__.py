"""MQTT in and out; paho stays behind this door."""

from fumewatch.mqtt.frames import DUP, QOS, RETAIN, TRUNCATED, Message
from fumewatch.mqtt.inbox import Batch
from fumewatch.mqtt.publisher import Publisher, Will
from fumewatch.mqtt.settings import MqttSettings
from fumewatch.mqtt.subscriber import Subscriber

__all__ = [
    "DUP",
    "QOS",
    "RETAIN",
    "TRUNCATED",
    "Batch",
    "Message",
    "MqttSettings",
    "Publisher",
    "Subscriber",
    "Will",
]
