"""The daemon: builds its parts, starts them, waits, and stops them in reverse.

The only file that reads the clock. One daemon leads: an advisory lock in the database says which.
Another one is a warm standby, which shows its pages and waits. A leader's term is a straight line:
load what the store knows, connect to the broker, pump until stopped or deposed.

Threads: the main one pumps (ingest and evaluate); "mqtt" reads and writes the broker's socket;
"deliver" sends; APScheduler's run the jobs; "web" serves the pages.
"""

import gc
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import REGISTRY

from fumewatch import __version__, jobs, log, metrics
from fumewatch.config import Config, load
from fumewatch.core.errors import StoreRefused, StoreUnavailable
from fumewatch.deliver import Deliverer
from fumewatch.health import Health
from fumewatch.mqtt import Publisher
from fumewatch.pump import Pump
from fumewatch.receivers import build
from fumewatch.store import Connection, Database, daemons, migrate
from fumewatch.store.leader import Leader
from fumewatch.web import Server, create_app

logger = structlog.get_logger()

PARTS: Final = ("database", "broker", "ingest", "evaluate", "deliver")
BEAT_SECONDS: Final = 5
RETRY_SECONDS: Final = 1.0
"""Between two tries to become the leader, or to see that we still are."""
LONGEST_RETRY_SECONDS: Final = 8.0
"""Between two tries to reach the database: one second at first, twice as long each time."""
STALLED_SECONDS: Final = 30.0
"""A turn takes no longer unless the database keeps us waiting: for a lock, or for good."""
STOP_SECONDS: Final = 9.0
"""From the signal to the end, if need be without order: what is not committed is not acked."""


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Daemon:
    """What lives as long as the process."""

    config: Config
    database: Database
    health: Health
    stop: threading.Event = field(default_factory=threading.Event)
    wake: threading.Event = field(default_factory=threading.Event)
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    started_at: datetime = field(default_factory=clock)
    leads: bool = False
    turned_at: float = 0.0
    retry_seconds: float = RETRY_SECONDS


def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 when the database refuses us for good.

    1. Pages first, so that /readyz can tell what we wait for.
    2. The database, migrated; then a term of leadership after another until the stop.
    """
    config = load(config_path)
    log.set_up(config.log.level, config.log.format)
    daemon = Daemon(config, Database(config.database), Health(PARTS, clock))
    with ExitStack() as stack:
        stack.enter_context(_signals(daemon))
        stack.enter_context(_opened(daemon.database))
        stack.enter_context(_pages(daemon))
        logger.info("started", version=__version__, config=str(config_path))
        for doubt in config.warnings:
            logger.warning("configuration", where=doubt.where, what=doubt.what)
        stack.callback(logger.info, "stopped")
        try:
            _migrate(daemon)
            stack.enter_context(_jobs(daemon))
            _serve(daemon)
        except StoreRefused as refusal:
            logger.error("refused by the database", error=str(refusal))
            return 1
    return 0


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    """The first SIGTERM or SIGINT stops us in order; a second one ends us at once."""

    def stop(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        daemon.stop.set()
        daemon.wake.set()
        deadline = threading.Timer(STOP_SECONDS, _end_at_once)
        deadline.daemon = True
        deadline.start()

    old = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
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
    with _opened(database), Server(app, config.web.host, config.web.port):
        yield


def _migrate(daemon: Daemon) -> None:
    """Bring the schema up to date, however long the database takes to come."""
    while not daemon.stop.is_set():
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
    table = jobs.jobs(config.zone, config.retention.readings, config.integrity)
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
            try:
                if leader.try_lead():
                    _lead(daemon, leader)
                else:
                    _stand_by(daemon)
            except StoreUnavailable as error:
                _wait(daemon, error)


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
        stack.enter_context(_delivering(daemon, publisher))
        pump = stack.enter_context(
            Pump(daemon.config, daemon.database, daemon.health, clock, publisher.post)
        )
        stack.enter_context(_frozen())
        _database_is_up(daemon)
        while not daemon.stop.is_set() and leader.still_leads():
            checked = time.monotonic()
            while not daemon.stop.is_set() and time.monotonic() - checked < RETRY_SECONDS:
                if pump.turn():
                    daemon.wake.set()
                daemon.turned_at = time.monotonic()
                daemon.health.up("ingest")
    logger.info("no longer leading")


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
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()  # else no term's window would ever be let go of


@contextmanager
def _delivering(daemon: Daemon, publisher: Publisher) -> Iterator[None]:
    settings = daemon.config.receiver
    receivers = {each.name: build(each, publisher, clock) for each in settings}
    parallel = {each.name: each.parallel for each in settings}
    deliverer = Deliverer(daemon.database, receivers, parallel, clock, daemon.health)
    stop = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(stop, daemon.wake), name="deliver")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        daemon.wake.set()
        thread.join()
        for receiver in receivers.values():
            receiver.close()


def _beat(daemon: Daemon) -> None:
    for name, part in daemon.health.parts().items():
        metrics.PART_UP.labels(name).set(part.is_up)
    _tell_store(daemon, lambda conn: daemons.beat(conn, _portrait(daemon)))


def _watch(daemon: Daemon) -> None:
    """The main thread cannot tell that it hangs."""
    silence = time.monotonic() - daemon.turned_at
    if daemon.leads and silence > STALLED_SECONDS:
        daemon.health.down("ingest", "the database keeps us waiting")


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
        counters=_counters(),
    )


def _counters() -> dict[str, Any]:
    """Of this process since its start, from the same numbers that /metrics shows."""
    read = REGISTRY.get_sample_value
    return {
        "messages": read("fumewatch_mqtt_messages_total"),
        "readings_new": read("fumewatch_readings_total", {"outcome": "new"}),
        "readings_repeated": read("fumewatch_readings_total", {"outcome": "repeated"}),
        "inbox": read("fumewatch_inbox_messages"),
    }
