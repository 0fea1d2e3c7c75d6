"""A subscriber that writes down what a broker delivers."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass
class Heard:
    messages: list[MQTTMessage] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, end: str) -> list[MQTTMessage]:
        with self.lock:
            return [m for m in self.messages if m.topic.endswith(end)]


@contextmanager
def listening(
    url: str, *topics: str, name: str = "listener", manual_ack: bool = False
) -> Iterator[Heard]:
    """MQTT 5, QoS 1, a session that stays, whatever was retained; back by itself."""
    heard, subscribed = Heard(), threading.Event()
    client = Client(
        CallbackAPIVersion.VERSION2,
        name,
        protocol=MQTTProtocolVersion.MQTTv5,
        manual_ack=manual_ack,
    )

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        with heard.lock:
            heard.messages.append(message)

    client.on_connect = lambda *_: client.subscribe([(topic, 1) for topic in topics])
    client.on_subscribe = lambda *_: subscribed.set()
    client.on_message = on_message
    client.reconnect_delay_set(1, 1)
    kept = Properties(PacketTypes.CONNECT)
    kept.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", urlsplit(url).port or 1883, 30, clean_start=False, properties=kept)
    client.loop_start()
    assert subscribed.wait(10)
    try:
        yield heard
    finally:
        if sock := client.socket():
            sock.close()  # without a word: the session stays as a crash would leave it
        client.loop_stop()


def wait_for(is_so: Callable[[], bool], patience_s: float = 15) -> None:
    until = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)
