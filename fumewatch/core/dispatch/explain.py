"""Who would get what of an alert, when and why: what `routes explain` prints."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, State
from fumewatch.core.calendar import BusinessHours, Calendar
from fumewatch.core.dispatch.grouping import shown
from fumewatch.core.dispatch.inhibitor import Inhibitor
from fumewatch.core.dispatch.mute import Inhibition, Silence, quiet_until
from fumewatch.core.dispatch.muting import lets_through
from fumewatch.core.dispatch.plan import Audience, Contacts
from fumewatch.core.dispatch.standing import Standing
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label, Labels, Route, labels_of
from fumewatch.core.site import Place


class Known(Audience, Protocol):
    """A receiver as it is configured, machines too."""

    @property
    def takes(self) -> Literal["transitions", "groups"]: ...

    def is_told(self, before: State | None, after: State) -> bool: ...


WhyNot = Literal["", "state", "part of an incident", "no contact", "inhibited"]
"""`state`: the receiver is not told when an alert fires."""


@dataclass(frozen=True, slots=True)
class RouteSaid:
    """number: from 1, as in the file. is_reached: no route before it kept the alert to itself.

    mismatch: the first label that does not fit; None: it takes the alert (where it is reached).
    """

    number: int
    route: Route
    is_reached: bool
    mismatch: Label | None

    @property
    def takes(self) -> bool:
        return self.is_reached and self.mismatch is None


@dataclass(frozen=True, slots=True)
class Inhibited:
    """number: of the [[inhibit]], from 1. source: the alert that fires."""

    number: int
    inhibition: Inhibition
    source: Alert


@dataclass(frozen=True, slots=True)
class ReceiverSaid:
    """Of one receiver, by the first route that leads there. Times are instants.

    at: when it would be told if the alert fired now and nothing else happened; None: not at all, or
    not before `inhibited` ends; `why_not` says why. A group that was told something before waits
    longer: until `interval` after that. addressees: contacts, empty where the receiver has its own
    address. group: what it would be told together with. quiet_until, silences: what it waits for.
    """

    name: str
    route: int
    takes: Literal["transitions", "groups"]
    at: datetime | None
    why_not: WhyNot
    wait: timedelta
    interval: timedelta
    repeat: timedelta
    group: tuple[tuple[str, str], ...]
    addressees: tuple[Contact, ...]
    quiet_until: datetime | None
    silences: tuple[Silence, ...]
    inhibited: tuple[Inhibited, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    labels: Labels
    routes: tuple[RouteSaid, ...]
    receivers: tuple[ReceiverSaid, ...]


def explain(
    alert: Alert,
    place: Place,
    now: datetime,
    *,
    routes: Sequence[Route],
    receivers: Mapping[str, Known],
    inhibitions: Sequence[Inhibition] = (),
    silences: Sequence[Silence] = (),
    firing: Iterable[tuple[Alert, Place]] = (),
    contacts: Contacts = lambda place, role: (),
    calendar: Calendar,
    zone: ZoneInfo,
) -> Explained:
    """`firing`: what else fires, for inhibition; the alert itself may be among it."""
    labels = labels_of(alert, place)
    said = tuple(_routes_said(routes, {**labels, Label.STATE: (State.FIRING.value,)}))
    taken = tuple(silence for silence in silences if silence.matchers.take(labels))
    inhibited = _inhibited(alert, place, inhibitions, firing)
    scene = _Scene(alert, place, labels, now, taken, inhibited, contacts, calendar, zone)
    first: dict[str, RouteSaid] = {}
    for each in said:
        for name in each.route.receiver if each.takes else ():
            first.setdefault(name, each)
    found = (
        _receiver_said(scene, by, receivers[name])
        for name, by in first.items()
        if name in receivers
    )
    return Explained(labels, said, tuple(found))


@dataclass(frozen=True, slots=True)
class _Scene:
    alert: Alert
    place: Place
    labels: Labels
    now: datetime
    silences: tuple[Silence, ...]
    inhibited: tuple[Inhibited, ...]
    contacts: Contacts
    calendar: Calendar
    zone: ZoneInfo

    def wait(self, receiver: Known, at: datetime) -> "_Wait":
        """What would be told `at` waits for the end of quiet hours and silences, which may follow
        each other."""
        hours = _quiet_hours(receiver, self.labels, self.zone)
        quiet, met = None, set[int]()
        while True:
            ends = [hours and quiet_until(hours, at, self.calendar)]
            quiet = ends[0] or quiet
            active = [n for n, silence in enumerate(self.silences) if silence.is_active(at)]
            met.update(active)
            ends += [self.silences[n].until for n in active]
            if not any(ends):
                return _Wait(at, quiet, tuple(self.silences[n] for n in sorted(met)))
            at = max(end for end in ends if end)


@dataclass(frozen=True, slots=True)
class _Wait:
    until: datetime
    quiet_until: datetime | None
    silences: tuple[Silence, ...]


def _quiet_hours(receiver: Known, labels: Labels, zone: ZoneInfo) -> BusinessHours | None:
    quiet = receiver.quiet
    if quiet is None or lets_through(quiet, labels):
        return None
    return quiet.in_zone(zone)


def _routes_said(routes: Sequence[Route], labels: Labels) -> Iterator[RouteSaid]:
    is_reached = True
    for number, route in enumerate(routes, 1):
        said = RouteSaid(number, route, is_reached, route.mismatch(labels))
        yield said
        is_reached = is_reached and (route.goes_on or not said.takes)


def _inhibited(
    alert: Alert,
    place: Place,
    inhibitions: Sequence[Inhibition],
    firing: Iterable[tuple[Alert, Place]],
) -> tuple[Inhibited, ...]:
    inhibitor = Inhibitor(inhibitions)
    sources = {}
    for source, where in firing:
        if source.state is State.FIRING and source.id != alert.id:
            inhibitor.enter(Standing.of(source, where, source.opened_at))
            sources[source.id] = source
    keys = inhibitor.all_inhibiting(inhibitor.bearing(alert, place, labels_of(alert, place)))
    return tuple(
        Inhibited(position + 1, inhibitions[position], sources[inhibitor.source((position, same))])
        for position, same in keys
    )


def _receiver_said(scene: _Scene, by: RouteSaid, receiver: Known) -> ReceiverSaid:
    if receiver.takes == "transitions":
        return _machine_said(scene, by, receiver)
    people = tuple(scene.contacts(scene.place, receiver.contact)) if receiver.contact else ()
    wait = scene.wait(receiver, scene.now + by.route.group_wait)
    why_not = _why_not(scene, receiver, people)
    return ReceiverSaid(
        name=receiver.name,
        route=by.number,
        takes=receiver.takes,
        at=None if why_not else wait.until,
        why_not=why_not,
        wait=by.route.group_wait,
        interval=by.route.group_interval,
        repeat=by.route.repeat_interval,
        group=shown(scene.labels, by.route.group_by),
        addressees=people,
        quiet_until=wait.quiet_until,
        silences=wait.silences,
        inhibited=scene.inhibited,
    )


def _machine_said(scene: _Scene, by: RouteSaid, receiver: Known) -> ReceiverSaid:
    """Machines get each transition at once; nothing mutes it."""
    why_not: WhyNot = "part of an incident" if scene.alert.is_part else ""
    if not receiver.is_told(None, State.FIRING):
        why_not = "state"
    none = timedelta(0)
    return ReceiverSaid(
        name=receiver.name,
        route=by.number,
        takes=receiver.takes,
        at=None if why_not else scene.now,
        why_not=why_not,
        wait=none,
        interval=none,
        repeat=none,
        group=(),
        addressees=(),
        quiet_until=None,
        silences=(),
        inhibited=(),
    )


def _why_not(scene: _Scene, receiver: Known, people: Sequence[Contact]) -> WhyNot:
    if State.FIRING not in receiver.states:
        return "state"
    if scene.alert.is_part:
        return "part of an incident"
    if receiver.contact and not people:
        return "no contact"
    return "inhibited" if scene.inhibited else ""
