"""MQTT in and out; paho stays behind this door."""

from fumewatch.mqtt.echo import Echo
from fumewatch.mqtt.frames import DUP, QOS, RETAIN, TRUNCATED, Message
from fumewatch.mqtt.inbox import Batch, Filling
from fumewatch.mqtt.lookout import Lookout
from fumewatch.mqtt.publisher import Publisher, Will
from fumewatch.mqtt.queue import Level, Pressure
from fumewatch.mqtt.settings import MqttSettings
from fumewatch.mqtt.subscriber import Subscriber

__all__ = [
    "DUP",
    "QOS",
    "RETAIN",
    "TRUNCATED",
    "Batch",
    "Echo",
    "Filling",
    "Level",
    "Lookout",
    "Message",
    "MqttSettings",
    "Pressure",
    "Publisher",
    "Subscriber",
    "Will",
]
