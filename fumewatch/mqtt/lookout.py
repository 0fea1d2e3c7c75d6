"""The lookout: a client of the broker that lives as long as the process.

Also while the database is away and nobody reads, and in a standby: then the broker's queue fills,
and it is for us to say so. It hears the broker's own figures (see queue.py) and publishes the echo
(see echo.py), on a connection of its own without a session.
"""

import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fumewatch.mqtt import reasons
from fumewatch.mqtt.echo import Echo
from fumewatch.mqtt.frames import Message
from fumewatch.mqtt.network import Network
from fumewatch.mqtt.queue import NOT_TOLD, TOPICS, Level, Pressure, Queue, unknown
from fumewatch.mqtt.reader import PlainClient
from fumewatch.mqtt.sessionless import Sessionless, own_client_id
from fumewatch.mqtt.settings import MqttSettings

_TELLS_WITHIN_S: Final = 3.0
"""What is retained comes at once after the subscription."""
_ECHO_EXPIRES_S: Final = 120
"""So that those to a daemon that was killed do not lie in its session for days."""

_WHY_NOT_YET: Final = "no connection to the broker yet"
_NOT_YET: Final = unknown(_WHY_NOT_YET, 0).detail

_log = structlog.get_logger(__name__)


class Lookout:
    def __init__(
        self,
        settings: MqttSettings,
        echo: Echo,
        *,
        beat: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`beat` is called in the network thread, each second while it is connected and at each
        attempt to be."""
        self._role = _LookingOut(settings, echo, beat, monotonic)
        self._network = Network("mqtt-lookout", self._role, self._role.note_state)

    @property
    def pressure(self) -> Pressure:
        """As of the last second."""
        return self._role.pressure

    @property
    def has_looked(self) -> bool:
        """What `pressure` says is an answer: figures, or why there are none."""
        return self.pressure.detail != _NOT_YET

    def start(self) -> None:
        """Returns at once; the broker may be away."""
        self._network.start()

    def stop(self) -> None:
        self._network.stop()


class _LookingOut(Sessionless):
    """The lookout's role in a connection."""

    def __init__(
        self,
        settings: MqttSettings,
        echo: Echo,
        beat: Callable[[], None],
        monotonic: Callable[[], float],
    ) -> None:
        super().__init__(settings, own_client_id(settings, "lookout"))
        self._most = settings.broker_queue
        self._echo = echo
        self._beat = beat
        self._monotonic = monotonic
        self._queue = Queue(self._most)
        self._under_way: dict[int, int] = {}
        self._subscribed_at: float | None = None
        self._refusal = ""
        self._echo_refusal = ""
        self.pressure = unknown(_WHY_NOT_YET, self._most)

    def open(self) -> PlainClient:
        self._beat()
        client = self._new_client(self._receive)
        client.on_subscribe = self._on_subscribe
        client.on_publish = self._on_publish
        return client

    def welcome(
        self, client: PlainClient, _properties: Properties | None, *, has_session: bool
    ) -> None:
        client.subscribe([(topic, 0) for topic in TOPICS])

    def work(self, client: PlainClient) -> None:
        self._beat()
        if self._subscribed_at is None:
            return
        self._judge()
        if self._echo.is_due and not self._under_way:
            self._send_echo(client)

    def lost(self) -> None:
        self._queue.forget()
        self._under_way.clear()
        self._subscribed_at = None

    def note_state(self, is_up: bool, why: str) -> None:
        """Only the end of a connection is told."""
        if not is_up:
            self._tell(unknown(f"no connection to the broker: {why}", self._most))

    def _receive(self, messages: list[Message], _size: int) -> None:
        now = self._monotonic()
        for topic, payload, *_ in messages:
            self._queue.hear(topic.decode("utf-8", "replace"), payload, now)

    def _judge(self) -> None:
        now = self._monotonic()
        pressure = self._queue.judge(now)
        since = now - (self._subscribed_at or now)
        if pressure.level is not Level.UNKNOWN:
            self._tell(pressure)
        elif self._refusal or since > _TELLS_WITHIN_S:
            self._tell(unknown(self._refusal or NOT_TOLD, self._most, pressure.dropped))

    def _tell(self, pressure: Pressure) -> None:
        before, self.pressure = self.pressure, pressure
        tell_change(before, pressure)

    def _send_echo(self, client: PlainClient) -> None:
        number, payload = self._echo.send()
        properties = None
        if self._settings.version == 5:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = _ECHO_EXPIRES_S
        info = client.publish(self._echo.topic, payload, 1, False, properties)
        if info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._under_way[info.mid] = number

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        number = self._under_way.pop(mid, None)
        if number is None:
            return
        refusal = reasons.of_code(code) if code.is_failure else ""
        if not refusal:
            self._echo.taken(number)
        elif refusal != self._echo_refusal:
            _log.warning("echo refused by the broker", topic=self._echo.topic, reason=refusal)
        self._echo_refusal = refusal

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any
    ) -> None:
        self._subscribed_at = self._monotonic()
        self._refusal = ""
        if all(code.is_failure for code in codes):
            self._refusal = (
                "the broker refuses its figures ($SYS); grant our user: topic read $SYS/broker/#"
            )


def tell_change(before: Pressure, now: Pressure) -> None:
    """Log each crossing once, upwards by its weight; what is unknown once, too."""
    if before.level is now.level:
        return
    facts = {
        "detail": now.detail,
        "held": now.messages,
        "limit": now.most,
        "seconds_left": now.seconds_left and round(now.seconds_left),
    }
    match now.level:
        case Level.DROPPING:
            _log.error("the broker drops messages", dropped=now.dropped, **facts)
        case Level.WARNING:
            _log.warning("the broker's queue will overflow", **facts)
        case Level.NOTICE if before.level.rank < Level.NOTICE.rank:
            _log.warning("the broker's queue is half full", **facts)
        case Level.UNKNOWN:
            _log.info("the broker's queue is not known", detail=now.detail)
        case Level.NOTICE | Level.EASY if before.level.rank >= Level.NOTICE.rank:
            _log.info("the broker's queue empties", **facts)
        case _:
            _log.debug("the broker's queue", **facts)
