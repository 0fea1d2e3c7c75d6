"""What keeps an alert from being told for a while: inhibition, silences, quiet hours."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fumewatch.core.routing import GroupBy, Matchers, listed


class Inhibition(BaseModel):
    """One [[inhibit]]: while an alert that `source` takes fires, those that `target` takes and that
    have the labels `equal` in common with it are not told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Matchers
    target: Matchers
    equal: Annotated[tuple[GroupBy, ...], BeforeValidator(listed)] = ("monitor",)


class Silence(BaseModel):
    """Made by people at run time; times UTC. It has an end, always."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int = 0
    matchers: Matchers
    starts_at: datetime
    ends_at: datetime
    reason: str = Field(min_length=1, max_length=500)
    author: str = Field(min_length=1, max_length=64)
    created_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None


class Quiet(BaseModel):
    """`quiet` of a [[receiver]]: what waits for the end of these hours. `hours` as of [[class]]
    business_hours; `through`: what is told all the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: str
    through: Matchers = Matchers()
