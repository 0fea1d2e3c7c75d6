"""Which firing alerts inhibit which: an index by what they have in common."""

import uuid
from collections.abc import Iterable, Iterator, Sequence

from fumewatch.core.alert import Alert
from fumewatch.core.dispatch.grouping import same
from fumewatch.core.dispatch.mute import Inhibition
from fumewatch.core.dispatch.standing import NO_BEARING, Bearing, Key, Standing
from fumewatch.core.routing import Labels
from fumewatch.core.site import Place


class Inhibitor:
    """Knows the sources that fire, by id."""

    def __init__(self, inhibitions: Sequence[Inhibition]) -> None:
        self._inhibitions = inhibitions
        self._pure: dict[Key, set[uuid.UUID]] = {}
        self._both: dict[Key, set[uuid.UUID]] = {}

    def enter(self, standing: Standing) -> None:
        """It fires: from now on it may inhibit others, and others it."""
        standing.bearing = self.bearing(standing.alert, standing.place, standing.labels)
        for key in standing.bearing.source:
            self._pure.setdefault(key, set()).add(standing.alert.id)
        for key in standing.bearing.both:
            self._both.setdefault(key, set()).add(standing.alert.id)

    def leave(self, standing: Standing) -> list[Key]:
        """It does not fire as it did; the keys where somebody may be free now."""
        bearing, standing.bearing = standing.bearing, NO_BEARING
        emptied = _take_out(self._pure, bearing.source, standing.alert.id)
        return emptied + _take_out(self._both, bearing.both, standing.alert.id)

    def bearing(self, alert: Alert, place: Place, labels: Labels) -> Bearing:
        if not self._inhibitions:
            return NO_BEARING
        parts: dict[tuple[bool, bool], list[Key]] = {}
        for position, each in enumerate(self._inhibitions):
            common = tuple(same(alert, place, by) for by in each.equal)
            if all(common):
                part = each.source.take(labels), each.target.take(labels)
                parts.setdefault(part, []).append((position, common))
        return Bearing(
            target=tuple(parts.get((False, True), ())),
            source=tuple(parts.get((True, False), ())),
            both=tuple(parts.get((True, True), ())),
        )

    def inhibiting(self, bearing: Bearing) -> Key | None:
        """What holds back an alert with this bearing; None: nothing."""
        return next(self.all_inhibiting(bearing), None)

    def all_inhibiting(self, bearing: Bearing) -> Iterator[Key]:
        yield from (key for key in bearing.target if key in self._pure or key in self._both)
        yield from (key for key in bearing.both if key in self._pure)

    def source(self, key: Key) -> uuid.UUID:
        """One of those that inhibit, where `inhibiting` says so."""
        return min(self._pure.get(key) or self._both[key])


def _take_out(
    sources: dict[Key, set[uuid.UUID]], keys: Iterable[Key], alert: uuid.UUID
) -> list[Key]:
    emptied = []
    for key in keys:
        ids = sources.get(key, set())
        ids.discard(alert)
        if not ids and sources.pop(key, None) is not None:
            emptied.append(key)
    return emptied
