"""The fleet and the counters, read once for all who look within a few seconds."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from fumewatch.core.fleet import FleetState, Standing, tally
from fumewatch.store import Database
from fumewatch.store.pages import dead_letters, devices, fleet, operation
from fumewatch.store.pages.fleet import MonitorRow, Place
from fumewatch.web import models
from fumewatch.web.present import Presenter

KEEP: Final = timedelta(seconds=2)
PLACES_KEPT: Final = timedelta(seconds=30)
"""How soon a site's new name shows, or a cleaning: as soon as the rules know it."""
FAILED_WITHIN: Final = timedelta(days=7)
"""A notification that failed longer ago is history, not news."""
RECENT: Final = timedelta(days=1)
"""Dead letters of this long are news."""
FINDINGS_OF: Final = timedelta(days=30)
MOST_DIFFERING: Final = 1000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Member:
    """A monitor of the fleet and how it stands."""

    row: MonitorRow
    standing: Standing

    @property
    def is_assigned(self) -> bool:
        return self.standing.state is not FleetState.UNASSIGNED


@dataclass(frozen=True, slots=True)
class FleetFilter:
    """None: any. `words` are looked for in site, code, address and outlet."""

    street: str | None = None
    state: FleetState | None = None
    words: str | None = None

    def accepts(self, member: Member) -> bool:
        return (
            self.street in (None, member.row.street)
            and self.state in (None, member.standing.state)
            and _has(member.row, self.words)
        )


class Overview:
    def __init__(self, database: Database, present: Presenter, now: Callable[[], datetime]) -> None:
        self._database = database
        self._present = present
        self._places = _Kept(self._read_places, now, least=PLACES_KEPT)
        self._fleet = _Kept(self._read_fleet, now)
        self._counts = _Kept(self._read_counts, now)
        self._letters = _Kept(self._read_letters, now)
        self._differing = _Kept(self._read_differing, now)

    def fleet(self) -> Sequence[Member]:
        """Every monitor, by street and site."""
        return self._fleet.get()

    def counts(self) -> models.Counts:
        return self._counts.get()

    def letters(self) -> dead_letters.Summary:
        return self._letters.get()

    def differing(self) -> Sequence[devices.DiffersRow]:
        """Monitors whose own means differed from ours in 30 days, those with most first."""
        return self._differing.get()

    def _read_differing(self, now: datetime) -> Sequence[devices.DiffersRow]:
        with self._database.transaction() as conn:
            return devices.differing(conn, now - FINDINGS_OF, MOST_DIFFERING)

    def _read_letters(self, now: datetime) -> dead_letters.Summary:
        with self._database.transaction() as conn:
            return dead_letters.summary(conn, now - RECENT)

    def _read_fleet(self, now: datetime) -> Sequence[Member]:
        places = self._places.get()
        with self._database.transaction() as conn:
            states = fleet.states(conn)
        if not states.keys() <= places.keys():  # one was registered meanwhile
            self._places.forget()
            places = self._places.get()
        rows = fleet.joined(places, states)
        return [Member(row, self._present.standing(row, now)) for row in rows]

    def _read_places(self, _: datetime) -> Mapping[int, Place]:
        with self._database.transaction() as conn:
            return fleet.places(conn)

    def _read_counts(self, now: datetime) -> models.Counts:
        with self._database.transaction() as conn:
            severities = operation.open_by_severity(conn)
            outbox = operation.outbox(conn, now - FAILED_WITHIN)
            readings = operation.readings_received(conn, now - timedelta(minutes=1), now)
        return models.Counts(
            alerts={name: severities.get(name, 0) for name in ("critical", "warning", "info")},
            monitors=summarise(self.fleet()).states,
            notifications=models.OutboxCounts(due=outbox.due, failed=outbox.failed),
            readings_per_minute=readings,
        )


def summarise(members: Sequence[Member]) -> models.FleetSummary:
    """Counts by state, in all and by street, where most is wrong first; without unassigned ones."""
    streets: dict[str, list[Member]] = {}
    for member in members:
        if member.is_assigned:
            streets.setdefault(member.row.street, []).append(member)
    summaries = [
        models.StreetSummary(street=street, total=len(there), states=_states(there))
        for street, there in sorted(streets.items())
    ]
    return models.FleetSummary(
        total=sum(summary.total for summary in summaries),
        states=_states(members),
        streets=sorted(summaries, key=_badness, reverse=True),
    )


def _badness(summary: models.StreetSummary) -> list[int]:
    """Counts of the states, worst first; how many are normal does not matter."""
    return [n for state, n in summary.states.items() if state is not FleetState.NORMAL]


def _states(members: Sequence[Member]) -> dict[FleetState, int]:
    states = tally(member.standing for member in members)
    del states[FleetState.UNASSIGNED]
    return states


def _has(row: MonitorRow, words: str | None) -> bool:
    if not words:
        return True
    text = f"{row.site} {row.code} {row.address} {row.outlet}".lower()
    return all(word in text for word in words.lower().split())


class _Kept(Generic[T]):
    """One value for all who ask; one of them reads it anew when it is old, the others wait.

    It is kept 20 times as long as reading it takes, and `least` at least: of ten thousand monitors
    it costs no more than a twentieth of a core, however many pages are open.
    """

    def __init__(
        self,
        read: Callable[[datetime], T],
        now: Callable[[], datetime],
        least: timedelta = KEEP,
    ) -> None:
        self._read = read
        self._now = now
        self._least = least
        self._lock = threading.Lock()
        self._value: T
        self._good_from = self._good_to = datetime.max.replace(tzinfo=UTC)

    def get(self) -> T:
        with self._lock:
            start = self._now()
            if not self._good_from <= start < self._good_to:
                self._value = self._read(start)
                took = self._now() - start
                self._good_from, self._good_to = start, start + max(self._least, 20 * took)
            return self._value

    def forget(self) -> None:
        with self._lock:
            self._good_from = self._good_to = datetime.max.replace(tzinfo=UTC)
