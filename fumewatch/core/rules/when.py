"""When a rule applies: to which monitors, and in which minutes of its window."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.arrays import Mask
from fumewatch.core.reading import INDEX
from fumewatch.core.roster import Roster
from fumewatch.core.rules.terms import AnyCondition, Condition
from fumewatch.core.view import View

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

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """(channel name, condition), as far as there are any."""
        pairs = ((name, getattr(self, name)) for name in INDEX)
        return ((name, condition) for name, condition in pairs if condition is not None)

    def covers(self, view: Monitors) -> Mask:
        """[n]: the monitor is one of those that the rule is about."""
        covered = np.ones(len(view.rows), np.bool_)
        groups = (("tag", self.tags), ("street", self.streets), ("district", self.districts))
        for of, names in groups:
            if names:
                covered &= view.roster.members(view.rows, of, names)
        return covered

    def apply(self, view: View, last: int, missing: Missing) -> "Applied":
        """Judge the last minutes; a condition on a channel that is never reported is left out.

        In a minute without a value, the one before it counts.
        """
        return view.remember((self, last, missing), lambda: self._apply(view, last, missing))

    def _apply(self, view: View, last: int, missing: Missing) -> "Applied":
        minutes = np.ones((last, len(view)), np.bool_)
        unknown = np.zeros(len(view), np.bool_)
        skipped = []
        if self.business_hours is not None:
            minutes &= (view.open_for[-last:] > 0) == self.business_hours
        for name, condition in self.conditions():
            known = view.channel(INDEX[name]).known
            unreported = np.isnan(known[-1])
            minutes &= condition(known[-last:]) | unreported
            skipped.append((name, unreported))
            if missing == "no_data":
                unknown |= unreported
        return Applied(minutes, unknown, tuple(skipped))


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """minutes: bool [k, n], all conditions hold. unknown: bool [n], not to be judged.

    skipped: (channel name, bool [n]: its condition was left out).
    """

    minutes: Mask
    unknown: Mask
    skipped: tuple[tuple[str, Mask], ...]

    def skipped_at(self, row: int) -> list[str]:
        return [name for name, left_out in self.skipped if left_out[row]]
