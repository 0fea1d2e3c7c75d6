"""A small real HTTP server on loopback, for what the demo's daemon sends."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

Answer = tuple[int, dict[str, Any]]
"""Status and JSON."""
_MOST_BYTES: Final = 10_000_000


class Listener:
    """Answers each POST with what `take` makes of its body; from any thread."""

    def __init__(self, name: str, take: Callable[[bytes], Answer]) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(take))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name=name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"


def _handler(take: Callable[[bytes], Answer]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60  # seconds; a client that goes away without a word frees its thread

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            status, said = take(self.rfile.read(min(length, _MOST_BYTES)))
            body = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: the demo's screen is not for access logs."""

    return Handler
