"""The values rise so that they will reach a level soon."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from itertools import combinations
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.rule import LONGEST_WINDOW, Text, number
from fumewatch.core.rules.terms import AnyLevel, Level, MeasuredName
from fumewatch.core.view import View

PARTS: Final = 12
_PAIRS: Final = np.array(list(combinations(range(PARTS), 2)))


class Trend(MinuteRule):
    """Breach: the Theil-Sen line through the window, drawn on for `horizon`, meets `reaches`.

    The window is cut into 12 parts; the mean of each part's fresh minutes is a point, which keeps a
    single spike from mattering and gives monitors of any refresh period the same weight. Three
    things keep noise from firing: enough points, a rise of at least `min_rise` over the window, and
    `agreement` of the pairs of points. It opens only while the line and the latest point are below
    the level: beyond it, a threshold rule speaks. A firing alert clears when the line stays below
    `clear_below`.
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
    opens_above: AnyLevel | None = Field(
        None, description="it opens only where the line has come this far (default: anywhere)"
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

    def weigh(self, view: View) -> Judgement:
        sample, points = self.sample(view, self.channel), self._points(view)
        level = self.reaches.at(view, INDEX[self.channel])
        clear = (self.clear_below or self.reaches).at(view, INDEX[self.channel])
        enough = points.size >= self.min_points
        line = points.line(enough & (points.agreement >= self.agreement))
        opens = self._opens(view, line, level)
        concerned = view.has_alert(self.id) | opens.any(axis=0)
        if concerned.any():  # a line costs more than all the rest: only where one may clear
            line = points.line(enough & concerned)
        known = (enough | sample.is_idle(self.min_points)) & ~np.isnan(level)
        ahead = self._ahead(line)
        return decide(opens, ahead >= clear, known & ~sample.applied.unknown, ahead, level)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        points = self._points(view)
        here = np.zeros(points.size.shape, np.bool_)
        here[instant, row] = True
        line = points.line(here)
        level = self.reaches.at(view, INDEX[self.channel])[row]
        slope, now = line.slope[instant, row], line.now[instant, row]
        minutes_left = (level - now) / slope if slope > 0 else np.nan
        return self.sample(view, self.channel).evidence(instant, row) | {
            "value": number(now + slope * whole_minutes(self.horizon)),
            "limit": number(level),
            "reaches": str(self.reaches),
            "now": number(now),
            "slope_per_hour": number(slope * 60),
            "agreement": number(points.agreement[instant, row]),
            "points": int(points.size[instant, row]),
            "horizon_minutes": whole_minutes(self.horizon),
            "minutes_to_limit": number(minutes_left, 1),
        }

    def _opens(self, view: View, line: "Line", level: Numbers) -> Mask:
        """NaN, where no line was asked for, compares as false."""
        steep = line.slope * self.minutes_needed >= self.min_rise.at(view, INDEX[self.channel])
        is_below = np.maximum(line.now, line.latest) < level
        opens: Mask = steep & is_below & (self._ahead(line) >= level)
        if self.opens_above:
            opens &= line.now >= self.opens_above.at(view, INDEX[self.channel])
        return opens

    def _ahead(self, line: "Line") -> Numbers:
        return line.now + line.slope * whole_minutes(self.horizon)

    def _points(self, view: View) -> "Points":
        key = ("points", self.channel, self.minutes_needed, self.when, self.missing)
        return view.remember(key, lambda: Points(*self.sample(view, self.channel).parts(PARTS)))


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """[k, n]: its slope in units a minute, its value now, the latest of the points it goes through.

    NaN where it was not asked for.
    """

    slope: Numbers
    now: Numbers
    latest: Numbers


class Points:
    """The parts of the windows [12, k, n], NaN where one has no fresh minute; their times [12]."""

    def __init__(self, values: Numbers, at: Numbers) -> None:
        self.values = values
        self.at = at
        known = np.isfinite(values)
        self.size = known.sum(axis=0, dtype=np.int16)

    @cached_property
    def agreement(self) -> Numbers:
        """[k, n]: the share of all pairs that rise; NaN where there is no pair."""
        found = np.full(self.size.shape, np.nan)
        some = self.size > 1
        values, size = self.values[:, some], self.size[some].astype(np.int32)
        rising = np.zeros(len(size), np.int16)
        for i in range(PARTS - 1):
            rising += (values[i + 1 :] > values[i]).view(np.uint8).sum(axis=0, dtype=np.uint8)
        found[some] = rising / (size * (size - 1) // 2)
        return found

    def line(self, asked: Mask) -> Line:
        """The Theil-Sen lines where asked [k, n]: the median of all slopes, through the median."""
        values, (first, second) = self.values[:, asked], _PAIRS.T
        slope, now, latest = (np.full(asked.shape, np.nan) for _ in range(3))
        slopes = (values[second] - values[first]) / (self.at[second] - self.at[first])[:, None]
        slope[asked] = _median(slopes)
        now[asked] = _median(values - slope[asked] * self.at[:, None])
        last = PARTS - 1 - np.isfinite(values)[::-1].argmax(axis=0)
        latest[asked] = np.take_along_axis(values, last[None, :], axis=0)[0]
        return Line(slope, now, latest)


def _median(numbers: Numbers) -> Numbers:
    """[n] of [p, n], leaving out NaN (the lower of the two middle ones); NaN where all are."""
    ascending = np.sort(numbers, axis=0)  # NaN last
    size = np.isfinite(numbers).sum(axis=0)
    middle = np.maximum(size - 1, 0) // 2
    found: Numbers = np.take_along_axis(ascending, middle[None, :], axis=0)[0]
    return found
