"""Who would get what of an alert, when and why: what `routes explain` prints."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, State
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.mute import Inhibition, Silence
from fumewatch.core.dispatch.plan import Audience, Contacts
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label, Labels, Route
from fumewatch.core.site import Place


class Known(Audience, Protocol):
    """A receiver as it is configured, machines too."""

    @property
    def takes(self) -> Literal["transitions", "groups"]: ...

    def is_told(self, before: State | None, after: State) -> bool: ...


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
    address. group: what it would be told together with.
    """

    name: str
    route: int
    takes: Literal["transitions", "groups"]
    at: datetime | None
    why_not: Literal["", "state", "part of an incident", "no contact", "inhibited"]
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
    raise NotImplementedError
