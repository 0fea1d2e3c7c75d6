"""The days get worse and worse: a purifier that clogs reaches the limit in some weeks."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.days import Days
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.day import (
    DAY,
    DayRule,
    MinMinutes,
    WholeDays,
    after,
    iso,
    released,
    series,
)
from fumewatch.core.rules.rule import Text, number
from fumewatch.core.rules.terms import AnyLevel, Level
from fumewatch.core.stats import Step, Trend, count_known, find_step, find_trend, median, off


class Deterioration(DayRule):
    """Breach: the Theil-Sen line through the daily medians brings `reaches` within `horizon`.

    1. A day's value is the median while cooking, which a single wok does not move. Judged are the
       valid days of `window` after the last recorded cleaning, and after a step if there is one: a
       step is no trend, it has a cause of its own (a cleaning that nobody recorded, a new probe).
       Where the line bends and `min_days` are left after it, only those: it is where things go now.
    2. It is a trend where Mann-Kendall says so at `significance`, the lower bound of the slope is
       above 0, and the line rises by `min_rise` over the days judged. Test and bounds allow for
       days that resemble the day before; without that a healthy site would fire one time in nine.
    3. Means of ten minutes cross a limit long before the daily median reaches it. A purifier that
       clogs lets a growing share of everything through, so its peaks grow as its median does: the
       line is multiplied by the monitor's own usual ratio of a day's `peak` to its median, and the
       days left are those until the highest ten minutes of a typical day reach the level. On bad
       days they do sooner: the first exceedance comes when a typical day is at 0.8 of the limit.
       `of` = "median" is for levels that are meant for the median.
    4. It opens only while a typical day is below `opens_below`: beyond it, threshold rules speak.

    A day without enough minutes is no data. A firing alert stays while the typical day is beyond
    `opens_below`, or a trend that is significant at `clear_significance` reaches it within
    `clear_beyond`. It clears at once with a recorded cleaning or a step down.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器极板是否积油，是否需要清洗", en="are the plates greasy, is a cleaning due"),
        Text(zh="清洗台账与最近清洗日期", en="the cleaning ledger and the last cleaning"),
        Text(
            zh="灶头数量与净化器处理风量是否匹配", en="does the purifier's air flow fit the stoves"
        ),
        Text(zh="监测探头是否积油", en="is the probe itself greasy"),
    )

    kind: Literal["deterioration"]
    channel: Literal["fume", "pm", "nmhc"] = Field("fume", description="what is judged")
    window: WholeDays = Field(timedelta(days=28), description="how far back it looks")
    min_days: int = Field(7, ge=5, le=100, description="valid days that a verdict needs")
    min_minutes: MinMinutes = Field(30, description="fresh cooking minutes that make a day valid")
    significance: float = Field(
        0.05, gt=0, le=0.5, description="chance of a trend this clear without one, two-sided"
    )
    clear_significance: float = Field(
        0.2, gt=0, le=1, description="a firing alert clears where the trend is less clear than this"
    )
    min_rise: AnyLevel = Field(
        Level(0.15, of_limit=True), description="rise over the days judged; less is no matter"
    )
    of: Literal["peak", "median"] = Field(
        "peak", description="what is to reach the level: a day's highest ten minutes, or its median"
    )
    reaches: AnyLevel = Field(
        Level(1.0, of_limit=True), description='a number, "limit" or "0.9 * limit"'
    )
    opens_below: AnyLevel | None = Field(
        None, description="it opens only while a typical day is below it (default: reaches)"
    )
    horizon: WholeDays = Field(timedelta(days=30), description="how far ahead it looks")
    clear_beyond: WholeDays = Field(
        timedelta(days=45), description="a firing alert clears with more time left than this"
    )
    step_penalty: float = Field(
        3.0, gt=0, le=20, description="how much better than a line a step must be; more: fewer"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_days > self.window // DAY:
            raise ValueError("min_days is more days than the window has")
        if self.clear_beyond < self.horizon:
            raise ValueError("clear_beyond is shorter than the horizon")
        if self.clear_significance < self.significance:
            raise ValueError("clear_significance is less than significance")
        return self

    @property
    def days_needed(self) -> int:
        return self.window // DAY

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(
            zh=f"净化效果下降，{channel.zh}预计将达限值",
            en=f"{channel.en} rising day by day, expected to reach the limit",
        )

    def weigh(self, days: Days) -> Judgement:
        found = self._course(days.last(self.days_needed))
        horizon = float(self.horizon // DAY)
        opens = found.is_trend & (found.now < found.top) & (found.left <= horizon)
        goes_on = found.trend.kendall.p < self.clear_significance
        stays = goes_on & (found.left <= self.clear_beyond // DAY) | (found.now >= found.top)
        value = np.where(np.isfinite(found.left), found.left, np.nan)[None, :]
        known = found.is_known[None, :]
        judged = decide(opens[None, :], stays[None, :], known, value, horizon)
        return released(judged, found.is_reset)

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        days = days.last(self.days_needed).only(row)
        found = self._course(days)
        line, kendall = found.trend.line, found.trend.kendall
        return {
            "unit": "d",
            "value": number(found.left[0], 1),
            "limit": self.horizon // DAY,
            "channel": self.channel,
            "of": self.of,
            "reaches": str(self.reaches),
            "level": number(found.level[0]),
            "now": number(found.now[0]),
            "ratio": number(found.ratio[0]),
            "days_to_limit": number(found.left[0], 1),
            "days_to_limit_between": [number(left[0], 1) for left in found.left_between],
            "days_judged": int(found.size[0]),
            "slope_per_week": number(7 * line.slope[0], 4),
            "slope_per_week_between": [number(7 * s[0], 4) for s in (line.low, line.high)],
            "rise": number(found.rise[0]),
            "p": number(kendall.p[0], 4),
            "tau": number(kendall.tau[0]),
            "autocorrelation": number(found.trend.r[0]),
            "line": found.ends(),
            "step": found.step_evidence(),
            "bend": iso(days.day[found.bend[0]]) if found.bend[0] else None,
            "cleaned": iso(days.cleaned[-1, 0]),
            **series(days, found.values[:, 0]),
        }

    def _course(self, days: Days) -> "Course":
        values = days.median(self.channel, self.min_minutes)
        at = (days.day - days.day[-1]).astype(np.float64)
        cleaned = days.cleaned[-1]
        since = np.where(after(days, cleaned), values, np.nan)
        step = find_step(at, since, self.step_penalty)
        judged = _from(step.row, since)
        bent = _from(step.bend, since)
        bend = np.where(count_known(bent) >= self.min_days, step.bend, 0)
        judged = np.where(bend > 0, bent, judged)
        level, top, least = (
            each.at(days, INDEX[self.channel])
            for each in (self.reaches, self.opens_below or self.reaches, self.min_rise)
        )
        return Course(
            rule=self,
            days=days,
            at=at,
            values=values,
            judged=judged,
            step=step,
            bend=bend,
            trend=find_trend(at, judged, 1 - self.significance),
            ratio=self._ratio(days, values),
            level=level,
            top=top,
            least_rise=least,
        )

    def _ratio(self, days: Days, values: Numbers) -> Numbers:
        """[n]: how many times its median the peak of a day usually is."""
        if self.of == "median":
            return np.ones(len(days))
        return median(days.peak(self.channel) / np.where(values > 0, values, np.nan))


def _from(row: NDArray[np.intp], values: Numbers) -> Numbers:
    """[d, n]: the values from each monitor's row [n] on, NaN before."""
    return np.where(np.arange(len(values))[:, None] >= row, values, np.nan)


@dataclass(frozen=True, eq=False)
class Course:
    """Where each monitor stands and where it goes.

    at              float64 [d]      days, 0 is the last
    values, judged  float64 [d, n]   daily medians: of all valid days, and of those judged
    bend            [n]   the row from which on days are judged because the line bends, else 0
    trend           of the days judged
    ratio           [n]   of what is to reach the level, to the median
    level, top, least_rise   [n] in the channel's unit
    """

    rule: Deterioration
    days: Days
    at: Numbers
    values: Numbers
    judged: Numbers
    step: Step
    bend: NDArray[np.intp]
    trend: Trend
    ratio: Numbers
    level: Numbers
    top: Numbers
    least_rise: Numbers

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """[n]: days judged."""
        return count_known(self.judged)

    @cached_property
    def now(self) -> Numbers:
        """[n]: the line on the last day, as it compares with the level."""
        now: Numbers = self.trend.line.intercept * self.ratio
        return now

    @cached_property
    def left(self) -> Numbers:
        """[n], days until the line reaches the level: 0 beyond it, infinite where it falls."""
        return self._left(self.trend.line.slope)

    @property
    def left_between(self) -> tuple[Numbers, Numbers]:
        """By the steepest and by the flattest line that the days allow.

        Each through the middle of the days: a steeper one is higher by now, and gets there sooner.
        """
        return self._left(self.trend.line.high), self._left(self.trend.line.low)

    @cached_property
    def rise(self) -> Numbers:
        """[n]: of the line over the days judged, as it compares with the level."""
        known = ~np.isnan(self.judged)
        last = len(known) - 1 - known[::-1].argmax(axis=0)
        rise: Numbers = self.trend.line.slope * self.ratio * (last - known.argmax(axis=0))
        return rise

    @property
    def is_trend(self) -> Mask:
        is_clear = (self.trend.kendall.p < self.rule.significance) & (self.trend.line.low > 0)
        found: Mask = is_clear & (self.rise >= self.least_rise)
        return found

    @property
    def is_known(self) -> Mask:
        is_enough = (self.size >= self.rule.min_days) & ~np.isnan(self.values[-1])
        known: Mask = is_enough & ~np.isnan(self.now + self.level)
        return known

    @property
    def is_reset(self) -> Mask:
        """A cleaning, recorded or seen, since which too few days are known."""
        is_cleaned = self.days.cleaned[-1] >= self.days.day[0]
        fell: Mask = is_cleaned | (self.step.after < self.step.before)
        return fell & (self.size < self.rule.min_days)

    def ends(self) -> dict[str, Any] | None:
        """The first monitor's line, for a picture of it."""
        known = np.flatnonzero(~np.isnan(self.judged[:, 0]))
        if len(known) < 2:
            return None
        start, end = self.days.day[known[[0, -1]]]
        line, last = self.trend.line, self.days.day[-1]
        return {
            "start": [iso(start), number(line.at(float(start - last))[0])],
            "end": [iso(end), number(line.at(float(end - last))[0])],
        }

    def step_evidence(self) -> dict[str, Any] | None:
        """The first monitor's step."""
        step = self.step
        if not step.found[0]:
            return None
        return {
            "day": iso(self.days.day[step.row[0]]),
            "before": number(step.before[0]),
            "after": number(step.after[0]),
            "size": number(step.after[0] - step.before[0]),
            "gain": number(step.gain[0], 1),
        }

    def _left(self, slope: Numbers) -> Numbers:
        now = self.ratio * median(off(self.at, self.judged, slope))
        rising = slope * self.ratio
        left = (self.level - now) / np.where(rising > 0, rising, np.nan)
        endless = np.where(np.isnan(left), np.inf, left)
        return np.where(now >= self.level, 0.0, endless)
