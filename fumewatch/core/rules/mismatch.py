"""A device's own means disagree with ours, day after day."""

from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from fumewatch.core.days import date_of
from fumewatch.core.duration import Duration
from fumewatch.core.history import KEPT
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.past import Happenings, Past
from fumewatch.core.rules.pattern import PatternRule, alone, count_days, local_days, recent
from fumewatch.core.rules.rule import Text
from fumewatch.core.view import iso


class Mismatch(PatternRule):
    """Breach: on at least `at_least` local dates within `within`, a mean that the device sent
    differed from ours over the same interval (core.integrity).

    A device that sends no means of its own has no such days: it is clear.
    """

    CHECKS: ClassVar = (
        Text(zh="监测仪时钟是否准确", en="is the monitor's clock right"),
        Text(zh="数据是否经第三方平台转发、改写", en="does anything forward or rewrite its data"),
        Text(zh="监测仪现场显示值与平台是否一致", en="does its display agree with what we show"),
    )

    kind: Literal["mismatch"]
    at_least: int = Field(3, ge=1, description="days with a mean that differs")
    within: Duration = Field(
        timedelta(days=7), ge=timedelta(days=1), le=KEPT, description="how far back it looks"
    )

    @property
    def looks_back(self) -> timedelta:
        return self.within

    def default_title(self) -> Text:
        return Text(zh="设备统计值与平台计算不符", en="device's own means differ from ours")

    def weigh(self, past: Past) -> Judgement:
        days = count_days(past, self._findings(past))[None]
        breach = days >= self.at_least
        return decide(breach, breach, np.ones_like(breach), days, self.at_least)

    def evidence(self, past: Past, row: int) -> dict[str, Any]:
        one = alone(past, row)
        found = self._findings(one)
        days = np.unique(local_days(one, found)).tolist()
        return {
            "value": len(days),
            "limit": self.at_least,
            "within_days": round(self.within / timedelta(days=1), 1),
            "findings": len(found.at),
            "days": [date_of(day).isoformat() for day in days],
            "last": iso(int(found.at.max())) if len(found.at) else None,
        }

    def _findings(self, past: Past) -> Happenings:
        return recent(past, past.findings, self.within)
