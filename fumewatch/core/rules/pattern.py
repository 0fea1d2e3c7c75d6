"""What rules about patterns have in common: they read alerts and events, not readings."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np
from pydantic import model_validator

from fumewatch.core.alert import Verdict
from fumewatch.core.judgement import Judgement
from fumewatch.core.past import Past
from fumewatch.core.rules.rule import Common


class PatternRule(Common):
    """A kind adds how it weighs the past, and what evidence it gives."""

    @abstractmethod
    def weigh(self, past: Past) -> Judgement:
        """[1, n]: `judge`, but of every monitor, whether or not the rule is about it."""

    @abstractmethod
    def evidence(self, past: Past, row: int) -> dict[str, Any]:
        """What the verdict on one monitor rests on; fit for JSON, times in ISO UTC."""

    def judge(self, past: Past) -> Judgement:
        """[1, n]. A monitor that the rule is not about is clear: an alert from before resolves."""
        found = self.weigh(past)
        covered, clear = self.when.covers(past), np.int8(Verdict.CLEAR)
        return Judgement(
            np.where(covered, found.opens, clear),
            np.where(covered, found.stays, clear),
            found.value,
            found.limit,
        )

    @model_validator(mode="after")
    def _has_no_minutes(self) -> Self:
        if next(self.when.conditions(), None) or self.when.business_hours is not None:
            raise ValueError("when can hold tags, streets and districts only: there are no minutes")
        return self
