"""A value that does not change while the fan runs: a stuck or blocked probe."""

from datetime import timedelta
from itertools import compress
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core import rolling
from fumewatch.core.arrays import Mask
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.minute import MinuteRule, window_of
from fumewatch.core.rules.rule import LONGEST_WINDOW, SHORTEST_WINDOW, Text, number
from fumewatch.core.rules.terms import MeasuredName
from fumewatch.core.view import View


class Flatline(MinuteRule):
    """Breach: since the value last changed, at least `at_least` minutes of the window had a value,
    and at least `refreshes` refresh periods have gone by.

    Only minutes count in which `when` holds and in which the monitor usually measures anew: outside
    these a value is held for hours on a healthy monitor. A firing alert clears when the value
    changes, not when the fan stops. A window without a value is no data.
    """

    CHECKS: ClassVar = (
        Text(zh="监测探头是否堵塞、被遮挡或断开", en="is the probe blocked, covered or unplugged"),
        Text(zh="采样管路与气泵是否正常", en="do the sampling tube and its pump work"),
        Text(zh="监测仪现场显示值是否变化", en="does the value on its display change"),
    )

    kind: Literal["flatline"]
    channel: MeasuredName = Field("fume", description="what is judged")
    window: Duration = Field(
        timedelta(minutes=60),
        ge=SHORTEST_WINDOW,
        le=LONGEST_WINDOW,
        description="how far back it looks",
    )
    at_least: Duration = Field(
        timedelta(minutes=30),
        ge=timedelta(minutes=1),
        description="minutes with the same value that make a breach",
    )
    refreshes: float = Field(
        2.0, ge=1, description="learned refresh periods that must have gone by without a change"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.at_least > self.window:
            raise ValueError("at_least is longer than the window")
        return self

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset({INDEX[self.channel]})

    @property
    def minutes_needed(self) -> int:
        return whole_minutes(self.window)

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(zh=f"{channel.zh}数据长时间不变", en=f"{channel.en} value stuck")

    def weigh(self, view: View) -> Judgement:
        minutes = view.channel(INDEX[self.channel])
        unchanged = minutes.age[-view.k :] >= self.refreshes * minutes.period
        flat, least = self._flat(view), whole_minutes(self.at_least)
        present = minutes.present[view.reach(self.minutes_needed)]
        known = (rolling.counts(present, self.minutes_needed) > 0) & ~self.applied(view).unknown
        return decide((flat >= least) & unchanged, unchanged, known, flat.astype(np.float64), least)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        minutes, window = view.channel(INDEX[self.channel]), self.minutes_needed
        age = int(minutes.age[instant - view.k, row])
        counted = self._counted(view)[instant : instant + window, row]
        counted = counted & (np.arange(window) >= window - age)
        rows = view.span(window, instant)
        present = minutes.present[rows, row]
        stuck_at = minutes.means(rows, row)[present][-1] if present.any() else np.nan
        return {
            "channel": self.channel,
            "unit": "min",
            "window": window_of(view, window, instant),
            "value": int(counted.sum()),
            "limit": whole_minutes(self.at_least),
            "stuck_at": number(stuck_at),
            "unchanged_minutes": age,
            "refresh_minutes": int(minutes.period[row]),
            "refresh_learned": bool(minutes.is_learned[row]),
            "times": list(compress(view.times(rows), counted)),
            "skipped": self.applied(view).skipped_at(instant, row),
        }

    def _flat(self, view: View) -> NDArray[np.int64]:
        """[k, n]: minutes that count since the value last changed, as far as the window reaches."""
        window = self.minutes_needed
        age = view.channel(INDEX[self.channel]).age[-view.k :]
        total = rolling.running(self._counted(view))
        end = np.arange(window, window + view.k)[:, None]
        since = np.take_along_axis(total, end - np.minimum(age, window), axis=0)
        flat: NDArray[np.int64] = total[window:] - since
        return flat

    def _counted(self, view: View) -> Mask:
        """[w - 1 + k, n]: a value, in minutes in which it should change."""
        reach = view.reach(self.minutes_needed)
        present = view.channel(INDEX[self.channel]).present[reach]
        return present & view.sampling[reach] & self.applied(view).minutes
