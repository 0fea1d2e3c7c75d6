"""What is up and what is not, as the page, /readyz and `status` tell it. Safe from any thread."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fumewatch.core.errors import Fault


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the daemon. `since` is when it came into this state."""

    is_up: bool
    detail: str
    since: datetime


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


class Health:
    """Parts report themselves by name: "broker", "database", "ingest", "evaluate", "deliver".

    A part that has not reported yet is down: the daemon is ready only once each has said it is.
    """

    def __init__(self, parts: tuple[str, ...], now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._parts = {name: Part(False, "starting", now()) for name in parts}
        self._configured = Configured(now())

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

    @property
    def is_ready(self) -> bool:
        return all(part.is_up for part in self.parts().values())
