"""What rules of day resolution have in common: they judge each day that is over, once."""

from abc import abstractmethod
from datetime import timedelta
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.days import NO_DAY, Days, date_of
from fumewatch.core.duration import Duration, show
from fumewatch.core.judgement import Judgement
from fumewatch.core.reading import INDEX
from fumewatch.core.rules.rule import Common, number

DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=400)
"""As long as readings are kept."""


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
    def channels_needed(self) -> frozenset[int]:
        """The channels of which the facts of a day must be known."""
        names = {"fume", "fan_on", "purifier_on", getattr(self, "channel", "fume")}
        return frozenset(INDEX[name] for name in names)

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
        if self.when.has_minutes:
            raise ValueError("when can hold tags, streets and districts only: it judges whole days")
        return self


def _whole(duration: timedelta) -> timedelta:
    if duration % DAY or not DAY <= duration <= LONGEST:
        raise ValueError(f"{show(duration)} must be whole days, 1d to {LONGEST.days}d")
    return duration


WholeDays = Annotated[Duration, AfterValidator(_whole)]
"""Days are judged as a whole: 36h would be read as one or as two."""

MinMinutes = Annotated[int, Field(ge=1, le=1440)]


def refuse_clear_above(clear_above: float | None, below: float) -> None:
    """A firing alert would clear while its breach goes on."""
    if clear_above is not None and clear_above < below:
        raise ValueError(f"clear_above {clear_above:g} lies below `below` = {below:g}")


def iso(day: int | np.integer[Any]) -> str | None:
    """2026-11-23; None for what has not happened."""
    return None if day == NO_DAY else date_of(day).isoformat()


def series(days: Days, values: Numbers, digits: int = 3) -> dict[str, list[Any]]:
    """The days that have a value, and their values [d], as evidence."""
    known = np.flatnonzero(np.isfinite(values))
    return {
        "days": [iso(days.day[i]) for i in known],
        "values": [number(values[i], digits) for i in known],
    }


def released(found: Judgement, gone: Mask) -> Judgement:
    """The same, but an alert clears where its reason is `gone` [n], whatever is known since."""
    stays = np.where(gone, np.int8(Verdict.CLEAR), found.stays)
    return Judgement(found.opens, stays, found.value, found.limit)


def after(days: Days, day: NDArray[np.int32]) -> Mask:
    """[d, n]: the days after each monitor's `day` [n]."""
    later: Mask = days.day[:, None] > day
    return later
