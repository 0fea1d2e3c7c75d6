"""What really happened at a simulated fleet: what was in the flues, and what the labels say."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.demo.fleet import Fleet
from fumewatch.demo.flue import UNREAL, flue, sessions
from fumewatch.demo.months import midnight_s
from fumewatch.demo.situations import SILENT, Kind, Situation

Minutes = NDArray[np.float32]
Mask = NDArray[np.bool_]

DAY_S: Final = 86400
BLINDING: Final = frozenset({*UNREAL, *SILENT, Kind.EDITED})
"""While these last the monitor does not tell what is in the flue."""
_STEP_S: Final = 20


@dataclass(frozen=True, eq=False)
class Known:
    """The truth of `days` local days from day `begin` (since 1970-01-01) on.

    `beyond`: what would come in so many days after them is known as well.
    """

    fleet: Fleet
    situations: list[Situation]
    begin: int
    days: int
    beyond: int = 0

    @property
    def start_s(self) -> int:
        return midnight_s(self.begin)

    @property
    def end_s(self) -> int:
        return midnight_s(self.begin + self.days)

    @property
    def months(self) -> float:
        """Monitors times months of 30 days."""
        return len(self.fleet) * self.days / 30

    def of(self, *kinds: Kind) -> Iterator[Situation]:
        return (s for s in self.situations if s.kind in kinds)

    @cached_property
    def fume(self) -> Minutes:
        """[n, t]: the flue's mean in each minute, mg/m³."""
        real = [s for s in self.situations if s.kind not in UNREAL]
        return np.concatenate([self._day(real, day) for day in range(self.days)], axis=1)

    @cached_property
    def peaks(self) -> tuple[Minutes, NDArray[np.int64]]:
        """Of each day, and of those beyond, the highest mean of ten minutes that the flue would
        have had without any situation, mg/m³, and the minute of the day that it ends with, both
        [n, d]. With kitchens, days and fouling as they are; nobody cooks at midnight."""
        days = (trailing(self._day([], day), 10) for day in range(self.days + self.beyond))
        found = [(day.max(axis=1), day.argmax(axis=1)) for day in days]
        peak, minute = zip(*found, strict=True)
        return np.stack(peak, axis=1), np.stack(minute, axis=1)

    @cached_property
    def sees(self) -> Mask:
        """[n, t]: the monitor measures, and what it measures arrives as it is."""
        seen = np.tile(self.measures, (1, self.days))
        for situation in self.of(*BLINDING):
            seen[situation.monitor, self.minutes(situation)] = False
        return seen

    @cached_property
    def is_open(self) -> Mask:
        """[n, 1440]: local minutes in business hours."""
        minute = np.arange(1440)
        start, end = self.fleet.spans[:, :, :1], self.fleet.spans[:, :, 1:]
        return np.asarray(((minute - start) % 1440 < (end - start) % 1440).any(axis=1))

    @cached_property
    def measures(self) -> Mask:
        """[n, 1440]: local minutes in which the monitor measures anew; others repeat the last."""
        assert self.fleet.course
        minute = np.arange(1440)
        tail = (self.fleet.course.tail_s // 60)[:, None, None]
        start, end = self.fleet.spans[:, :, :1] - 5, self.fleet.spans[:, :, 1:] + tail
        sessions = ((minute - start) % 1440 < (end - start) % 1440).any(axis=1)
        return np.asarray(sessions | ~self.fleet.holds[:, None])

    def minutes(self, situation: Situation) -> slice:
        """The minutes that it touches."""
        first = (situation.start_s - self.start_s) // 60
        last = -((self.start_s - situation.end_s) // 60)
        return slice(max(first, 0), max(last, 0))

    def open_at(self, monitor: int, start_s: int, end_s: int) -> NDArray[np.int64]:
        """The minutes of business hours that begin in [start_s, end_s), seconds."""
        at_s = np.arange(-(-start_s // 60) * 60, end_s, 60)
        return at_s[self.is_open[monitor, (at_s - self.start_s) // 60 % 1440]]

    def _day(self, situations: list[Situation], day: int) -> Minutes:
        n = len(self.fleet)
        at_s = midnight_s(self.begin + day) + np.arange(_STEP_S // 2, DAY_S, _STEP_S)
        monitor = np.repeat(np.arange(n), len(at_s))
        fume = flue(self.fleet, situations, monitor, np.tile(at_s, n))
        return fume.reshape(n, 1440, -1).mean(axis=2).astype(np.float32)


def trailing(fume: Minutes, minutes: int) -> Minutes:
    """[n, t]: the mean of the last so many minutes; of fewer at the beginning."""
    total = np.cumsum(fume, axis=1, dtype=np.float64)
    total[:, minutes:] -= total[:, :-minutes].copy()
    counted = np.minimum(np.arange(fume.shape[1]) + 1, minutes)
    return (total / counted).astype(np.float32)


def runs(mask: Mask, gap: int = 0) -> list[tuple[int, int, int]]:
    """(row, first, end) of each stretch of true; stretches no more than `gap` apart are one."""
    padded = np.zeros((mask.shape[0], mask.shape[1] + 2), np.int8)
    padded[:, 1:-1] = mask
    change = np.diff(padded, axis=1)
    row, first = np.nonzero(change == 1)
    end = np.nonzero(change == -1)[1]
    apart = np.ones(len(row), np.bool_)
    apart[1:] = (row[1:] != row[:-1]) | (first[1:] - end[:-1] > gap)
    starts = np.flatnonzero(apart)
    last = np.append(starts[1:], len(row))[: len(starts)] - 1
    return list(zip(row[starts].tolist(), first[starts].tolist(), end[last].tolist(), strict=True))


def is_held(known: Known, monitor: int, at_s: int, window_s: int) -> bool:
    """Each value that the monitor showed in the window before was older than a refresh period."""
    fleet = known.fleet
    if not fleet.holds[monitor]:
        return False
    since_s = at_s - window_s - int(fleet.refresh_s[monitor])
    at = np.arange(since_s, at_s + 1, 30)
    return not sessions(fleet, np.full(len(at), monitor), at).is_sampling.any()
