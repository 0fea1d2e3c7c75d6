"""What HJ 212 monitors send besides readings: heartbeats, restarts, the hour's statistics. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from fumewatch.demo.fleet import Fleet
from fumewatch.demo.frames import Pen
from fumewatch.demo.hours import Hours
from fumewatch.demo.names import Speech
from fumewatch.demo.signal import Emission, due
from fumewatch.demo.situations import SILENT, Kind, Situation
from fumewatch.demo.wire import Sending, pen

_BEATS_EVERY: Final = 12
"""Intervals between two heartbeats."""
_BOOT_S: Final = 1
"""Seconds after which a monitor with power again tells of its restart."""


class Talk:
    """Of one fleet, from `begins_s` on, stretch of time by stretch."""

    def __init__(self, fleet: Fleet, begins_s: int) -> None:
        self._fleet = fleet
        self._hours = Hours(fleet, begins_s)
        speaks = [outlet.speaks is Speech.HJ212 for outlet in fleet.outlets]
        self._monitors = np.flatnonzero(speaks)

    def sendings(
        self,
        emission: Emission,
        situations: Sequence[Situation],
        start_s: int,
        end_s: int,
        interval_s: int,
        *,
        is_live: bool,
    ) -> Iterator[Sending]:
        """Besides an emission of [start_s, end_s); heartbeats only live: they say "now"."""
        self._hours.add(emission, situations, interval_s)
        yield from self._restarts(situations, start_s, end_s)
        for hour in self._hours.due(situations, end_s):
            frame = self._pen(hour.monitor).hour(hour.start_s, hour.statistics, hour.due_s)
            yield Sending(hour.monitor, frame)
        if is_live:
            yield from self._heartbeats(situations, start_s, end_s, interval_s * _BEATS_EVERY)

    def _restarts(
        self, situations: Sequence[Situation], start_s: int, end_s: int
    ) -> Iterator[Sending]:
        for each in situations:
            told_s = each.end_s + _BOOT_S
            is_cut = each.kind is Kind.POWER_CUT and start_s <= told_s < end_s
            if is_cut and self._fleet.outlets[each.monitor].speaks is Speech.HJ212:
                frame = self._pen(each.monitor).restart(each.end_s, told_s)
                yield Sending(each.monitor, frame)

    def _heartbeats(
        self, situations: Sequence[Situation], start_s: int, end_s: int, every_s: int
    ) -> Iterator[Sending]:
        monitors, at_s = due(self._fleet, self._monitors, start_s, end_s, every_s)
        silent = [s for s in situations if s.kind in SILENT and s.overlaps(start_s, end_s)]
        for monitor, at in zip(monitors.tolist(), at_s.tolist(), strict=True):
            if not any(s.monitor == monitor and s.overlaps(at, at + 1) for s in silent):
                yield Sending(monitor, pen(self._fleet, monitor).heartbeat(at))

    def _pen(self, monitor: int) -> Pen:
        """What must not get lost is to be acknowledged, whatever the monitor does with readings."""
        return Pen(self._fleet.outlets[monitor].monitor, wants_ack=True)
