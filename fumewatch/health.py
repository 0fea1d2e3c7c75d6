"""What is up and what is not, as the page, /readyz and `status` tell it. Safe from any thread."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the daemon. `since` is when it came into this state."""

    is_up: bool
    detail: str
    since: datetime


class Health:
    """Parts report themselves by name: "broker", "database", "ingest", "evaluate", "deliver".

    A part that has not reported yet is down: the daemon is ready only once each has said it is.
    """

    def __init__(self, parts: tuple[str, ...], now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._parts = {name: Part(False, "starting", now()) for name in parts}

    def up(self, name: str, detail: str = "") -> None:
        self._set(name, True, detail)

    def down(self, name: str, detail: str) -> None:
        self._set(name, False, detail)

    def _set(self, name: str, is_up: bool, detail: str) -> None:
        with self._lock:
            old = self._parts[name]
            since = old.since if old.is_up == is_up else self._now()
            self._parts[name] = Part(is_up, detail, since)

    def parts(self) -> dict[str, Part]:
        with self._lock:
            return dict(self._parts)

    @property
    def is_ready(self) -> bool:
        return all(part.is_up for part in self.parts().values())
