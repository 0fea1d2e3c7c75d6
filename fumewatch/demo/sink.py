"""Where the demo's webhook messages arrive, and are counted and remembered."""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from fumewatch.demo.listener import Answer, Listener

_REMEMBERED: Final = 8


@dataclass(frozen=True, slots=True)
class Delivered:
    """One message as an inspector's system got it; `at_s` by the clock that was given."""

    at_s: float
    state: str
    severity: str
    zh: str
    en: str


class Sink:
    """Takes POSTs at `url` on loopback. A message that came twice (same key) counts once."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: set[str] = set()
        self._recent: deque[Delivered] = deque(maxlen=_REMEMBERED)
        self._first_firing_s: float | None = None
        self._listener = Listener("sink", self._answer)

    def __enter__(self) -> Self:
        self._listener.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.__exit__()

    @property
    def url(self) -> str:
        return self._listener.url("/alerts")

    @property
    def messages(self) -> int:
        with self._lock:
            return len(self._keys)

    @property
    def recent(self) -> tuple[Delivered, ...]:
        """The last few, newest first."""
        with self._lock:
            return tuple(reversed(self._recent))

    @property
    def first_firing_s(self) -> float | None:
        """When the first alert's message arrived."""
        return self._first_firing_s

    def _answer(self, body: bytes) -> Answer:
        try:
            self._take(json.loads(body))
        except (ValueError, KeyError, TypeError):
            return 400, {"error": "not a message of fumewatch"}
        return 200, {"ok": True}

    def _take(self, body: dict[str, Any]) -> None:
        delivered = Delivered(
            self._clock(), body["state"], body["severity"], body["text"]["zh"], body["text"]["en"]
        )
        with self._lock:
            if body["key"] in self._keys:
                return
            self._keys.add(body["key"])
            self._recent.append(delivered)
            if delivered.state == "firing" and self._first_firing_s is None:
                self._first_firing_s = delivered.at_s
