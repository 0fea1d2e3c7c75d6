"""When a rule applies: to which monitors, and in which minutes of its window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.arrays import Mask
from fumewatch.core.reading import INDEX
from fumewatch.core.roster import Roster
from fumewatch.core.rules.terms import AnyCondition, Condition
from fumewatch.core.timetable import Meal
from fumewatch.core.view import View

MEALS: Final = {"lunch": Meal.LUNCH, "dinner": Meal.DINNER}
Missing = Literal["skip", "no_data"]


class Monitors(Protocol):
    """Some monitors, and what applies to them: minutes, days, or their past."""

    @property
    def roster(self) -> Roster: ...

    @property
    def rows(self) -> NDArray[np.intp]: ...


class When(BaseModel):
    """All of these must hold. Channels and hours are judged minute by minute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    business_hours: bool | None = Field(
        None, description="true: only minutes in the site's business hours; false: only the others"
    )
    meal: Literal[True, "lunch", "dinner"] | None = Field(
        None, description='only minutes of a meal: true, "lunch" or "dinner"'
    )
    tags: tuple[str, ...] = Field((), description="only sites with one of these tags")
    streets: tuple[str, ...] = Field((), description="only sites in one of these streets")
    districts: tuple[str, ...] = Field((), description="only monitors of one of these districts")
    fume: AnyCondition | None = None
    pm: AnyCondition | None = None
    nmhc: AnyCondition | None = None
    temperature: AnyCondition | None = None
    humidity: AnyCondition | None = None
    velocity: AnyCondition | None = None
    fan_current: AnyCondition | None = None
    purifier_current: AnyCondition | None = None
    fan_on: AnyCondition | None = None
    purifier_on: AnyCondition | None = None

    @property
    def has_minutes(self) -> bool:
        """It asks for something that holds in some minutes and not in others."""
        asks = next(self.conditions(), None) is not None
        return asks or self.business_hours is not None or self.meal is not None

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """(channel name, condition), as far as there are any."""
        pairs = ((name, getattr(self, name)) for name in INDEX)
        return ((name, condition) for name, condition in pairs if condition is not None)

    @property
    def covers_all(self) -> bool:
        """The rule is about every monitor."""
        return not (self.tags or self.streets or self.districts)

    def covers(self, view: Monitors) -> Mask:
        """[n]: the monitor is one of those that the rule is about."""
        covered = np.ones(len(view.rows), np.bool_)
        groups = (("tag", self.tags), ("street", self.streets), ("district", self.districts))
        for of, names in groups:
            if names:
                covered &= view.roster.members(view.rows, of, names)
        return covered

    def apply(self, view: View, window: int, missing: Missing) -> "Applied":
        """Judge the minutes of the windows; a condition on what is not reported is left out.

        In a minute without a value, the one before it counts.
        """
        return view.remember((self, window, missing), lambda: self._apply(view, window, missing))

    def _apply(self, view: View, window: int, missing: Missing) -> "Applied":
        reach = view.reach(window)
        minutes = self._scheduled(view, reach)
        unknown = ~minutes[-view.k :]
        skipped = []
        for name, condition in self.conditions():
            known = view.channel(INDEX[name]).known[reach]
            unreported = np.isnan(known)
            minutes &= condition(known) | unreported
            skipped.append((name, unreported[-view.k :]))
            if missing == "no_data":
                unknown = unknown | unreported[-view.k :]
        return Applied(minutes, unknown, tuple(skipped))

    def _scheduled(self, view: View, reach: slice) -> Mask:
        """[w - 1 + k, n]: no pause, and the hours that the rule is about."""
        scheduled: Mask = ~view.paused[reach]
        if self.business_hours is not None:
            scheduled &= (view.open_for[reach] > 0) == self.business_hours
        if self.meal is not None:
            meal = view.meal[reach]
            scheduled &= meal > 0 if self.meal is True else meal == MEALS[self.meal]
        return scheduled


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """minutes: bool [w - 1 + k, n], all conditions hold.

    unknown: bool [k, n], not to be judged at that instant: outside the hours that the rule is
    about, in a pause, or without what `missing` asks for.
    skipped: (channel name, bool [k, n]: its condition was left out).
    """

    minutes: Mask
    unknown: Mask
    skipped: tuple[tuple[str, Mask], ...]

    def skipped_at(self, instant: int, row: int) -> list[str]:
        return [name for name, left_out in self.skipped if left_out[instant, row]]
