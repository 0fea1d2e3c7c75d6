"""Too little of a day's data is valid, or came at all."""

from datetime import timedelta
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from fumewatch.core.days import Days
from fumewatch.core.duration import Duration
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.rules.day import DAY, DayRule, iso, refuse_clear_above
from fumewatch.core.rules.rule import Text, number


class Validity(DayRule):
    """Breach: less than `below` of the day's minutes are valid (DOMAIN.md, 6: below 90 %).

    `of` = "readings": of the minutes with a reading, those with a judged value; it asks whether the
    monitor measures rightly, and says nothing of a day without readings. `of` = "open": of the
    minutes of business hours, paused ones left out, those with a judged value; it asks whether the
    data is there, and a monitor that was silent all day has 0. A firing alert clears with a day
    above `clear_above`.
    """

    CHECKS: ClassVar = (
        Text(zh="监测仪是否故障、校准或维护中", en="is the monitor faulty, calibrated or serviced"),
        Text(zh="探头是否堵塞或超量程", en="is the probe blocked or over its range"),
        Text(zh="监测仪电源与网络", en="the monitor's power and network"),
    )

    kind: Literal["validity"]
    of: Literal["readings", "open"] = Field(
        "readings", description="share of the minutes with a reading, or of business hours"
    )
    below: float = Field(0.9, gt=0, le=1, description="share of valid minutes")
    clear_above: float | None = Field(
        None, ge=0, lt=1, description="a firing alert clears only above it (default: from below on)"
    )
    at_least: Duration = Field(
        timedelta(hours=1),
        ge=timedelta(minutes=1),
        le=DAY,
        description="time with readings, or open, that a verdict needs",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        refuse_clear_above(self.clear_above, self.below)
        return self

    @property
    def days_needed(self) -> int:
        return 1

    def default_title(self) -> Text:
        return Text(zh="监测数据有效率偏低", en="too little valid data")

    def weigh(self, days: Days) -> Judgement:
        valid, whole = self._minutes(days)
        share = valid / np.maximum(whole, 1)
        enough = whole >= self.at_least / timedelta(minutes=1)
        return decide(
            share < self.below,
            share <= (self.clear_above or 0.0),
            enough,
            np.where(enough, share, np.nan),
            self.below,
        )

    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        found, facts = self.weigh(days), days.facts
        valid, whole = self._minutes(days)
        return {
            "unit": "",
            "value": number(found.value[0, row]),
            "limit": self.below,
            "day": iso(days.day[-1]),
            "of": self.of,
            "minutes_valid": int(valid[0, row]),
            "minutes": int(whole[0, row]),
            "minutes_with_reading": int(facts.readings[-1, row]),
            "minutes_open": int(facts.open[-1, row]),
        }

    def _minutes(self, days: Days) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """[1, n]: the valid ones, and those of which they are a share."""
        facts = days.facts
        if self.of == "open":
            return facts.valid_open[-1:], facts.open[-1:]
        return facts.valid[-1:], facts.readings[-1:]
