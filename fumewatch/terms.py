"""Terms of leadership, one after another; between them we stand by, or wait for the database.

A term is a straight line: connect to the broker, and pump until stopped or deposed: store what
comes, load what judges, then judge and tell, too.
"""

import gc
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import structlog

from fumewatch import log, metrics
from fumewatch.ahead import Ahead
from fumewatch.config import Config
from fumewatch.core.errors import Deposed, StoreUnavailable
from fumewatch.deliver import delivering
from fumewatch.dispatch import Dispatch
from fumewatch.health import TAKING_OVER, Health
from fumewatch.mqtt import Echo, Publisher
from fumewatch.pump import Pump
from fumewatch.reload import Reload
from fumewatch.store import Database, daemons, migrate, outbox
from fumewatch.store.leader import Leader

logger = structlog.get_logger()

PARTS: Final = ("database", "broker", "ingest", "evaluate", "dispatch", "deliver")
RETRY_SECONDS: Final = 1.0
"""Between two looks whether we still lead."""
ASK_SECONDS: Final = 0.2
"""Between two tries of a standby to lead."""
STANDING_BY: Final = "standing by: another daemon leads"
LONGEST_RETRY_SECONDS: Final = 8.0
"""Between two tries to reach the database: one second at first, twice as long each time."""


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Daemon:
    """What lives as long as the process. `config` is the one in force: the main thread sets it."""

    config: Config
    database: Database
    health: Health
    reload: Reload
    stop: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    news: threading.Event = field(default_factory=threading.Event)
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    started_at: datetime = field(default_factory=clock)
    leads: bool = False
    role_since: datetime = field(default_factory=clock)
    takeover_seconds: float | None = None
    """From the lock until all was done that a leader does, of the last term; None: not yet."""
    other_session: str | None = None
    """The leader's client_id where we, who stand by, have another one."""
    turned_at: float = 0.0
    retry_seconds: float = RETRY_SECONDS
    echo: Echo | None = None
    show: Callable[[Config], None] = lambda _: None
    """Tells the pages which configuration is in force."""
    told: Callable[[], None] = lambda: None
    """Tells the store at once what we are."""


def serve(daemon: Daemon) -> None:
    """Term after term; between terms we stand by, or wait for the database."""
    ahead = Ahead()
    with closing(Leader(daemon.config.database.url)) as leader:
        while not daemon.stop.is_set():
            take_over(daemon)
            has_led = False
            try:
                if has_led := leader.try_lead():
                    _lead(daemon, leader, ahead)
                else:
                    _stand_by(daemon, ahead)
            except StoreUnavailable as error:
                ahead.forget()
                wait(daemon, error)
            except Deposed:
                logger.warning("deposed: another daemon leads")
            if has_led and not daemon.stop.is_set():
                gc.collect()


def _stand_by(daemon: Daemon, ahead: Ahead) -> None:
    """Nothing is wrong with us, mostly: who asks whether we are ready is told so."""
    now, before = clock(), daemon.health.parts()["ingest"].detail
    if ahead.is_due(now):
        with daemon.database.transaction() as conn:
            ahead.look(conn, daemon.config, now)
            client_id = daemons.of_leader(conn, "client_id")
        _compare(daemon, client_id)
    database_is_up(daemon)
    for part in PARTS[1:]:
        if part != "broker" or not daemon.other_session:
            daemon.health.up(part, STANDING_BY)
    if before != STANDING_BY:
        daemon.told()
    daemon.stop.wait(ASK_SECONDS)


def _compare(daemon: Daemon, client_id: str | None) -> None:
    """What waits at the broker waits for the leader's client_id: by another one we would not get
    it."""
    ours = daemon.config.mqtt.client_id
    differs = client_id if client_id not in (None, ours) else None
    if differs:
        detail = f'[mqtt] client_id is "{ours}", the leader\'s "{differs}": make them the same'
        daemon.health.down("broker", detail)
        if differs != daemon.other_session:
            logger.error("unfit to take over", error=detail)
    daemon.other_session = differs


def _lead(daemon: Daemon, leader: Leader, ahead: Ahead) -> None:
    """What ends a term ends in this order: who tells and who judges; the broker's session, all acks
    sent; then the lock is free, and only then do the last messages get their time to go out."""
    began = time.monotonic()
    logger.info("leading")
    with ExitStack() as stack:
        stack.enter_context(_leading(daemon))
        stack.callback(_abdicate, daemon, leader)
        _succeed(daemon, leader)  # we led until this at least
        publisher = Publisher(daemon.config.mqtt)
        stack.callback(publisher.stop)
        delivering = stack.enter_context(ExitStack())
        delivering.enter_context(_delivering(daemon, publisher, leader))
        stack.callback(_abdicate, daemon, leader)
        pump = stack.enter_context(_pump(daemon, leader, publisher, ahead, began))
        dispatching = stack.enter_context(ExitStack())
        stack.callback(gc.unfreeze)  # else no term's window would ever be let go of
        database_is_up(daemon)
        loaded_at, is_new = None, True
        while not daemon.stop.is_set():
            checked = time.monotonic()
            if not leader.still_leads():
                break
            pump.claim(checked)
            while not daemon.stop.is_set() and time.monotonic() - checked < RETRY_SECONDS:
                _renew(daemon, leader, pump, dispatching, delivering, publisher)
                if pump.turn():
                    daemon.wake.set()
                    daemon.news.set()
                daemon.turned_at = time.monotonic()
                daemon.health.up("ingest")
                if pump.loaded_at not in (None, loaded_at):
                    _freeze(is_anew=loaded_at is not None)
                    loaded_at = pump.loaded_at
                    dispatching.close()
                    dispatching.enter_context(_dispatching(daemon, pump, leader))
                    daemon.wake.set()
                if is_new and not _takes_over(daemon):
                    is_new = False
                    _note_takeover(daemon, daemon.turned_at - began)
    logger.info("no longer leading")


