"""What people would have been sent: the dispatcher, run by the times of the transitions."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Final

from fumewatch.config import Config
from fumewatch.core.addressing import Role
from fumewatch.core.alert import Transition
from fumewatch.core.dispatch.dispatcher import Dispatcher
from fumewatch.core.dispatch.plan import Plan
from fumewatch.core.notice import Contact
from fumewatch.core.site import Place

_STEP: Final = timedelta(seconds=1)
"""The daemon asks no oftener what is due."""
_SOMEBODY: Final = (Contact(1, "somebody"),)


class People:
    """Silences are of their time, and are not known here; every site, vendor and street counts as
    having one contact."""

    def __init__(self, config: Config, places: Mapping[int, Place]) -> None:
        audiences = {each.name: each for each in config.receiver if not each.is_machine}
        self._dispatcher = Dispatcher(
            config.route, audiences, config.inhibit, config.calendar.days, config.zone
        )
        self._dispatcher.use((), _contacts)
        self._places = places
        self._asked_at = datetime.min.replace(tzinfo=UTC)

    def take(self, moves: Iterable[Transition], until: datetime) -> Iterator[Plan]:
        """The notices up to `until`, in order of time. `moves`: in order of time, too."""
        for at, together in groupby(moves, key=lambda move: move.at):
            yield from self._up_to(at)
            for move in together:
                self._dispatcher.take(move.alert, self._places[move.alert.monitor], at)
            yield from self._due(at)
        yield from self._up_to(until)

    def _up_to(self, at: datetime) -> Iterator[Plan]:
        while (due_at := self._dispatcher.next_at) is not None and due_at < at:
            yield from self._due(max(due_at, min(at, self._asked_at + _STEP)))
            if self._asked_at >= at:
                return

    def _due(self, at: datetime) -> Iterator[Plan]:
        self._asked_at = at
        yield from self._dispatcher.due(at).plans


def _contacts(_place: Place, _role: Role) -> tuple[Contact, ...]:
    return _SOMEBODY
