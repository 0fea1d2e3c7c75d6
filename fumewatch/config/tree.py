"""The tree of the configuration: what config.toml may hold, with every default."""

import difflib
import ipaddress
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    PlainSerializer,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
)

from fumewatch.config.calendar import CalendarSettings
from fumewatch.config.profiles import ProfileSettings
from fumewatch.core.access import Terms
from fumewatch.core.calendar import BusinessHours, DayKind
from fumewatch.core.calendar.hours import NO_HOURS
from fumewatch.core.dispatch.digest import Digest
from fumewatch.core.dispatch.mute import Inhibition
from fumewatch.core.duration import Duration, show
from fumewatch.core.errors import Fault
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.fresh import Freshness
from fumewatch.core.integrity import Integrity
from fumewatch.core.limit import LimitProfile
from fumewatch.core.pause import Pause
from fumewatch.core.routing import Route, Strings
from fumewatch.core.rules import Rule
from fumewatch.core.site import ZONE_NAME
from fumewatch.core.site_class import SiteClass
from fumewatch.core.window import AHEAD
from fumewatch.mqtt import MqttSettings
from fumewatch.receivers import ReceiverSettings
from fumewatch.store import DatabaseSettings

UNACKED_MOST: Final = 50_000
"""MQTT numbers its messages with 16 bits: beyond 65,535 un-acked ones the numbers repeat, and the
connection that is being read may hold some more."""

SHORTEST_SECRET: Final = 32
"""Of links and of metrics_token, characters."""

_ANY_DAY: Final = datetime(2026, 1, 1)  # noqa: DTZ001 - the zone's own


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


