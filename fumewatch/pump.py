"""The leader's loop: ingest what came, judge what changed, keep the roll-ups up.

What comes is stored from the first turn on; what judges is loaded meanwhile, a step a turn.

One thread turns it, so window, roll-ups and open alerts need no lock.
"""

import math
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from types import TracebackType
from typing import Final, Self

import structlog

from fumewatch import metrics
from fumewatch.ahead import Ahead
from fumewatch.config import Config
from fumewatch.config.ways import sources
from fumewatch.core.rollup import Rollup
from fumewatch.core.site import Place
from fumewatch.health import Health
from fumewatch.ingest import Ingest, Limits, Stored
from fumewatch.judging import Judging, Known, Seen
from fumewatch.mqtt import Echo, Subscriber
from fumewatch.mqtt.echo import FILTER
from fumewatch.store import (
    Connection,
    Database,
    monitors,
    partitions,
    rollups,
)

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
REPLAY_EVERY: Final = timedelta(seconds=1)
"""How often to look whether somebody asks for a replay of dead letters."""


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
        claimed_at: float = math.inf,
    ) -> None:
        """`post(topic, payload)` publishes an answer to a device without waiting. `leads`: as of
        Evaluate. `may_store`: as of Ingest. `ahead`: what was read before we led. `echo`: who waits
        for what came back of it. `claimed_at`: as of `claim`, the first time."""
        self._config = config
        self._database = database
        self._health = health
        self._now = now
        self._post = post
        self._leads = leads
        self._may_store = may_store
        self._ahead = ahead or Ahead()
        self._echo = echo or Echo("nobody")
        self._claimed_at = claimed_at
        self._exits = ExitStack()
        self._sources = sources(config)
        self._rollup = Rollup(config.zone)
        self._listed: list[Place] | None = None
        self._turned_at = now()

    def __enter__(self) -> Self:
        started = self._now()
        with ExitStack() as exits:
            exits.callback(self._exits.close)
            self._connect()  # the broker begins to send meanwhile
            self._judging = self._new_judging()
            self._all_due(started)
            with self._database.transaction() as conn:
                recounted = rollups.recover(conn, self._config.zone)
                mark = rollups.received_to(conn)
                self._apply_retention(conn)
            self._judging.load(self._config, self._load_roster)
            self._ingest = self._ingesting(mark)
            exits.pop_all()
        self._health.up("ingest")
        log.info("storing", recounted=recounted, seconds=(self._now() - started).total_seconds())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.close()
        self._judging.close()
        for loop in ("intake", "evaluate"):
            self._health.rest(loop)
        if kind is None:
            self._flush(self._now())

    @property
    def places(self) -> Mapping[int, Place]:
        """By monitor, as of the last look: a mapping that stays as it is, from any thread."""
        return self._places

    @property
    def loaded_at(self) -> datetime | None:
        """When it began to judge by what it loaded last; None: it has not yet."""
        return self._judging.loaded_at

    def claim(self, at: float) -> None:
        """At that time of the monotonic clock we led: what the broker holds is for us to take."""
        self._claimed_at = at
        self._subscriber.claim(at)

    def turn(self) -> bool:
        """Ingest one batch if one comes soon, then what is due; whether there is news to send.

        While what judges is being loaded, that is due. The roster comes first: a rule may breach at
        a monitor that this batch registered.
        """
        self._step()
        if self._judging.is_loading:
            self._judging.step()
            return False
        self._replay(self._now())
        now = self._now()
        if now < self._turned_at:  # the clock was set back: nothing may wait until it caught up
            self._all_due(now)
            if self._judging.is_beyond(now):
                self._judging.load(self._config, self._load_roster)
        self._turned_at = now
        if self._judging.is_loading:
            return False
        if now >= self._reload_at:
            with self._database.transaction() as conn:
                self._judging.know(self._load_roster(conn))
        has_news = self._judging.turn(now)
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
        self._judging.load(config, self._load_roster)
        self._ingest = self._ingesting(self._ingest.received_at)

    def _anew(self, config: Config) -> "Pump":
        database, health, now, post = self._database, self._health, self._now, self._post
        turns = self._leads, self._may_store
        echo, claimed_at = self._echo, self._claimed_at
        return Pump(config, database, health, now, post, *turns, echo=echo, claimed_at=claimed_at)

    def _new_judging(self) -> Judging:
        subscriber = self._subscriber
        return Judging(
            self._database,
            self._health,
            self._now,
            self._leads,
            self._ahead,
            depth=lambda: subscriber.depth,
        )

    def _all_due(self, now: datetime) -> None:
        self._judging.all_due(now)
        self._flush_at = self._reload_at = self._replay_at = now

    def _step(self) -> None:
        """One batch; while we load, one that is there."""
        if self._judging.is_full:
            return
        stored = self._ingest.step(0 if self._judging.is_loading else TAKE_SECONDS)
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
        self._judging.see(Seen(stored.added.fresh, stored.heartbeats, at))
        if not stored.registered <= self._places.keys():
            self._reload_at = self._now()
        elif stored.statuses:
            self._reload_at = min(self._reload_at, self._now() + STATUS_WITHIN)

    def _flush(self, now: datetime) -> None:
        """Roll-ups and the latest readings, up to the last batch stored, in one transaction."""
        delta = self._rollup.drain(self._streets)
        with self._database.transaction() as conn:
            rollups.flush(conn, delta, self._ingest.received_at)
        took = self._now() - now
        self._flush_at = now + min(max(FLUSH_LEAST, took * FLUSH_PAUSE), FLUSH_MOST)

    def _load_roster(self, conn: Connection) -> Known:
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
        return self._places, self._ahead.roster(self._config, places, since)

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
        self._subscriber.claim(self._claimed_at)
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
