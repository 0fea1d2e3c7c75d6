"""What judges: loaded from the store a step at a time, told of what is stored, asked each turn.

It is loaded as the store stood at one instant. What is stored meanwhile is kept aside, and then
added to it: each reading once.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import recall
from fumewatch.ahead import Ahead
from fumewatch.config import Config
from fumewatch.core.engine import Engine
from fumewatch.core.reading import Readings
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.core.window import AHEAD
from fumewatch.evaluate import FURTHEST_BEHIND, Evaluate, due_minute
from fumewatch.health import Health
from fumewatch.store import Connection, Database, alerts
from fumewatch.store.database import stand_still

log = structlog.get_logger()

LOOK_BACK_MINUTES: Final = 10
"""How often what devices and residents told is read again: patterns are judged as often."""
BACKLOG_WITHIN: Final = timedelta(seconds=15)
"""How soon after a connection the broker hands over what it held."""
PATIENCE: Final = timedelta(minutes=5)
"""How long minutes that are due wait for a backlog to be stored."""
LANES, OTHERS = 2, 4
"""Connections that read for a window at once; those that are left to the other threads."""
ASIDE_MOST: Final = 200_000
"""Readings kept aside while we load, some 20 MB: with more, what comes waits in the inbox."""


class Seen(NamedTuple):
    """What the engine is to be told of a batch; `at`: when it was stored, µs UTC."""

    readings: Readings
    heartbeats: NDArray[np.int32]
    at: int


Known: TypeAlias = tuple[Mapping[int, Place], Roster]
"""The places by monitor, and what is to be judged of them."""


class Judging:
    """Of one thread. `load` comes first; nothing else but `see` and `step` until it `is_loading` no
    more."""

    engine: Engine
    loaded_at: datetime | None = None
    """When it began to judge by what it loaded last; None: it has not yet."""

    def __init__(
        self,
        database: Database,
        health: Health,
        now: Callable[[], datetime],
        leads: Callable[[Connection], bool],
        ahead: Ahead,
        depth: Callable[[], int],
    ) -> None:
        """`leads`: as of Evaluate. `ahead`: what was read before we led. `depth()`: messages in the
        inbox."""
        self._database = database
        self._health = health
        self._now = now
        self._leads = leads
        self._ahead = ahead
        self._depth = depth
        self._loading: Generator[None, None, None] | None = None
        self._aside: list[Seen] = []
        self._day_judged = self._looked_at = 0
        self.all_due(now())

    def load(self, config: Config, known: Callable[[Connection], Known]) -> None:
        """Begin anew by this configuration. `known` is asked at once; all that is stored until now
        is in what is loaded."""
        self.close()
        self._config = config
        self._loading = self._load(known)
        next(self._loading)

    def close(self) -> None:
        """Also in the middle of loading."""
        if self._loading is not None:
            self._loading.close()
        self._loading, self._aside = None, []

    @property
    def is_loading(self) -> bool:
        return self._loading is not None

    @property
    def is_full(self) -> bool:
        """No more can be kept aside."""
        return sum(len(seen.readings) for seen in self._aside) >= ASIDE_MOST

    def step(self) -> None:
        """Of loading: no step takes long."""
        if self._loading is not None:
            next(self._loading, None)

    def see(self, seen: Seen) -> None:
        """A batch, once it is stored."""
        if self.is_loading:
            self._aside.append(seen)
        else:
            self._show(seen)

    def know(self, known: Known) -> None:
        """Go on by other places and another roster."""
        self._evaluate.places, self.engine.roster = known

    def all_due(self, now: datetime) -> None:
        self._next_at = self._judged_at = now

    def is_beyond(self, now: datetime) -> bool:
        """What is judged already lies ahead of this clock: it was set back, so load anew."""
        due = due_minute(now, self._config.evaluate.lateness)
        if self.engine.settled_to - due * MINUTE <= AHEAD * MINUTE:
            return False
        log.warning("clock set back, judging begins anew", judged_to=self.engine.settled_to)
        return True

    def turn(self, now: datetime) -> bool:
        """Judge what is due; whether there is news to send."""
        return self._judge(now) if now >= self._next_at else False

    def _load(self, known: Callable[[Connection], Known]) -> Generator[None, None, None]:
        now = self._now()
        due = due_minute(now, self._config.evaluate.lateness)
        with self._database.transaction() as conn:
            snapshot = stand_still(conn)
            places, roster = known(conn)
            yield
            first = _first_minute(alerts.judged_to(conn), due)
            reader = self._reader(conn, snapshot)
            recalled = yield from recall.recall(conn, self._config, roster, first + 1, now, reader)
        self._judged_at = now - (due - 1 - first) * timedelta(minutes=1)
        self._begin(recalled, places, now)

    def _begin(self, recalled: recall.Recalled, places: Mapping[int, Place], now: datetime) -> None:
        """By what was loaded from `now` on, and what was stored since."""
        self.engine, self._loading = recalled.engine, None
        for seen in self._aside:
            self._show(seen)
        aside, self._aside = sum(len(seen.readings) for seen in self._aside), []
        self._evaluate = Evaluate(self._database, self._config, self.engine, places, self._leads)
        self._evaluate.retire(now)
        self._day_judged, self._looked_at = 0, self.engine.settled_to
        self._ahead.forget()
        self._health.up("evaluate")
        self._health.beat("evaluate")
        self.loaded_at = self._now()
        log.info(
            "loaded",
            monitors=len(places),
            readings=recalled.readings,
            meanwhile=aside,
            seconds=(self.loaded_at - now).total_seconds(),
        )

    def _reader(self, conn: Connection, snapshot: str) -> recall.Read:
        """Of what was read ahead, if that reaches back far enough; by `conn` itself where there are
        few connections."""

        lanes = min(LANES, self._config.database.pool_size - OTHERS)
        anew = recall.read_alone(conn)
        if lanes > 0:
            anew = recall.read_in(self._database, lanes, snapshot)

        def read(needed: recall.Wanted) -> Iterable[Readings]:
            if not self._ahead.has(needed):
                self._ahead.forget()
                return anew(needed)
            self._ahead.catch_up(conn, needed)
            return self._ahead.read(needed)

        return read

    def _show(self, seen: Seen) -> None:
        self.engine.add(seen.readings)
        if len(seen.heartbeats):
            at = np.full(len(seen.heartbeats), seen.at)
            self.engine.window.heard(seen.heartbeats, at)

    def _judge(self, now: datetime) -> bool:
        self._next_at = now + self._config.evaluate.every
        if self._evaluate.is_due(now) and self._is_behind(now):
            self._health.beat("evaluate")  # it waits, and knows for what
            return False
        moves = self._evaluate.step(now, is_settled=self._is_settled(now))
        if self.engine.settled_to != self._looked_at:
            self._looked_at = self.engine.settled_to
            moves += self._each_minute(now)
        self._judged_at = now
        self._health.up("evaluate")
        if not self._evaluate.is_due(now):
            self._health.beat("evaluate")
        return moves > 0

    def _each_minute(self, now: datetime) -> int:
        """What the engine needs of the store, or the store of it; the transitions saved."""
        with self._database.transaction() as conn:
            if self._looked_at % (LOOK_BACK_MINUTES * MINUTE) == 0:
                recall.look_back(conn, self.engine, now)
            if recall.is_full_hour(self.engine):
                recall.keep(conn, self.engine)
            last = recall.last_day(conn)
            if last <= self._day_judged:
                return 0
            self._day_judged = last
            days = recall.days(conn, self._config, self.engine, last)
            return self._evaluate.judge_days(days, now)

    def _is_behind(self, now: datetime) -> bool:
        """Readings of the minutes that are due are still with the broker, or in the inbox.

        While the broker is away minutes wait, to be judged one by one when the backlog has come.
        """
        broker, waited = self._health.parts()["broker"], now - self._judged_at
        if not broker.is_up or (waited > BACKLOG_WITHIN and now - broker.since < BACKLOG_WITHIN):
            return waited < FURTHEST_BEHIND
        return self._depth() >= self._config.ingest.max_batch and waited < PATIENCE

    def _is_settled(self, now: datetime) -> bool:
        """The broker has had time to hand over what it held, and the monitors to reconnect."""
        broker = self._health.parts()["broker"]
        return (
            broker.is_up
            and now - broker.since >= self._config.evaluate.settle
            and self._depth() < self._config.ingest.max_batch
        )


def _first_minute(judged_to: datetime | None, due: int) -> int:
    """The first minute to judge (since 1970): none is left out that ended while nobody judged.

    The last judged one is judged once more: what came late as we stopped counts, and a new rule
    need not wait. A clock that is a little behind the one that judged waits until it is there: what
    it judged before that would be told twice.
    """
    next_one = due if judged_to is None else due_minute(judged_to, timedelta(0))
    if next_one > due + AHEAD:
        next_one = due
    return max(next_one - 1, due - FURTHEST_BEHIND // timedelta(minutes=1))
