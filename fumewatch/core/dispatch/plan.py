"""What the dispatcher hands over: what somebody was told, and what is to be told."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, Protocol

from fumewatch.core.addressing import Role
from fumewatch.core.alert import Alert, State
from fumewatch.core.dispatch.mute import Quiet
from fumewatch.core.notice import Change, Contact, Reason
from fumewatch.core.site import Place

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-646973706174")

Contacts = Callable[[Place, Role], Sequence[Contact]]
"""The people of the site, vendor or street of a place; none, where nobody is recorded."""


class Audience(Protocol):
    """A receiver as it is configured: what the dispatcher needs of it."""

    @property
    def name(self) -> str: ...
    @property
    def states(self) -> tuple[State, ...]: ...
    @property
    def quiet(self) -> Quiet | None: ...
    @property
    def contact(self) -> Role | None: ...


Known = Literal[State.FIRING, State.RESOLVED]
"""What somebody can be told of an alert."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one addressee of a receiver knows of an alert, last told `at`: a row of table told."""

    receiver: str
    addressee: str
    alert: uuid.UUID
    state: Known
    at: datetime


@dataclass(frozen=True, slots=True)
class Group:
    """The alerts that one addressee is told of together.

    route: name of its route, "" where none leads there any more. labels: what the alerts have in
    common, for people; "alert" is not among them. same: ids and texts behind it, which tell two
    sites of the same name apart.
    """

    receiver: str
    addressee: str
    route: str
    labels: tuple[tuple[str, str], ...]
    same: tuple[str, ...]

    @property
    def thread(self) -> uuid.UUID:
        """Its messages go out in order. The same after a restart."""
        parts = (self.receiver, self.addressee, self.route, *self.same)
        return uuid.uuid5(_NAMESPACE, "\x1f".join(parts))


@dataclass(frozen=True, slots=True)
class StepSaid:
    """Which step it is, from 1, of how many. until: when the next is due. on: what it awaited."""

    name: str
    number: int
    of: int
    until: datetime | None
    on: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One notice to make. `told`: the rows to write in the transaction that writes the notice.

    `to` is None where the receiver has an address of its own. `key`: the same plan made again, by
    another leader or after a crash, has the same; no two different plans have.
    """

    group: Group
    reason: Reason
    at: datetime
    to: Contact | None
    members: tuple[tuple[Alert, Change], ...]
    told: tuple[Told, ...]
    key: uuid.UUID
    step: StepSaid | None = None


@dataclass(frozen=True, slots=True)
class Due:
    """What to write, all in one transaction.

    quiet: rows of table told without a message: of an end that the receiver does not want to hear
    of, that was silenced, or that nobody is left to hear of. unaddressed: (receiver, alert) found
    since the last time to have no contact; for the log.
    """

    plans: tuple[Plan, ...] = ()
    quiet: tuple[Told, ...] = ()
    unaddressed: tuple[tuple[str, Alert], ...] = ()

    @property
    def told(self) -> tuple[Told, ...]:
        """All the rows of table told."""
        return tuple(row for plan in self.plans for row in plan.told) + self.quiet

    def __bool__(self) -> bool:
        return bool(self.plans or self.quiet or self.unaddressed)
