"""Recall: the engine as if the daemon had never stopped, and what it needs of the store later.

It goes by steps, so that who recalls can store meanwhile what comes. All of it has to see the store
as it was at one instant: what is stored later is added once the engine is there.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, TypeAlias

import numpy as np

from fumewatch.config import Config
from fumewatch.core.daybook import cleaned
from fumewatch.core.days import Days
from fumewatch.core.engine import Engine
from fumewatch.core.fresh import REPORTED
from fumewatch.core.history import KEPT
from fumewatch.core.reading import Readings
from fumewatch.core.recollection import in_parts, remember
from fumewatch.core.roster import Roster
from fumewatch.core.rules import DayRule
from fumewatch.core.view import MINUTE
from fumewatch.core.window import Window
from fumewatch.store import (
    Connection,
    Database,
    alerts,
    day_facts,
    devices,
    learned,
    monitors,
    past,
    readings,
)
from fumewatch.store.database import see_as

MONITORS_AT_ONCE: Final = 1000
MINUTES_AT_ONCE: Final = 16
"""Minutes that the engine settles or judges in one go, where it has some to make up for. Each takes
memory, so of a large fleet they are less: as many as READINGS_AT_ONCE, or these:"""
FEWEST_AT_ONCE: Final = 8
READINGS_AT_ONCE: Final = 200_000
"""Of a span, at one a minute of each monitor: the driver keeps a buffer of 40 bytes each for every
connection that ever read one."""
_HOUR: Final = 60 * MINUTE


@dataclass(frozen=True, slots=True)
class Recalled:
    engine: Engine
    readings: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a window is filled from: readings of these channels, measured in each span in turn.

    The spans follow one another; the last one has no end.
    """

    spans: Sequence[tuple[datetime, datetime | None]]
    channels: Sequence[int]

    @property
    def start(self) -> datetime:
        return self.spans[0][0]


Read: TypeAlias = Callable[[Wanted], Iterable[Readings]]
"""Of each span what the store has."""


def wanted(depth: int, channels: Sequence[int], due: int, monitors: int) -> Wanted:
    """To judge from the minute before `due` on; the window settles a span in one go."""
    begins = due - depth - REPORTED
    step = _step(monitors)
    first = (begins // step + 1) * step
    cuts = [_at(minute) for minute in range(first, due - 1, step)]
    starts, ends = [_at(begins), *cuts], [*cuts, None]
    return Wanted(list(zip(starts, ends, strict=True)), channels)


def _step(monitors: int) -> int:
    return max(1, min(MINUTES_AT_ONCE, READINGS_AT_ONCE // max(monitors, 1)))


def _at(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def recall(
    conn: Connection,
    config: Config,
    roster: Roster,
    due: int,
    now: datetime,
    read: Read | None = None,
) -> Generator[None, None, Recalled]:
    """The engine, settled up to the minute before `due` (since 1970), and how many readings that
    took: so that minute is the first that it judges. No step takes long."""
    engine = Engine(
        config.rule,
        config.freshness,
        roster,
        config.zone,
        keeps_days=False,
        most=max(_step(roster.size), FEWEST_AT_ONCE),
    )
    window = engine.window
    engine.load(alerts.open_alerts(conn))
    engine.history.load(past.alerts(conn, _micros(now - KEPT)))
    look_back(conn, engine, now)
    yield
    window.saw(*monitors.last_measured(conn))
    window.heard(*devices.heard(conn))
    window.forget_values()
    begins = due - window.depth - REPORTED
    engine.begin(begins * MINUTE)
    yield
    _remember(conn, window, begins)
    yield
    number = 0
    needed = wanted(window.depth, window.channels, due, roster.size)
    parts = (read or read_alone(conn))(needed)
    for (_, end), part in zip(needed.spans, parts, strict=True):
        engine.add(part)
        number += len(part)
        if end:
            engine.fill(_micros(end))  # so that never more than a span waits in memory
            yield
    engine.fill((due - 1) * MINUTE)
    return Recalled(engine, number)


def _remember(conn: Connection, window: Window, begins: int) -> None:
    """What was learned; of a large fleet 150 MB, until it is in the window's columns."""
    as_of, known = learned.load(conn)
    if len(known):
        remember(window, known, as_of // MINUTE, begins)


def read_alone(conn: Connection) -> Read:
    """On one connection."""

    def read(needed: Wanted) -> Iterator[Readings]:
        for start, end in needed.spans:
            yield readings.between(conn, start, end, needed.channels)

    return read


def read_in(database: Database, lanes: int, snapshot: str) -> Read:
    """On so many connections at once: the server packs the next spans while we settle this one.

    `snapshot`: of store.database.stand_still."""

    def of(span: tuple[datetime, datetime | None], channels: Sequence[int]) -> Readings:
        with database.transaction() as conn:
            see_as(conn, snapshot)
            return readings.between(conn, *span, channels)

    def read(needed: Wanted) -> Iterator[Readings]:
        spans, ahead = iter(needed.spans), deque[Future[Readings]]()
        with ThreadPoolExecutor(lanes, "recall") as pool, ExitStack() as exits:
            exits.callback(lambda: [each.cancel() for each in ahead])  # who stops waits for none
            while True:
                for span in islice(spans, lanes + 1 - len(ahead)):
                    ahead.append(pool.submit(of, span, needed.channels))
                if not ahead:
                    return
                yield ahead.popleft().result()

    return read


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
    learned.save(conn, engine.settled_to, in_parts(engine.window))


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
