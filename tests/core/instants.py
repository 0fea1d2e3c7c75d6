"""Views over neighbouring instants, of readings that a window has settled or of signs of life."""

from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.core.fresh import Freshness
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import INDEX, MEASURED
from fumewatch.core.roster import NEVER, Roster
from fumewatch.core.view import MINUTE, View
from fumewatch.core.window import Window
from tests.core.history import at
from tests.core.scene import ZONE, Monitor, place, readings, roster_of


def settled(
    *monitors: Monitor,
    instants: int = 1,
    depth: int = 60,
    active: Sequence[int] | None = None,
    roster: Roster | None = None,
    now: str = "23 12:00",
    **freshness: Any,
) -> View:
    """Each series ends in the minute that ends now. `active`: quarter-hours, once learned.
    `instants`: of one hour.

    Only channels that some monitor reports, fume and fan_on are kept: settling takes time.
    """
    channels = {"fume", "fan_on", *(name for monitor in monitors for name in monitor)}
    kept = sorted(INDEX[name] for name in channels)
    lessons = Lessons(Freshness(**freshness), ZoneInfo(ZONE), set(kept) & set(MEASURED))
    window = Window(kept, depth, lessons, most=24 * 60)
    end = at(now) // MINUTE
    length = max(len(series) for monitor in monitors for series in monitor.values())
    window.add(readings(list(_rows(monitors, end))))
    window.begin(end - length)
    while (start := window.settled_to) < end:
        window.settle(min(end, start // 60 * 60 + 60))
    if active is not None:
        lessons.days[:] = 9
        lessons.sampling[list(active)] = 255
    ids = np.arange(len(monitors), dtype=np.int32)
    return window.view(ids, roster or roster_of(*map(place, range(len(monitors)))), instants)


def _rows(monitors: Sequence[Monitor], end: int) -> Iterator[tuple[int, int, dict[str, Any]]]:
    for number, channels in enumerate(monitors):
        for name, series in channels.items():
            start = end - len(series)
            for minute, value in enumerate(series, start):
                if value is not None:
                    yield number, minute * MINUTE, {name: value}


def heard_of(
    now: str,
    measured: Sequence[str | None],
    beats: Sequence[str | None] = (),
    *,
    roster: Roster,
    instants: int = 1,
) -> View:
    """`measured`, `beats`: when each monitor measured and beat last; None: never."""
    minutes = at(now) // MINUTE + np.arange(-instants, 0)
    last, beat = (_instants(times, len(measured)) for times in (measured, beats))
    lasts = np.where(last <= (minutes[:, None] + 1) * MINUTE, last, NEVER)
    return View(
        ids=np.arange(len(measured), dtype=np.int32),
        minutes=minutes,
        instants=instants,
        last_measured=lasts,
        last_heard=beat,
        roster=roster,
        lessons=Lessons(Freshness(), ZoneInfo(ZONE), MEASURED),
        cells=_no_channels,
        before=_no_channels,
        which=slice(None),
        open_alerts={},
    )


def _instants(times: Sequence[str | None], n: int) -> Any:
    padded = [*times, *[None] * (n - len(times))]
    return np.array([at(time) if time else NEVER for time in padded], np.int64)


def _no_channels(_: int) -> Any:
    raise AssertionError("signs of life are all there is")
