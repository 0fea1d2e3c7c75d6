"""What a monitor tells of itself besides readings: events, its own aggregates, that it is alive."""

from dataclasses import dataclass, field
from enum import StrEnum

from fumewatch.core.reading import MISSING


class EventKind(StrEnum):
    """HJ 212 commands that are no readings: 2081, 3020, 2021."""

    RESTART = "restart"
    LOG = "log"
    FACILITY = "facility"


class Interval(StrEnum):
    """What a device's own aggregate spans: HJ 212 commands 2051, 2061, 2031."""

    MINUTES = "minutes"
    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class DeviceEvent:
    """`at`: µs UTC, when it happened. `detail`: as the device wrote it, key by key."""

    kind: EventKind
    at: int
    detail: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceAggregate:
    """One channel's statistics over an interval, as the device itself reckoned them.

    `start`: µs UTC, the interval's beginning (HJ 212: DataTime). `least`, `mean`, `most`: whole
    thousandths of the channel's unit, MISSING where it sent none. `quality`: its data flag.
    """

    interval: Interval
    start: int
    channel: int
    least: int = MISSING
    mean: int = MISSING
    most: int = MISSING
    quality: str = "N"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The device is alive (HJ 212 command 9015), whatever else it keeps to itself."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame that the device waits for: to be published once what it sent is stored.

    `topic`: a template, of the monitor that sent it.
    """

    topic: str
    frame: bytes


Fact = DeviceEvent | DeviceAggregate | Heartbeat | Reply


@dataclass(frozen=True, slots=True)
class Told:
    """A fact with where it comes from.

    `message`: the payload it came in. `monitor`: the code of the monitor that the payload names
    where a profile says that the payload does so; "" for the topic's.
    """

    message: int
    monitor: str
    fact: Fact
