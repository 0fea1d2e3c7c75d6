"""A statistic of the window's fresh values is above or below a level."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self, assert_never

import numpy as np
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.judgement import Judgement, decide, nothing
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.rule import LONGEST_WINDOW, SHORTEST_WINDOW, Text, number
from fumewatch.core.rules.sample import Sample
from fumewatch.core.rules.terms import AnyLevel, ChannelName, Level
from fumewatch.core.view import View

_EMISSION: tuple[Text, ...] = (
    Text(zh="净化器是否运行", en="is the purifier running"),
    Text(zh="净化器极板、滤网是否需要清洗", en="do its plates and filters need cleaning"),
    Text(zh="是否有旁路排放", en="is there a bypass"),
    Text(zh="监测探头是否正常", en="is the monitor's probe in order"),
)


class Threshold(MinuteRule):
    """Breach: the statistic is above `above` or below `below`.

    It is taken over the window's fresh minutes in which `when` holds. Too few fresh minutes are no
    data; enough minutes with data of which too few fulfil `when` are clear.
    """

    CHECKS: ClassVar = _EMISSION

    kind: Literal["threshold"]
    channel: ChannelName = Field(description="what is judged")
    statistic: Literal["mean", "max", "p95", "share"] = Field(
        "mean", description="of the fresh minutes; share: how many of them are above share_above"
    )
    window: Duration = Field(
        timedelta(minutes=10),
        ge=SHORTEST_WINDOW,
        le=LONGEST_WINDOW,
        description="how far back it looks",
    )
    above: AnyLevel | None = Field(
        None, description='a breach above it: a number, "limit" or "0.9 * limit"; share: 0 to 1'
    )
    below: AnyLevel | None = Field(None, description="a breach below it")
    share_above: AnyLevel | None = Field(None, description="for share: the level that it counts")
    clear_below: AnyLevel | None = Field(
        None, description="a firing alert clears only below it (default: above)"
    )
    clear_above: AnyLevel | None = Field(
        None, description="a firing alert clears only above it (default: below)"
    )
    min_count: int = Field(3, ge=1, description="fresh minutes that a verdict needs")

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("needs above or below")
        if (self.statistic == "share") != (self.share_above is not None):
            raise ValueError('share_above goes with statistic = "share", and only with it')
        if self.statistic == "share" and any(level.of_limit for level in self._levels()):
            raise ValueError("a share is compared with a number; the limit goes into share_above")
        if (self.clear_below and not self.above) or (self.clear_above and not self.below):
            raise ValueError("clear_below goes with above, clear_above with below")
        if self.min_count > self.minutes_needed:
            raise ValueError("min_count is more minutes than the window has")
        return self

    def _levels(self) -> list[Level]:
        levels = (self.above, self.below, self.clear_below, self.clear_above)
        return [level for level in levels if level is not None]

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset({INDEX[self.channel]})

    @property
    def minutes_needed(self) -> int:
        return whole_minutes(self.window)

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(zh=f"{channel.zh}异常预警", en=f"{channel.en} out of bounds")

    def weigh(self, view: View) -> Judgement:
        band = self._band(view)
        if not band.is_known.any():
            return nothing(view.k, len(view))
        sample = self.sample(view, self.channel)
        enough = sample.size >= self.min_count
        value = self._value(sample, band).copy()  # shared with other rules
        np.copyto(value, np.nan, where=~enough)
        known = (enough | sample.is_idle(self.min_count)) & band.is_known & ~sample.applied.unknown
        return decide(band.is_left(value), band.is_near(value), known, value, band.limit(value))

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        found = self.numbers(view)
        shown: dict[str, Any] = {
            "statistic": self.statistic,
            "value": number(found.value[instant, row]),
            "limit": number(found.limit[instant, row]),
        }
        levels = {"above": self.above, "below": self.below}
        shown |= {name: str(level) for name, level in levels.items() if level}
        if self.share_above:
            shown["share_above"] = number(self._band(view).counted_above[row])
        return self.sample(view, self.channel).evidence(instant, row) | shown

    def _value(self, sample: Sample, band: "Band") -> Numbers:
        match self.statistic:
            case "mean":
                return sample.mean
            case "max":
                return sample.max
            case "p95":
                return sample.p95
            case "share":
                return sample.share(band.counted_above)
            case _:
                assert_never(self.statistic)

    def _band(self, view: View) -> "Band":
        def bound(level: Level | None, otherwise: float) -> Numbers:
            unset = np.full(len(view), otherwise)
            return level.at(view, INDEX[self.channel]) if level else unset

        return Band(
            bound(self.below, -np.inf),
            bound(self.above, np.inf),
            bound(self.clear_above, -np.inf),
            bound(self.clear_below, np.inf),
            bound(self.share_above, np.inf),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Band:
    """[n]: where a value is in order, and how far inside it must be to clear; ±inf: unbounded.

    `counted_above`: the level of a share.
    """

    low: Numbers
    high: Numbers
    clear_above: Numbers
    clear_below: Numbers
    counted_above: Numbers

    @property
    def is_known(self) -> Mask:
        """Every limit that the rule rests on is there."""
        return ~(np.isnan(self.low) | np.isnan(self.high) | np.isnan(self.counted_above))

    def is_left(self, value: Numbers) -> Mask:
        return _is_outside(value, self.low, self.high)

    def is_near(self, value: Numbers) -> Mask:
        """Not yet far enough inside to clear."""
        near = np.zeros(value.shape, np.bool_)
        if not np.isneginf(self.clear_above).all():
            near |= value <= self.clear_above
        if not np.isposinf(self.clear_below).all():
            near |= value >= self.clear_below
        return near

    def limit(self, value: Numbers) -> Numbers:
        """The bound that the value left, else the one there is."""
        if np.isneginf(self.low).all():
            return self.high
        return np.where((value < self.low) | np.isposinf(self.high), self.low, self.high)


def _is_outside(value: Numbers, low: Numbers, high: Numbers) -> Mask:
    """Bounds at infinity are everybody's or nobody's: what none has, costs nothing."""
    outside: Mask = value > high
    if not np.isneginf(low).all():
        outside |= value < low
    return outside
