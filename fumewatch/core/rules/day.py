"""What rules of day resolution have in common: they judge each day that is over, once."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from fumewatch.core.alert import Verdict
from fumewatch.core.days import Days
from fumewatch.core.judgement import Judgement
from fumewatch.core.rules.rule import Common


class DayRule(Common):
    """A kind adds how it weighs days, and what evidence it gives."""

    @abstractmethod
    def weigh(self, days: Days) -> Judgement:
        """[1, n]: `judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, days: Days, row: int) -> dict[str, Any]:
        """What the verdict on one monitor rests on; fit for JSON. Days are ISO dates."""

    @property
    @abstractmethod
    def days_needed(self) -> int:
        """How many days back it looks, the one just over included."""

    @property
    @abstractmethod
    def channels_needed(self) -> frozenset[int]:
        """The channels of which the facts of a day must be known."""

    def judge(self, days: Days) -> Judgement:
        """[1, n]. A monitor that the rule is not about is clear: an alert from before resolves."""
        found = self.weigh(days)
        covered = self.when.covers(days)
        return Judgement(
            np.where(covered, found.opens, np.int8(Verdict.CLEAR)),
            np.where(covered, found.stays, np.int8(Verdict.CLEAR)),
            found.value,
            found.limit,
        )

    @model_validator(mode="after")
    def _has_no_minutes(self) -> Self:
        if next(self.when.conditions(), None) or self.when.business_hours is not None:
            raise ValueError("when can hold tags, streets and districts only: it judges whole days")
        return self