def _zone(value: Any) -> Any:
    if isinstance(value, ZoneInfo):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a time zone; write a name such as Asia/Shanghai")
    if value in available_timezones():
        zone = ZoneInfo(value)
        if (zone.utcoffset(_ANY_DAY) or timedelta(0)) % timedelta(minutes=10):
            raise ValueError(f"{value!r} is not whole ten minutes off UTC, as the roll-ups are")
        return zone
    near = difflib.get_close_matches(value, sorted(available_timezones()), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "write a name such as Asia/Shanghai"
    raise ValueError(f"{value!r} is not a time zone; {hint}")


Zone = Annotated[InstanceOf[ZoneInfo], BeforeValidator(_zone), PlainSerializer(str)]


class IngestSettings(_Table):
    """[ingest]: readings a transaction, what waits at most, and how wrong a clock may be."""

    max_batch: int = Field(2000, ge=1, le=20_000)
    inbox_limit: int = Field(50_000, ge=100, le=UNACKED_MOST)
    inbox_bytes: int = Field(64 << 20, ge=1 << 20, le=4 << 30)
    future_tolerance: Duration = Field(
        timedelta(minutes=AHEAD), ge=timedelta(0), le=timedelta(minutes=AHEAD)
    )

    @field_validator("inbox_limit")
    @classmethod
    def _holds_a_batch(cls, limit: int, info: ValidationInfo) -> int:
        if limit < info.data.get("max_batch", 0):
            raise ValueError(f"{limit} is less than max_batch; a batch would never fill")
        return limit


class EvaluateSettings(_Table):
    """[evaluate]: when a minute is judged.

    lateness: how long after its end its readings are waited for. every: how often to look whether
    one is due, and whether readings came late. settle: after each connection to the broker, how
    long silence is not taken for offline.
    """

    lateness: Duration = Field(timedelta(seconds=20), ge=timedelta(0), le=timedelta(minutes=10))
    every: Duration = Field(
        timedelta(seconds=1), ge=timedelta(seconds=0.1), le=timedelta(minutes=1)
    )
    settle: Duration = Field(timedelta(minutes=5), ge=timedelta(0))


class RetentionSettings(_Table):
    """[retention]: how long what is kept, and when TimescaleDB compresses readings.

    messages: settled ones of the outbox, and who was told that an alert is over. device_means:
    those of devices that were compared with ours and gave no finding.
    """

    readings: Duration = Field(timedelta(days=400), ge=timedelta(days=2))
    messages: Duration = Field(timedelta(days=400), ge=timedelta(days=30))
    dead_letters: Duration = Field(timedelta(days=90), ge=timedelta(days=1))
    device_events: Duration = Field(timedelta(days=400), ge=timedelta(days=31))
    device_means: Duration = Field(timedelta(days=90), ge=timedelta(days=31))
    compress_after: Duration = Field(timedelta(days=7), ge=timedelta(days=1))

    @field_validator("compress_after")
    @classmethod
    def _before_they_go(cls, after: timedelta, info: ValidationInfo) -> timedelta:
        readings = info.data.get("readings", after)
        if after > readings:
            raise ValueError(f"{show(after)} is longer than readings = {show(readings)} are kept")
        return after


class WebSettings(_Table):
    """[web]: where the page listens, and the address that messages link to.

    trusted_proxies: addresses or networks of the reverse proxies whose X-Forwarded-For is believed.
    """

    listen: str = "127.0.0.1:8080"
    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError:
                raise ValueError(
                    f"{proxy!r} is no address; write 10.0.0.7, or 10.0.0.0/24 for all of a network"
                ) from None
            if not network.prefixlen:
                raise ValueError(f"{proxy!r} is everybody: then anyone says who they are")
        return proxies

    @field_validator("listen")
    @classmethod
    def _is_host_and_port(cls, listen: str) -> str:
        host, _, port = listen.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"{listen!r} is not host:port; write 127.0.0.1:8080 or [::]:8080")
        return listen

    @field_validator("public_url")
    @classmethod
    def _is_url(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError(f"{url!r} is not a web address; write https://fume.example.org")
        return url.rstrip("/")

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])

    @property
    def base_url(self) -> str:
        """What links begin with: public_url, else the listening address itself."""
        return self.public_url or f"http://{self.listen}"

    @property
    def is_secure(self) -> bool:
        """Whether people open the pages by https."""
        return self.base_url.startswith("https:")

    @property
    def is_of_this_machine(self) -> bool:
        """Whether nobody elsewhere is meant to reach the pages."""
        hosts = (self.host, urlsplit(self.base_url).hostname or "")
        return all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class LoginSettings(_Table):
    """[login]: who asks must say who they are.

    required: false: everybody who reaches the pages may read; only where nobody else can. idle,
    longest: how long a login holds unused, and at most. metrics_token: opens /metrics.
    """

    required: bool = True
    idle: Duration = Field(timedelta(hours=12), ge=timedelta(minutes=5), le=timedelta(days=30))
    longest: Duration = Field(timedelta(days=7), ge=timedelta(minutes=5), le=timedelta(days=90))
    metrics_token: SecretStr | None = None

    @field_validator("longest")
    @classmethod
    def _is_longer(cls, longest: timedelta, info: ValidationInfo) -> timedelta:
        idle = info.data.get("idle", longest)
        if idle > longest:
            raise ValueError(f"{show(longest)} is shorter than idle = {show(idle)}")
        return longest

    @field_validator("metrics_token")
    @classmethod
    def _cannot_be_guessed(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise ValueError(
                f"{len(secret)} characters can be guessed; make one of {SHORTEST_SECRET} or more"
                " with `openssl rand -hex 32`"
            )
        return secret

    @property
    def terms(self) -> Terms:
        return Terms(self.idle, self.longest)


class LinksSettings(_Table):
    """[links]: of messages, which open an alert and let their addressee answer, without a password.

    secret: signs them; none: messages link to the plain page, where nothing can be answered.
    old_secret: the one before: what it signed still opens, so that a secret can be changed.
    """

    secret: SecretStr | None = None
    old_secret: SecretStr | None = None
    valid_for: Duration = Field(timedelta(days=7), ge=timedelta(hours=1), le=timedelta(days=90))

    @field_validator("secret", "old_secret")
    @classmethod
    def _is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise ValueError(
                f"{len(secret)} characters can be guessed; make one of {SHORTEST_SECRET} or more"
                " with `openssl rand -hex 32`"
            )
        return secret

    @field_validator("old_secret")
    @classmethod
    def _follows_another(cls, old: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if old is not None and info.data.get("secret", old) is None:
            raise ValueError("there is no secret that came after it; write this one as secret")
        return old

    @property
    def secrets(self) -> tuple[str, ...]:
        """Those that open a link, the one that signs first; none where there are no links."""
        given = (self.secret, self.old_secret)
        return tuple(secret.get_secret_value() for secret in given if secret is not None)


class DeadManSettings(_Table):
    """[dead_man]: who is told when a receiver's notifications have not gone out for so long.

    ping_url: fetched each minute while they do, so that a watchdog elsewhere notices our own end.
    """

    receiver: Strings | tuple[()] = ()
    after: Duration = Field(timedelta(minutes=15), ge=timedelta(minutes=1), le=timedelta(days=1))
    repeat: Duration = Field(timedelta(hours=4), ge=timedelta(minutes=10), le=timedelta(days=7))
    ping_url: SecretStr | None = None

    @field_validator("ping_url")
    @classmethod
    def _is_url(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None:
            return None
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("this is not a web address like https://host/path")
        return url


class LogSettings(_Table):
    """[log]: what goes to standard error, for journald or the container's log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class Config(_Table):
    """The whole of it, as one frozen value."""

    zone: Zone = ZoneInfo(ZONE_NAME)
    language: Literal["zh", "en"] = "zh"
    business_hours: InstanceOf[BusinessHours] = Field(
        "10:00-14:00, 16:30-22:00", validate_default=True
    )
    calendar: CalendarSettings = CalendarSettings()
    classes: tuple[SiteClass, ...] = Field((), alias="class")
    pause: tuple[Pause, ...] = ()
    mqtt: MqttSettings = MqttSettings()
    database: DatabaseSettings = DatabaseSettings()
    ingest: IngestSettings = IngestSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    freshness: Freshness = Freshness()
    integrity: Integrity = Integrity()
    retention: RetentionSettings = RetentionSettings()
    web: WebSettings = WebSettings()
    login: LoginSettings = LoginSettings()
    links: LinksSettings = LinksSettings()
    dead_man: DeadManSettings = DeadManSettings()
    log: LogSettings = LogSettings()
    profile: tuple[ProfileSettings, ...] = ()
    limit: tuple[LimitProfile, ...] = ()
    rule: tuple[Rule, ...] = ()
    receiver: tuple[ReceiverSettings, ...] = ()
    route: tuple[Route, ...] = ()
    inhibit: tuple[Inhibition, ...] = ()
    escalation: tuple[Escalation, ...] = ()
    digest: tuple[Digest, ...] = ()

    _warnings: tuple[Fault, ...] = PrivateAttr(())
    _exposed: tuple[Fault, ...] = PrivateAttr(())

    @field_validator("business_hours", mode="before")
    @classmethod
    def _hours(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, BusinessHours):
            return value
        if not isinstance(value, str):
            raise ValueError(f"{value!r} are no hours; write 10:00-14:00, 16:30-22:00")
        hours = BusinessHours.parse(value, str(info.data.get("zone", "UTC")))
        if not any(hours.of(kind) for kind in DayKind):
            raise ValueError(NO_HOURS)
        return hours

    @property
    def warnings(self) -> tuple[Fault, ...]:
        """What was accepted and a person should still look at."""
        return self._warnings

    @property
    def exposed(self) -> tuple[Fault, ...]:
        """Of the warnings those of secrets that others than us can read."""
        return self._exposed
