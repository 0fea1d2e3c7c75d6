"""One MQTT connection of simulated monitors: QoS 1, a bounded window, back by itself."""

import ssl
import threading
import uuid
from dataclasses import dataclass
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from fumewatch.mqtt.settings import MqttSettings

_KEEPALIVE_S: Final = 30
_LOOK_S: Final = 0.2
"""How often a full window looks whether it shall give up."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us if the connection breaks."""

    topic: str
    payload: bytes


class Sender:
    """`send` blocks while `window` messages are un-acked; what is un-acked goes out again after
    the broker was away. `confirmed` counts acked messages; `trouble` says why it has no broker."""

    def __init__(
        self, settings: MqttSettings, name: str, will: Will | None = None, window: int = 500
    ) -> None:
        self.confirmed = 0
        self.in_flight = 0
        self._window = window
        self._changed = threading.Condition()
        self._client = _client(settings, name, will, window)
        self.trouble = ""
        self._client.on_publish = self._on_publish
        self._client.on_connect = self._on_connect
        self._client.on_connect_fail = self._on_connect_fail
        self._client.connect_async(settings.host, settings.port, _KEEPALIVE_S)
        self._client.loop_start()

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected()

    def send(self, topic: str, payload: bytes, stop: threading.Event, retain: bool = False) -> bool:
        """False if `stop` was set before there was room in the window."""
        with self._changed:
            while self.in_flight >= self._window:
                if stop.is_set():
                    return False
                self._changed.wait(_LOOK_S)
            self.in_flight += 1
        self._client.publish(topic, payload, qos=1, retain=retain)
        return True

    def settle(self, patience: float) -> bool:
        """Wait until everything is acked; False if that takes longer than `patience` seconds, or
        if there is no broker to wait for."""
        with self._changed:
            self._changed.wait_for(lambda: not self.in_flight or bool(self.trouble), patience)
            return not self.in_flight

    def cut(self) -> None:
        """Break the connection without a word, as a power cut does: the broker tells the will."""
        self._client.loop_stop()
        if sock := self._client.socket():
            sock.close()

    def hang_up(self) -> None:
        """Take leave, without waiting; `close` waits."""
        self._client.disconnect()

    def close(self) -> None:
        self.hang_up()
        self._client.loop_stop()

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, *_: Any) -> None:
        self._tell(f"the broker refuses us: {reason}" if reason.is_failure else "")

    def _on_connect_fail(self, *_: Any) -> None:
        self._tell("the broker cannot be reached")

    def _tell(self, trouble: str) -> None:
        with self._changed:
            self.trouble = trouble
            self._changed.notify_all()  # who settles waits for nobody that is not there

    def _on_publish(self, *_: Any) -> None:
        with self._changed:
            self.confirmed += 1
            self.in_flight -= 1
            self._changed.notify_all()


def _client(settings: MqttSettings, name: str, will: Will | None, window: int) -> Client:
    version = MQTTProtocolVersion(settings.version)
    client = Client(CallbackAPIVersion.VERSION2, f"{name}-{uuid.uuid4().hex[:8]}", protocol=version)
    client.max_inflight_messages_set(window)
    client.reconnect_delay_set(1, 5)
    if settings.username is not None:
        client.username_pw_set(settings.username, settings.secret())
    if settings.is_tls:
        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, settings.key_file)
        client.tls_set_context(context)
    if will:
        client.will_set(will.topic, will.payload, qos=1, retain=True)
    return client
