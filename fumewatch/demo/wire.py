"""The fleet's messages: canonical JSON, and the rubbish real monitors send now and then. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

import msgspec
import numpy as np

from fumewatch.core.reading import CHANNELS, MISSING
from fumewatch.demo.fleet import ZONE_S, Fleet
from fumewatch.demo.signal import Emission

_LOCAL: Final = timezone(timedelta(seconds=ZONE_S))
_MOST_READINGS: Final = 60
"""Of one message: a monitor that sends its buffer sends several."""
RUBBISH: Final = (
    b'{"measured_at": "2026-11-23T12:00:00+08:00", "fume": 0.8',  # cut off on the way
    b'{"measured_at": "yesterday", "fume": 0.8}',
    b'{"fume": 0.8, "fan_on": true}',  # no time at all
    b'{"measured_at": 1795406400, "monitor": "someone-else", "fume": 0.8}',
    b"\x00\xff\xfe\x02\x10\x83",
    b'{"measured_at": 1795406400, "fume": "hoch"}',
)


@dataclass(frozen=True, slots=True)
class Sending:
    """One MQTT message of one monitor (its index), with how many readings are in it."""

    monitor: int
    payload: bytes
    readings: int


def reading_topic(fleet: Fleet, monitor: int) -> str:
    return f"fume/{fleet.district}/{fleet.outlets[monitor].monitor}/up"


def status_topic(fleet: Fleet, monitor: int) -> str:
    return f"fume/{fleet.district}/{fleet.outlets[monitor].monitor}/status"


def messages(fleet: Fleet, emission: Emission) -> Iterator[Sending]:
    """All of an emission: an object for a single reading, an array for several of one monitor."""
    monitor = emission.readings.monitor
    order = np.argsort(monitor, kind="stable")
    cuts = np.flatnonzero(np.diff(monitor[order])) + 1
    for rows in np.split(order, cuts) if len(order) else ():
        for start in range(0, len(rows), _MOST_READINGS):
            yield _sending(fleet, emission, rows[start : start + _MOST_READINGS].tolist())
    for fault in emission.broken:
        rubbish = RUBBISH[(fault.start_s + fault.monitor) % len(RUBBISH)]
        yield Sending(fault.monitor, rubbish, 0)


def _sending(fleet: Fleet, emission: Emission, rows: list[int]) -> Sending:
    readings = [_reading(fleet, emission, row) for row in rows]
    body = readings[0] if len(readings) == 1 else readings
    return Sending(int(emission.readings.monitor[rows[0]]), msgspec.json.encode(body), len(rows))


def _reading(fleet: Fleet, emission: Emission, row: int) -> dict[str, Any]:
    readings = emission.readings
    clock = fleet.outlets[readings.monitor[row]].vendor.clock
    sent: dict[str, Any] = {"measured_at": _written(int(readings.measured_at[row]), clock)}
    for channel, value in zip(CHANNELS, readings.values[:, row].tolist(), strict=True):
        if value != MISSING:
            sent[channel.name] = bool(value) if channel.is_state else value / channel.scale
    return {**sent, "quality": chr(readings.quality[row])}


def _written(at_us: int, clock: str) -> str | int:
    """The three ways of the contract: ISO 8601, seconds or milliseconds since 1970."""
    if clock == "iso":
        return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(_LOCAL).isoformat()
    return at_us // 1_000_000 if clock == "s" else at_us // 1000
