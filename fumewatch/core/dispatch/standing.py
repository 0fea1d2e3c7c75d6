"""How an alert stands with those who are told of it, and the groups in which they are."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from fumewatch.core.alert import Alert, State
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.dispatch.plan import Audience, Group, Told
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Labels, Route, labels_of
from fumewatch.core.site import Place

Address = tuple[str, str]
"""(receiver, addressee)"""

Key = tuple[int, tuple[str, ...]]
"""Position of an inhibition, and what its alerts have in common."""


@dataclass(frozen=True, slots=True)
class Bearing:
    """An alert's part in inhibitions: where it is a target only, a source only, or both."""

    target: tuple[Key, ...] = ()
    source: tuple[Key, ...] = ()
    both: tuple[Key, ...] = ()


NO_BEARING: Final = Bearing()


@dataclass(slots=True)
class Standing:
    """An alert that fires, or that somebody still believes to fire.

    since: when it came up for being told. told: by address. groups: those it is in, by address.
    silences: those that take it, ended or not, of the list numbered `silences_of`.
    """

    alert: Alert
    place: Place
    labels: Labels
    since: datetime
    bearing: Bearing = NO_BEARING
    told: dict[Address, Told] = field(default_factory=dict)
    groups: dict[Address, Group] = field(default_factory=dict)
    silences: tuple[Silence, ...] = ()
    silences_of: int = -1

    @classmethod
    def of(cls, alert: Alert, place: Place, since: datetime) -> "Standing":
        return cls(alert, place, labels_of(alert, place), since)

    def become(self, alert: Alert, place: Place) -> None:
        self.alert, self.place, self.labels = alert, place, labels_of(alert, place)
        self.silences_of = -1

    @property
    def fires(self) -> bool:
        return self.alert.state is State.FIRING

    def believed(self, address: Address) -> bool:
        """Whether they were told that it fires, and not yet that it is over."""
        row = self.told.get(address)
        return row is not None and row.state is State.FIRING


@dataclass(frozen=True, slots=True)
class Target:
    """Where an alert is told. route: None where no route leads there any more."""

    group: Group
    audience: Audience
    to: Contact | None
    route: Route | None

    @property
    def address(self) -> Address:
        return self.group.receiver, self.group.addressee


@dataclass(slots=True)
class Bundle:
    """The alerts of a group. look_at: when it is looked at next; None: when something happens.

    inhibited: by what some of its alerts were, when it was last looked at.
    """

    target: Target
    members: dict[uuid.UUID, Standing] = field(default_factory=dict)
    last_told: datetime | None = None
    look_at: datetime | None = None
    inhibited: frozenset[Key] = frozenset()

    @property
    def address(self) -> Address:
        return self.target.address

    @property
    def repeat(self) -> timedelta:
        return self.target.route.repeat_interval if self.target.route else timedelta(0)

    def may_tell_at(self, since: datetime) -> datetime:
        """The earliest time for a message that is about something known `since` then."""
        route = self.target.route
        if self.last_told is not None:
            return self.last_told + (route.group_interval if route else timedelta(0))
        return since + (route.group_wait if route else timedelta(0))

    def look_for(self, standing: Standing) -> datetime | None:
        """When there may be something to tell of this member; None: it is told that it fires."""
        if not standing.fires or not standing.believed(self.address):
            return self.may_tell_at(standing.since)
        return standing.told[self.address].at + self.repeat if self.repeat else None

    def ends_silently(self, standing: Standing) -> bool:
        """Whether its receiver, or its route by the label `state`, wants to hear of no end."""
        route = self.target.route
        return State.RESOLVED not in self.target.audience.states or (
            route is not None and not route.take(standing.labels)
        )
