"""One channel over one window: the minutes that count for a rule, and what can be said of them."""

from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers, count_true
from fumewatch.core.reading import CHANNELS, INDEX, MISSING
from fumewatch.core.rules.when import Applied
from fumewatch.core.view import View, iso


class Sample:
    """k minutes of n monitors. A minute counts if it is fresh and fulfils the rule's `when`.

    Numbers are in the channel's unit, NaN where no minute counts.
    """

    def __init__(self, view: View, channel: str, applied: Applied) -> None:
        self.view = view
        self.channel = CHANNELS[INDEX[channel]]
        self.applied = applied
        self._minutes = view.channel(INDEX[channel])
        self._last = len(applied.minutes)
        self.present: Mask = self._minutes.present[-self._last :]
        self.fresh: Mask = self._minutes.freshness.fresh[-self._last :]
        self.counted: Mask = self.fresh & applied.minutes

    @cached_property
    def size(self) -> NDArray[np.int16]:
        """[n]: how many minutes count."""
        return count_true(self.counted)

    def is_idle(self, least: int) -> Mask:
        """[n]: the monitor reports at least so many minutes, but hardly any that fulfils `when`."""
        fulfilled = count_true(self.present & self.applied.minutes)
        idle: Mask = (count_true(self.present) >= least) & (fulfilled < least)
        return idle

    @cached_property
    def means(self) -> Numbers:
        """[k, n]: the mean of each minute."""
        return self._minutes.means(self._last)

    @cached_property
    def mean(self) -> Numbers:
        """[n]: the mean of all values in the minutes that count."""
        total = (self._minutes.total[-self._last :] * self.counted).sum(axis=0)
        count = (self._minutes.count[-self._last :] * self.counted).sum(axis=0)
        return _ratio(total, count * self.channel.scale)

    @cached_property
    def max(self) -> Numbers:
        """[n]: the largest value."""
        top = np.where(self.counted, self._minutes.top[-self._last :], MISSING).max(axis=0)
        return np.where(self.size > 0, top / self.channel.scale, np.nan)

    @cached_property
    def p95(self) -> Numbers:
        """[n]: the 95th percentile (nearest rank) of the minutes' means."""
        ascending = np.sort(np.where(self.counted, self.means, np.inf), axis=0)
        rank = np.maximum(np.ceil(0.95 * self.size).astype(np.intp), 1)
        found = np.take_along_axis(ascending, rank[None, :] - 1, axis=0)[0]
        return np.where(self.size > 0, found, np.nan)

    def share(self, above: Numbers) -> Numbers:
        """[n]: of the minutes that count, how many have a mean above a level, from 0 to 1."""
        return _ratio(count_true(self.counted & (self.means > above)), self.size)

    def parts(self, n: int) -> tuple[Numbers, Numbers]:
        """The window cut into n parts: the mean of each [n parts, n], its middle in minutes [n].

        The middle of now's minute is 0; earlier ones are negative.
        """
        edges = np.arange(n + 1) * self._last // n
        total = np.add.reduceat(self._minutes.total[-self._last :] * self.counted, edges[:-1])
        count = np.add.reduceat(self._minutes.count[-self._last :] * self.counted, edges[:-1])
        middle = (edges[:-1] + edges[1:] - 1) / 2 - (self._last - 1)
        return _ratio(total, count * self.channel.scale), middle

    def evidence(self, row: int) -> dict[str, Any]:
        """One monitor's minutes as JSON: times are the starts of minutes, ISO UTC."""
        counted, view = self.counted[:, row], self.view
        times = view.times(self._last)
        freshness = self._minutes.freshness
        return {
            "channel": self.channel.name,
            "unit": self.channel.unit,
            "window": {"from": times[0], "to": iso(view.now)},
            "times": list(compress(times, counted)),
            "values": np.round(self.means[counted, row], 3).tolist(),
            "fresh": int(self.fresh[:, row].sum()),
            "held": int((self.present & ~self.fresh)[:, row].sum()),
            "refresh_minutes": int(freshness.period[row]),
            "refresh_learned": bool(freshness.learned[row]),
            "skipped": self.applied.skipped_at(row),
        }


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> Numbers:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)
