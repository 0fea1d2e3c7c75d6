"""Device profiles: how a model of monitor writes its payloads, as [[profile]] of the configuration.

Codes, units and codings of states differ between vendors, and one code means two things at two of
them. So nothing is mapped for all: a profile says what each channel is called and how it is coded.
"""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from fumewatch.core.reading import CHANNELS

CHANNEL_NAMES: Final = tuple(channel.name for channel in CHANNELS)

Scalar = bool | int | float | str
"""A value as a device writes it."""


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""One text or a list of them, in TOML."""
Codings = Annotated[tuple[Scalar, ...], BeforeValidator(_listed), Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChannelMap(_Table):
    """`channel.fume = { ... }` of a profile: where a channel's value stands and how it is coded."""

    path: Names = ()
    """JSON: JMESPath expressions; the first that gives something counts."""
    code: Names = ()
    """HJ 212: pollutant or facility codes, or names; the first that the frame has counts."""
    suffix: str = ""
    """HJ 212: in place of the command's own (2011 Rtd, 2051 Avg, 2021 RS)."""
    unit: str = ""
    """The device's unit; "" means the channel's own."""
    scale: float = 1.0
    offset: float = 0.0
    """value = (number written * scale + offset) in `unit`."""
    on: Codings = (1,)
    off: Codings = (0,)
    """States: how on and off are written. 1, 1.0, "1" and true are the same."""
    derived_from: str = Field("", alias="from")
    above: float = 0.0
    """States: on while the channel `from` is above this, in its unit."""


class Match(_Table):
    """Which monitors: all that is named must fit. Vendor, model, tags: those of sites.csv."""

    district: Names = ()
    vendor: Names = ()
    model: Names = ()
    tags: Names = ()


class Profile(_Table):
    """One [[profile]]."""

    name: str = Field(min_length=1)
    format: Literal["auto", "json", "hj212"] = "auto"
    """auto: HJ 212 where a payload begins with ##, else JSON."""
    topic: str = ""
    """A topic of its own, subscribed to besides [mqtt] topic; "" means that one.
    {district} and {monitor} stand for their levels, + for any other."""
    district: str = ""
    """Of monitors whose topic does not tell it."""
    match: Match = Match()
    monitor_from: Literal["topic", "payload"] = "topic"
    monitor_field: str = ""
    """JSON: JMESPath of the monitor's code, in the payload or in the element. HJ 212 has its MN."""
    other_monitor: Literal["refuse", "ignore"] = "refuse"
    """A payload that names another monitor than its topic."""
    items: str = ""
    """JSON: JMESPath of the list of readings in a payload; "" means the payload itself, an object
    or an array of objects."""
    time: str = "measured_at"
    time_format: str = "auto"
    """JSON: auto (ISO 8601 or epoch), seconds, milliseconds, or as strptime has it."""
    time_zone: str = "Asia/Shanghai"
    """Of times that name none."""
    no_time: Literal["refuse", "received"] = "refuse"
    """JSON: what to do with a reading without time. received: it gets ours, and a message that
    comes twice is stored twice."""
    quality: str = ""
    """JSON: JMESPath of the data flag; without it every reading is N."""
    missing: tuple[Scalar, ...] = (-999, -9999)
    """What the device writes for a value it does not have; null, "" and NaN are always missing."""
    crc: Literal["standard", "modbus"] = "standard"
    """HJ 212: modbus also takes frames with an ordinary Modbus CRC, and counts them."""
    readings: tuple[Literal[2011, 2051, 2021], ...] = (2011, 2051, 2021)
    """HJ 212: the commands whose values are readings. A device that sends 2011 and 2051 both should
    have only one of them here."""
    aggregates: tuple[Literal[2051, 2061, 2031], ...] = (2061, 2031)
    """HJ 212: the commands whose values are kept as the device's own statistics."""
    no_flag: str = Field("N", min_length=1, max_length=1)
    """HJ 212: the data flag of a value without one."""
    downlink: str = ""
    """HJ 212: topic of acknowledgements (9014), such as fume/{district}/{monitor}/down."""
    sm4_keys: dict[str, SecretStr] = Field(default_factory=dict)
    """HJ 212-2025: MN to its key, 32 hex digits, where CP comes encrypted."""
    channel: dict[str, ChannelMap] = Field(default_factory=dict)
    """By channel name. JSON of a profile in which no channel has a `path` is the canonical one."""

    @property
    def is_canonical(self) -> bool:
        """Its JSON, where it takes any, is the contract's own."""
        return not any(each.path for each in self.channel.values())

    @model_validator(mode="after")
    def _channels_exist(self) -> Self:
        if strange := sorted(set(self.channel) - set(CHANNEL_NAMES)):
            known = ", ".join(CHANNEL_NAMES)
            raise ValueError(f"no channel is called {strange[0]!r}; there are {known}")
        return self
