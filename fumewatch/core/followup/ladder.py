"""Escalation: who is asked next, and when, where nothing was done about an alert."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from fumewatch.core.duration import Duration
from fumewatch.core.routing import Matchers, Strings, listed

Done = Literal["acknowledged", "correcting", "corrected", "visited", "confirmed", "resolved"]
"""What can stop a step: an action, or that the alert resolved by itself."""


class Step(BaseModel):
    """One [[escalation.step]], taken `after` the one before it (the first: after the alert fired).

    clock: "always", or "working": only the hours of the escalation count. unless: any of these
    done, the step is not taken. grants: an action gives that much more time, from when it was done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    receiver: Strings
    after: Duration = Field(timedelta(0), ge=timedelta(0), le=timedelta(days=90))
    clock: Literal["always", "working"] = "always"
    unless: Annotated[tuple[Done, ...], BeforeValidator(listed)] = ()
    grants: dict[Done, Duration] = Field(default_factory=dict)


class Escalation(Matchers):
    """One [[escalation]]: the first that matches an alert is its ladder.

    until: "resolved" ends it when the alert resolves by itself, "closed" only by an outcome.
    hours: working hours, as of [[class]] business_hours.
    """

    name: str = Field(min_length=1, max_length=64)
    until: Literal["resolved", "closed"] = "resolved"
    hours: str = "08:30-17:30; weekend closed; holiday closed"
    step: tuple[Step, ...] = Field(min_length=1)
