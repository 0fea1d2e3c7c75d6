"""Gather: the facts of each day that is over, from its readings, for the rules of days.

By the same code that a backtest uses: minutes are settled, and written into a diary of the day.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.config import Config
from fumewatch.config.rosters import roster_of
from fumewatch.core.daybook import Daybook
from fumewatch.core.days import date_of, day_number
from fumewatch.core.engine import DAYS_AT
from fumewatch.core.learned import Learned
from fumewatch.core.lessons import Lessons
from fumewatch.core.mix import find_mixes
from fumewatch.core.reading import INDEX, MEASURED
from fumewatch.core.recollection import remember
from fumewatch.core.roster import Roster
from fumewatch.core.rules import DayRule
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE, View
from fumewatch.core.window import HOUR, Window
from fumewatch.store import Database, day_facts, history, learned, monitors

MONITORS_AT_ONCE: Final = 500
"""A day of more would take too much memory: some 40 MB for so many."""
_NEEDED: Final = ("fume", "pm", "nmhc", "fan_current", "purifier_current", "fan_on", "purifier_on")
_CHANNELS: Final = frozenset(INDEX[name] for name in _NEEDED)
_MIXED: Final = tuple(INDEX[name] for name in ("fume", "pm", "nmhc"))


def gather(config: Config, database: Database, now: datetime) -> str:
    """The facts of the newest day that has none yet; which one, "" where there is nothing to do."""
    day = _next(config, database, now)
    if day is None:
        return ""
    with database.transaction() as conn:
        places = monitors.places(conn, str(config.zone))
        as_of, known = learned.load(conn)
    mixes: dict[int, str] = {}
    for first in range(0, len(places), MONITORS_AT_ONCE):
        some = places[first : first + MONITORS_AT_ONCE]
        mixes |= _gather_some(config, database, some, day, (as_of, known))
    with database.transaction() as conn:
        day_facts.mark_done(conn, [day])
        learned.derive(conn, mixes)
    return date_of(day).isoformat()


def _next(config: Config, database: Database, now: datetime) -> int | None:
    """The last day that is over first, then back as far as any rule looks."""
    back = max((r.days_needed for r in config.rule if isinstance(r, DayRule)), default=0)
    local = now.astimezone(config.zone)
    last = day_number(local.date()) - (1 if local.time() >= DAYS_AT else 2)
    with database.transaction() as conn:
        done = day_facts.done(conn, last - back + 1)
        missing = (day for day in range(last, last - back, -1) if day not in done)
        return next((day for day in missing if day_facts.has_readings(conn, day)), None)


def _gather_some(
    config: Config,
    database: Database,
    places: Sequence[Place],
    day: int,
    known: tuple[int, Learned],
) -> dict[int, str]:
    """Store the facts of these monitors; what linear mix the fume of each is of others, "": none.

    They are numbered anew, from 0: columns are as many as there are monitors.
    """
    ids = np.array([place.monitor for place in places], np.int32)
    start, end = _bounds(date_of(day), config)
    window = _window(config, ids, known, start - HOUR)
    with database.transaction() as conn:
        first, last = (datetime.fromtimestamp(minute * 60, UTC) for minute in (start - HOUR, end))
        for part in history.between(conn, first, last, ids.tolist()):
            own = np.searchsorted(ids, part.monitor).astype(np.int32)
            window.add(replace(part, monitor=own))
    roster = roster_of(config, [replace(p, monitor=i) for i, p in enumerate(places)])
    book, values = _read(window, roster, start, end)
    with database.transaction() as conn:
        day_facts.save(conn, day, ids, book.facts())
    found = find_mixes(*values)
    return {monitor: found.get(i, "") for i, monitor in enumerate(ids.tolist())}


def _read(window: Window, roster: Roster, start: int, end: int) -> tuple[Daybook, list[Any]]:
    """The day's book; fume, pm, nmhc [t, n] in thousandths, and where all three were measured."""
    everyone = np.arange(roster.size, dtype=np.int32)
    window.make_room(roster.size)
    book, values = Daybook(_CHANNELS, roster.size), []
    window.settle(start)
    for stop in range(start + HOUR, end + 1, HOUR):
        window.settle(stop)
        view = window.view(everyone, roster, HOUR)
        book.add(view, window.had_readings(HOUR)[:, : roster.size])
        values.append(_measured(view))
        view.forget()
    return book, [np.concatenate(column) for column in zip(*values, strict=True)]


def _measured(view: View) -> list[Any]:
    channels = [view.channel(channel) for channel in _MIXED]
    new = slice(-view.k, None)
    totals = [c.total[new] // np.maximum(c.count[new], 1) for c in channels]
    return [*totals, np.all([c.fresh[new] for c in channels], axis=0)]


def _bounds(day: date, config: Config) -> tuple[int, int]:
    """The first minute (since 1970) of a local day, and of the next."""
    midnights = (datetime.combine(d, time(0), config.zone) for d in (day, day + timedelta(days=1)))
    first, after = (int(midnight.timestamp()) // 60 for midnight in midnights)
    return first, after


def _window(
    config: Config, ids: NDArray[np.int32], known: tuple[int, Learned], begins: int
) -> Window:
    as_of, what = known
    lessons = Lessons(config.freshness, config.zone, _CHANNELS & frozenset(MEASURED))
    window = Window(_CHANNELS, HOUR, lessons, most=HOUR)
    window.begin(begins)
    if len(what):
        remember(window, what.take(ids), as_of // MINUTE, begins)
    return window
