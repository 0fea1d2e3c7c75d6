"""The watchdog: systemd is told that we live only while every part really does.

A restart mends what hangs or died in this process, and nothing else. A broker or a database that is
away, slow or locked is none of its business: it would be away after a restart, too, and the start
costs. So a loop that waits for the database counts as alive however long it waits, and the echo is
owed only while the broker takes it.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from fumewatch import metrics
from fumewatch.health import QUEUE, STARTING, TAKING_OVER, Beat, Health, Part
from fumewatch.mqtt import Echo, Level
from fumewatch.store.waiting import waits

log = structlog.get_logger()

LOOK_SECONDS: Final = 1.0
LIMITS: Final[Mapping[str, float]] = {
    "main": 120.0,
    "evaluate": 180.0,
    "dispatch": 120.0,
    "deliver": 120.0,
    "send": 900.0,
    "lookout": 180.0,
}
"""How many seconds a loop may take for one round, by what it does there: loading what the store
knows at a start, an hour of minutes judged at once, a send with all its time-outs, a name server
that does not answer. Loops that are not named here may take any time."""
SLOW_SECONDS: Final = 5.0
"""A round that takes longer than this is held up by something."""
ECHO_SECONDS: Final = 120.0
"""How long an echo that the broker took may stay away while nothing else comes through either."""
EXTENSION_SECONDS: Final = 30
"""Of the time for the start: so much more, told again and again while it goes on."""
RELOAD_SECONDS: Final = 30.0
"""A reload that took longer was one that changed nothing, or waits for the database."""


@dataclass(frozen=True, slots=True)
class Signs:
    """All times are seconds of the monotonic clock.

    loops: when each last went round, or was last seen waiting for the database; only those that are
    under way. owed_since: when the broker took the first echo that has not come back, if one has
    not. is_proven: an echo came back before. taken_in_at: when the last batch was stored, or ingest
    was last seen waiting for the database.
    """

    loops: Mapping[str, float]
    owed_since: float | None = None
    is_proven: bool = False
    taken_in_at: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`reason`: what hangs, for how long; "" where nothing does."""

    reason: str = ""

    @property
    def is_alive(self) -> bool:
        return not self.reason


def is_alive(signs: Signs, now: float) -> Verdict:
    """The rule. What a restart cannot mend is not death.

    1. A loop that has not gone round for its limit, and does not wait for the database, hangs.
    2. The broker took an echo, and for the limit neither it came back nor any other message was
       stored: broker, network thread, inbox or ingest are deaf. Unless none ever came back: then it
       may be an access list that keeps them from us.
    """
    for loop, at in signs.loops.items():
        if now - at > LIMITS.get(loop, float("inf")):
            return Verdict(f"{loop} has not gone round for {now - at:.0f} s")
    owed = signs.owed_since
    if owed is not None and signs.is_proven:
        silent = now - max(owed, signs.taken_in_at or owed)
        if silent > ECHO_SECONDS:
            return Verdict(
                f"ingest is deaf: the broker took our echo {now - owed:.0f} s ago, and nothing has"
                f" come through for {silent:.0f} s"
            )
    return Verdict()


def has_begun(parts: Mapping[str, Part]) -> bool:
    """The start is over: we lead, stand by, or wait for the database in order.

    A database that is down must not fail the start: systemd would give us up, and nobody would be
    there to see it return.
    """
    under_way = (STARTING, TAKING_OVER)
    starting = {name for name, part in parts.items() if part.detail in under_way}
    if "database" in starting:
        return False
    return not parts["database"].is_up or not starting


def state_of(parts: Mapping[str, Part], *, leads: bool) -> str:
    """One line for `systemctl status`."""
    database = parts["database"]
    if not database.is_up:
        return f"waiting for the database: {database.detail}".replace("\n", " ")
    down = [f"{name}: {part.detail}" for name, part in parts.items() if not part.is_up]
    said = "; ".join(["leading" if leads else "standing by", *down])
    return said.replace("\n", " ")


