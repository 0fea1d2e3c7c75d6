"""Escalation: who is asked next, and when, where nothing was done about an alert.

A pure function of the alert, of what was done about it, and of the escalation as it is configured:
who comes back after a crash finds the same next step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from fumewatch.core.alert import Alert, State
from fumewatch.core.calendar import Calendar
from fumewatch.core.followup.action import Action
from fumewatch.core.followup.clock import Clock, Delay, Wait, check_hours
from fumewatch.core.followup.standing import Done, Standing, fold
from fumewatch.core.routing import Label, Matchers, Strings, labels_of, listed
from fumewatch.core.site import Place


class Step(BaseModel):
    """One [[escalation.step]]: taken `after` the one before it was, the first after the alert
    fired. One that was not needed passes the time on at which it would have been taken.

    after: "24h", "24 working hours", "3 working days". unless: any of these done, the step is not
    taken. grants: what was done gives that much time, from when it was first done; of "correcting"
    at most as much as was promised. on: the step waits for this, `after` counts from it, and steps
    before it that were not taken by then are passed over.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=64)
    receiver: Strings
    after: Wait = Delay()
    on: Done | None = None
    unless: Annotated[tuple[Done, ...], BeforeValidator(listed)] = ()
    grants: dict[Done, Wait] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_taken(self) -> "Step":
        if self.on in self.unless:
            raise ValueError(f"{self.on!r} is in both on and unless; the step is never taken")
        return self


class Escalation(Matchers):
    """One [[escalation]]: the first that takes an alert as it fired is its ladder.

    until: "resolved" ends it when the alert resolves by itself, "closed" only by an outcome (false
    alarm, resolved), which ends it in any case. hours: working hours, as of [[class]]
    business_hours.
    """

    name: str = Field(min_length=1, max_length=64)
    until: Literal["resolved", "closed"] = "resolved"
    hours: Annotated[str, AfterValidator(check_hours)] = (
        "08:30-17:30; weekend closed; holiday closed"
    )
    step: tuple[Step, ...] = Field(min_length=1)

    @field_validator("step")
    @classmethod
    def _names_differ(cls, steps: tuple[Step, ...]) -> tuple[Step, ...]:
        names = [step.name for step in steps]
        if twice := sorted(name for name in names if names.count(name) > 1):
            raise ValueError(f"two steps are called {twice[0]!r}; records go by their names")
        return steps

    @model_validator(mode="after")
    def _steps_can_be_taken(self) -> "Escalation":
        for step in self.step:
            if step.on == "resolved" and self.until == "resolved":
                raise ValueError(
                    f"step {step.name!r} is on resolved, which ends the escalation; "
                    'write until = "closed"'
                )
        return self


@dataclass(frozen=True, slots=True)
class Due:
    """The next step, `index` from 0, and when it is to be taken."""

    index: int
    step: Step
    at: datetime


def ladder_of(escalations: Iterable[Escalation], alert: Alert, place: Place) -> Escalation | None:
    """The first that takes the alert as it fired: that it resolves does not change its ladder."""
    labels = labels_of(alert, place) | {Label.STATE: (State.FIRING.value,)}
    return next((each for each in escalations if each.take(labels)), None)


def due(
    escalation: Escalation,
    alert: Alert,
    actions: Iterable[Action],
    calendar: Calendar,
    zone: ZoneInfo,
) -> Due | None:
    """The next step of an alert's ladder, be it due or still to come; None: there is none.

    None where the alert has not fired, is part of an incident, is closed, has ended the ladder by
    resolving, where all steps are taken, or where the next waits for what is not done yet.
    """
    clock = Clock.of(escalation.hours, calendar, zone)
    return next_due(escalation, alert, fold(actions, alert.resolved_at), clock)


def next_due(escalation: Escalation, alert: Alert, standing: Standing, clock: Clock) -> Due | None:
    """As `due`, of what is folded already."""
    if alert.fired_at is None or has_ended(escalation, alert, standing):
        return None
    first, since = _reached(escalation, standing, alert.fired_at)
    for i in range(first, len(escalation.step)):
        on = escalation.step[i].on
        if on and standing.done_at(on):
            first = i
            break
    return _walk(escalation, standing, clock, first, since)


def timeline(
    escalation: Escalation, fired_at: datetime, calendar: Calendar, zone: ZoneInfo
) -> list[Due]:
    """When each step is taken if nobody does anything; those after a step with `on` never are."""
    clock = Clock.of(escalation.hours, calendar, zone)
    steps: list[Due] = []
    while found := _walk(
        escalation, Standing(), clock, len(steps), steps[-1].at if steps else fired_at
    ):
        steps.append(found)
    return steps


def has_ended(escalation: Escalation, alert: Alert, standing: Standing) -> bool:
    """No step can come of it unless it is reopened, or is left alone by its incident."""
    is_over = escalation.until == "resolved" and not alert.is_open
    return standing.is_closed or is_over or alert.is_part


def _reached(
    escalation: Escalation, standing: Standing, fired_at: datetime
) -> tuple[int, datetime]:
    """The first step that is still to be taken, and since when it waits."""
    index = {step.name: i for i, step in enumerate(escalation.step)}
    first, since = 0, fired_at
    for taken in standing.taken:
        if taken.escalation == escalation.name and index.get(taken.step, -1) >= first:
            first, since = index[taken.step] + 1, taken.at
    return first, max(since, standing.reopened_at or since)


def _walk(
    escalation: Escalation, standing: Standing, clock: Clock, first: int, since: datetime
) -> Due | None:
    """The first step from there that is neither unneeded nor waits for what is not done."""
    for i, step in enumerate(escalation.step[first:], first):
        if step.on:
            done_at = standing.done_at(step.on)
            if done_at is None:
                return None
            since = done_at
        since = _at(step, standing, clock, since)
        if not any(standing.done_at(what) for what in step.unless):
            return Due(i, step, since)
    return None


def _at(step: Step, standing: Standing, clock: Clock, since: datetime) -> datetime:
    at = clock.add(since, step.after)
    for what, delay in step.grants.items():
        done_at = standing.done_at(what)
        if done_at:
            at = max(at, _granted(what, clock.add(done_at, delay), standing))
    return at


def _granted(what: Done, most: datetime, standing: Standing) -> datetime:
    promised = standing.correcting_until if what == "correcting" else None
    return min(most, promised) if promised else most
