"""What judging knows of monitors, for their page: what was learned, why they are not judged now."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Final

from fumewatch.config import Config
from fumewatch.core.learned import QUARTERS
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place
from fumewatch.core.unjudged import Unjudged
from fumewatch.core.view import MINUTE
from fumewatch.store import learned
from fumewatch.store import monitors as stored
from fumewatch.store.learned import MonitorLearned
from fumewatch.store.pages import fleet
from fumewatch.store.wire import to_us
from fumewatch.web import models
from fumewatch.web.context import Context

MOST_CLEANINGS: Final = 12
_ACTIVE: Final = 64 / 255
"""As core.lessons: values change in a quarter-hour of sampling on so large a share of days."""
_ENOUGH_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Judged:
    """`cleanings`: the newest first. `today`: the site's date."""

    learned: MonitorLearned | None
    unjudged: Unjudged | None
    cleanings: list[date]
    today: date

    @property
    def windows(self) -> list[tuple[str, str]]:
        """When it samples, as (from, to) of a local day; none while too few days were seen."""
        known = self.learned
        return sampling_windows(known.sampling) if known and known.days >= _ENOUGH_DAYS else []

    @property
    def days_since_cleaning(self) -> int:
        return (self.today - self.cleanings[0]).days


def judged_of(context: Context, monitors: Sequence[models.Monitor]) -> dict[int, Judged]:
    """By monitor."""
    now, zone = context.now(), str(context.config.zone)
    ids = [monitor.id for monitor in monitors]
    outlets = [monitor.outlet_id for monitor in monitors if monitor.outlet_id is not None]
    with context.database.transaction() as conn:
        known = {id: learned.of_monitor(conn, id) for id in ids}
        places = stored.places(conn, zone, ids)
        cleaned = fleet.cleanings(conn, outlets, MOST_CLEANINGS)
    roster = _roster(context.config, places)
    return {
        monitor.id: Judged(
            known[monitor.id],
            roster.unjudged(place, to_us(now) // MINUTE),
            cleaned.get(monitor.outlet_id or 0, []),
            context.present.local(now).date(),
        )
        for place, monitor in enumerate(sorted(monitors, key=lambda monitor: monitor.id))
    }


def _roster(config: Config, places: Sequence[Place]) -> Roster:
    """Row i is of the i-th place: columns by id would be as long as the fleet."""
    numbered = [replace(place, monitor=i) for i, place in enumerate(places)]
    return Roster.build(
        numbered,
        {},
        config.business_hours,
        calendar=config.calendar.days,
        classes=config.classes,
        pauses=config.pause,
    )


def sampling_windows(sampling: Sequence[float]) -> list[tuple[str, str]]:
    """Quarter-hours in which values usually change, joined.

    >>> sampling_windows([0.0] * 24 + [1.0] * 12 + [0.1] * 60)
    [('06:00', '09:00')]
    """
    runs = groupby(enumerate(sampling), key=lambda quarter: quarter[1] >= _ACTIVE)
    spans = [[i for i, _ in run] for is_usual, run in runs if is_usual]
    return [(_clock(span[0]), _clock(span[-1] + 1)) for span in spans]


def _clock(quarter: int) -> str:
    minutes = quarter * 24 * 60 // QUARTERS
    return f"{minutes // 60:02}:{minutes % 60:02}"
