"""One connection to the broker, from greeting to goodbye: select, read, write, ping."""

import contextlib
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fumewatch.mqtt import reasons
from fumewatch.mqtt.keepalive import Keepalive, Step
from fumewatch.mqtt.reader import PlainClient

ANSWER_S: Final = 4.0
"""For the network to connect, for TLS to agree, and for the broker to answer: so long each."""
_FAREWELL_S: Final = 1.0
_TICK_S: Final = 1.0
_GONE: Final = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class Role(Protocol):
    """What a connection is for. The network thread calls every method."""

    def open(self) -> PlainClient:
        """A new client that is not yet connected."""

    def connect(self, client: PlainClient) -> None:
        """Reach the broker and greet it. OSError or ValueError says why it did not work."""

    def welcome(
        self, client: PlainClient, properties: Properties | None, *, has_session: bool
    ) -> None:
        """The broker has let us in; `has_session`: and remembers us."""

    def wants_data(self) -> bool:
        """Whether to read; False leaves the broker waiting."""

    def patience(self, client: PlainClient) -> float | None:
        """Seconds after which to read although select is silent; None: believe select."""

    def read(self, client: PlainClient, *, waited: float, is_late: bool) -> None:
        """Have the client read, `waited` seconds after the last time. `is_late`: patience made us,
        not select."""

    def work(self, client: PlainClient) -> None:
        """Queue what is to be sent."""

    def lost(self) -> None:
        """The connection is over, or was never made."""


class Bell:
    """Wakes a thread out of select."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self._theirs.setblocking(False)
        self._is_rung = False

    def fileno(self) -> int:
        return self._ours.fileno()

    def ring(self) -> None:
        if not self._is_rung:
            self._is_rung = True
            with contextlib.suppress(OSError):  # full is rung enough; closed has nobody to wake
                self._theirs.send(b"\0")

    def hush(self) -> None:
        """Call before looking for work: the other way round a ring between them would be lost."""
        with contextlib.suppress(BlockingIOError):
            self._ours.recv(64)
        self._is_rung = False

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


class Conversation:
    def __init__(self, role: Role, bell: Bell, is_stopping: Callable[[], bool]) -> None:
        self._role = role
        self._bell = bell
        self._is_stopping = is_stopping
        self._is_welcome = False
        self._why: str | None = None
        self._client = role.open()
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        # paho then queues what it has to send, and only our loop writes.
        self._client.on_socket_register_write = lambda *_: None

    def run(self) -> str:
        """Why it ended. OSError and ValueError also say so; anything else is a mistake of ours."""
        client = self._client
        try:
            self._role.connect(client)
            self._began = self._read_at = time.monotonic()
            self._keepalive = Keepalive(client.keepalive, now=self._began)
            self._converse()
        finally:
            if sock := client.socket():
                sock.close()
        return client.failure or self._why or "connection lost"

    def _converse(self) -> None:
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ears = _Ears(sock, self._bell)
        while self._client.socket() and not self._is_stopping():
            self._turn(ears)
            self._look_after()
        if self._client.socket():
            self._say_goodbye()

    def _turn(self, ears: "_Ears") -> None:
        client = self._client
        listens = not self._is_welcome or self._role.wants_data()
        late_at = self._late_at(listens)
        wait = min(_TICK_S, self._keepalive.interval / 4, late_at - time.monotonic())
        if listens and not client.is_drained:
            wait = 0
        has_data = ears.wait(max(wait, 0), listens=listens, writes=client.want_write())
        now = time.monotonic()
        if has_data and not listens:  # only the end of the connection is heard then
            raise ConnectionResetError("connection lost")
        if not listens:
            self._keepalive.heard(now)  # the silence is ours
        elif has_data or now >= late_at or not client.is_drained:
            self._read(now, is_late=not has_data and now >= late_at)
        self._bell.hush()
        self._role.work(client)
        if client.want_write():
            client.loop_write()
            self._keepalive.sent(now)

    def _late_at(self, listens: bool) -> float:
        patience = self._role.patience(self._client) if listens and self._is_welcome else None
        return float("inf") if patience is None else self._read_at + patience

    def _read(self, now: float, *, is_late: bool) -> None:
        self._client.has_heard = False
        self._role.read(self._client, waited=now - self._read_at, is_late=is_late)
        self._read_at = now
        if self._client.has_heard:
            self._keepalive.heard(now)

    def _look_after(self) -> None:
        now = time.monotonic()
        if not self._is_welcome:
            if now - self._began > ANSWER_S:
                raise TimeoutError("the broker does not answer")
            return
        match self._keepalive.step(now):
            case Step.PING:
                self._client.ping()
            case Step.GIVE_UP:
                raise TimeoutError("the broker does not answer")

    def _say_goodbye(self) -> None:
        """A clean end: queued acks go out, and the broker sends no last will."""
        client = self._client
        self._role.work(client)
        client.disconnect()
        until = time.monotonic() + _FAREWELL_S
        while client.socket() and client.want_write() and time.monotonic() < until:
            client.loop_write()
            time.sleep(0.001)

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        flags: ConnectFlags,
        code: ReasonCode,
        props: Properties | None,
    ) -> None:
        if code.is_failure:
            self._why = reasons.of_code(code)
            return
        self._is_welcome = True
        if wanted := getattr(props, "ServerKeepAlive", 0):
            self._keepalive.interval = wanted
        self._role.welcome(self._client, props, has_session=flags.session_present)

    def _on_disconnect(
        self, _client: Client, _data: Any, _flags: DisconnectFlags, code: ReasonCode, _props: Any
    ) -> None:
        if self._why is None:
            self._why = reasons.of_code(code)


class _Ears:
    """poll on the one socket and the bell."""

    def __init__(self, sock: socket.socket, bell: Bell) -> None:
        self._fd = sock.fileno()
        self._poll = select.poll()
        self._poll.register(bell, select.POLLIN)
        self._mask = 0

    def wait(self, timeout: float, *, listens: bool, writes: bool) -> bool:
        """True if the socket has data or is at its end; of the latter also who does not listen is
        told. Returns early if the bell rings, or if `writes` and the socket can be written to."""
        mask = _GONE | listens * select.POLLIN | writes * select.POLLOUT
        if mask != self._mask:
            self._poll.register(self._fd, mask)
            self._mask = mask
        ready = self._poll.poll(timeout * 1000)
        return any(fd == self._fd and how & ~select.POLLOUT for fd, how in ready)
