"""[mqtt] of the config: where the broker is and how to talk to it."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FilePath,
    SecretStr,
    field_validator,
    model_validator,
)

from fumewatch.core.duration import Duration
from fumewatch.core.topic import Pattern

_DEFAULT_PORT = {"mqtt": 1883, "mqtts": 8883}
_LONGEST_EXPIRY = timedelta(seconds=2**32 - 1)  # what four bytes hold; it means "never"


class MqttSettings(BaseModel):
    """File names are absolute here: the config has put its own folder before relative ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = "mqtt://127.0.0.1:1883"
    """mqtt://host:port, or mqtts:// for TLS."""
    topic: str = "fume/+/+/up"
    """Where the readings come in; also as a template, fume/{district}/{monitor}/up."""
    status_topic: str = "fume/+/+/status"
    """Retained online/offline messages and last wills."""
    client_id: Annotated[str, Field(min_length=1, max_length=65_535)] = "fumewatch"
    """The broker keeps our messages under this name: fixed, and one daemon each."""
    version: Literal[4, 5] = 5
    """5, or 4 for brokers that speak only MQTT 3.1.1."""
    username: str | None = None
    password: SecretStr | None = None
    password_file: FilePath | None = None
    """Read at each connect, so a changed password needs no restart."""
    ca_file: FilePath | None = None
    """Who may sign the broker's certificate; none: the system's authorities."""
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    keepalive: Duration = timedelta(seconds=60)
    keep_session: bool = True
    """False: the broker forgets us at each disconnect, and messages sent meanwhile are lost."""
    session_expiry: Duration = timedelta(days=7)
    """How long the broker keeps our messages while we are away (MQTT 5)."""
    receive_maximum: Annotated[int, Field(ge=1, le=65_535)] = 10_000
    """How many messages we let the broker send before the first is acked (MQTT 5)."""
    broker_queue: Annotated[int, Field(ge=0)] = 600_000
    """How many messages the broker may hold for us: what its memory, or max_queued_messages of
    mosquitto.conf, is sized for. We warn before it is full; 0: no limit is known."""
    max_message: Annotated[int, Field(ge=1024, le=64 << 20)] = 4 << 20
    """Of a payload longer than this (bytes) only the beginning is kept."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        parts = urlsplit(self.url)
        return parts.port or _DEFAULT_PORT[parts.scheme]

    @property
    def filters(self) -> tuple[str, str]:
        """What to subscribe to: readings, statuses."""
        return Pattern.parse(self.topic).filter, Pattern.parse(self.status_topic).filter

    @property
    def is_tls(self) -> bool:
        return urlsplit(self.url).scheme == "mqtts"

    def secret(self) -> str | None:
        """The password, read from its file where it has one. OSError if that is gone."""
        if self.password_file is not None:
            return Path(self.password_file).read_text(encoding="utf-8").strip("\r\n")
        return self.password.get_secret_value() if self.password else None

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in _DEFAULT_PORT or not parts.hostname:
            raise ValueError("write mqtt://host:port, or mqtts://host:port for TLS")
        if parts.username is not None or parts.password is not None:
            raise ValueError("put the user into `username` and `password_file`, not into the url")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("nothing may follow the port")
        _ = parts.port  # raises ValueError for a port out of range
        return url

    @field_validator("topic", "status_topic")
    @classmethod
    def _check_filter(cls, topic: str) -> str:
        Pattern.parse(check_filter(topic))
        return topic

    @field_validator("keepalive")
    @classmethod
    def _check_keepalive(cls, keepalive: timedelta) -> timedelta:
        if not timedelta(seconds=1) <= keepalive <= timedelta(seconds=65_535):
            raise ValueError("from 1s to 65535s; without a keepalive a dead link goes unseen")
        return keepalive

    @model_validator(mode="after")
    def _check_session(self) -> Self:
        if self.keep_session and self.session_expiry < timedelta(seconds=1):
            raise ValueError(
                "session_expiry of 0 loses what the broker holds at every disconnect; "
                "if that is meant, say keep_session = false"
            )
        if self.session_expiry > _LONGEST_EXPIRY:
            raise ValueError("session_expiry: at most 49710d")
        return self

    @model_validator(mode="after")
    def _check_password(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("give password or password_file, not both")
        if self.username is None and (self.password or self.password_file):
            raise ValueError("a password needs a username")
        return self

    @model_validator(mode="after")
    def _check_tls(self) -> Self:
        if not self.is_tls and (self.ca_file or self.cert_file or self.key_file):
            raise ValueError("ca_file, cert_file and key_file need an mqtts:// url")
        if self.key_file and not self.cert_file:
            raise ValueError("key_file needs cert_file")
        return self


def check_filter(topic: str) -> str:
    """The topic filter itself; ValueError says what is wrong with it."""
    levels = topic.split("/")
    if not topic or len(topic.encode()) > 65_535 or "\0" in topic:
        raise ValueError("a topic filter has 1 to 65535 bytes and no NUL")
    if levels[0] == "$share":
        raise ValueError("a shared subscription scatters one monitor's readings over all daemons")
    if "#" in topic and (levels[-1] != "#" or topic.count("#") > 1):
        raise ValueError("# may stand only alone and at the end, as in fume/#")
    if any("+" in level and level != "+" for level in levels):
        raise ValueError("+ stands for a whole level, as in fume/+/+/up")
    return topic
