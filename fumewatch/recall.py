"""Recall: the engine as if the daemon had never stopped, and what it needs of the store later."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

from fumewatch.config import Config
from fumewatch.core.daybook import cleaned
from fumewatch.core.days import Days
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import REPORTED
from fumewatch.core.history import KEPT
from fumewatch.core.recollection import recollect, remember
from fumewatch.core.roster import Roster
from fumewatch.core.rules import DayRule
from fumewatch.core.view import MINUTE
from fumewatch.store import (
    Connection,
    alerts,
    day_facts,
    devices,
    learned,
    monitors,
    past,
    readings,
)

MONITORS_AT_ONCE: Final = 1000
MINUTES_AT_ONCE: Final = 16
"""Minutes that the engine judges in one go, where it has some to make up for."""
_HOUR: Final = 60 * MINUTE
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Recalled:
    engine: Engine
    readings: int


def recall(conn: Connection, config: Config, roster: Roster, due: int, now: datetime) -> Recalled:
    """The engine, settled up to the minute before `due` (since 1970), and how many readings that
    took: so that minute is the first that it judges."""
    engine = Engine(
        config.rule, config.freshness, roster, config.zone, keeps_days=False, most=MINUTES_AT_ONCE
    )
    window = engine.window
    engine.load(alerts.open_alerts(conn))
    engine.history.load(past.alerts(conn, _micros(now - KEPT)))
    look_back(conn, engine, now)
    window.saw(*monitors.last_measured(conn))
    window.heard(*devices.heard(conn))
    window.forget_values()
    begins = due - window.depth - REPORTED
    engine.begin(begins * MINUTE)
    as_of, known = learned.load(conn)
    if len(known):
        remember(window, known, as_of // MINUTE, begins)
    number = 0
    for part in readings.since(conn, _EPOCH + timedelta(minutes=begins - 1)):
        engine.add(part)
        number += len(part)
    engine.fill((due - 1) * MINUTE)
    return Recalled(engine, number)


def look_back(conn: Connection, engine: Engine, now: datetime) -> None:
    """What devices, residents and inspectors told in the last weeks."""
    span = _micros(now - KEPT), _micros(now)
    engine.happened(
        past.restarts(conn, *span),
        past.findings(conn, *span),
        past.complaints(conn, *span),
        past.outcomes(conn, *span),
    )


def is_full_hour(engine: Engine) -> bool:
    """All that the hour taught is learned, and nothing of the next."""
    return engine.settled_to % _HOUR == 0


def keep(conn: Connection, engine: Engine) -> None:
    """What was learned until the full hour that is judged now."""
    learned.save(conn, engine.settled_to, recollect(engine.window))


def last_day(conn: Connection) -> int:
    """The last day (core.days) whose facts are gathered, or 0."""
    return max(day_facts.done(conn, 0), default=0)


def days(conn: Connection, config: Config, engine: Engine, last: int) -> Iterator[Days]:
    """The days up to this one, to be judged at the end of the last judged minute.

    Some monitors at a time: a hundred days of a large fleet would take hundreds of megabytes.
    """
    back = max((r.days_needed for r in config.rule if isinstance(r, DayRule)), default=0)
    numbers = np.arange(last - back + 1, last + 1, dtype=np.int32)
    everyone = engine.ids if back else engine.ids[:0]
    for ids in np.split(everyone, range(MONITORS_AT_ONCE, len(everyone), MONITORS_AT_ONCE)):
        facts = day_facts.load(conn, ids, last, back)
        on = cleaned(ids, numbers, engine.roster)
        yield Days(ids, numbers, engine.settled_to, engine.roster, facts, on)


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1e6)
