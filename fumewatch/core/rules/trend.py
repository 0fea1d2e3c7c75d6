"""The values rise so that they will reach a level soon."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from statistics import median_low
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
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
_PAIRS: Final = tuple(combinations(range(PARTS), 2))


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
        line = points.line(self._may_open(view, points, enough))
        opens = self._opens(view, line, level)
        line = points.line(enough & self._may_clear(view, opens), line)
        known = (enough | sample.is_idle(self.min_points)) & ~np.isnan(level)
        ahead = self._ahead(line)
        return decide(opens, ahead >= clear, known & ~sample.applied.unknown, ahead, level)

    def evidence(self, view: View, instant: int, row: int) -> dict[str, Any]:
        slope, now, agreement, size = self._points(view).one(instant, row)
        level = self.reaches.at(view, INDEX[self.channel])[row]
        minutes_left = (level - now) / slope if slope > 0 else np.nan
        return self.sample(view, self.channel).evidence(instant, row) | {
            "value": number(now + slope * whole_minutes(self.horizon)),
            "limit": number(level),
            "reaches": str(self.reaches),
            "now": number(now),
            "slope_per_hour": number(slope * 60),
            "agreement": number(agreement),
            "points": size,
            "horizon_minutes": whole_minutes(self.horizon),
            "minutes_to_limit": number(minutes_left, 1),
        }

    def _may_open(self, view: View, points: "Points", enough: Mask) -> Mask:
        """Where an alert may open, before the line is known: that costs more than all the rest."""
        rising = enough & (points.agreement(enough) >= self.agreement)
        rise = self.min_rise.at(view, INDEX[self.channel])
        return points.is_steep(rising, rise, self.minutes_needed)

    def _may_clear(self, view: View, opens: Mask) -> Mask:
        """Where an alert may be open."""
        opened = np.logical_or.accumulate(opens, axis=0)
        may_clear: Mask = view.has_alert(self.id) | opened
        return may_clear

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
        sample = self.sample(view, self.channel)
        return self.remembered(view, "points", lambda: Points(*sample.parts(PARTS)))


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

    def one(self, instant: int, row: int) -> tuple[float, float, float, int]:
        """(slope, value now, agreement, points) of one window; NaN where there is no pair."""
        values = self.values[:, instant, row].tolist()
        points = [(t, v) for t, v in zip(self.at.tolist(), values, strict=True) if v == v]
        pairs = list(combinations(points, 2))
        if not pairs:
            return np.nan, np.nan, np.nan, len(points)
        slope = median_low((v - u) / (t - s) for (s, u), (t, v) in pairs)
        now = median_low(v - slope * t for t, v in points)
        rising = sum(v > u for (_, u), (_, v) in pairs)
        return slope, now, rising / len(pairs), len(points)

    def agreement(self, asked: Mask) -> Numbers:
        """[k, n]: the share of all pairs that rise, where asked; else, or without a pair, NaN."""
        found = np.full(self.size.size, np.nan)
        some = np.flatnonzero(asked & (self.size > 1))
        values, pairs = self._some(some), _pairs(self.size.reshape(-1)[some])
        rising, rises = np.zeros(len(some), np.uint8), np.empty(len(some), np.bool_)
        for first, second in _PAIRS:
            np.greater(values[second], values[first], out=rises)
            rising += rises.view(np.uint8)
        found[some] = rising / pairs
        return found.reshape(self.size.shape)

    def is_steep(self, asked: Mask, rise: Numbers, minutes: int) -> Mask:
        """[k, n]: asked, and the line rises by at least `rise` [n] in so many minutes.

        Without the line: its slope is the median of all slopes, so half of them are as steep.
        """
        found = np.zeros(asked.size, np.bool_)
        some = np.flatnonzero(asked)
        values, pairs = self._some(some), _pairs(self.size.reshape(-1)[some])
        least = rise[some % len(rise)]
        steep, slope = np.zeros(len(some), np.uint8), np.empty(len(some))
        for first, second in _PAIRS:
            np.subtract(values[second], values[first], out=slope)
            slope /= self.at[second] - self.at[first]
            slope *= minutes
            steep += (slope >= least).view(np.uint8)
        found[some] = steep >= pairs - _middle(pairs)
        return found.reshape(asked.shape)

    def line(self, asked: Mask, known: "Line | None" = None) -> Line:
        """The Theil-Sen lines where asked [k, n]: the median of all slopes, through the median.

        What is `known` already is kept.
        """
        slope, now, latest = (
            (known.slope, known.now, known.latest)
            if known
            else (np.full(asked.shape, np.nan) for _ in range(3))
        )
        asked = asked & np.isnan(slope)
        if not asked.any():
            return Line(slope, now, latest)
        values, size = self._some(np.flatnonzero(asked)), self.size[asked]
        first, second = np.array(_PAIRS).T
        slopes = values[second]
        slopes -= values[first]
        slopes /= (self.at[second] - self.at[first])[:, None]
        slope[asked] = _median(slopes, _pairs(size))
        now[asked] = _median(values - slope[asked] * self.at[:, None], size)
        last = PARTS - 1 - np.isfinite(values)[::-1].argmax(axis=0)
        latest[asked] = np.take_along_axis(values, last[None, :], axis=0)[0]
        return Line(slope, now, latest)

    def _some(self, cells: NDArray[np.intp]) -> Numbers:
        """[12, q]: the points of some windows."""
        return self.values.reshape(PARTS, -1).take(cells, axis=1)


def _pairs(size: NDArray[np.int16]) -> NDArray[np.int16]:
    return size * (size - 1) // 2


def _middle(size: NDArray[np.int16]) -> NDArray[np.int16]:
    """Of so many in ascending order: the lower of the two middle ones."""
    middle: NDArray[np.int16] = np.maximum(size - 1, 0) // 2
    return middle


def _median(numbers: Numbers, size: NDArray[np.int16]) -> Numbers:
    """[n] of [p, n], of which `size` [n] are not NaN; NaN where all are. Sorts in place."""
    numbers.sort(axis=0)  # NaN last
    found: Numbers = np.take_along_axis(numbers, _middle(size)[None, :], axis=0)[0]
    return found
