"""Over a whole day the purifier ran for too little of the time that the fan did."""

from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from fumewatch.core.days import Days
from fumewatch.core.duration import Duration
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.rules.day import DAY, DayRule, iso, refuse_clear_above
from fumewatch.core.rules.rule import Text, number


class LinkageRate(DayRule):
    """Breach: of the day's minutes with the fan on, the purifier was on in less than `below`.

    The linkage rate of supervisors (DOMAIN.md, 6: below 90 % a warning, below 75 % an alarm). Only
    minutes with both states count, and `at_least` of them there must be: a gap is not running time.
    A firing alert clears with a day above `clear_above`.
    """

    CHECKS: ClassVar = (
        Text(zh="净化器与风机的联动控制", en="the link between purifier and fan"),
        Text(zh="净化器是否停用、跳闸或损坏", en="is the purifier out of use, tripped or broken"),
        Text(zh="运行台账记录", en="the ledger of its operation"),
    )

    kind: Literal["linkage_rate"]
    below: float = Field(0.9, gt=0, le=1, description="share of the fan's minutes")
    clear_above: float | None = Field(
        None, ge=0, lt=1, description="a firing alert clears only above it (default: from below on)"
    )
    at_least: Duration = Field(
        timedelta(hours=1),
        ge=timedelta(minutes=1),
        le=DAY,
        description="time with the fan on and both states known that a verdict needs",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse_clear_above(self.clear_above, self.below)
        return self

    @property
    def days_needed(self) -> int:
        return 1

    def default_title(self) -> Text:
        return Text(zh="净化器联动率偏低", en="purifier on for too little of the fan's time")

    def weigh(self, days: Days) -> Judgement:
        known, on = days.facts.linkage_known[-1:], days.facts.linkage_on[-1:]
        rate = on / np.maximum(known, 1)
        enough = known >= self.at_least / timedelta(minutes=1)
        return decide(
            rate < self.below,
            rate <= (self.clear_above or 0.0),
            enough,
            np.where(enough, rate, np.nan),
            self.below,
        )

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        found, facts = self.weigh(days), days.facts
        known, on = int(facts.linkage_known[-1, row]), int(facts.linkage_on[-1, row])
        return {
            "unit": "",
            "value": number(found.value[0, row]),
            "limit": self.below,
            "day": iso(days.day[-1]),
            "minutes_fan": int(facts.fan[-1, row]),
            "minutes_known": known,
            "minutes_on": on,
            "minutes_off": known - on,
        }
