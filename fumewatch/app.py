"""The daemon: builds its parts, starts them, waits, and stops them in reverse.

The only file that reads the clock. One daemon leads: an advisory lock in the database says which.
Another one is a warm standby, which shows its pages and waits. A leader's term is a straight line:
load what the store knows, connect to the broker, pump until stopped or deposed.

Threads: the main one pumps (ingest and evaluate); "mqtt" reads and writes the broker's socket;
"dispatch" decides what people are sent; "deliver" sends; APScheduler's run the jobs; "web" serves
the pages; "reload" reads the configuration anew when its files change.
"""

import gc
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from fumewatch import __version__, jobs, log, metrics
from fumewatch.config import Config
from fumewatch.config.ways import sources
from fumewatch.core.errors import Deposed, Fault, StoreRefused, StoreUnavailable
from fumewatch.deliver import delivering
from fumewatch.dispatch import Dispatch
from fumewatch.gather import gather
from fumewatch.health import Health
from fumewatch.mqtt import Publisher
from fumewatch.pump import Pump
from fumewatch.receivers import build
from fumewatch.reload import Reload, tell_doubts
from fumewatch.store import Connection, Database, daemons, migrate
from fumewatch.store.leader import Leader
from fumewatch.web import Server, create_app

logger = structlog.get_logger()

PARTS: Final = ("database", "broker", "ingest", "evaluate", "dispatch", "deliver")
BEAT_SECONDS: Final = 5
RETRY_SECONDS: Final = 1.0
"""Between two tries to become the leader, or to see that we still are."""
LONGEST_RETRY_SECONDS: Final = 8.0
"""Between two tries to reach the database: one second at first, twice as long each time."""
STALLED_SECONDS: Final = 30.0
"""A turn takes no longer unless the database keeps us waiting: for a lock, or for good."""
GATHER_MINUTES: Final = 10
"""Between two looks for a day whose facts are to be gathered: one day each time."""
STOP_SECONDS: Final = 9.0
"""From the signal to the end, if need be without order: what is not committed is not acked."""


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
    turned_at: float = 0.0
    retry_seconds: float = RETRY_SECONDS
    show: Callable[[Config], None] = lambda _: None
    """Tells the pages which configuration is in force."""


