"""Who is to be told what, and when. (See below; filled in next.)"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.mute import Inhibition, Silence
from fumewatch.core.dispatch.plan import Audience, Contacts, Due, Told
from fumewatch.core.routing import Route
from fumewatch.core.site import Place


class Dispatcher:
    """Not safe to be used from several threads.

    1. Make one, whenever the configuration changed. 2. `use`. 3. `load`. 4. `take` what happens,
    `use` again when silences or contacts changed, and write what is `due`. If that cannot be
    written, `load` again: memory is ahead of the store then.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        audiences: Mapping[str, Audience],
        inhibitions: Sequence[Inhibition],
        calendar: Calendar,
        zone: ZoneInfo,
    ) -> None:
        """`routes`: all of them. `audiences`: the receivers with takes = "groups", by name."""
        raise NotImplementedError

    def use(self, silences: Sequence[Silence], contacts: Contacts) -> None:
        """From now on; whoever waits for the end of a silence or for a contact is looked at."""
        raise NotImplementedError

    def load(
        self, alerts: Iterable[Alert], told: Iterable[Told], places: Mapping[int, Place]
    ) -> None:
        """Start anew, from the store: alerts that fire, those resolved that somebody still believes
        to fire, what was told of either. `places` by monitor; one that is missing has no labels."""
        raise NotImplementedError

    def take(self, alert: Alert, place: Place, at: datetime) -> None:
        """An alert as a transition left it, or as it came out of an incident."""
        raise NotImplementedError

    def note(self, told: Iterable[Told]) -> None:
        """What was told by others than us: a step of an escalation. Its end will be told, too."""
        raise NotImplementedError

    def due(self, now: datetime) -> Due:
        """What is to be told by now; from now on it counts as told."""
        raise NotImplementedError

    @property
    def next_at(self) -> datetime | None:
        """When to ask what is due, if nothing happens before. It may have passed."""
        raise NotImplementedError

    @property
    def unaddressed(self) -> Sequence[tuple[str, Alert]]:
        """(receiver, alert) of those that fire and have no contact, for a gauge."""
        raise NotImplementedError
