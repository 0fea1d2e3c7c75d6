"""The values rise so that they will reach a level soon."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from fumewatch.core.arrays import Mask, Numbers, count_true
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.rule import LONGEST_WINDOW, Common, Judgement, Text, decide, number
from fumewatch.core.rules.sample import Sample
from fumewatch.core.rules.terms import AnyLevel, Level, MeasuredName
from fumewatch.core.view import View

PARTS: Final = 12
_PAIRS: Final = np.array(list(combinations(range(PARTS), 2)))


class Trend(Common):
    """Breach: the Theil-Sen line through the window, drawn on for `horizon`, meets `reaches`.

    The window is cut into 12 parts; the mean of each part's fresh minutes is a point, which keeps a
    single spike from mattering and gives monitors of any refresh period the same weight. Three
    things keep noise from firing: enough points, a rise of at least `min_rise` over the window, and
    `agreement` of the pairs of points. It opens only below the level: beyond it, a threshold rule
    speaks. A firing alert clears when the line stays below `clear_below`.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器是否需要清洗", en="does the purifier need cleaning"),
        Text(zh="灶头与风量是否匹配", en="does the air flow match the stoves in use"),
    )

    kind: Literal["trend"]
    channel: MeasuredName = Field(description="what is judged")
    window: Duration = Field(
        timedelta(minutes=45),
        ge=timedelta(minutes=PARTS),
        le=LONGEST_WINDOW,
        description="how far back it looks",
    )
    horizon: Duration = Field(
        timedelta(minutes=30), ge=timedelta(minutes=1), description="how far ahead it looks"
    )
    reaches: AnyLevel = Field(
        Level(1.0, of_limit=True), description='a number, "limit" or "0.9 * limit"'
    )
    clear_below: AnyLevel | None = Field(
        None, description="a firing alert clears below it (default: reaches)"
    )
    min_rise: AnyLevel = Field(
        Level(0.25, of_limit=True), description="rise of the line over the window; less is noise"
    )
    min_points: int = Field(6, ge=3, le=PARTS, description="parts that must have fresh minutes")
    agreement: float = Field(
        0.75, ge=0.5, le=1, description="share of the pairs of points that must rise"
    )

    @property
    def own_channels(self) -> frozenset[int]:
        return frozenset({INDEX[self.channel]})

    @property
    def minutes_needed(self) -> int:
        return whole_minutes(self.window)

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(zh=f"{channel.zh}预计将达限值", en=f"{channel.en} expected to reach the limit")

    def weigh(self, view: View, is_firing: Mask) -> Judgement:
        sample, line = self.sample(view, self.channel), self._line(view)
        level = self.reaches.at(view, INDEX[self.channel])
        clear = (self.clear_below or self.reaches).at(view, INDEX[self.channel])
        ahead = line.now + line.slope * whole_minutes(self.horizon)
        enough = line.points >= self.min_points
        rises = line.slope * self.minutes_needed >= self.min_rise.at(view, INDEX[self.channel])
        opens = rises & (line.agreement >= self.agreement) & (line.now < level) & (ahead >= level)
        breach = enough & (opens | (is_firing & (ahead >= clear)))
        known = (enough | sample.is_idle(self.min_points)) & ~np.isnan(level)
        value = np.where(enough, ahead, np.nan)
        return Judgement(decide(breach, known & ~sample.applied.unknown), value, level)

    def evidence(self, view: View, row: int) -> dict[str, Any]:
        line = self._line(view)
        level = self.reaches.at(view, INDEX[self.channel])[row]
        slope, now = line.slope[row], line.now[row]
        minutes_left = (level - now) / slope if slope > 0 else np.nan
        return self.sample(view, self.channel).evidence(row) | {
            "value": number(now + slope * whole_minutes(self.horizon)),
            "limit": number(level),
            "reaches": str(self.reaches),
            "now": number(now),
            "slope_per_hour": number(slope * 60),
            "agreement": number(line.agreement[row]),
            "points": int(line.points[row]),
            "horizon_minutes": whole_minutes(self.horizon),
            "minutes_to_limit": number(minutes_left, 1),
        }

    def _line(self, view: View) -> "Line":
        key = ("line", self.channel, self.minutes_needed, self.when, self.missing)
        return view.remember(key, lambda: _theil_sen(self.sample(view, self.channel)))


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """[n]: points; slope in units a minute; the line's value now; share of pairs that rise."""

    points: Any
    slope: Numbers
    now: Numbers
    agreement: Numbers


def _theil_sen(sample: Sample) -> Line:
    points, at = sample.parts(PARTS)
    first, second = _PAIRS.T
    rises = points[second] - points[first]
    slope = _median(rises / (at[second] - at[first])[:, None])
    pairs = np.maximum(count_true(~np.isnan(rises)), 1)
    return Line(
        points=count_true(~np.isnan(points)),
        slope=slope,
        now=_median(points - slope * at[:, None]),
        agreement=count_true(rises > 0) / pairs,
    )


def _median(numbers: Numbers) -> Numbers:
    """[n] of [k, n], leaving out NaN (the lower of the two middle ones); NaN where all are."""
    ascending = np.sort(numbers, axis=0)  # NaN last
    size = count_true(~np.isnan(numbers))
    middle = np.maximum(size - 1, 0) // 2
    found: Numbers = np.take_along_axis(ascending, middle[None, :], axis=0)[0]
    return found
