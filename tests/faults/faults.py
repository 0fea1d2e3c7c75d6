"""Faults: each breaks one part of a stage for as long as its `with` lasts."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import psycopg

from tests.faults.stage import Stage, Supervised

Fault = Callable[[Stage], AbstractContextManager[None]]


# ── the broker ──


@contextmanager
def broker_killed(stage: Stage) -> Iterator[None]:
    """Once it has saved: what it had not yet, and we could not store, is lost with it."""
    stage.wait(lambda: stage.feed.is_idle, "the broker acknowledges")
    _save(stage)
    stage.broker.kill()
    yield
    stage.broker.start()


def _save(stage: Stage) -> None:
    os.kill(stage.broker.pid, signal.SIGUSR1)
    time.sleep(0.3)


@contextmanager
def broker_stopped(stage: Stage) -> Iterator[None]:
    stage.broker.stop()
    yield
    stage.broker.start()


@contextmanager
def broker_killed_once_it_saved(stage: Stage) -> Iterator[None]:
    """While it holds what the database cannot take; nobody asked it to save."""
    stage.to_database.mute()
    yield
    stage.wait(lambda: stage.feed.is_idle, "the broker acknowledges")
    time.sleep(12.0)
    stage.broker.kill()
    stage.broker.start()
    stage.to_database.reset()
    stage.to_database.speak()


@contextmanager
def broker_killed_that_keeps_nothing(stage: Stage) -> Iterator[None]:
    with _forgetting(stage):
        stage.broker.kill()
        yield
        stage.broker.start()


@contextmanager
def broker_stopped_that_keeps_nothing(stage: Stage) -> Iterator[None]:
    with _forgetting(stage):
        stage.broker.stop()
        yield
        stage.broker.start()


@contextmanager
def _forgetting(stage: Stage) -> Iterator[None]:
    """A broker of whose sessions nothing is left: lost is what it took from its return on, until we
    were back, and what it had taken and not handed over. Nothing else is."""
    before = set(stage.feed.acked)
    yield
    stage.wait(lambda: stage.feed.is_idle, "the broker acknowledges")
    stage.wait(lambda: any(each.leads for each in stage.daemons), "we are back")
    time.sleep(2)
    stage.missing = set(stage.feed.acked) - stage.stored()
    assert not stage.missing & before, "these were handed over before"


@contextmanager
def broker_frozen(stage: Stage) -> Iterator[None]:
    stage.broker.freeze()
    yield
    stage.broker.thaw()


@contextmanager
def broker_cut(stage: Stage) -> Iterator[None]:
    stage.to_broker.cut()
    yield
    stage.to_broker.join()


def broker_half_open_one_way(*, asking: bool = False, answering: bool = False) -> Fault:
    """Held until the daemon has noticed: the clock stands meanwhile."""

    @contextmanager
    def half_open(stage: Stage) -> Iterator[None]:
        stage.to_broker.mute(asking=asking, answering=answering)
        yield
        stage.wait(lambda: _is_down(stage, "broker"), "the dead line is noticed")
        stage.to_broker.reset()
        stage.to_broker.speak()

    return half_open


broker_half_open = broker_half_open_one_way(asking=True, answering=True)


# ── the database ──


@contextmanager
def database_killed(stage: Stage) -> Iterator[None]:
    os.kill(stage.server.pid, signal.SIGKILL)
    stage.server.stop()
    yield
    stage.server.start()


@contextmanager
def database_restarted(stage: Stage) -> Iterator[None]:
    stage.server.stop()
    yield
    stage.server.start()


@contextmanager
def database_cut(stage: Stage) -> Iterator[None]:
    stage.to_database.cut()
    yield
    stage.to_database.join()


@contextmanager
def database_half_open(stage: Stage) -> Iterator[None]:
    """The route comes back after a while, and with it what was on its way."""
    stage.to_database.mute()
    yield
    time.sleep(2)
    stage.to_database.speak()


def database_half_open_one_way(*, asking: bool = False, answering: bool = False) -> Fault:
    """It comes back for new connections only."""

    @contextmanager
    def half_open(stage: Stage) -> Iterator[None]:
        stage.to_database.mute(asking=asking, answering=answering)
        yield
        time.sleep(2)
        stage.to_database.reset()
        stage.to_database.speak()

    return half_open


database_half_open_for_good = database_half_open_one_way(asking=True, answering=True)


@contextmanager
def database_read_only(stage: Stage) -> Iterator[None]:
    _admin(stage, f"alter database {stage.database} set default_transaction_read_only = on")
    _hang_up(stage)
    yield
    _admin(stage, f"alter database {stage.database} reset default_transaction_read_only")
    _hang_up(stage)


@contextmanager
def database_out_of_connections(stage: Stage) -> Iterator[None]:
    """Somebody else has them all, as soon as ours are gone."""
    with ExitStack() as stack:
        ours = stack.enter_context(psycopg.connect(stage.server.url(), autocommit=True))
        for _ in range(10):  # a connection of the daemon's may come between two of ours
            ours.execute(_HANG_UP, [stage.database])
            with suppress(psycopg.OperationalError):
                while True:
                    stack.enter_context(psycopg.connect(stage.server.url()))
        yield


SLOW_S: Final = 10.0
"""Of each commit."""


@contextmanager
def database_slow(stage: Stage) -> Iterator[None]:
    stage.to_database.delay(SLOW_S, b"COMMIT")
    yield
    time.sleep(SLOW_S)
    stage.to_database.delay(0, b"")


def disk_full(disk: Path) -> Fault:
    """`disk`: a small file system that has the database; somebody else fills what is left of it."""

    @contextmanager
    def filled(stage: Stage) -> Iterator[None]:
        ballast = disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 4096)
        yield
        stage.wait(lambda: "No space left" in stage.log(), "somebody notices")
        ballast.unlink()

    return filled


@contextmanager
def inbox_full_when_the_broker_dies(stage: Stage) -> Iterator[None]:
    """It has handed over what we have not stored yet, and knows us, but not that any more."""
    _save(stage)
    stage.to_database.mute()
    yield
    stage.wait(lambda: stage.feed.is_idle, "the broker acknowledges")
    time.sleep(0.3)
    stage.broker.kill()
    stage.broker.start()
    time.sleep(1.5)
    stage.to_database.speak()


# ── daemons ──


@contextmanager
def leader_killed(stage: Stage) -> Iterator[None]:
    """It stays dead as long; whoever stands by takes over."""
    leader = _leader(stage)
    stage.restarts = False
    stage.kill(leader)
    leader.process.wait()
    yield
    stage.restarts = True


@contextmanager
def leader_frozen(stage: Stage) -> Iterator[None]:
    """It hangs, and comes back believing that it leads."""
    leader = _leader(stage)
    leader.process.send_signal(signal.SIGSTOP)
    stage.to_database.reset()  # so that the server lets go of its lock
    yield
    leader.process.send_signal(signal.SIGCONT)


def _leader(stage: Stage) -> Supervised:
    """The first daemon where nobody leads, since something else is broken."""
    return next((each for each in stage.daemons if each.leads), stage.daemons[0])


# ── the clock ──


def clock_stepped(by: timedelta) -> Fault:
    """And back again some seconds later."""

    @contextmanager
    def stepped(stage: Stage) -> Iterator[None]:
        stage.clock.shift(by)
        yield
        time.sleep(2.5)
        stage.clock.shift(-by)

    return stepped


# ── the monitors ──


@contextmanager
def flood(stage: Stage) -> Iterator[None]:
    """One monitor sends 1,000 a second for three seconds, each another reading."""
    readings = stage.monitors.flood(stage.minute, 3000)
    for start in range(0, len(readings), 100):
        stage.feed.send(readings[start : start + 100])
        time.sleep(0.1)
    yield


@contextmanager
def oversized(stage: Stage) -> Iterator[None]:
    for i in range(5):
        stage.feed.send_oversized(f"M{i}")
    yield


@contextmanager
def again(stage: Stage) -> Iterator[None]:
    """A third of all that was ever sent comes a second time, in any order."""
    stage.feed.send_again(0.34, stage.chance)
    yield


def _is_down(stage: Stage, part: str) -> bool:
    """Also where there is nobody to notice."""
    said = [each.get("/readyz")[1] for each in stage.daemons if not each.is_dead]
    return not said or any(f'"{part}":{{"is_up":false' in each for each in said)


def _admin(stage: Stage, query: str) -> None:
    with psycopg.connect(stage.server.url(), autocommit=True) as conn:
        conn.execute(query.encode())


_HANG_UP: Final = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = %s and pid <> pg_backend_pid()
"""


def _hang_up(stage: Stage) -> None:
    with psycopg.connect(stage.server.url(), autocommit=True) as conn:
        conn.execute(_HANG_UP, [stage.database])
