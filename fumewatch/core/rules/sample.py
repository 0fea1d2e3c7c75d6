"""One channel over the windows of k instants: the minutes that count, and what is said of them."""

from functools import cached_property
from itertools import compress, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fumewatch.core import rolling
from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.reading import CHANNELS, INDEX, MISSING
from fumewatch.core.rules.when import Applied
from fumewatch.core.view import View, iso


class Sample:
    """Windows of w minutes of n monitors. A minute counts if it is fresh and fulfils `when`.

    Statistics are [k, n] in the channel's unit, NaN where no minute counts. `counted` is
    [w - 1 + k, n].
    """

    def __init__(self, view: View, channel: str, window: int, applied: Applied) -> None:
        self.view = view
        self.channel = CHANNELS[INDEX[channel]]
        self.window = window
        self.applied = applied
        self._minutes = view.channel(INDEX[channel])
        self._reach = view.reach(window)
        self.counted: Mask = self._minutes.fresh[self._reach] & applied.minutes

    @cached_property
    def size(self) -> NDArray[np.int16]:
        """[k, n]: how many minutes count."""
        return rolling.counts(self.counted, self.window)

    def is_idle(self, least: int) -> Mask:
        """[k, n]: the monitor reports at least so many minutes, hardly any that fulfils `when`."""
        present, fulfilled = self._reported
        idle: Mask = (present >= least) & (fulfilled < least)
        return idle

    @cached_property
    def _reported(self) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
        """[k, n]: how many minutes have a value, and how many of them fulfil `when`."""
        there, view, window = self._minutes.present[self._reach], self.view, self.window
        present = view.remember(
            ("present", self.channel.name, window), lambda: rolling.counts(there, window)
        )
        return present, rolling.counts(there & self.applied.minutes, window)

    @cached_property
    def totals(self) -> NDArray[np.int32]:
        """[w - 1 + k, n]: the sums of the minutes that count, else 0."""
        return self._minutes.total[self._reach] * self.counted

    @cached_property
    def numbers(self) -> NDArray[np.int16]:
        """[w - 1 + k, n]: how many values the minutes that count have, else 0."""
        return self._minutes.count[self._reach] * self.counted

    @cached_property
    def mean(self) -> Numbers:
        """The mean of all values in the minutes that count."""
        total, count = (rolling.sums(x, self.window) for x in (self.totals, self.numbers))
        return ratio(total, count * np.int32(self.channel.scale))

    @cached_property
    def max(self) -> Numbers:
        """The largest value."""
        top = np.where(self.counted, self._minutes.top[self._reach], np.int32(MISSING))
        found = rolling.highest(top, self.window)
        return np.where(self.size > 0, found / self.channel.scale, np.nan)

    @cached_property
    def p95(self) -> Numbers:
        """The 95th percentile (nearest rank) of the minutes' means."""
        count = np.maximum(self._minutes.count[self._reach], 1) * float(self.channel.scale)
        means = np.where(self.counted, self._minutes.total[self._reach] / count, np.inf)
        windows = np.lib.stride_tricks.sliding_window_view(means, self.window, axis=0)
        rank = np.maximum(np.ceil(0.95 * self.size).astype(np.intp), 1) - 1
        found = np.take_along_axis(np.sort(windows, axis=-1), rank[..., None], axis=-1)[..., 0]
        return np.where(self.size > 0, found, np.nan)

    def share(self, above: Numbers) -> Numbers:
        """Of the minutes that count, how many have a mean above a level [n], from 0 to 1."""
        over = self.counted & self._minutes.is_above(self._reach, above)
        return ratio(rolling.counts(over, self.window), self.size)

    def parts(self, n: int) -> tuple[Numbers, Numbers]:
        """The windows cut into n parts: the mean of each [n parts, k, n]; its middle in minutes.

        The middle of an instant's last minute is 0; earlier ones are negative.
        """
        edges = (np.arange(n + 1) * self.window // n).tolist()
        k = self.view.k
        total, count = rolling.running(self.totals), rolling.running(self.numbers)
        parts = np.empty((n, k, total.shape[1]))
        for part, (lower, upper) in zip(parts, pairwise(edges), strict=True):
            values = count[upper : upper + k] - count[lower : lower + k]
            values *= np.int32(self.channel.scale)
            ratio(total[upper : upper + k] - total[lower : lower + k], values, part)
        bounds = np.array(edges)
        return parts, (bounds[:-1] + bounds[1:] - 1) / 2 - (self.window - 1)

    def evidence(self, instant: int, row: int) -> dict[str, Any]:
        """One monitor's minutes as JSON: times are the starts of minutes, ISO UTC."""
        view, minutes = self.view, self._minutes
        rows = view.span(self.window, instant)
        counted = self.counted[instant : instant + self.window, row]
        fresh, present = minutes.fresh[rows, row], minutes.count[rows, row] > 0
        times = view.times(rows)
        return {
            "channel": self.channel.name,
            "unit": self.channel.unit,
            "window": {"from": times[0], "to": iso(int(view.now[instant]))},
            "times": list(compress(times, counted.tolist())),
            "values": minutes.means(rows, row)[counted].round(3).tolist(),
            "fresh": int(np.count_nonzero(fresh)),
            "held": int(np.count_nonzero(present & ~fresh)),
            "refresh_minutes": int(minutes.period[row]),
            "refresh_learned": bool(minutes.is_learned[row]),
            "skipped": self.applied.skipped_at(instant, row),
        }


def ratio(part: NDArray[Any], whole: NDArray[Any], out: Numbers | None = None) -> Numbers:
    """NaN where the whole is 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        found: Numbers = np.true_divide(part, whole, out=out)
    return found
