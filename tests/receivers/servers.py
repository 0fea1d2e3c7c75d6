"""Foreign servers on loopback, to be told how to behave."""

import json
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Request:
    """`body`: what its JSON says; None where it is not JSON."""

    path: str
    headers: dict[str, str]
    body: Any
    raw: bytes = b""
    method: str = "POST"

    @property
    def key(self) -> uuid.UUID:
        return uuid.UUID(self.headers["Idempotency-Key"])


@dataclass
class Answer:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"ok": true}'


HANG = Answer(status=-1)
"""Take the request and say nothing, until the server is closed."""
CLOSE_HALF_WAY = Answer(status=-2)
"""Begin an answer and close the connection in the middle of the headers."""
CLOSE_IN_BODY = Answer(status=-3)
"""Answer 200, promise a long body, close in the middle of it."""
NOT_HTTP = Answer(status=-4)
"""Speak something else."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is what some tests are about."""


class WebhookServer:
    """Answers each request as `behave` says; keeps what came in `requests`."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self._scheme = "https" if tls else "http"
        self.behave: Callable[[Request], Answer] = lambda request: Answer()
        self.closing = threading.Event()
        self._came = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self.path, dict(self.headers), _json(raw), raw, self.command)
                answer = outer.behave(request)
                with outer._came:
                    outer.requests.append(request)
                    outer._came.notify_all()
                outer._answer(self, answer)

            do_GET = do_PUT = do_PATCH = do_POST

            def log_message(self, *args: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        if tls:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_address[1]}/alerts"

    def wait_for(self, count: int, timeout: float = 10) -> list[Request]:
        with self._came:
            assert self._came.wait_for(lambda: len(self.requests) >= count, timeout), (
                f"{len(self.requests)} of {count} requests came"
            )
            return list(self.requests)

    def close(self) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, answer: Answer) -> None:
        handler.close_connection = True
        if answer is HANG:
            self.closing.wait(30)
        elif answer is CLOSE_HALF_WAY:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        elif answer is CLOSE_IN_BODY:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\ntaken")
        elif answer is NOT_HTTP:
            handler.wfile.write(b"220 mail.example.org ESMTP\r\n")
        else:
            handler.send_response(answer.status)
            for name, value in answer.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
            handler.close_connection = False


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None


@contextmanager
def webhook_server(tls: ssl.SSLContext | None = None) -> Iterator[WebhookServer]:
    server = WebhookServer(tls)
    try:
        yield server
    finally:
        server.close()
