"""Device profiles: how a model of monitor writes its payloads, as [[profile]] of the configuration.

Codes, units and codings of states differ between vendors, and one code means two things at two of
them. So nothing is mapped for all: a profile says what each channel is called and how it is coded.
"""

import difflib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import InitErrorDetails

from fumewatch.core.decode.lookup import lookup
from fumewatch.core.decode.scalar import Scalar, plain
from fumewatch.core.decode.template import check_downlink, check_topic
from fumewatch.core.decode.units import convert
from fumewatch.core.reading import CHANNELS, INDEX

CHANNEL_NAMES: Final = tuple(channel.name for channel in CHANNELS)

_PROBE: Final = datetime(2026, 11, 23, 17, 34, tzinfo=UTC)  # no two parts of it are alike
_EPOCHS: Final = ("auto", "seconds", "milliseconds")
_SM4_KEY: Final = re.compile(r"[0-9A-Fa-f]{32}")
_NOT_IN_CODES: Final = re.compile(r"[-=;,&\s]")
_OF_MAPPED_JSON: Final = (
    *("items", "time", "time_format", "time_zone", "no_time", "quality", "monitor_field"),
)
_OF_HJ212: Final = ("crc", "readings", "aggregates", "no_flag", "downlink", "sm4_keys")
_OF_MEASURED: Final = ("unit", "scale", "offset")
_OF_STATES: Final = ("on", "off", "from", "above")

_Wrong = tuple[tuple[str, ...], str]
"""(the way to a key of a profile, what is wrong with it)"""


def _listed(value: Any) -> Any:
    return value if isinstance(value, (list, tuple)) else [value]


def _as_expression(text: str) -> str:
    if text:
        lookup(text)
    return text