def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 when the database refuses us for good.

    1. Pages first, so that /readyz can tell what we wait for.
    2. The database, migrated; then a term of leadership after another until the stop.
    """
    health = Health(PARTS, clock)
    reload = Reload(config_path, health, _try_out)
    config = reload.load()
    log.set_up(config.log.level, config.log.format)
    daemon = Daemon(config, Database(config.database), health, reload)
    with ExitStack() as stack:
        stack.enter_context(_signals(daemon))
        stack.enter_context(_opened(daemon.database))
        stack.enter_context(_pages(daemon))
        logger.info("started", version=__version__, config=str(config_path))
        tell_doubts(config)
        stack.enter_context(reload)
        stack.callback(logger.info, "stopped")
        try:
            _migrate(daemon)
            stack.enter_context(_jobs(daemon))
            _serve(daemon)
        except StoreRefused as refusal:
            logger.error("refused by the database", error=str(refusal))
            return 1
    return 0


def _try_out(config: Config) -> Sequence[Fault]:
    """What only shows once something is built: a certificate that is none, for example."""
    sources(config)
    faults = []
    with ExitStack() as stack:
        publisher = Publisher(config.mqtt)
        stack.callback(publisher.stop)
        for settings in config.receiver:
            try:
                build(settings, publisher, clock).close()
            except Exception as error:
                where = f'receiver "{settings.name}"'
                faults.append(Fault(where, f"cannot be used: {error}"))
    return faults


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    """The first SIGTERM or SIGINT stops us in order; a second one ends us at once.

    SIGHUP reads the configuration anew.
    """

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        daemon.stop.set()
        daemon.wake.set()
        deadline = threading.Timer(STOP_SECONDS, _end_at_once)
        deadline.daemon = True
        deadline.start()

    def ask(_number: int, _frame: object) -> None:
        daemon.reload.ask()

    handlers = {signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: ask}
    old = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)


def _end_at_once() -> None:
    """Some thread waits for a database that does not answer, and cannot be told to stop."""
    logger.warning("stopped in disorder, nothing is lost", after_seconds=STOP_SECONDS)
    os._exit(0)


@contextmanager
def _opened(database: Database) -> Iterator[None]:
    database.open()
    try:
        yield
    finally:
        database.close()


@contextmanager
def _pages(daemon: Daemon) -> Iterator[None]:
    """The pages have connections of their own: readers must not take those of ingest."""
    config = daemon.config
    database = Database(config.database)
    app = create_app(database, config, daemon.health, clock)
    daemon.show = app.state.context.use
    with _opened(database), Server(app, config.web.host, config.web.port):
        yield


def _migrate(daemon: Daemon) -> None:
    """Bring the schema up to date, however long the database takes to come."""
    while not daemon.stop.is_set():
        _take_over(daemon)
        try:
            old, new = migrate.upgrade(daemon.config.database.url)
        except StoreUnavailable as error:
            _wait(daemon, error)
        else:
            _database_is_up(daemon)
            logger.info("schema", was=old, now=new)
            return


def _database_is_up(daemon: Daemon) -> None:
    daemon.health.up("database")
    daemon.retry_seconds = RETRY_SECONDS


def _wait(daemon: Daemon, error: StoreUnavailable) -> None:
    if daemon.health.parts()["database"].detail != str(error):
        logger.warning("database away", error=str(error))
    daemon.health.down("database", str(error))
    daemon.stop.wait(daemon.retry_seconds)
    daemon.retry_seconds = min(2 * daemon.retry_seconds, LONGEST_RETRY_SECONDS)


@contextmanager
def _jobs(daemon: Daemon) -> Iterator[None]:
    config = daemon.config
    table = jobs.jobs(
        config.zone, lambda: daemon.config.retention.readings, lambda: daemon.config.integrity
    )
    table = (*table, jobs.Job("gather_days", _gathering(daemon), minutes=GATHER_MINUTES))
    schedule = jobs.scheduler(table, daemon.database, config.zone, clock, lambda: daemon.leads)
    schedule.add_job(_beat, "interval", [daemon], seconds=BEAT_SECONDS, next_run_time=clock())
    schedule.add_job(_watch, "interval", [daemon], seconds=BEAT_SECONDS)
    schedule.start()
    try:
        yield
    finally:
        schedule.shutdown(wait=False)  # a job that waits for the database must not hold us up
        if daemon.health.parts()["database"].is_up:
            _say_goodbye(daemon)


def _serve(daemon: Daemon) -> None:
    """Term after term; between terms we stand by, or wait for the database."""
    with closing(Leader(daemon.config.database.url)) as leader:
        while not daemon.stop.is_set():
            _take_over(daemon)
            try:
                if leader.try_lead():
                    _lead(daemon, leader)
                else:
                    _stand_by(daemon)
            except StoreUnavailable as error:
                _wait(daemon, error)
            except Deposed:
                logger.warning("deposed: another daemon leads")


def _stand_by(daemon: Daemon) -> None:
    _database_is_up(daemon)
    for part in PARTS[1:]:
        daemon.health.down(part, "standing by: another daemon leads")
    daemon.stop.wait(RETRY_SECONDS)


def _lead(daemon: Daemon, leader: Leader) -> None:
    logger.info("leading")
    with ExitStack() as stack:
        stack.enter_context(_leading(daemon))
        publisher = Publisher(daemon.config.mqtt)
        stack.callback(publisher.stop)
        delivering = stack.enter_context(ExitStack())
        delivering.enter_context(_delivering(daemon, publisher))
        pump = stack.enter_context(
            Pump(
                daemon.config,
                daemon.database,
                daemon.health,
                clock,
                publisher.post,
                leader.takes_turn,
            )
        )
        dispatching = stack.enter_context(ExitStack())
        dispatching.enter_context(_dispatching(daemon, pump, leader))
        stack.enter_context(_frozen())
        _database_is_up(daemon)
        while not daemon.stop.is_set() and leader.still_leads():
            checked = time.monotonic()
            while not daemon.stop.is_set() and time.monotonic() - checked < RETRY_SECONDS:
                _renew(daemon, leader, pump, dispatching, delivering, publisher)
                if pump.turn():
                    daemon.wake.set()
                    daemon.news.set()
                daemon.turned_at = time.monotonic()
                daemon.health.up("ingest")
    logger.info("no longer leading")


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
    if not _take_over(daemon):
        return
    dispatching.close()
    is_readdressed = _delivery(daemon.config) != _delivery(before)
    if is_readdressed:
        delivering.close()
    pump.reload(daemon.config)
    if is_readdressed:
        delivering.enter_context(_delivering(daemon, publisher))
    dispatching.enter_context(_dispatching(daemon, pump, leader))
    daemon.wake.set()
    gc.unfreeze()
    _freeze()


def _delivery(config: Config) -> tuple[object, ...]:
    return config.receiver, config.dead_man


def _take_over(daemon: Daemon) -> bool:
    """Whether another configuration is in force now: of what is not told here, see to it."""
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
    daemon.leads = True
    metrics.LEADER.set(1)
    try:
        yield
    finally:
        daemon.leads = False
        metrics.LEADER.set(0)
        for part in PARTS[1:]:
            daemon.health.down(part, "stopped")


@contextmanager
def _frozen() -> Iterator[None]:
    """What is loaded now stays for a term: the collector need not look at it again and again."""
    _freeze()
    try:
        yield
    finally:
        gc.unfreeze()  # else no term's window would ever be let go of


def _freeze() -> None:
    gc.collect()
    gc.freeze()


def _delivering(daemon: Daemon, publisher: Publisher) -> AbstractContextManager[None]:
    return delivering(
        daemon.config, daemon.database, daemon.health, publisher, clock, wake=daemon.wake
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


def _beat(daemon: Daemon) -> None:
    for name, part in daemon.health.parts().items():
        metrics.PART_UP.labels(name).set(part.is_up)
    _tell_store(daemon, lambda conn: daemons.beat(conn, _portrait(daemon)))


def _watch(daemon: Daemon) -> None:
    """The main thread cannot tell that it hangs."""
    silence = time.monotonic() - daemon.turned_at
    if daemon.leads and silence > STALLED_SECONDS:
        daemon.health.down("ingest", "the database keeps us waiting")


def _gathering(daemon: Daemon) -> Callable[[Database, datetime], str]:
    return lambda database, now: gather(daemon.config, database, now)


def _say_goodbye(daemon: Daemon) -> None:
    _tell_store(daemon, lambda conn: daemons.remove(conn, daemon.id))


def _tell_store(daemon: Daemon, what: Callable[[Connection], None]) -> None:
    """Only news of ourselves: where the database is away, others see that from our silence."""
    try:
        with daemon.database.transaction() as conn:
            what(conn)
    except (StoreUnavailable, StoreRefused) as error:
        logger.debug("no heartbeat", error=str(error))


def _portrait(daemon: Daemon) -> daemons.Daemon:
    parts = {
        name: {**asdict(part), "since": part.since.isoformat()}
        for name, part in daemon.health.parts().items()
    }
    return daemons.Daemon(
        id=daemon.id,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=__version__,
        started_at=daemon.started_at,
        heartbeat_at=clock(),
        is_leader=daemon.leads,
        health=parts,
        counters=metrics.counters() | {"configuration": daemon.health.configured().as_json()},
    )
