"""The subscriber: readings and statuses in, acked once they are stored."""

import contextlib
import math
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

import structlog
from paho.mqtt.client import Client
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fumewatch.mqtt import reader
from fumewatch.mqtt.connect import connect
from fumewatch.mqtt.conversation import ANSWER_S
from fumewatch.mqtt.frames import QOS, Message
from fumewatch.mqtt.inbox import LINGER_S, MOST_BYTES, MOST_MESSAGES, Batch, Filling, Inbox
from fumewatch.mqtt.network import Network, OnState
from fumewatch.mqtt.pace import FLUSH_S, Pace
from fumewatch.mqtt.settings import MqttSettings

_NO_LIMIT: Final = 65_535  # packet ids
_QOS_WANTED: Final = 1

_log = structlog.get_logger(__name__)


class Subscriber:
    """At least once and in order: what is taken and not acked comes again.

    Its session at the broker is kept under a fixed client id, so messages sent while we are away
    wait there. It never holds more than `inbox_limit` messages or `inbox_bytes`, and what one read
    brings on top; beyond, the broker has to wait.
    """

    def __init__(
        self,
        settings: MqttSettings,
        on_state: OnState,
        *,
        filters: Sequence[str] = (),
        inbox_limit: int = MOST_MESSAGES,
        inbox_bytes: int = MOST_BYTES,
        echo: str = "",
    ) -> None:
        """`on_state(is_up, why)` is called in the network thread on each change.

        `filters`: what to subscribe to, in place of the settings' own. `echo`: one more that the
        broker may refuse.
        """
        self._inbox = Inbox(inbox_limit, inbox_bytes)
        self._subscription = _Subscription(settings, filters, self._inbox, echo)
        self._claimed_at = math.inf
        self._network = Network(
            "mqtt-subscriber",
            self._subscription,
            on_state,
            lambda ended: self._claimed_at >= ended,
        )
        self._subscription.tell = self._network.tell

    @property
    def alive(self) -> bool:
        """Whether the network thread runs; False for good after `stop`."""
        return self._network.alive

    @property
    def depth(self) -> int:
        """Messages received and not yet acked."""
        return self._inbox.held

    def filling(self) -> Filling:
        return self._inbox.filling()

    @property
    def generation(self) -> int:
        """The number of the present connection."""
        return self._inbox.generation

    def start(self) -> None:
        """Returns at once; the broker may be away."""
        self._network.start()

    def claim(self, at: float) -> None:
        """The session was ours at that time of the monotonic clock. Whoever says so has to say it
        again after each connection that ended, before the next one: it may have ended because
        another daemon has the session, and rightly."""
        self._claimed_at = at

    def take(self, limit: int, timeout: float, linger: float = LINGER_S) -> Batch | None:
        """Up to `limit` messages in order; None if none came within `timeout` seconds.

        Once there is one, waits at most `linger` more seconds for the batch to fill.
        """
        return self._inbox.take(limit, timeout, linger)

    def ack(self, batch: Batch) -> None:
        """All of the batch is stored; from any thread, batches in the order they were taken.

        Dropped if the batch is of an earlier connection: the broker sends those messages again.
        """
        if self._inbox.release(batch):
            self._subscription.acks.append(batch)
            self._network.wake()

    def stop(self) -> None:
        """End the thread. What is not acked stays with the broker."""
        self._network.stop()
        self._inbox.close()


class _Subscription:
    """The subscriber's role in a connection."""

    def __init__(
        self, settings: MqttSettings, filters: Sequence[str], inbox: Inbox, echo: str
    ) -> None:
        self.acks: deque[Batch] = deque()
        self.tell: OnState = lambda *_: None
        self._settings = settings
        self._inbox = inbox
        self._filters = list(filters or settings.filters)
        self._echo = echo
        self._client_type = reader.choose_client()
        self._pace = Pace(_NO_LIMIT)
        self._low_water = 1
        self._waited = 0.0
        self._is_late = False
        self._is_subscribed = False

    def open(self) -> reader.PlainClient:
        client = self._client_type(
            self._settings.client_id,
            self._settings.version,
            clean=not self._settings.keep_session,
            receive=self._receive,
            max_message=self._settings.max_message,
        )
        client.on_subscribe = self._on_subscribe
        self._pace = Pace(
            self._settings.receive_maximum if self._settings.version == 5 else _NO_LIMIT
        )
        self._low_water = 1
        self._is_subscribed = False
        self._inbox.open()
        return client

    def connect(self, client: reader.PlainClient) -> None:
        connect(client, self._settings, has_session=self._settings.keep_session, timeout=ANSWER_S)

    def welcome(
        self, client: reader.PlainClient, _properties: Properties | None, *, has_session: bool
    ) -> None:
        _log.info("mqtt_connected", has_session=has_session)
        filters = [*self._filters, *filter(None, [self._echo])]
        client.subscribe([(name, _QOS_WANTED) for name in filters])

    def wants_data(self) -> bool:
        return self._inbox.has_room()

    def patience(self, client: reader.PlainClient) -> float | None:
        if not (client.can_wait and self._is_subscribed):
            return None
        low_water = self._pace.low_water(self._inbox.unacked)
        if low_water != self._low_water:
            self._low_water = low_water
            sock = client.socket()
            assert isinstance(sock, socket.socket)
            with contextlib.suppress(OSError):  # without it we only wake more often
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, low_water)
        return FLUSH_S

    def read(self, client: reader.PlainClient, *, waited: float, is_late: bool) -> None:
        self._waited, self._is_late = waited, is_late
        client.loop_read()

    def work(self, client: reader.PlainClient) -> None:
        mids: list[int] = []
        while self.acks:
            batch = self.acks.popleft()
            if batch.generation == self._inbox.generation:
                mids += [message[2] for message in batch.messages if message[3] & QOS]
        if mids:
            client.acknowledge(mids)

    def lost(self) -> None:
        pass

    def _receive(self, messages: list[Message], size: int) -> None:
        unacked = self._inbox.unacked + len(messages)
        self._pace.note(len(messages), size, unacked, waited=self._waited, was_late=self._is_late)
        self._inbox.put(messages, size, is_urgent=self._pace.is_urgent(unacked))

    def _on_subscribe(
        self, _client: Client, _data: Any, _mid: int, codes: list[ReasonCode], _props: Any
    ) -> None:
        self._is_subscribed = True
        granted = dict(zip(self._filters, codes, strict=False))
        if refused := [name for name, code in granted.items() if code.is_failure]:
            raise ConnectionError(f"not allowed to subscribe to {' and '.join(refused)}")
        if any(code.value < _QOS_WANTED for code in granted.values()):
            self.tell(True, "connected, but the broker grants QoS 0 only: an outage loses messages")
        elif self._echo and codes[-1].is_failure:
            self.tell(True, f"connected, but not allowed to subscribe to {self._echo}")
        else:
            self.tell(True, "connected")
