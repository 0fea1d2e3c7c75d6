"""MQTT: each transition on its own topic, fumewatch/alert/{district}/{monitor}/{rule}, QoS 1."""

import json
import re
import uuid
from datetime import timedelta
from typing import Final, Literal, Protocol

from pydantic import Field, field_validator

from fumewatch.core.alert import State
from fumewatch.core.duration import Duration
from fumewatch.core.errors import BrokerUnavailable, SendError
from fumewatch.core.notice import is_notice
from fumewatch.core.visible import UNSEEN
from fumewatch.receivers.receiver import Body, ReceiverFields, as_answer, content

_NOT_IN_A_LEVEL: Final = re.compile(rf"[+#/\t\n\ufffe\uffff{UNSEEN}]")
"""What MQTT has no place for, and what a reader of topics would not see."""


class Publisher(Protocol):
    """The part of fumewatch.mqtt.Publisher that is needed here."""

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, timeout: float
    ) -> None:
        """Return after the broker's PUBACK; BrokerUnavailable where it does not come."""
        ...


class MqttReceiverSettings(ReceiverFields):
    """A [[receiver]] of kind "mqtt": told of every transition, on the broker of [mqtt]."""

    kind: Literal["mqtt"]
    states: tuple[State, ...] = Field(tuple(State), min_length=1)
    topic: str = "fumewatch/alert"
    timeout: Duration = Field(timedelta(seconds=10), gt=timedelta(0), le=timedelta(seconds=60))

    @field_validator("topic")
    @classmethod
    def _is_a_prefix(cls, topic: str) -> str:
        levels = topic.split("/")
        if not all(levels) or topic.startswith("$") or any(map(_NOT_IN_A_LEVEL.search, levels)):
            raise ValueError(f"{topic!r} is not a topic to publish under, like fumewatch/alert")
        return topic


class MqttReceiver:
    def __init__(self, settings: MqttReceiverSettings, publisher: Publisher) -> None:
        self._settings = settings
        self._publisher = publisher

    def send(self, body: Body, key: uuid.UUID) -> str:
        topic = topic_of(self._settings.topic, body)
        sent = content(body, key, self._settings.language)
        payload = json.dumps(sent, ensure_ascii=False, allow_nan=False).encode()
        try:
            self._publisher.publish(
                topic, payload, qos=1, timeout=self._settings.timeout.total_seconds()
            )
        except BrokerUnavailable as error:
            raise SendError(as_answer(str(error)), permanent=False) from error
        return f"published on {topic}"

    def close(self) -> None:
        """The publisher belongs to whoever made it."""


def topic_of(prefix: str, body: Body) -> str:
    """The contract's topic; what MQTT gives a meaning of its own becomes _ in a name.

    A test or a dead man's message is of no monitor: {prefix}/notice/{reason}.
    """
    if is_notice(body):
        return f"{prefix}/notice/{_level(body['reason'])}"
    return "/".join([prefix, *(_level(body[part]) for part in ("district", "monitor", "rule"))])


def _level(name: str) -> str:
    return _NOT_IN_A_LEVEL.sub("_", name) or "_"
