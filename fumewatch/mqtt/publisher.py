"""The publisher: messages out, each waited for until the broker has it."""

import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fumewatch.core.errors import BrokerUnavailable
from fumewatch.mqtt import reasons
from fumewatch.mqtt.network import Network, OnState
from fumewatch.mqtt.reader import PlainClient
from fumewatch.mqtt.sessionless import Sessionless, own_client_id
from fumewatch.mqtt.settings import MqttSettings

_WINDOW: Final = 1000
_MOST_UNACKED: Final = 65_535
_MOST_POSTED: Final = 10_000
_MOST_BROKEN: Final = 3


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes in our name (QoS 1) when we go without a goodbye."""

    topic: str
    payload: bytes
    retain: bool = True


@dataclass(slots=True, eq=False)
class _Parcel:
    topic: str
    payload: bytes
    qos: int
    retain: bool
    done: "Future[None]" = field(default_factory=Future)
    broken: int = 0
    """How many connections ended while it was under way."""


class Publisher:
    """Connects when first used, under a client id of its own; safe from any thread.

    At least once: a message may arrive twice if the connection breaks before its PUBACK.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str | None = None,
        will: Will | None = None,
        on_state: OnState | None = None,
    ) -> None:
        self._role = _Publishing(
            settings, client_id or own_client_id(settings), will, self._note_state
        )
        self._tell = on_state
        self._network = Network("mqtt-publisher", self._role, self._note_state)
        self._starting = threading.Lock()
        self._is_started = False
        self._is_stopped = False
        self._why = "not connected yet"

    def publish(
        self,
        topic: str,
        payload: bytes | str,
        qos: int = 1,
        retain: bool = False,
        timeout: float = 10.0,
    ) -> None:
        """Returns once the broker has the message (QoS 0: once it is written).

        Raise BrokerUnavailable after `timeout` seconds, or if the broker refuses the message; it
        may still arrive if it was on its way.
        """
        self._wait_for(self._send(topic, payload, qos, retain), timeout)

    def publish_many(
        self,
        messages: Iterable[tuple[str, bytes, bool]],
        qos: int = 1,
        *,
        window: int = _WINDOW,
        timeout: float = 30.0,
    ) -> int:
        """Each (topic, payload, retain) in order, at most `window` of them under way at once.

        Returns how many, once the broker has them all. Raise BrokerUnavailable if it has taken
        none for `timeout` seconds, or refuses one.
        """
        under_way: deque[Future[None]] = deque()
        count = 0
        try:
            for topic, payload, retain in messages:
                if len(under_way) >= window:
                    self._wait_for(under_way.popleft(), timeout)
                under_way.append(self._send(topic, payload, qos, retain))
                count += 1
            while under_way:
                self._wait_for(under_way.popleft(), timeout)
        finally:
            for done in under_way:
                done.cancel()
        return count

    def post(self, topic: str, payload: bytes) -> bool:
        """Send it when it can be sent, QoS 1, without waiting; gone with the process.

        False where so many wait already that this one is left out, or after `stop`.
        """
        if len(self._role.queue) >= _MOST_POSTED:
            return False
        try:
            self._send(topic, payload, 1, False)
        except BrokerUnavailable:
            return False
        return True

    def stop(self) -> None:
        """Say goodbye. Who still waits gets BrokerUnavailable."""
        with self._starting:
            self._is_stopped = True
        self._network.stop()
        self._role.give_up("stopped")

    def _send(self, topic: str, payload: bytes | str, qos: int, retain: bool) -> "Future[None]":
        self._start()
        body = payload.encode() if isinstance(payload, str) else payload
        parcel = _Parcel(topic, body, qos, retain)
        self._role.queue.append(parcel)
        self._network.wake()
        return parcel.done

    def _start(self) -> None:
        with self._starting:
            if self._is_stopped:
                raise BrokerUnavailable("this publisher is stopped")
            if not self._is_started:
                self._network.start()
                self._is_started = True

    def _wait_for(self, done: "Future[None]", timeout: float) -> None:
        try:
            done.result(timeout)
        except TimeoutError:
            done.cancel()
            raise BrokerUnavailable(f"no answer in {timeout:g} s: {self._why}") from None
        except CancelledError:
            raise BrokerUnavailable("cancelled") from None

    def _note_state(self, is_up: bool, why: str) -> None:
        self._why = why
        if self._tell:
            self._tell(is_up, why)


class _Publishing(Sessionless):
    """The publisher's role in a connection."""

    def __init__(
        self, settings: MqttSettings, client_id: str, will: Will | None, tell: OnState
    ) -> None:
        super().__init__(settings, client_id)
        self.queue: deque[_Parcel] = deque()
        self._will = will
        self._tell = tell
        self._under_way: dict[int, _Parcel] = {}
        self._room = 0  # how many the broker takes before it has acked the first

    def open(self) -> PlainClient:
        client = self._new_client(lambda *_: None)
        client.max_inflight_messages = 0  # `work` counts for itself
        client.on_publish = self._on_publish
        if self._will:
            client.will_set(self._will.topic, self._will.payload, 1, self._will.retain)
        return client

    def welcome(
        self, client: PlainClient, properties: Properties | None, *, has_session: bool
    ) -> None:
        self._room = getattr(properties, "ReceiveMaximum", _MOST_UNACKED)
        self._tell(True, "connected")

    def work(self, client: PlainClient) -> None:
        while self.queue and len(self._under_way) < self._room:
            parcel = self.queue.popleft()
            if parcel.done.cancelled():
                continue
            try:
                info = client.publish(parcel.topic, parcel.payload, parcel.qos, parcel.retain)
            except ValueError as error:
                _settle(parcel, f"cannot be sent: {error}")
            else:
                self._under_way[info.mid] = parcel

    def lost(self) -> None:
        """What has no PUBACK goes out again on the next connection, in the same order."""
        self._room = 0
        for parcel in reversed(self._under_way.values()):
            parcel.broken += 1
            if parcel.broken < _MOST_BROKEN:
                self.queue.appendleft(parcel)
            else:  # it may be what the broker cannot stand: the others must get through
                _settle(parcel, f"{parcel.broken} connections ended when it was sent")
        self._under_way.clear()

    def give_up(self, why: str) -> None:
        while self.queue:
            _settle(self.queue.popleft(), why)

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, code: ReasonCode, _properties: Any
    ) -> None:
        if parcel := self._under_way.pop(mid, None):
            refused = f"the broker refuses {parcel.topic}: {reasons.of_code(code)}"
            _settle(parcel, refused if code.is_failure else None)


def _settle(parcel: _Parcel, fault: str | None) -> None:
    if not parcel.done.set_running_or_notify_cancel():
        return  # nobody waits any more
    if fault:
        parcel.done.set_exception(BrokerUnavailable(fault))
    else:
        parcel.done.set_result(None)
