"""Where notifications go: a loopback server that keeps every request's key and body."""

import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FarEnd:
    """`received[path][key]`: the bodies that came with this key, in the order of their coming."""

    def __init__(self) -> None:
        self.received: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
        self._lock = threading.Lock()
        far_end = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = self.rfile.read(length)
                if len(body) < length:  # whoever sends it was killed on the way
                    return
                far_end.keep(self.path, self.headers["Idempotency-Key"], body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                """Whoever asked was killed meanwhile."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def keep(self, path: str, key: str, body: bytes) -> None:
        with self._lock:
            self.received[path][key].append(body)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        """One of each key."""
        with self._lock:
            return [json.loads(bodies[0]) for bodies in self.received[path].values()]

    def requests(self, path: str) -> int:
        with self._lock:
            return sum(map(len, self.received[path].values()))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
