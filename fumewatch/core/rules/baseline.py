"""A current is low against what it was after the last cleaning."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.days import NO_DAY, Days
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules.day import (
    DAY,
    DayRule,
    MinMinutes,
    WholeDays,
    after,
    iso,
    refuse_clear_above,
    series,
)
from fumewatch.core.rules.rule import Text, number
from fumewatch.core.stats import median

_SHOWN: Final = 28
"""Days in the evidence."""


class Baseline(DayRule):
    """Breach: the last days' median is less than `below` times the monitor's own baseline.

    The baseline is the median of the first `baseline_days` valid days after the last recorded
    cleaning, which resets it (DOMAIN.md, 6: below 70 % a warning, below 50 % an alarm). Until
    `min_days` of them are known it stays the one from before that cleaning, so that plates put back
    wrongly are told of rather than taken for the new normal. Where no cleaning is recorded, or only
    one from before the days looked at, it is of the oldest days that are known.

    The last days are those of `window` after the last cleaning, `min_recent` of them valid: by
    then a cleaning that helped has cleared a firing alert, and the record alone clears nothing.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器极板是否积油或损坏", en="are the purifier's plates greasy or broken"),
        Text(zh="高压电源与电场是否正常", en="its high-voltage supply and fields"),
        Text(zh="清洗台账与最近清洗日期", en="the cleaning ledger and the last cleaning"),
    )

    kind: Literal["baseline"]
    channel: Literal["purifier_current", "fan_current"] = Field(
        "purifier_current", description="what is judged: its median while the machine is on"
    )
    window: WholeDays = Field(timedelta(days=3), description="the days whose median is compared")
    baseline_days: int = Field(
        7, ge=1, le=100, description="valid days after a cleaning that make the baseline"
    )
    min_days: int = Field(3, ge=1, le=100, description="of them, as many there must be")
    min_recent: int = Field(2, ge=1, le=100, description="valid days of the window there must be")
    min_minutes: MinMinutes = Field(60, description="minutes with it on that make a day valid")
    below: float = Field(0.7, gt=0, lt=1, description="times the baseline")
    clear_above: float | None = Field(
        None, ge=0, description="a firing alert clears only above it (default: from below on)"
    )
    look_back: WholeDays = Field(
        timedelta(days=100), description="how far back the baseline may lie"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse_clear_above(self.clear_above, self.below)
        if self.min_days > self.baseline_days:
            raise ValueError("min_days is more than baseline_days")
        if self.min_recent > self.window // DAY:
            raise ValueError("min_recent is more days than the window has")
        if self.look_back // DAY < self.window // DAY + self.baseline_days:
            raise ValueError("look_back is shorter than baseline_days and the window together")
        return self

    @property
    def days_needed(self) -> int:
        return self.look_back // DAY

    def default_title(self) -> Text:
        channel = CHANNELS[INDEX[self.channel]]
        return Text(zh=f"{channel.zh}偏低", en=f"{channel.en} low")

    def weigh(self, days: Days) -> Judgement:
        found = self._compare(days.last(self.days_needed))
        ratio = found.ratio[None, :]
        stays = ratio <= (self.clear_above or 0.0)
        return decide(ratio < self.below, stays, ~np.isnan(ratio), ratio, self.below)

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        days = days.last(self.days_needed).only(row)
        found, values = self._compare(days), days.median(self.channel, self.min_minutes)
        chosen = days.day[found.of_baseline[:, 0]]
        return {
            "unit": "",
            "value": number(found.ratio[0]),
            "limit": self.below,
            "channel": self.channel,
            "now": number(found.now[0]),
            "baseline": number(found.baseline[0]),
            "baseline_days": [iso(day) for day in chosen],
            "baseline_since": "cleaning" if found.is_since_cleaning[0] else "oldest days known",
            "cleaned": iso(days.cleaned[-1, 0]),
            **series(days.last(_SHOWN), values[-_SHOWN:, 0]),
        }

    def _compare(self, days: Days) -> "Compared":
        values = days.median(self.channel, self.min_minutes)
        of_baseline, start = self._baseline_days(days, ~np.isnan(values))
        baseline = median(np.where(of_baseline, values, np.nan))
        recent = after(days, np.maximum(days.cleaned[-1], self._before_window(days)))
        recent &= ~np.isnan(values)
        enough = np.count_nonzero(recent, axis=0) >= self.min_recent
        now = np.where(enough, median(np.where(recent, values, np.nan)), np.nan)
        return Compared(now, np.where(baseline > 0, baseline, np.nan), of_baseline, start)

    def _before_window(self, days: Days) -> np.int32:
        """The day before the window."""
        last: np.int32 = days.day[-1] - np.int32(self.window // DAY)
        return last

    def _baseline_days(self, days: Days, valid: Mask) -> tuple[Mask, Mask]:
        """[d, n]: the days that make it; [n]: whether they begin with a cleaning."""
        cleaned = days.cleaned[-1]
        before = _cleaned_before(days, cleaned)
        end = np.full(len(days), self._before_window(days) + 1, np.int32)
        now = self._first(days, valid, cleaned, end)
        earlier = self._first(days, valid, before, np.minimum(end, cleaned))
        is_new = np.count_nonzero(now, axis=0) >= self.min_days
        chosen = np.where(is_new, now, earlier)
        enough = np.count_nonzero(chosen, axis=0) >= self.min_days
        start = np.where(is_new, cleaned, before)
        return chosen & enough, start >= days.day[0] - 1

    def _first(
        self, days: Days, valid: Mask, start: NDArray[np.int32], end: NDArray[np.int32]
    ) -> Mask:
        """[d, n]: the first `baseline_days` valid days after `start` [n] and before `end` [n]."""
        among = valid & after(days, start) & (days.day[:, None] < end)
        first: Mask = among & (among.cumsum(axis=0) <= self.baseline_days)
        return first


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """[n], NaN where not known; `of_baseline` [d, n]: the days of the baseline."""

    now: Numbers
    baseline: Numbers
    of_baseline: Mask
    is_since_cleaning: Mask

    @property
    def ratio(self) -> Numbers:
        return self.now / self.baseline


def _cleaned_before(days: Days, cleaned: NDArray[np.int32]) -> NDArray[np.int32]:
    """[n]: the cleaning before the last one."""
    row = np.clip(cleaned.astype(np.int64) - 1 - days.day[0], 0, len(days.day) - 1)
    before = np.take_along_axis(days.cleaned, row[None, :], axis=0)[0]
    is_known = cleaned > days.day[0]
    return np.where(is_known & (before < cleaned), before, NO_DAY).astype(np.int32)
