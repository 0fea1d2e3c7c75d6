"""The purifier's cleaning is due, or overdue."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.days import NO_DAY, Days
from fumewatch.core.duration import Duration
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.rules.day import DAY, DayRule, WholeDays, after, iso
from fumewatch.core.rules.rule import Text, number


class Cleaning(DayRule):
    """Breach: so many days or fewer are left before the next cleaning is due: `warn_before`.

    Due `cycle` after the last recorded cleaning (quarterly in Guangdong, monthly in Chongqing), or
    once the fan has run for `fan_hours` since, whichever comes first. The value is the days left
    when the day just over ended: 0 is a due day that passed without a cleaning, -5 five days more,
    so that one rule with 7d tells that it is due and one with 0d that it is overdue. For the fan
    they are drawn on from its mean day since the cleaning; days that are not known, or without
    readings, add no hours. Without a recorded cleaning there is no data. A firing alert clears with
    a cleaning, or when more than `clear_above` is left.
    """

    CHECKS: ClassVar = (
        Text(zh="清洗台账与最近清洗日期", en="the cleaning ledger and the last cleaning"),
        Text(zh="净化器极板、集油槽积油情况", en="grease on the purifier's plates and in its tray"),
        Text(zh="清洗合同与凭证", en="the cleaning contract and receipts"),
    )

    kind: Literal["cleaning"]
    cycle: WholeDays = Field(timedelta(days=90), description="a cleaning is due this long after")
    fan_hours: float | None = Field(
        None, gt=0, description="or after so many hours with the fan on (default: not looked at)"
    )
    warn_before: Duration = Field(
        timedelta(days=7), ge=timedelta(0), description="0d: only once it is overdue"
    )
    clear_above: Duration | None = Field(
        None, description="time left with which a firing alert clears (default: 2 * warn_before)"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for name in ("warn_before", "clear_above"):
            if (getattr(self, name) or timedelta(0)) % DAY:
                raise ValueError(f"{name} must be whole days")
        if self.warn_before >= self.cycle:
            raise ValueError("warn_before is as long as the cycle: it would always be due")
        if self.clear_above is not None and self.clear_above < self.warn_before:
            raise ValueError("clear_above is shorter than warn_before")
        return self

    @property
    def days_needed(self) -> int:
        """The fan's hours need all days since the cleaning; the calendar needs none."""
        return self.cycle // DAY + 1 if self.fan_hours else 1

    def default_title(self) -> Text:
        if self.warn_before:
            return Text(zh="净化器即将到期清洗", en="purifier due for cleaning")
        return Text(zh="净化器逾期未清洗", en="purifier overdue for cleaning")

    def weigh(self, days: Days) -> Judgement:
        left = self._left(days.last(self.days_needed))
        value, least = left.days[None, :], self.warn_before / DAY
        most = 2 * least if self.clear_above is None else self.clear_above / DAY
        return decide(value <= least, value <= most, ~np.isnan(value), value, least)

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        days = days.last(self.days_needed).only(row)
        left, cleaned = self._left(days), int(days.cleaned[-1, 0])
        fan = {
            "fan_hours": number(left.hours[0], 1),
            "fan_hours_limit": self.fan_hours,
            "days_left_by_fan": number(left.by_fan[0], 1),
            "days_counted": int(left.counted[0]),
            "counted_since": iso(max(int(days.day[0]), cleaned + 1)),
            "hours_are_a_minimum": bool(left.counted[0] < int(days.day[-1]) - cleaned),
        }
        return {
            "unit": "d",
            "value": number(left.days[0], 1),
            "limit": self.warn_before / DAY,
            "cleaned": iso(cleaned),
            "cycle_days": self.cycle // DAY,
            "days_left_by_cycle": number(left.by_cycle[0], 1),
            "by": "fan_hours" if left.by_fan[0] < left.by_cycle[0] else "cycle",
        } | (fan if self.fan_hours else {})

    def _left(self, days: Days) -> "Left":
        cleaned = days.cleaned[-1]
        since = after(days, cleaned) & (cleaned != NO_DAY)
        by_cycle = cleaned + self.cycle / DAY - days.day[-1]
        counted = np.count_nonzero(since & (days.facts.readings > 0), axis=0)
        hours = np.where(since, days.facts.fan, 0).sum(axis=0) / 60
        by_fan = self._left_by_fan(hours, counted)
        known = cleaned != NO_DAY
        return Left(_where(known, by_cycle), _where(known, by_fan), hours, counted)

    def _left_by_fan(self, hours: Numbers, counted: NDArray[np.intp]) -> Numbers:
        """[n], days; infinite while the fan has not run."""
        if self.fan_hours is None:
            return np.full(len(hours), np.inf)
        a_day = hours / np.maximum(counted, 1)
        rest = (self.fan_hours - hours) / np.where(a_day > 0, a_day, 1.0)
        return np.where(a_day > 0, rest, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Left:
    """All [n]. Days left by the calendar and by the fan; its hours, and the days they are of."""

    by_cycle: Numbers
    by_fan: Numbers
    hours: Numbers
    counted: NDArray[np.intp]

    @property
    def days(self) -> Numbers:
        """What comes first."""
        return np.minimum(self.by_cycle, self.by_fan)


def _where(known: Mask, left: Numbers) -> Numbers:
    return np.where(known, left, np.nan)
