"""The fleet's messages as its makes write them: canonical JSON, a vendor's own, HJ 212. Pure.

And the rubbish that real monitors send now and then.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, assert_never

import msgspec
import numpy as np

from fumewatch.core.reading import CHANNELS, INDEX, MISSING
from fumewatch.demo.fleet import Fleet
from fumewatch.demo.frames import LOCAL, Pen
from fumewatch.demo.names import Speech
from fumewatch.demo.signal import Emission
from fumewatch.demo.situations import Situation

_COMMON: Final = "fume/{district}/{monitor}/up"
_STATUS: Final = "fume/{district}/{monitor}/status"
_MOST_READINGS: Final = 60
"""Of one message: a monitor that sends its buffer sends several."""
_ASKING_EVERY: Final = 4
"""Of the HJ 212 monitors one in so many wants each reading acknowledged."""
_LAMPBLACK: Final = {
    "lampblack": INDEX["fume"],
    "pm": INDEX["pm"],
    "nmhc": INDEX["nmhc"],
    "fanFlag": INDEX["fan_on"],
    "purifierFlag": INDEX["purifier_on"],
}
_CLOSED, _OPEN = 1, 2
RUBBISH: Final = (
    b'{"measured_at": "2026-11-23T12:00:00+08:00", "fume": 0.8',  # cut off on the way
    b'{"measured_at": "yesterday", "fume": 0.8}',
    b'{"fume": 0.8, "fan_on": true}',  # no time at all
    b'{"measured_at": 1795406400, "monitor": "someone-else", "fume": 0.8}',
    b"\x00\xff\xfe\x02\x10\x83",
    b'{"measured_at": 1795406400, "fume": "hoch"}',
)
LAMPBLACK_RUBBISH: Final = (
    b'{"dateTime": "2026-11-23 12:00:00", "lampblack": 0.8, "fanF',
    b'{"lampblack": 0.8, "fanFlag": 2}',
    b'{"dateTime": "2026-11-23 12:00:00", "fanFlag": 3}',  # neither, nor
    b'{"dateTime": "2026-11-23 12:00:00", "deviceNo": "someone-else", "lampblack": 0.8}',
)


@dataclass(frozen=True, slots=True)
class Sending:
    """One MQTT message of one monitor (its index), with how many readings are in it.

    `is_rubbish`: nothing can be read from it. One without readings may also tell something else.
    """

    monitor: int
    payload: bytes
    readings: int = 0
    is_rubbish: bool = False


def reading_topic(fleet: Fleet, monitor: int) -> str:
    outlet = fleet.outlets[monitor]
    own = outlet.vendor.topic if outlet.speaks is outlet.vendor.speaks else ""
    return _topic(fleet, monitor, own or _COMMON)


def status_topic(fleet: Fleet, monitor: int) -> str:
    return _topic(fleet, monitor, _STATUS)


def pen(fleet: Fleet, monitor: int) -> Pen:
    """What writes a monitor's HJ 212 readings."""
    return Pen(fleet.outlets[monitor].monitor, wants_ack=monitor % _ASKING_EVERY == 0)


def messages(fleet: Fleet, emission: Emission) -> Iterator[Sending]:
    """All of an emission, several readings of one monitor together: JSON as an array, and HJ 212
    as frames behind each other."""
    monitor = emission.readings.monitor
    order = np.argsort(monitor, kind="stable")
    cuts = np.flatnonzero(np.diff(monitor[order])) + 1
    for rows in np.split(order, cuts) if len(order) else ():
        for start in range(0, len(rows), _MOST_READINGS):
            yield _sending(fleet, emission, rows[start : start + _MOST_READINGS].tolist())
    for fault in emission.broken:
        yield Sending(fault.monitor, _rubbish(fleet, fault), is_rubbish=True)


def _topic(fleet: Fleet, monitor: int, template: str) -> str:
    return template.format(district=fleet.district, monitor=fleet.outlets[monitor].monitor)


def _sending(fleet: Fleet, emission: Emission, rows: list[int]) -> Sending:
    monitor = int(emission.readings.monitor[rows[0]])
    return Sending(monitor, _payload(fleet, monitor, emission, rows), len(rows))


def _payload(fleet: Fleet, monitor: int, emission: Emission, rows: list[int]) -> bytes:
    outlet = fleet.outlets[monitor]
    match outlet.speaks:
        case Speech.CANONICAL:
            return _json([_canonical(emission, row, outlet.vendor.clock) for row in rows])
        case Speech.LAMPBLACK:
            return _json([_lampblack(emission, row, outlet.monitor) for row in rows])
        case Speech.HJ212:
            own = pen(fleet, monitor)
            return b"".join(_frame(own, emission, row, place) for place, row in enumerate(rows))
        case _:
            assert_never(outlet.speaks)


def _json(readings: list[dict[str, Any]]) -> bytes:
    return msgspec.json.encode(readings[0] if len(readings) == 1 else readings)


def _canonical(emission: Emission, row: int, clock: str) -> dict[str, Any]:
    readings = emission.readings
    sent: dict[str, Any] = {"measured_at": _written(int(readings.measured_at[row]), clock)}
    for channel, value in zip(CHANNELS, readings.values[:, row].tolist(), strict=True):
        if value != MISSING:
            sent[channel.name] = bool(value) if channel.is_state else value / channel.scale
    return {**sent, "quality": chr(readings.quality[row])}


def _lampblack(emission: Emission, row: int, monitor: str) -> dict[str, Any]:
    readings = emission.readings
    at = datetime.fromtimestamp(int(readings.measured_at[row]) / 1e6, LOCAL)
    sent: dict[str, Any] = {"deviceNo": monitor, "dateTime": at.strftime("%Y-%m-%d %H:%M:%S")}
    for key, channel in _LAMPBLACK.items():
        value = int(readings.values[channel, row])
        if CHANNELS[channel].is_state:
            sent[key] = _OPEN if value else _CLOSED
        else:
            sent[key] = value / CHANNELS[channel].scale
    return {**sent, "lampblackFlag": chr(readings.quality[row])}


def _frame(own: Pen, emission: Emission, row: int, place: int) -> bytes:
    readings = emission.readings
    return own.reading(
        int(readings.measured_at[row]) // 1_000_000,
        readings.values[:, row].tolist(),
        chr(readings.quality[row]),
        int(emission.sent_s[row]),
        place,
    )


def _written(at_us: int, clock: str) -> str | int:
    """The three ways of the contract: ISO 8601, seconds or milliseconds since 1970."""
    if clock == "iso":
        return datetime.fromtimestamp(at_us / 1e6, UTC).astimezone(LOCAL).isoformat()
    return at_us // 1_000_000 if clock == "s" else at_us // 1000


def _rubbish(fleet: Fleet, fault: Situation) -> bytes:
    """By turns, as its make would write it."""
    turn = fault.start_s + fault.monitor
    speaks = fleet.outlets[fault.monitor].speaks
    match speaks:
        case Speech.CANONICAL:
            return RUBBISH[turn % len(RUBBISH)]
        case Speech.LAMPBLACK:
            return LAMPBLACK_RUBBISH[turn % len(LAMPBLACK_RUBBISH)]
        case Speech.HJ212:
            return pen(fleet, fault.monitor).rubbish(fault.start_s, turn)
        case _:
            assert_never(speaks)
