"""Who would be told of an alert, as `fumewatch routes explain` shows it."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fumewatch.cli import show
from fumewatch.cli.subject import Subject
from fumewatch.core import duration
from fumewatch.core.conditions import conditions
from fumewatch.core.dispatch import explain as core
from fumewatch.core.dispatch.digest import next_issue
from fumewatch.core.dispatch.explain import Explained, ReceiverSaid, RouteSaid
from fumewatch.core.followup import ladder
from fumewatch.core.followup.ladder import Due, Escalation
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label

if TYPE_CHECKING:
    from fumewatch.config import Config

_WHY: Final = {
    "state": "is not told when an alert fires (states)",
    "part of an incident": "part of an incident: that is told instead",
    "no contact": "nobody is entered: fumewatch contacts import",
    "inhibited": "not while it is inhibited",
}


@dataclass(frozen=True, slots=True)
class Step:
    """`addressees`: by receiver, of those that write to contacts. `taken_at`: None: not yet."""

    due: Due
    addressees: dict[str, tuple[Contact, ...]]
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Ladder:
    """`steps`: when each is taken if nobody does anything. `next`: the one to come, as things
    stand."""

    escalation: Escalation
    steps: tuple[Step, ...]
    next: Due | None


@dataclass(frozen=True, slots=True)
class Answer:
    """`digests`: (name, receivers, when it is sent next) of those that would list it."""

    config: "Config"
    subject: Subject
    now: datetime
    said: Explained
    ladder: Ladder | None
    digests: tuple[tuple[str, tuple[str, ...], datetime | None], ...]


def explain(config: "Config", subject: Subject, now: datetime) -> Answer:
    around, calendar = subject.around, config.calendar.days
    said = core.explain(
        subject.alert,
        subject.place,
        now,
        routes=config.route,
        receivers={receiver.name: receiver for receiver in config.receiver},
        inhibitions=config.inhibit,
        silences=around.silences,
        firing=around.firing,
        contacts=around.addressing,
        calendar=calendar,
        zone=config.zone,
    )
    digests = tuple(
        (each.name, each.receiver, next_issue([each], now, calendar, config.zone))
        for each in config.digest
        if each.take(said.labels)
    )
    return Answer(config, subject, now, said, _ladder(config, subject, now), digests)


def _ladder(config: "Config", subject: Subject, now: datetime) -> Ladder | None:
    alert, calendar = subject.alert, config.calendar.days
    escalation = ladder.ladder_of(config.escalation, alert, subject.place)
    if escalation is None:
        return None
    taken = {
        action.detail["step"]: action.at
        for action in subject.actions
        if action.detail.get("escalation") == escalation.name
    }
    fired_at = (alert.fired_at if subject.is_stored else None) or now
    steps = tuple(
        Step(due, _addressees(config, subject, due), taken.get(due.step.name))
        for due in ladder.timeline(escalation, fired_at, calendar, config.zone)
    )
    following = ladder.due(escalation, alert, subject.actions, calendar, config.zone)
    return Ladder(escalation, steps, following)


def _addressees(config: "Config", subject: Subject, due: Due) -> dict[str, tuple[Contact, ...]]:
    return {
        receiver.name: subject.around.addressing(subject.place, receiver.contact)
        for receiver in config.receiver
        if receiver.name in due.step.receiver and receiver.contact
    }


# ── as JSON ──


def as_json(answer: Answer) -> dict[str, Any]:
    alert, place = answer.subject.alert, answer.subject.place
    return {
        "alert": {
            "id": alert.id if answer.subject.is_stored else None,
            "rule": alert.rule,
            "monitor": f"{place.district}/{place.code}" if place.code else None,
            "state": alert.state,
        },
        "at": answer.now,
        "labels": answer.said.labels,
        "routes": [_route_json(each) for each in answer.said.routes],
        "receivers": [_receiver_json(each) for each in answer.said.receivers],
        "told": [
            {"receiver": t.receiver, "addressee": t.addressee, "state": t.state, "at": t.at}
            for t in answer.subject.told
        ],
        "actions": [
            {"kind": action.kind, "at": action.at, "actor": action.actor, "detail": action.detail}
            for action in answer.subject.actions
        ],
        "escalation": _ladder_json(answer.ladder) if answer.ladder else None,
        "digests": [
            {"name": name, "receiver": receivers, "at": at}
            for name, receivers, at in answer.digests
        ],
        "warnings": answer.subject.notes,
    }


def _route_json(said: RouteSaid) -> dict[str, Any]:
    return {
        "number": said.number,
        "takes": said.takes,
        "reached": said.is_reached,
        "mismatch": said.mismatch,
        "receiver": said.route.receiver,
        "continue": said.route.goes_on,
    }


def _receiver_json(said: ReceiverSaid) -> dict[str, Any]:
    return {
        "name": said.name,
        "route": said.route,
        "takes": said.takes,
        "at": said.at,
        "why_not": said.why_not,
        "group": dict(said.group),
        "group_wait": said.wait,
        "group_interval": said.interval,
        "repeat_interval": said.repeat,
        "addressees": [asdict(contact) for contact in said.addressees],
        "quiet_until": said.quiet_until,
        "silences": [
            {"id": each.id, "until": each.until, "reason": each.reason, "author": each.author}
            for each in said.silences
        ],
        "inhibited_by": [
            {"number": each.number, "alert": each.source.id, "rule": each.source.rule}
            for each in said.inhibited
        ],
    }


def _ladder_json(found: Ladder) -> dict[str, Any]:
    following = found.next
    return {
        "name": found.escalation.name,
        "until": found.escalation.until,
        "next": {"step": following.step.name, "at": following.at} if following else None,
        "steps": [
            {
                "name": each.due.step.name,
                "at": each.due.at,
                "receiver": each.due.step.receiver,
                "unless": each.due.step.unless,
                "addressees": {
                    name: [asdict(contact) for contact in people]
                    for name, people in each.addressees.items()
                },
                "taken_at": each.taken_at,
            }
            for each in found.steps
        ],
    }


# ── as text ──


def tell(answer: Answer) -> None:
    clock = _Clock(answer)
    for line in (*_subject(answer, clock), *_muted(answer, clock)):
        show.line(show.inert(line))
    show.line()
    show.table(
        "Routes",
        ["route", "takes it", "why not", "receivers"],
        (_route(answer, each) for each in answer.said.routes),
    )
    if answer.said.receivers:
        columns = ["receiver", "route", "told at", "to", "grouped by", "why"]
        rows = (_receiver(each, clock) for each in answer.said.receivers)
        show.table("Receivers, if it fired then", columns, rows)
    else:
        show.line("No route takes it: nobody is told.")
    for row in answer.subject.told:
        to = f"{row.receiver} {row.addressee}".rstrip()
        show.line(show.inert(f"{to} was told at {clock(row.at)} that it is {row.state}."))
    _tell_ladder(answer, clock)
    for name, receivers, at in answer.digests:
        when = clock(at) if at else "never"
        to = ", ".join(receivers)
        show.line(show.inert(f"Digest {name}: to {to} next at {when}, if it is listed then."))


class _Clock:
    """Times on the configured zone's clock."""

    def __init__(self, answer: Answer) -> None:
        self._zone = answer.config.zone

    def __call__(self, at: datetime) -> str:
        return f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