class Systemd:
    """The service manager's side of sd_notify(3): datagrams to the socket it names. Without one
    every word goes nowhere."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket: socket.socket | None = None
        self._has_failed = False
        self.watchdog_seconds = _watchdog_seconds(environ) if address else 0.0
        """It wants to hear WATCHDOG=1 at least this often; 0: it does not care."""

    def tell(self, *lines: str) -> None:
        """`lines`: assignments such as READY=1, in one datagram."""
        if not self._address:
            return
        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self._socket.setblocking(False)
            self._socket.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._has_failed:
                log.warning("systemd cannot be told", error=str(error))
            self._has_failed = True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog_seconds(environ: Mapping[str, str]) -> float:
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdigit() or (pid and pid != str(os.getpid())):
        return 0.0
    return int(usec) / 1e6


def _is_held_up(key: tuple[str, int], beats: Mapping[tuple[str, int], Beat], now: float) -> bool:
    """The loop waits for the database, in a round that takes long already.

    Without the latter ingest would never be deaf: its thread asks the database this and that each
    second. Its rounds are those of "main".
    """
    loop, thread = key
    went_round = beats.get(("main" if loop == "intake" else loop, thread))
    is_slow = went_round is None or now - went_round.at >= SLOW_SECONDS
    return is_slow and waits(thread)


@dataclass(slots=True)
class Watchdog:
    """Looks each second in a thread of its own, with and without systemd: the log and
    fumewatch_alive tell of what hangs, too."""

    health: Health
    echo: Echo
    leads: Callable[[], bool]
    is_stopping: Callable[[], bool]
    systemd: Systemd = field(default_factory=Systemd)
    monotonic: Callable[[], float] = time.monotonic
    verdict: Verdict = Verdict()
    _waited: dict[tuple[str, int], float] = field(default_factory=dict)
    _fed_at: float = float("-inf")
    _extended_at: float = float("-inf")
    _is_ready: bool = False
    _has_told_stop: bool = False
    _state: str = ""
    _reload: tuple[object, float] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.systemd.close()

    def reloading(self) -> None:
        """A SIGHUP came. READY=1 follows once the configuration is taken over or refused."""
        self._reload = self.health.configured(), self.monotonic()
        self.systemd.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.look()
            except Exception:  # silent for good, systemd would end us for our own mistake here
                log.exception("the watchdog failed")
            stop.wait(LOOK_SECONDS)
        self._tell_stop()

    def look(self) -> None:
        """What is due now is told."""
        now = self.monotonic()
        self._judge(now)
        self._tell_metrics()
        if self.is_stopping():
            self._tell_stop()
        elif self.verdict.is_alive:
            self._tell_ready(now)
            self._feed(now)
        self._tell_state()

    def _judge(self, now: float) -> None:
        before, found = self.verdict, is_alive(self._signs(now), now)
        if before.is_alive or found.is_alive:  # else it is told already
            self.verdict = found
        if before.is_alive and not self.verdict.is_alive:
            log.error(
                "a part hangs, the watchdog is not fed",
                reason=self.verdict.reason,
                restart_in_seconds=self.systemd.watchdog_seconds or None,
            )
        elif not before.is_alive and self.verdict.is_alive:
            log.warning("nothing hangs any more", reason=before.reason)

    def _signs(self, now: float) -> Signs:
        beats = self.health.beats()
        self._waited = {
            key: now if _is_held_up(key, beats, now) else self._waited.get(key, float("-inf"))
            for key in beats
        }
        loops: dict[str, float] = {}
        for key, beat in beats.items():
            at = max(beat.at, self._waited[key])
            loops[key[0]] = min(at, loops.get(key[0], at))
        intake = loops.pop("intake", None)
        return Signs(loops, self.echo.owed_since, self.echo.is_proven, intake)

    def _tell_metrics(self) -> None:
        held = self.health.held()
        metrics.tell_held(held.inbox, held.queue)
        metrics.ALIVE.set(self.verdict.is_alive)
        self.health.up(QUEUE, held.queue.detail)

    def _tell_ready(self, now: float) -> None:
        if not self._is_ready:
            self._tell_start(now)
        elif self._reload is not None:
            configured, asked_at = self._reload
            is_done = self.health.configured() is not configured
            if is_done or now - asked_at > RELOAD_SECONDS:
                self._reload = None
                self.systemd.tell("READY=1")

    def _tell_start(self, now: float) -> None:
        if has_begun(self.health.parts()):
            self._is_ready = True
            self.systemd.tell("READY=1")
        elif now - self._extended_at > EXTENSION_SECONDS / 3:
            self._extended_at = now
            self.systemd.tell(f"EXTEND_TIMEOUT_USEC={EXTENSION_SECONDS * 1_000_000}")

    def _feed(self, now: float) -> None:
        every = self.systemd.watchdog_seconds / 4
        if every and now - self._fed_at >= every:
            self._fed_at = now
            self.systemd.tell("WATCHDOG=1")

    def _tell_state(self) -> None:
        state = state_of(self.health.parts(), leads=self.leads())
        queue = self.health.held().queue
        if queue.level.rank >= Level.NOTICE.rank:
            state += f"; the broker holds {queue.detail}"
        if not self.verdict.is_alive:
            state = f"hangs: {self.verdict.reason}"
        if state != self._state:
            self._state = state
            self.systemd.tell(f"STATUS={state}")

    def _tell_stop(self) -> None:
        if not self._has_told_stop:
            self._has_told_stop = True
            self.systemd.tell("STOPPING=1", "STATUS=stopping")
