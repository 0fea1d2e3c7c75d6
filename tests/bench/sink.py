"""A webhook on loopback that answers 200 and notes when each alert arrived first."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Sink:
    """`arrived[monitor, rule]`: seconds since 1970 of the first message that it fires."""

    def __init__(self) -> None:
        self.arrived: dict[tuple[str, str], float] = {}
        self.messages = 0
        self.url = ""

    def note(self, body: bytes, at: float) -> None:
        message = json.loads(body)
        self.messages += 1
        if message["state"] == "firing":
            self.arrived.setdefault((message["monitor"], message["rule"]), at)


@contextmanager
def sink() -> Iterator[Sink]:
    noted = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            noted.note(body, time.time())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    noted.url = f"http://127.0.0.1:{server.server_port}/alerts"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield noted
    finally:
        server.shutdown()
        server.server_close()
