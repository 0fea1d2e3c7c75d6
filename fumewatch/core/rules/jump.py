"""A step up: the last window against the ones before it."""

from datetime import timedelta
from itertools import pairwise
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fumewatch.core import rolling
from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.judgement import Judgement, decide, nothing
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.rule import LONGEST_WINDOW, SHORTEST_WINDOW, Text, number
from fumewatch.core.rules.terms import AnyLevel, Level, MeasuredName
from fumewatch.core.view import View

_LOW: Final = Level(0.3, of_limit=True)


class Jump(MinuteRule):
    """Breach: the mean of the last window is at least `times` the mean of the `before` windows
    before it, and at least `at_least`; below the limit or not.

    Only fresh minutes count in which `when` holds; each window needs `min_count` of them, else
    there is no data. Minutes with data of which too few fulfil `when` are clear. The windows before
    catch up, so a step to a lasting level clears by itself.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器是否跳闸、停用", en="has the purifier tripped or been switched off"),
        Text(zh="当前菜品与灶头使用情况", en="what is being cooked, on how many stoves"),
        Text(zh="监测探头是否被触动、污染", en="has the probe been moved or fouled"),
    )

    kind: Literal["jump"]
    channel: MeasuredName = Field("fume", description="what is judged")
    window: Duration = Field(
        timedelta(minutes=10),
        ge=SHORTEST_WINDOW,
        le=LONGEST_WINDOW,
        description="length of each of the windows that are compared",
    )
    before: int = Field(3, ge=1, description="windows before the last that it is compared with")
    times: float = Field(2.0, gt=1, description="so many times their mean; 2: a step of 100 %")
    at_least: AnyLevel = Field(
        _LOW, description='lower values are no step: a number or "0.3 * limit"'
    )
    min_count: int = Field(3, ge=1, description="fresh minutes that each window needs")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_count > whole_minutes(self.window):
            raise ValueError("min_count is more minutes than the window has")
        if self.minutes_needed > whole_minutes(LONGEST_WINDOW):
            raise ValueError("all windows together may be 4 hours long")
        return self

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset({INDEX[self.channel]})

    @property
    def minutes_needed(self) -> int:
        return whole_minutes(self.window) * (1 + self.before)

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(zh=f"{channel.zh}突变", en=f"sudden rise of {channel.en}")

    def weigh(self, view: View) -> Judgement:
        level = self.at_least.at(view, INDEX[self.channel])
        if np.isnan(level).all():
            return nothing(view.k, len(view))
        sample, enough = self.sample(view, self.channel), self._is_enough(view)
        before, last = self._means(view)
        value = np.where(enough, last, np.nan)
        limit = np.where(enough, np.maximum(self.times * before, level), level)
        known = (enough | sample.is_idle(self.min_count)) & ~np.isnan(level)
        breach = value >= limit
        return decide(breach, breach, known & ~sample.applied.unknown, value, limit)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        found, (before, _) = self.numbers(view), self._means(view)
        value, earlier = found.value[instant, row], before[instant, row]
        return self.sample(view, self.channel).evidence(instant, row) | {
            "value": number(value),
            "limit": number(found.limit[instant, row]),
            "before": number(earlier),
            "times_before": number(value / earlier, 1) if earlier > 0 else None,
            "at_least": str(self.at_least),
            "step_minutes": whole_minutes(self.window),
        }

    def _means(self, view: View) -> tuple[Numbers, Numbers]:
        """[k, n]: the mean of the windows before, each counting the same; of the last one."""

        def make() -> tuple[Numbers, Numbers]:
            means, _ = self.sample(view, self.channel).parts(1 + self.before)
            return means[:-1].mean(axis=0), means[-1]

        return view.remember(("means", self), make)

    def _is_enough(self, view: View) -> Mask:
        """[k, n]: each of the windows has enough minutes that count."""
        counted = rolling.running(self.sample(view, self.channel).counted)
        edges = range(0, self.minutes_needed + 1, whole_minutes(self.window))
        parts = [
            counted[end : end + view.k] - counted[at : at + view.k] for at, end in pairwise(edges)
        ]
        enough: Mask = np.minimum.reduce(parts) >= self.min_count
        return enough
