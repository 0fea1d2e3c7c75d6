"""What is up and what is not, as the page, /readyz and `status` tell it. Safe from any thread."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from fumewatch.core.errors import Fault
from fumewatch.mqtt import Filling, Pressure
from fumewatch.mqtt.queue import unknown

STARTING: Final = "starting"
"""The detail of a part that has not reported yet."""
TAKING_OVER: Final = "taking over"
"""That of one whose term of leadership has begun, while what the store knows is loaded."""
QUEUE: Final = "queue"
"""The part that is the broker's queue: always up, for nothing of ours is broken when it fills."""
_NOT_LOOKED: Final = unknown("nobody has looked yet", 0)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the daemon. `since` is when it came into this state."""

    is_up: bool
    detail: str
    since: datetime


def under_way(parts: Mapping[str, Any]) -> str:
    """STARTING or TAKING_OVER, while some part is at it; "": neither. `parts`: as a daemon tells
    them."""
    details = {part.get("detail") for part in parts.values() if isinstance(part, dict)}
    return next((each for each in (STARTING, TAKING_OVER) if each in details), "")


@dataclass(frozen=True, slots=True)
class Configured:
    """Which configuration is in force: the one read at `since`.

    `after_restart`: options of it that wait for one. `refused_at` and `faults`: of a later one that
    was wrong.
    """

    since: datetime
    after_restart: tuple[str, ...] = ()
    refused_at: datetime | None = None
    faults: tuple[Fault, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "since": self.since.isoformat(),
            "after_restart": list(self.after_restart),
            "refused_at": self.refused_at.isoformat() if self.refused_at else None,
            "faults": [str(fault) for fault in self.faults],
        }


@dataclass(frozen=True, slots=True)
class Held:
    """Readings on their way, and where. inbox: None where this daemon takes none (it stands by, or
    the database is away). receive_maximum: of them, what the broker may send before an ack."""

    inbox: Filling | None
    receive_maximum: int
    queue: Pressure

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Beat:
    """A loop went round at `at`, seconds of the monotonic clock, in the thread `thread`."""

    at: float
    thread: int


class Health:
    """Parts report themselves by name: "broker", "database", "ingest", "evaluate", "deliver".

    A part that has not reported yet is down: the daemon is ready only once each has said it is.
    """

    def __init__(
        self,
        parts: tuple[str, ...],
        now: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._parts = {name: Part(False, STARTING, now()) for name in parts}
        self._configured = Configured(now())
        self._beats: dict[tuple[str, int], Beat] = {}
        self._inbox: Callable[[], Filling] | None = None
        self._queue: Callable[[], Pressure] = lambda: _NOT_LOOKED
        self._receive_maximum = 0

    def up(self, name: str, detail: str = "") -> None:
        self._set(name, True, detail)

    def down(self, name: str, detail: str) -> None:
        self._set(name, False, detail)

    def _set(self, name: str, is_up: bool, detail: str) -> None:
        with self._lock:
            old = self._parts[name]
            since = old.since if old.is_up == is_up else self._now()
            self._parts[name] = Part(is_up, detail, since)

    def configured(self) -> Configured:
        return self._configured

    def config_taken(self, after_restart: Sequence[str] = ()) -> datetime:
        """A right configuration is in force from now on; when that is."""
        self._configured = Configured(self._now(), tuple(after_restart))
        return self._configured.since

    def config_refused(self, faults: Sequence[Fault]) -> None:
        self._configured = replace(self._configured, refused_at=self._now(), faults=tuple(faults))

    def parts(self) -> dict[str, Part]:
        with self._lock:
            return dict(self._parts)

    def beat(self, loop: str) -> None:
        """The calling thread goes round in `loop`, whatever it meets there."""
        thread = threading.get_ident()
        self._beats[loop, thread] = Beat(self._monotonic(), thread)

    def rest(self, loop: str) -> None:
        """The calling thread has left the loop: nothing is expected of it."""
        self._beats.pop((loop, threading.get_ident()), None)

    def beats(self) -> Mapping[tuple[str, int], Beat]:
        """By loop and thread, those that are in one."""
        return self._beats.copy()

    def look_at_inbox(self, filling: Callable[[], Filling] | None, receive_maximum: int) -> None:
        self._inbox, self._receive_maximum = filling, receive_maximum

    def look_at_queue(self, pressure: Callable[[], Pressure]) -> None:
        self._queue = pressure

    def held(self) -> Held:
        inbox = self._inbox
        return Held(inbox() if inbox else None, self._receive_maximum, self._queue())

    @property
    def is_ready(self) -> bool:
        return all(part.is_up for part in self.parts().values())