def _pump(
    daemon: Daemon, leader: Leader, publisher: Publisher, ahead: Ahead, claimed_at: float
) -> Pump:
    return Pump(
        daemon.config,
        daemon.database,
        daemon.health,
        clock,
        publisher.post,
        leader.takes_turn,
        leader.may_store,
        ahead,
        daemon.echo,
        claimed_at,
    )


def _renew(
    daemon: Daemon,
    leader: Leader,
    pump: Pump,
    dispatching: ExitStack,
    delivering: ExitStack,
    publisher: Publisher,
) -> None:
    """Between two batches, go on by the configuration that was read meanwhile, if one was.

    Old receivers stop first: the new ones' messages are not theirs to judge. Where the store goes
    away on the way, the next term begins with the new configuration.
    """
    before = daemon.config
    if not take_over(daemon):
        return
    dispatching.close()
    is_readdressed = _delivery(daemon.config) != _delivery(before)
    if is_readdressed:
        delivering.close()
    pump.reload(daemon.config)
    if is_readdressed:
        delivering.enter_context(_delivering(daemon, publisher, leader))


def _delivery(config: Config) -> tuple[object, ...]:
    return config.receiver, config.dead_man


def take_over(daemon: Daemon) -> bool:
    """Whether another configuration is in force now: of what is not told here, see to it."""
    daemon.health.beat("main")
    config = daemon.reload.take()
    if config is None:
        return False
    if config.log != daemon.config.log:
        log.set_up(config.log.level, config.log.format)
    daemon.config = config
    daemon.show(config)
    return True


@contextmanager
def _leading(daemon: Daemon) -> Iterator[None]:
    daemon.turned_at = time.monotonic()
    daemon.leads, daemon.role_since, daemon.other_session = True, clock(), None
    daemon.takeover_seconds = None
    metrics.LEADER.set(1)
    metrics.TERMS.inc()
    for part in PARTS[1:]:
        daemon.health.down(part, TAKING_OVER)
    try:
        yield
    finally:
        for part in PARTS[1:]:
            daemon.health.down(part, "stopped")


def _succeed(daemon: Daemon, leader: Leader) -> None:
    """Before anything is read: what an earlier leader has under way ends, nothing comes after it,
    and what it has claimed and not begun to send is free. StoreRefused: a newer program has
    migrated the database while we stood by."""
    with daemon.database.transaction() as conn:
        if not leader.begin(conn):
            raise Deposed
        migrate.require_current(conn)
        freed = outbox.free(conn)
        daemons.succeed(conn, daemon.id, daemon.role_since)
    if freed:
        logger.info("claims of an earlier leader freed", notifications=freed)


def _abdicate(daemon: Daemon, leader: Leader) -> None:
    leader.close()
    if daemon.leads:
        daemon.leads, daemon.role_since = False, clock()
        metrics.LEADER.set(0)


def _takes_over(daemon: Daemon) -> bool:
    return any(part.detail == TAKING_OVER for part in daemon.health.parts().values())


def _note_takeover(daemon: Daemon, seconds: float) -> None:
    daemon.takeover_seconds = seconds
    metrics.TAKEOVER_SECONDS.set(seconds)
    daemon.told()


def _freeze(*, is_anew: bool) -> None:
    """What is loaded now stays for a term: the collector need not look at it again and again.

    Nor for the first time, when others wait for us: what a term leaves is collected after it.
    """
    if is_anew:
        gc.unfreeze()
        gc.collect()
    gc.freeze()


def _delivering(
    daemon: Daemon, publisher: Publisher, leader: Leader
) -> AbstractContextManager[None]:
    return delivering(
        daemon.config,
        daemon.database,
        daemon.health,
        publisher,
        clock,
        wake=daemon.wake,
        leads=leader.leads,
    )


def _dispatching(daemon: Daemon, pump: Pump, leader: Leader) -> AbstractContextManager[None]:
    dispatch = Dispatch(
        daemon.database,
        daemon.config,
        lambda: pump.places,
        clock,
        daemon.health,
        leader.takes_turn,
    )
    return dispatch.running(news=daemon.news, wake=daemon.wake)


def database_is_up(daemon: Daemon) -> None:
    daemon.health.up("database")
    daemon.retry_seconds = RETRY_SECONDS


def wait(daemon: Daemon, error: StoreUnavailable) -> None:
    if daemon.health.parts()["database"].detail != str(error):
        logger.warning("database away", error=str(error))
    daemon.health.down("database", str(error))
    daemon.stop.wait(daemon.retry_seconds)
    daemon.retry_seconds = min(2 * daemon.retry_seconds, LONGEST_RETRY_SECONDS)
