"""Steps of escalations that are due, as notices: one for each receiver and step, however many."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fumewatch.core.alert import Alert, State
from fumewatch.core.dispatch.plan import Audience, Contacts, Group, Known, Plan, StepSaid, Told
from fumewatch.core.followup.action import Action
from fumewatch.core.followup.ladders import DueStep, escalated
from fumewatch.core.notice import Change, Contact, Reason
from fumewatch.core.site import Place


@dataclass(frozen=True, slots=True)
class Taken:
    """What taking steps comes to. actions: one a step, to be stored with the notices.

    unaddressed: (receiver, alert) of those whose site, vendor or street has no contact.
    """

    plans: tuple[Plan, ...] = ()
    actions: tuple[Action, ...] = ()
    unaddressed: tuple[tuple[str, Alert], ...] = ()


@dataclass(slots=True)
class _Notice:
    group: Group
    to: Contact | None
    steps: list[DueStep] = field(default_factory=list)


def take(
    due: Sequence[DueStep],
    places: Mapping[int, Place],
    audiences: Mapping[str, Audience],
    contacts: Contacts,
    now: datetime,
) -> Taken:
    """A step that reaches nobody is taken all the same: the next one must not wait for it."""
    notices: dict[Group, _Notice] = {}
    actions, unaddressed = [], []
    for step in due:
        reached = []
        for receiver in step.step.receiver:
            found = list(_addressed(step, places, audiences.get(receiver), contacts))
            for group, to in found:
                notices.setdefault(group, _Notice(group, to)).steps.append(step)
            if found:
                reached.append(receiver)
            else:
                unaddressed.append((receiver, step.alert))
        actions.append(escalated(step, reached, now))
    plans = tuple(_plan(notice, now) for notice in notices.values())
    return Taken(plans, tuple(actions), tuple(unaddressed))


def _addressed(
    step: DueStep, places: Mapping[int, Place], audience: Audience | None, contacts: Contacts
) -> Iterator[tuple[Group, Contact | None]]:
    if audience is None:
        return
    if audience.contact is None:
        yield _group(step, audience, ""), None
        return
    place = places.get(step.alert.monitor)
    for contact in contacts(place, audience.contact) if place else ():
        yield _group(step, audience, contact.addressee), contact


def _group(step: DueStep, audience: Audience, addressee: str) -> Group:
    names = step.escalation.name, step.step.name
    return Group(
        receiver=audience.name,
        addressee=addressee,
        route="",
        labels=(("escalation", names[0]), ("step", names[1])),
        same=("escalation", *names),
    )


def _plan(notice: _Notice, now: datetime) -> Plan:
    """The key says when each step fell due: taken again after a reopening it is another."""
    group = notice.group
    parts = sorted(f"{step.alert.id}@{step.due.at.isoformat()}" for step in notice.steps)
    return Plan(
        group=group,
        reason=Reason.ESCALATION,
        at=now,
        to=notice.to,
        members=tuple((step.alert, _change(step)) for step in notice.steps),
        told=tuple(
            Told(group.receiver, group.addressee, step.alert.id, _known(step.alert), now)
            for step in notice.steps
        ),
        key=uuid.uuid5(group.thread, "\x1f".join(parts)),
        step=_said(notice.steps[0], now),
    )


def _said(step: DueStep, now: datetime) -> StepSaid:
    """The first of those that take the same step now: the next is due at one time for all."""
    return StepSaid(
        step.step.name,
        step.due.index + 1,
        len(step.escalation.step),
        step.next_at(now),
        step.step.on or "",
    )


def _known(alert: Alert) -> Known:
    return State.FIRING if alert.is_open else State.RESOLVED


def _change(step: DueStep) -> Change:
    if not step.alert.is_open:
        return "resolved"
    return "firing" if step.due.index == 0 else "still"
