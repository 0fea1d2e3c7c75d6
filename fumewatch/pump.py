"""The leader's loop: ingest what came, judge what changed, keep the roll-ups up.

What comes is stored from the first turn on. What judges is loaded meanwhile, a step a turn, from
the store as it stood right before; what was stored since is kept aside, and then added to it.

One thread turns it, so window, roll-ups and open alerts need no lock.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, NamedTuple, Self

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import metrics, recall
from fumewatch.ahead import Ahead
from fumewatch.config import Config
from fumewatch.config.ways import sources
from fumewatch.core.reading import Readings
from fumewatch.core.rollup import Rollup
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.core.window import AHEAD
from fumewatch.evaluate import FURTHEST_BEHIND, Evaluate, due_minute
from fumewatch.health import Health
from fumewatch.ingest import Ingest, Limits, Stored
from fumewatch.mqtt import Echo, Subscriber
from fumewatch.mqtt.echo import FILTER
from fumewatch.store import (
    Connection,
    Database,
    alerts,
    monitors,
    partitions,
    rollups,
)
from fumewatch.store.database import stand_still

log = structlog.get_logger()

TAKE_SECONDS: Final = 0.2
"""How long one turn waits for a message; a stop is noticed at least this often."""
FLUSH_LEAST: Final = timedelta(seconds=5)
FLUSH_MOST: Final = timedelta(seconds=30)
FLUSH_PAUSE: Final = 1000
"""How far the roll-ups may be behind: a flush costs by the monitor, so the pause after it is this
many times what it took, within these bounds. What a kill loses of them is recounted."""
RELOAD_EVERY: Final = timedelta(seconds=30)
"""How soon an import of sites takes effect."""
STATUS_WITHIN: Final = timedelta(seconds=5)
"""How soon a status does: loading the roster anew for each would cost more than all the rest."""
LOOK_BACK_MINUTES: Final = 10
"""How often what devices and residents told is read again: patterns are judged as often."""
BACKLOG_WITHIN: Final = timedelta(seconds=15)
"""How soon after a connection the broker hands over what it held."""
PATIENCE: Final = timedelta(minutes=5)
"""How long minutes that are due wait for a backlog to be stored."""
LANES, OTHERS = 2, 4
"""Connections that read for a window at once; those that are left to the other threads."""
REPLAY_EVERY: Final = timedelta(seconds=1)
"""How often to look whether somebody asks for a replay of dead letters."""
ASIDE_MOST: Final = 200_000
"""Readings kept aside while we load, some 20 MB: with more, what comes waits in the inbox."""


class _Seen(NamedTuple):
    """What the engine is to be told of a batch; `at`: when it was stored, µs UTC."""

    readings: Readings
    heartbeats: NDArray[np.int32]
    at: int


class Pump:
    """A context: entering connects to the broker; turns first load what the store knows.

    StoreUnavailable, raised from anywhere, ends it: nothing is lost, enter a new one.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        health: Health,
        now: Callable[[], datetime],
        post: Callable[[str, bytes], bool],
        leads: Callable[[Connection], bool] = lambda _: True,
        may_store: Callable[[Connection], bool] = lambda _: True,
        ahead: Ahead | None = None,
        echo: Echo | None = None,
    ) -> None:
        """`post(topic, payload)` publishes an answer to a device without waiting. `leads`: as of
        Evaluate. `may_store`: as of Ingest. `ahead`: what was read before we led. `echo`: who waits
        for what came back of it."""
        self._config = config
        self._database = database
        self._health = health
        self._now = now
        self._post = post
        self._leads = leads
        self._may_store = may_store
        self._ahead = ahead or Ahead()
        self._echo = echo or Echo("nobody")
        self._exits = ExitStack()
        self._sources = sources(config)
        self._rollup = Rollup(config.zone)
        self._listed: list[Place] | None = None
        self._turned_at = now()
        self._day_judged = self._looked_at = 0
        self._aside: list[_Seen] = []
        self._load: Generator[None, None, None] | None = None
        self.loaded_at: datetime | None = None
        """When it began to judge by what it loaded last; None: it has not yet."""
        self._all_due(self._turned_at)

    def __enter__(self) -> Self:
        started = self._now()
        with ExitStack() as exits:
            exits.callback(self._exits.close)
            self._connect()  # the broker begins to send meanwhile
            with self._database.transaction() as conn:
                recounted = rollups.recover(conn, self._config.zone)
                mark = rollups.received_to(conn)
                self._apply_retention(conn)
            self._begin_load(started)
            self._ingest = self._ingesting(mark)
            exits.pop_all()
        self._health.up("ingest")
        log.info("storing", recounted=recounted, seconds=_seconds(self._now() - started))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()
        self._drop_load()
        for loop in ("intake", "evaluate"):
            self._health.rest(loop)
        if kind is None:
            self._flush(self._now())

    @property
    def places(self) -> Mapping[int, Place]:
        """By monitor, as of the last look: a mapping that stays as it is, from any thread."""
        return self._places

    def claim(self, at: float) -> None:
        """At that time of the monotonic clock we led: what the broker holds is for us to take."""
        self._subscriber.claim(at)

    def turn(self) -> bool:
        """Ingest one batch if one comes soon, then what is due; whether there is news to send.

        While what judges is being loaded, that is due. The roster comes first: a rule may breach at
        a monitor that this batch registered.
        """
        self._step()
        if self._load is not None:
            next(self._load, None)
            return False
        self._replay(self._now())
        now = self._now()
        if now < self._turned_at:  # the clock was set back: nothing may wait until it caught up
            self._all_due(now)
            self._look_back_to(now)
        self._turned_at = now
        if self._load is not None:
            return False
        if now >= self._reload_at:
            with self._database.transaction() as conn:
                self._load_roster(conn)
            self._evaluate.places, self._engine.roster = self._places, self._roster
        has_news = self._judge(now) if now >= self._next_at else False
        if now >= self._flush_at:
            self._flush(now)
        return has_news

    def reload(self, config: Config) -> None:
        """Go on by another configuration, between two batches; the connection stays as it is.

        Where profiles have other topics, as far as subscribing anew: then by entering anew.
        """
        if sources(config).filters != self._sources.filters:
            self.__exit__(None, None, None)
            self.__dict__.update(vars(self._anew(config)))
            self.__enter__()
            return
        self._flush(self._now())
        self._config, self._sources, self._listed = config, sources(config), None
        with self._database.transaction() as conn:
            self._apply_retention(conn)
        self._begin_load(self._now())
        self._ingest = self._ingesting(self._ingest.received_at)

    def _anew(self, config: Config) -> "Pump":
        database, health, now, post = self._database, self._health, self._now, self._post
        turns = self._leads, self._may_store
        return Pump(config, database, health, now, post, *turns, echo=self._echo)

    def _all_due(self, now: datetime) -> None:
        self._next_at = self._flush_at = self._reload_at = self._judged_at = now
        self._replay_at = now

    def _look_back_to(self, now: datetime) -> None:
        """The clock was set back: what is judged already lies ahead, so begin anew from here."""
        due = due_minute(now, self._config.evaluate.lateness)
        if self._engine.settled_to - due * MINUTE > AHEAD * MINUTE:
            log.warning("clock set back, judging begins anew", judged_to=self._engine.settled_to)
            self._begin_load(now)

    def _step(self) -> None:
        """One batch; while we load, one that is there."""
        if sum(len(seen.readings) for seen in self._aside) >= ASIDE_MOST:
            return
        stored = self._ingest.step(0 if self._load is not None else TAKE_SECONDS)
        if stored is not None:
            self._take_in(stored)

    def _replay(self, now: datetime) -> None:
        """Some of the dead letters that somebody asks for; if there are more, the next turn's."""
        if now < self._replay_at:
            return
        stored = self._ingest.replay()
        if stored is None:
            self._replay_at = now + REPLAY_EVERY
        else:
            self._take_in(stored)

    def _take_in(self, stored: Stored) -> None:
        self._health.beat("intake")
        for payload in stored.echoes:
            if (seconds := self._echo.back(payload)) is not None:
                metrics.ECHO_SECONDS.observe(seconds)
        self._rollup.add(stored.added)
        at = round(self._ingest.received_at.timestamp() * 1e6)
        seen = _Seen(stored.added.fresh, stored.heartbeats, at)
        if self._load is not None:
            self._aside.append(seen)
        else:
            self._show(seen)
        if not stored.registered <= self._places.keys():
            self._reload_at = self._now()
        elif stored.statuses:
            self._reload_at = min(self._reload_at, self._now() + STATUS_WITHIN)

    def _show(self, seen: _Seen) -> None:
        self._engine.add(seen.readings)
        if len(seen.heartbeats):
            at = np.full(len(seen.heartbeats), seen.at)
            self._engine.window.heard(seen.heartbeats, at)

    def _judge(self, now: datetime) -> bool:
        self._next_at = now + self._config.evaluate.every
        if self._evaluate.is_due(now) and self._is_behind(now):
            self._health.beat("evaluate")  # it waits, and knows for what
            return False
        moves = self._evaluate.step(now, is_settled=self._is_settled(now))
        if self._engine.settled_to != self._looked_at:
            self._looked_at = self._engine.settled_to
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
                recall.look_back(conn, self._engine, now)
            if recall.is_full_hour(self._engine):
                recall.keep(conn, self._engine)
            last = recall.last_day(conn)
            if last <= self._day_judged:
                return 0
            self._day_judged = last
            days = recall.days(conn, self._config, self._engine, last)
            return self._evaluate.judge_days(days, now)

    def _is_behind(self, now: datetime) -> bool:
        """Readings of the minutes that are due are still with the broker, or in the inbox.

        While the broker is away minutes wait, to be judged one by one when the backlog has come.
        """
        broker, waited = self._health.parts()["broker"], now - self._judged_at
        if not broker.is_up or (waited > BACKLOG_WITHIN and now - broker.since < BACKLOG_WITHIN):
            return waited < FURTHEST_BEHIND
        return self._subscriber.depth >= self._config.ingest.max_batch and waited < PATIENCE

    def _is_settled(self, now: datetime) -> bool:
        """The broker has had time to hand over what it held, and the monitors to reconnect."""
        broker = self._health.parts()["broker"]
        return (
            broker.is_up
            and now - broker.since >= self._config.evaluate.settle
            and self._subscriber.depth < self._config.ingest.max_batch
        )

    def _flush(self, now: datetime) -> None:
        """Roll-ups and the latest readings, up to the last batch stored, in one transaction."""
        delta = self._rollup.drain(self._streets)
        with self._database.transaction() as conn:
            rollups.flush(conn, delta, self._ingest.received_at)
        took = self._now() - now
        self._flush_at = now + min(max(FLUSH_LEAST, took * FLUSH_PAUSE), FLUSH_MOST)

    def _load_roster(self, conn: Connection) -> None:
        self._reload_at = self._now() + RELOAD_EVERY
        places = self._ahead.fresh_places(self._now())
        if places is None or len(places) != monitors.count(conn):
            places = self._ahead.read_places(conn, self._config)
        since = monitors.offline_since(conn)
        if places is not self._listed:
            self._listed = places
            self._sources.learn(places)
            self._places = {place.monitor: place for place in places}
            assigned = (place for place in places if place.is_assigned)
            self._streets = {place.monitor: (place.district, place.street) for place in assigned}
        self._roster = self._ahead.roster(self._config, places, since)

    def _begin_load(self, now: datetime) -> None:
        """Load what judges, anew; the roster at once. All that is stored until now is in it."""
        self._drop_load()
        self._load = self._loading(now)
        next(self._load)

    def _drop_load(self) -> None:
        if self._load is not None:
            self._load.close()
        self._load, self._aside = None, []

    def _loading(self, now: datetime) -> Generator[None, None, None]:
        due = due_minute(now, self._config.evaluate.lateness)
        with self._database.transaction() as conn:
            snapshot = stand_still(conn)
            self._load_roster(conn)
            yield
            first = _first_minute(alerts.judged_to(conn), due)
            reader = self._reader(conn, snapshot)
            recalled = yield from recall.recall(
                conn, self._config, self._roster, first + 1, now, reader
            )
        self._judged_at = now - (due - 1 - first) * timedelta(minutes=1)
        self._begin_judging(recalled, now)

    def _begin_judging(self, recalled: recall.Recalled, now: datetime) -> None:
        """By what was loaded, and what was stored since."""
        self._engine, self._load = recalled.engine, None
        for seen in self._aside:
            self._show(seen)
        aside, self._aside = sum(len(seen.readings) for seen in self._aside), []
        self._evaluate = Evaluate(
            self._database, self._config, self._engine, self._places, self._leads
        )
        self._evaluate.retire(now)
        self._day_judged, self._looked_at = 0, self._engine.settled_to
        self._ahead.forget()
        self._health.beat("evaluate")
        self.loaded_at = self._now()
        log.info(
            "loaded",
            monitors=len(self._places),
            readings=recalled.readings,
            meanwhile=aside,
            seconds=_seconds(self.loaded_at - now),
        )

    def _reader(self, conn: Connection, snapshot: str) -> recall.Read | None:
        """None: by `conn` itself, where there are few connections."""

        def read(needed: recall.Wanted) -> Iterator[Readings]:
            self._ahead.catch_up(conn, needed)
            return self._ahead.read(needed)

        if self._ahead.parts:
            return read
        lanes = min(LANES, self._config.database.pool_size - OTHERS)
        return recall.read_in(self._database, lanes, snapshot) if lanes > 0 else None

    def _apply_retention(self, conn: Connection) -> None:
        partitions.set_columnstore(conn, self._config.retention.compress_after)

    def _connect(self) -> None:
        self._subscriber = Subscriber(
            self._config.mqtt,
            self._on_state,
            filters=self._sources.filters,
            inbox_limit=self._config.ingest.inbox_limit,
            inbox_bytes=self._config.ingest.inbox_bytes,
            echo=FILTER,
        )
        self._health.look_at_inbox(self._subscriber.filling, self._config.mqtt.receive_maximum)
        self._exits.callback(self._health.look_at_inbox, None, 0)
        self._exits.callback(self._echo.close)
        self._subscriber.start()
        self._exits.callback(self._subscriber.stop)

    def _ingesting(self, mark: datetime | None) -> Ingest:
        """`mark`: how far the roll-ups have counted."""
        return Ingest(
            self._database,
            self._subscriber,
            self._sources,
            Limits.of(self._config),
            self._now,
            mark,
            self._post,
            self._may_store,
        )

    def _on_state(self, is_up: bool, detail: str) -> None:
        if is_up:
            self._health.up("broker", detail)
            self._echo.open()
        else:
            self._health.down("broker", detail)
            self._echo.close()
        log.info("broker", up=is_up, detail=detail)


def _seconds(took: timedelta) -> float:
    return took.total_seconds()


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
