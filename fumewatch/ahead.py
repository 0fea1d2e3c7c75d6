"""What a standby has read before it is needed: the places, and the readings that fill a window.

A term's engine is made of it as of the store, the same to the reading: `catch_up` reads what came
since, and what was changed since replaces what it was. The roll-ups' mark says since when: each
reading received up to it is committed before it is moved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.config import Config
from fumewatch.config.rosters import roster_of
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.reading import Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import needs
from fumewatch.core.site import Place
from fumewatch.evaluate import due_minute
from fumewatch.recall import Wanted, wanted
from fumewatch.store import Connection, monitors, readings, rollups
from fumewatch.store.wire import to_us

EVERY: Final = timedelta(seconds=30)
"""Between two looks; also how old places may be, as those of a leader."""
MOST: Final = 4_000_000
"""Readings kept, at one a minute of each monitor: some 250 MB. The windows of a fleet that has more
are filled when it is our turn."""
_LARGEST: Final = 1 << 24
"""Monitors."""


@dataclass(slots=True)
class Ahead:
    """Of one thread. Empty until the first `look`, and after `forget`."""

    known: monitors.Places | None = None
    """What reads the places: what has not changed it does not read again."""
    places: list[Place] = field(default_factory=list)
    rosters: list[tuple[Config, list[Place], Mapping[int, datetime], Roster]] = field(
        default_factory=list
    )
    """The last one built, and of what; or none."""
    places_at: datetime | None = None
    channels: tuple[int, ...] = ()
    start: datetime | None = None
    mark: datetime | None = None
    parts: list[Readings] = field(default_factory=list)

    def forget(self) -> None:
        """But for the places and the roster, of which a leader goes on."""
        self.places, self.places_at = [], None
        self.channels, self.start, self.mark, self.parts = (), None, None, []

    def is_due(self, now: datetime) -> bool:
        """Also where the clock was set back."""
        return not (self.places_at and timedelta(0) <= now - self.places_at < EVERY)

    def look(self, conn: Connection, config: Config, now: datetime) -> None:
        """Read what is not known yet; the readings, where they are not too many for a standby."""
        self.places = self.read_places(conn, config)
        self.places_at = now
        self.roster(config, self.places, monitors.offline_since(conn))
        needed = wanted_of(config, now, len(self.places))
        if len(self.places) * ((now - needed.start) // timedelta(minutes=1)) <= MOST:
            self.catch_up(conn, needed)

    def read_places(self, conn: Connection, config: Config) -> list[Place]:
        """As they are now; the very list of the last time where nothing changed."""
        if self.known is None or self.known.zone != str(config.zone):
            self.known = monitors.Places(str(config.zone))
        return self.known.look(conn)

    def roster(
        self, config: Config, places: list[Place], offline_since: Mapping[int, datetime]
    ) -> Roster:
        """Built anew where a place or the configuration has changed."""
        built = None
        for known, of, since, roster in self.rosters:
            if known is config and of is places:
                built = roster if since == offline_since else roster.with_wills(offline_since)
        built = built or roster_of(config, places, offline_since)
        self.rosters = [(config, places, offline_since, built)]
        return built

    def fresh_places(self, now: datetime) -> list[Place] | None:
        """None: read them."""
        is_fresh = self.places_at and timedelta(0) <= now - self.places_at < 2 * EVERY
        return self.places if is_fresh else None

    def has(self, needed: Wanted) -> bool:
        """What is not too much to be read in a moment is there."""
        is_same = self.channels == tuple(needed.channels)
        return is_same and self.start is not None and self.start <= needed.start

    def catch_up(self, conn: Connection, needed: Wanted) -> None:
        """As of now in the store."""
        mark = rollups.received_to(conn)
        if self.has(needed):
            news = readings.between(conn, needed.start, None, self.channels, self.mark)
            self._replace(news, to_us(needed.start))
        else:
            self.channels = tuple(needed.channels)
            self.parts = [readings.between(conn, *span, self.channels) for span in needed.spans]
        self.start, self.mark = needed.start, mark

    def read(self, needed: Wanted) -> Iterator[Readings]:
        """Of each span what is known. Each part is let go of once it is given."""
        parts, self.parts = self.parts, []
        for _, end in needed.spans:
            found, rest = [Readings.empty()], []
            for part in parts:
                now, later = _cut(part, end)
                found += [now] if len(now) else []
                rest += [later] if len(later) else []
            parts = rest
            yield Readings.concatenate(found)
        self.forget()

    def _replace(self, news: Readings, start: int) -> None:
        """By what was read again, and without what is too old by now."""
        known = np.sort(_keys(news, start))
        first = int(news.measured_at.min(initial=np.iinfo(np.int64).max))
        kept = []
        for part in self.parts:
            stays = part.measured_at >= start
            if int(part.measured_at.max(initial=0)) >= first:
                stays &= ~_among(_keys(part, start), known)
            kept.append(part if stays.all() else part.take(stays))
        self.parts = [part for part in (*kept, news) if len(part)]


def wanted_of(config: Config, now: datetime, monitors: int) -> Wanted:
    """What a term that begins now would fill its window from."""
    channels, minutes = needs(config.rule, whole_minutes(config.freshness.ceiling))
    return wanted(minutes, sorted(channels), due_minute(now, config.evaluate.lateness), monitors)


def _cut(part: Readings, end: datetime | None) -> tuple[Readings, Readings]:
    if end is None:
        return part, part.take(slice(0))
    is_before = part.measured_at < to_us(end)
    if is_before.all():
        return part, part.take(slice(0))
    if not is_before.any():
        return part.take(slice(0)), part
    return part.take(is_before), part.take(~is_before)


def _keys(rows: Readings, start: int) -> NDArray[np.int64]:
    """Monitor and time in one number: there are only some hours after `start`."""
    return (rows.measured_at - start) * _LARGEST + rows.monitor


def _among(keys: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not len(known):
        return np.zeros(len(keys), np.bool_)
    at = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    found: NDArray[np.bool_] = known[at] == keys
    return found
