"""The daemon: builds its parts, starts them, waits, and stops them in reverse.

One daemon leads: an advisory lock in the database says which (terms.py; with this file the only one
to read the clock). Another one is a warm standby, which shows its pages and waits.

Threads: the main one pumps (ingest and evaluate); "mqtt" reads and writes the broker's socket;
"dispatch" decides what people are sent; "deliver" sends; APScheduler's run the jobs; "web" serves
the pages; "reload" reads the configuration anew when its files change; "mqtt-lookout" hears what
the broker tells of itself, and "watchdog" looks whether all of these live.
"""

import gc
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from fumewatch import __version__, heap, jobs, log, metrics
from fumewatch.config import Config
from fumewatch.config.ways import sources
from fumewatch.core.errors import Fault, StoreRefused, StoreUnavailable
from fumewatch.gather import gather
from fumewatch.health import QUEUE, Health
from fumewatch.mqtt import Echo, Lookout, Publisher
from fumewatch.receivers import build
from fumewatch.reload import Reload, tell_doubts
from fumewatch.store import Connection, Database, daemons, migrate
from fumewatch.terms import PARTS, Daemon, clock, database_is_up, serve, take_over, wait
from fumewatch.watchdog import Watchdog
from fumewatch.web import Server, create_app

logger = structlog.get_logger()

BEAT_SECONDS: Final = 5
STALLED_SECONDS: Final = 30.0
"""A turn takes no longer unless the database keeps us waiting: for a lock, or for good."""
GATHER_MINUTES: Final = 10
"""Between two looks for a day whose facts are to be gathered: one day each time."""
STOP_SECONDS: Final = 9.0
"""From the signal to the end, if need be without order: what is not committed is not acked."""


def run(config_path: Path) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 when the database refuses us for good.

    1. Pages first, so that /readyz can tell what we wait for.
    2. The database, migrated; then a term of leadership after another until the stop.
    """
    gc.freeze()  # what was imported stays; the command kept the collector off meanwhile
    gc.enable()
    health = Health((*PARTS, QUEUE), clock)
    reload = Reload(config_path, health, _try_out)
    config = reload.load()
    heap.bound()
    log.set_up(config.log.level, config.log.format)
    daemon = Daemon(config, Database(config.database), health, reload)
    with ExitStack() as stack:
        watchdog = stack.enter_context(_watched(daemon))
        stack.enter_context(_signals(daemon, watchdog))
        stack.enter_context(_opened(daemon.database))
        stack.enter_context(_pages(daemon))
        logger.info("started", version=__version__, config=str(config_path))
        tell_doubts(config)
        stack.enter_context(reload)
        stack.callback(logger.info, "stopped")
        try:
            _migrate(daemon)
            stack.enter_context(_jobs(daemon))
            serve(daemon)
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
def _watched(daemon: Daemon) -> Iterator[Watchdog]:
    """What looks at the broker and at ourselves, from before the first wait to after the last."""
    echo = daemon.echo = Echo(str(daemon.id))
    lookout = Lookout(daemon.config.mqtt, echo, beat=lambda: daemon.health.beat("lookout"))
    daemon.health.look_at_queue(lambda: lookout.pressure)
    watchdog = Watchdog(daemon.health, echo, lambda: daemon.leads, daemon.stop.is_set)
    with watchdog.running():
        lookout.start()
        try:
            yield watchdog
        finally:
            lookout.stop()


@contextmanager
def _signals(daemon: Daemon, watchdog: Watchdog) -> Iterator[None]:
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
        watchdog.reloading()
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
    web = config.web
    with _opened(database), Server(app, web.host, web.port, web.trusted_proxies):
        yield


def _migrate(daemon: Daemon) -> None:
    """Bring the schema up to date, however long the database takes to come."""
    while not daemon.stop.is_set():
        take_over(daemon)
        try:
            old, new = migrate.upgrade(daemon.config.database.owner_url)
        except StoreUnavailable as error:
            wait(daemon, error)
        else:
            database_is_up(daemon)
            logger.info("schema", was=old, now=new)
            return


@contextmanager
def _jobs(daemon: Daemon) -> Iterator[None]:
    config = daemon.config
    table = jobs.jobs(config.zone, lambda: daemon.config.retention, lambda: daemon.config.integrity)
    table = (*table, jobs.Job("gather_days", _gathering(daemon), minutes=GATHER_MINUTES))
    schedule = jobs.scheduler(table, daemon.database, config.zone, clock, lambda: daemon.leads)
    beats = schedule.add_job(
        _beat, "interval", [daemon], seconds=BEAT_SECONDS, next_run_time=clock()
    )
    daemon.told = lambda: beats.modify(next_run_time=clock())
    schedule.add_job(_watch, "interval", [daemon], seconds=BEAT_SECONDS)
    schedule.start()
    try:
        yield
    finally:
        schedule.shutdown(wait=False)  # a job that waits for the database must not hold us up
        if daemon.health.parts()["database"].is_up:
            _say_goodbye(daemon)


def _beat(daemon: Daemon) -> None:
    for name, part in daemon.health.parts().items():
        metrics.PART_UP.labels(name).set(part.is_up)

    def beat(conn: Connection) -> None:
        daemons.beat(conn, _portrait(daemon))
        metrics.CLOCK_OFFSET.set((clock() - daemons.clock(conn)).total_seconds())

    _tell_store(daemon, beat)


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
        counters=metrics.counters()
        | {
            "configuration": daemon.health.configured().as_json(),
            "client_id": daemon.config.mqtt.client_id,
            "role_since": daemon.role_since.isoformat(),
            "takeover_seconds": daemon.takeover_seconds,
            "held": daemon.health.held().as_json(),
        },
    )