Expression = Annotated[str, AfterValidator(_as_expression)]
"""JMESPath, or "" for none; `$.` in front reaches the whole payload from one of its `items`."""
Named = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Named, ...], BeforeValidator(_listed)]
"""One text or a list of them, in TOML."""
Paths = Annotated[
    tuple[Annotated[Named, AfterValidator(_as_expression)], ...], BeforeValidator(_listed)
]
Scalars = Annotated[tuple[Scalar, ...], BeforeValidator(_listed)]
Codings = Annotated[Scalars, Field(min_length=1)]
Commands = Annotated[tuple[Literal[2011, 2051, 2021], ...], BeforeValidator(_listed)]
Statistics = Annotated[tuple[Literal[2051, 2061, 2031], ...], BeforeValidator(_listed)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ChannelMap(_Table):
    """`channel.fume = { ... }` of a profile: where a channel's value stands and how it is coded."""

    path: Paths = ()
    """JSON: JMESPath expressions; the first that gives a value counts: not null, not blank, and
    where there are several of them no object or array."""
    code: Names = ()
    """HJ 212: pollutant or facility codes, or names; the first that the frame has counts."""
    suffix: str = ""
    """HJ 212: in place of the command's own (2011 Rtd, 2051 Avg, 2021 RS)."""
    unit: str = ""
    """The device's unit; "" means the channel's own."""
    scale: Finite = 1.0
    offset: Finite = 0.0
    """value = (number written * scale + offset) in `unit`."""
    on: Codings = (1,)
    off: Codings = (0,)
    """States: how on and off are written. 1, 1.0, "1", "01" and true are the same; texts are
    compared without spaces around them and whatever their case."""
    derived_from: str = Field("", alias="from")
    above: Finite = 0.0
    """States: on while the channel `from` is above this, in its unit; only where `path` or `code`
    gave nothing."""

    @field_validator("scale")
    @classmethod
    def _scales(cls, scale: float) -> float:
        if scale == 0:
            raise ValueError("0 would make every value the same")
        return scale

    @field_validator("code")
    @classmethod
    def _codes_alone(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if _NOT_IN_CODES.search(code):
                raise ValueError(f"{code!r}: write the code alone, as a34041 of a34041-Rtd=0.82")
        return codes

    @field_validator("suffix")
    @classmethod
    def _suffix_alone(cls, suffix: str) -> str:
        if _NOT_IN_CODES.search(suffix):
            raise ValueError(f"{suffix!r}: write the suffix alone, as Rtd of a34041-Rtd=0.82")
        return suffix

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.path or self.code or self.derived_from):
            raise ValueError("says nothing; give path (JSON), code (HJ 212) or, for a state, from")
        return self

    def differs(self) -> set[str]:
        """The keys, as TOML has them, whose values are not their defaults."""
        return _differing(self)


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
    """auto: HJ 212 where a payload has ## and does not begin as JSON does, else JSON."""
    topic: str = ""
    """A topic of its own, subscribed to besides [mqtt] topic; "" means that one.
    {district} and {monitor} stand for their levels, + for any other."""
    district: str = ""
    """Of monitors whose topic does not tell it."""
    match: Match = Match()
    monitor_from: Literal["topic", "payload"] = "topic"
    monitor_field: Expression = ""
    """JSON: JMESPath of the monitor's code, in the reading. HJ 212 has its MN, canonical JSON its
    monitor."""
    other_monitor: Literal["refuse", "ignore"] = "refuse"
    """A payload that names another monitor than its topic."""
    items: Expression = ""
    """JSON: JMESPath of the readings in a payload, one or a list; "" means the payload itself, an
    object or an array of objects. The other expressions look into each of them, and with `$.` in
    front into the whole payload."""
    time: Expression = "measured_at"
    """JSON: JMESPath of the time; "" where the device sends none."""
    time_format: str = "auto"
    """JSON: auto (ISO 8601 or epoch), seconds, milliseconds, or as strptime has it."""
    time_zone: str = "Asia/Shanghai"
    """JSON: of times that name none; HJ 212 has Beijing's."""
    no_time: Literal["refuse", "received"] = "refuse"
    """JSON: what to do with a reading without time. received: it gets ours, in whole seconds. Then
    a message that comes twice is stored twice, and of what waited at the broker while we were away
    only one reading a second is left."""
    quality: Expression = ""
    """JSON: JMESPath of the data flag, one letter; where there is none, a reading is N."""
    missing: Scalars = (-999, -9999)
    """What the device writes for a value it does not have; null, "" and NaN are always missing."""
    crc: Literal["standard", "modbus"] = "standard"
    """HJ 212: modbus also takes frames with an ordinary Modbus CRC, and counts them."""
    readings: Commands = (2011, 2051, 2021)
    """HJ 212: the commands whose values are readings. A device that sends 2011 and 2051 both should
    have only one of them here."""
    aggregates: Statistics = (2061, 2031)
    """HJ 212: the commands whose values are kept as the device's own statistics."""
    no_flag: str = "N"
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

    @field_validator("topic")
    @classmethod
    def _is_topic(cls, topic: str) -> str:
        check_topic(topic)
        return topic

    @field_validator("downlink")
    @classmethod
    def _is_downlink(cls, topic: str) -> str:
        check_downlink(topic)
        return topic

    @field_validator("time_format")
    @classmethod
    def _tells_the_minute(cls, form: str) -> str:
        if form not in _EPOCHS and not _is_time_format(form):
            raise ValueError(
                f"{form!r} is neither auto, seconds, milliseconds nor a format of strptime that "
                "tells day and minute, such as %Y%m%d%H%M%S"
            )
        return form

    @field_validator("time_zone")
    @classmethod
    def _is_zone(cls, zone: str) -> str:
        if zone in available_timezones():
            return zone
        near = difflib.get_close_matches(zone, sorted(available_timezones()), n=1)
        hint = f"did you mean {near[0]!r}?" if near else "write a name such as Asia/Shanghai"
        raise ValueError(f"{zone!r} is not a time zone; {hint}")

    @field_validator("no_flag")
    @classmethod
    def _is_flag(cls, flag: str) -> str:
        if len(flag) != 1 or not "!" <= flag <= "~":
            raise ValueError(f"{flag!r} is no data flag of one letter")
        return flag

    @field_validator("sm4_keys")
    @classmethod
    def _are_keys(cls, keys: dict[str, SecretStr]) -> dict[str, SecretStr]:
        for mn, key in keys.items():
            if not _SM4_KEY.fullmatch(key.get_secret_value()):
                raise ValueError(f"the key of {mn!r} is not 32 hex digits")
        return keys

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        """Every fault at once, each at its own key."""
        wrong = [
            *_of_topic(self),
            *_of_hj212(self),
            *_of_json(self),
            *_of_channels(self),
        ]
        if wrong:
            raise ValidationError.from_exception_data(
                "Profile",
                [
                    InitErrorDetails(
                        type="value_error", loc=way, input=None, ctx={"error": ValueError(what)}
                    )
                    for way, what in wrong
                ],
            )
        return self


def _differing(table: BaseModel) -> set[str]:
    return {
        field.alias or name
        for name, field in type(table).model_fields.items()
        if getattr(table, name) != field.get_default(call_default_factory=True)
    }


def _is_time_format(form: str) -> bool:
    probe = _PROBE if "%z" in form else _PROBE.replace(tzinfo=None)
    try:
        return datetime.strptime(probe.strftime(form), form) == probe  # noqa: DTZ007 - compared
    except ValueError:
        return False


def _of_topic(profile: Profile) -> Iterator[_Wrong]:
    if not profile.topic:
        return
    if "{monitor}" not in profile.topic and profile.monitor_from == "topic":
        yield (
            ("topic",),
            f"{profile.topic!r} does not tell the monitor; write {{monitor}} for its level, or "
            'monitor_from = "payload"',
        )
    tells_district = "{district}" in profile.topic
    if not tells_district and not profile.district:
        yield (
            ("district",),
            f"topic {profile.topic!r} does not tell the district; write {{district}} for its "
            "level, or give the district here",
        )
    if tells_district and profile.district:
        yield ("district",), f"topic {profile.topic!r} tells the district already; keep one"


def _of_hj212(profile: Profile) -> Iterator[_Wrong]:
    if profile.format == "json":
        for key in _OF_HJ212:
            if key in _differing(profile):
                yield (key,), 'is for HJ 212, and format = "json" takes none'


def _of_json(profile: Profile) -> Iterator[_Wrong]:
    if profile.format == "hj212" or profile.is_canonical:
        for key in _OF_MAPPED_JSON:
            if key in _differing(profile):
                yield (key,), "is for JSON with a `path` for each channel, and no channel has one"
        return
    if not profile.time and profile.no_time == "refuse":
        yield ("time",), 'is empty; say where the time stands, or no_time = "received"'
    if profile.monitor_from == "payload" and not profile.monitor_field:
        yield ("monitor_field",), 'missing; monitor_from = "payload" needs it for JSON'


def _of_channels(profile: Profile) -> Iterator[_Wrong]:
    for name, mapping in profile.channel.items():
        if name not in INDEX:
            near = difflib.get_close_matches(name.lower(), CHANNEL_NAMES, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(CHANNEL_NAMES)}"
            yield ("channel", name), f"no channel is called {name!r}; {hint}"
            continue
        of_kind = _of_state if CHANNELS[INDEX[name]].is_state else _of_measured
        for key, what in (*_of_map(profile, mapping), *of_kind(profile, name, mapping)):
            yield ("channel", name, key), what


def _of_map(profile: Profile, mapping: ChannelMap) -> Iterator[tuple[str, str]]:
    if mapping.derived_from:
        return
    if profile.format == "json" and not mapping.path:
        yield "path", 'missing; format = "json" finds a channel by its path'
    if profile.format == "hj212" and not mapping.code:
        yield "code", 'missing; format = "hj212" finds a channel by its code'


def _of_measured(_profile: Profile, name: str, mapping: ChannelMap) -> Iterator[tuple[str, str]]:
    for key in _OF_STATES:
        if key in mapping.differs():
            yield key, f"is for states such as fan_on; {name} is measured"
    try:
        convert(name, mapping.unit)
    except ValueError as error:
        yield "unit", str(error)


def _of_state(profile: Profile, name: str, mapping: ChannelMap) -> Iterator[tuple[str, str]]:
    given = mapping.differs()
    for key in _OF_MEASURED:
        if key in given:
            yield key, f"is for measured channels; {name} is a state: `on` and `off` say its coding"
    yield from _of_codings(profile, mapping)
    source = mapping.derived_from
    if source and (source not in profile.channel or CHANNELS[INDEX.get(source, -1)].is_state):
        measured = [
            each for each in profile.channel if each in INDEX and not CHANNELS[INDEX[each]].is_state
        ]
        known = f"it has {', '.join(measured)}" if measured else "it has none"
        yield "from", f"{source!r} is no measured channel of this profile; {known}"
    if "above" in given and not source:
        yield "above", "needs `from`, the channel that it is compared with"


def _of_codings(profile: Profile, mapping: ChannelMap) -> Iterator[tuple[str, str]]:
    on, off, missing = (
        {plain(word): word for word in words}
        for words in (mapping.on, mapping.off, profile.missing)
    )
    for word in on.keys() & off.keys():
        yield "on", f"{on[word]!r} is among `off` too ({off[word]!r})"
    for key, words in (("on", on), ("off", off)):
        for word in words.keys() & missing.keys():
            yield key, f"{words[word]!r} is among `missing` of this profile too"