def _subject(answer: Answer, clock: _Clock) -> Iterator[str]:
    alert = answer.subject.alert
    if answer.subject.is_stored:
        yield f"Alert {alert.id}, {alert.state} since {clock(alert.opened_at)}"
    yield f"As of {clock(answer.now)}, an alert with"
    for label, values in answer.said.labels.items():
        if any(values):
            yield f"  {label} = {', '.join(values)}"


def _muted(answer: Answer, clock: _Clock) -> Iterator[str]:
    seen = {each.id: each for said in answer.said.receivers for each in said.silences}
    for silence in seen.values():
        until = f"{clock(silence.starts_at)} to {clock(silence.until)}"
        yield f"Silence {silence.id} by {silence.author}, {until}: {silence.reason}"
    for one in next((s.inhibited for s in answer.said.receivers if s.inhibited), ()):
        source = f"{one.source.rule} ({one.source.severity}) fires"
        yield f"Inhibited by [[inhibit]] {one.number}: {source} since {clock(one.source.opened_at)}"


def _route(answer: Answer, said: RouteSaid) -> Sequence[object]:
    receivers = ", ".join(said.route.receiver) + (" (continues)" if said.route.goes_on else "")
    if said.takes:
        return said.number, "yes", "", receivers
    return said.number, "no", _mismatch(answer, said), receivers


def _mismatch(answer: Answer, said: RouteSaid) -> str:
    if said.mismatch is None:
        return "not reached: one before it takes it and does not continue"
    label = Label(said.mismatch)
    has = ", ".join(answer.said.labels[label]) or "nothing"
    wanted = [str(each) for each in conditions(said.route) if each.label == label]
    return f"{label} is {has}, it wants {' and '.join(wanted)}"


def _receiver(said: ReceiverSaid, clock: _Clock) -> Sequence[object]:
    to = ", ".join(f"{contact.name} ({contact.addressee})" for contact in said.addressees)
    group = ", ".join(f"{name} {value}" for name, value in said.group)
    at = clock(said.at) if said.at else "not told"
    return said.name, said.route, at, to, group, "; ".join(_why(said, clock))


def _why(said: ReceiverSaid, clock: _Clock) -> Iterator[str]:
    if said.why_not:
        yield _WHY[said.why_not]
        return
    if said.takes == "transitions":
        yield "a machine: each change at once"
        return
    if said.wait:
        yield f"group_wait {duration.show(said.wait)}"
    if said.quiet_until:
        yield f"quiet until {clock(said.quiet_until)}"
    if said.silences:
        yield f"silenced by {', '.join(str(each.id) for each in said.silences)}"
    yield f"again at the earliest after {duration.show(said.interval)}"
    if said.repeat:
        yield f"repeated after {duration.show(said.repeat)}"


def _tell_ladder(answer: Answer, clock: _Clock) -> None:
    found = answer.ladder
    if found is None:
        if answer.config.escalation:
            show.line("No escalation takes it.")
        return
    columns = ["step", "at", "to", "unless", "taken"]
    title = f"Escalation {found.escalation.name}, if nobody does anything"
    show.table(title, columns, (_step(each, clock) for each in found.steps))
    if waiting := found.escalation.step[len(found.steps) :]:
        names = ", ".join(step.name for step in waiting)
        show.line(show.inert(f"Not without an action: {names} (from on = {waiting[0].on})"))
    if answer.subject.is_stored:
        following = found.next
        said = f"{following.step.name} at {clock(following.at)}" if following else "none"
        show.line(show.inert(f"The next step, as things stand: {said}."))


def _step(step: Step, clock: _Clock) -> Sequence[object]:
    to = []
    for name in step.due.step.receiver:
        people = step.addressees.get(name)
        who = "" if people is None else f" ({', '.join(p.name for p in people) or 'nobody'})"
        to.append(name + who)
    taken = clock(step.taken_at) if step.taken_at else ""
    unless = ", ".join(step.due.step.unless)
    return step.due.step.name, clock(step.due.at), ", ".join(to), unless, taken
