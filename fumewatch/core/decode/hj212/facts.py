"""What HJ 212 frames tell besides readings: events, the device's own statistics, heartbeats."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from fumewatch.core.decode.columns import thousandths
from fumewatch.core.decode.hj212.encode import acknowledgement
from fumewatch.core.decode.hj212.fields import (
    CONVERTED,
    FACILITY,
    Field,
    fields,
    instant,
    letter,
    unmapped,
)
from fumewatch.core.decode.hj212.frame import Frame
from fumewatch.core.decode.profile import Profile
from fumewatch.core.device import (
    DeviceAggregate,
    DeviceEvent,
    EventKind,
    Fact,
    Heartbeat,
    Interval,
    Reply,
)
from fumewatch.core.reading import CHANNELS, MISSING

RESTART: Final = 2081
LOG: Final = 3020
HEARTBEAT: Final = 9015
INTERVAL: Final = {2051: Interval.MINUTES, 2061: Interval.HOUR, 2031: Interval.DAY}
_EVENTS: Final = {RESTART: EventKind.RESTART, LOG: EventKind.LOG, FACILITY: EventKind.FACILITY}
_ANSWERS: Final = range(9011, 9015)
"""What only answers a request of ours; to answer it in turn would never end."""


class Facts:
    """Finds them in a frame, by a profile."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._downlink = profile.downlink
        self._ways: Mapping[int, Callable[[Frame], list[Fact]]] = {
            **dict.fromkeys(_EVENTS, _event),
            HEARTBEAT: lambda _: [Heartbeat()],
            **dict.fromkeys(profile.aggregates, self._aggregates),
        }
        self._fields: dict[int, tuple[Field, ...]] = {
            command: fields(profile, command) for command in profile.aggregates
        }

    def __contains__(self, command: int) -> bool:
        """Whether a frame of this command tells anything."""
        return command in self._ways

    def has(self, frame: Frame, command: int) -> bool:
        """Whether this frame, of which the header is enough, tells anything."""
        return command in self._ways or self._wants_reply(frame, command)

    def of(self, frame: Frame, command: int) -> list[Fact]:
        """Raise DecodeError where one cannot be read."""
        way = self._ways.get(command)
        found = way(frame) if way else []
        if self._wants_reply(frame, command):
            found.append(Reply(self._downlink, acknowledgement(frame)))
        return found

    def _wants_reply(self, frame: Frame, command: int) -> bool:
        if not self._downlink or command in _ANSWERS:
            return False
        flag = frame.flag
        return flag is not None and flag.ack

    def _aggregates(self, frame: Frame) -> list[Fact]:
        start = instant(frame, "DataTime")
        found: list[Fact] = []
        for each in self._fields[frame.command]:
            if not CHANNELS[each.channel].is_state:
                found += self._aggregate(frame, each, start)
        if not found and (frame.packet is None or frame.packet[1] == 1):
            raise unmapped(frame, self._profile.name)
        return found

    def _aggregate(self, frame: Frame, each: Field, start: int) -> list[Fact]:
        """Of the first of the channel's codes that the frame has; it may also have none."""
        for mean_key, flag_key in each.keys:
            code, _, suffix = mean_key.partition("-")
            prefix = f"{code}-{CONVERTED if suffix.startswith(CONVERTED) else ''}"
            least, mean, most = (
                _thousandths(each, frame, key) for key in (f"{prefix}Min", mean_key, f"{prefix}Max")
            )
            if not least == mean == most == MISSING:
                flag = letter(frame.fields.get(flag_key) or self._profile.no_flag)
                interval = INTERVAL[frame.command]
                return [DeviceAggregate(interval, start, each.channel, least, mean, most, flag)]
        return []


def _thousandths(each: Field, frame: Frame, key: str) -> int:
    column = np.full((len(CHANNELS), 1), np.nan)
    column[each.channel] = each.number(frame, key)
    return int(thousandths(column)[each.channel, 0])


def _event(frame: Frame) -> list[Fact]:
    kind = _EVENTS[frame.command]
    is_restart = kind is EventKind.RESTART and "RestartTime" in frame.fields
    at = instant(frame, "RestartTime" if is_restart else "DataTime")
    detail = {key: value for key, value in frame.fields.items() if key != "DataTime"}
    return [DeviceEvent(kind, at, detail)]
