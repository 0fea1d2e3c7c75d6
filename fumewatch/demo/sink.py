"""Where the demo's webhook messages arrive: a small real HTTP server that counts and remembers."""

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self._take))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="sink")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

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


def _handler(take: Callable[[dict[str, Any]], None]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60  # seconds; a client that goes away without a word frees its thread

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                take(json.loads(body))
            except (ValueError, KeyError, TypeError):
                self._answer(400, b'{"error": "not a message of fumewatch"}')
            else:
                self._answer(200, b'{"ok": true}')

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the demo's screen is not for access logs."""

    return Handler
