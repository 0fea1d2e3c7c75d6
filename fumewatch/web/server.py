"""uvicorn in a thread of its own, which ends within a second of being told to."""

import asyncio
import os
import socket
import threading
from collections.abc import Sequence
from typing import Any, Final, Self

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from fumewatch.core.errors import WebUnavailable

_TICK_S: Final = 0.5
MOST_CONNECTIONS: Final = 500
"""So that whoever holds connections open leaves ingest and delivery enough files to open."""
_PATIENCE_S: Final = 30
"""For the head of a request; a little more, as it is looked at so often."""
_BODY_PATIENCES: Final = 10
"""A photo may take so many times as long on a phone."""
_GRACE_S: Final = 3
"""What an answer in the making may still take; streams of events end at once."""


class Server:
    """`start` returns once it answers, or raises WebUnavailable; `stop`, once it has ended.

    `proxies`: addresses and networks that are believed on whom they ask for. `most`: connections
    at a time; one more is cut off.
    """

    def __init__(
        self,
        app: FastAPI,
        host: str,
        port: int,
        proxies: Sequence[str] = (),
        most: int = MOST_CONNECTIONS,
        patience_s: int = _PATIENCE_S,
    ) -> None:
        self._address = (host, port)
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._ready = threading.Event()
        self._server = _Uvicorn(
            uvicorn.Config(
                app,
                http=_Connection,
                limit_concurrency=most + 1,  # beyond that uvicorn refuses everybody
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=bool(proxies),
                forwarded_allow_ips=list(proxies),  # else uvicorn asks the environment
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=patience_s,
            ),
            self._ready,
        )
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """With the port that it really got, where 0 was asked for."""
        host, port = self._address
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        try:
            listening = socket.create_server(self._address, family=self._family, backlog=256)
        except OSError as error:
            where = ":".join(map(str, self._address))
            raise WebUnavailable(
                f"the pages cannot listen on {where}: {os.strerror(error.errno or 0)};"
                " is another fumewatch running? [web] listen names another port"
            ) from error
        self._address = (self._address[0], listening.getsockname()[1])
        self._thread = threading.Thread(
            target=self._run, args=(listening,), name="web", daemon=True
        )
        self._thread.start()
        self._ready.wait()
        if not self._server.started:
            raise WebUnavailable("the web server did not start; the log says why")

    def _run(self, listening: socket.socket) -> None:
        try:
            self._server.run([listening])
        finally:
            listening.close()
            self._ready.set()

    def stop(self) -> None:
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(timeout=_GRACE_S + 5)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Connection(H11Protocol):
    """One of so many, and not for ever to say what it wants: uvicorn's own waits."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._looked_at: object = None
        self._looks = 0
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            transport.abort()
        self.loop.call_later(self.timeout_keep_alive, self._look)

    def _look(self) -> None:
        """Part with whom we wait for since the last look, for the same request's head or body."""
        if self.transport.is_closing():
            return
        awaits_head = self.cycle is None or self.cycle.response_complete
        awaits_body = not awaits_head and self.cycle.more_body
        is_same = self.cycle is self._looked_at
        self._looks = self._looks + 1 if is_same and (awaits_head or awaits_body) else 0
        self._looked_at = self.cycle
        if self._looks >= (1 if awaits_head else _BODY_PATIENCES):
            self.transport.close()
        self.loop.call_later(self.timeout_keep_alive, self._look)


class _Uvicorn(uvicorn.Server):
    """Says when it is up, and ends the streams before it waits for answers to end."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    async def main_loop(self) -> None:
        """uvicorn's own looks ten times a second whether to stop; half as soon is soon enough."""
        while not await self.on_tick(0):
            await asyncio.sleep(_TICK_S)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.context.feed.stop()
        await super().shutdown(sockets)
