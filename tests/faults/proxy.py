"""A TCP proxy on loopback that misbehaves as networks do: it cuts, it goes mute, it is slow."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Final

_RESET: Final = struct.pack("ii", 1, 0)
_SIZE: Final = 1 << 18


class Proxy:
    """`target`: a port of this machine, or a socket's file; asked anew for each connection."""

    def __init__(self, target: Callable[[], tuple[str, int] | str]) -> None:
        self._target = target
        self._passes = {True: threading.Event(), False: threading.Event()}
        self.speak()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._delay_s, self._delayed = 0.0, b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._start()

    def _start(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def cut(self) -> None:
        """Every connection is reset, a new one refused."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def join(self) -> None:
        """After `cut`."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._start()

    def reset(self) -> None:
        with self._lock:
            open_ones, self._open = self._open, set()
        for sock in open_ones:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def mute(self, *, asking: bool = True, answering: bool = True) -> None:
        """Half-open: connections stand, also new ones, and nothing goes either way, or one way."""
        for is_asking, is_mute in ((True, asking), (False, answering)):
            if is_mute:
                self._passes[is_asking].clear()

    def speak(self) -> None:
        """What was on its way arrives now: as after a route that came back."""
        for passes in self._passes.values():
            passes.set()

    def delay(self, seconds: float, what: bytes) -> None:
        """Hold back what a client sends for so long if it has `what` in it."""
        self._delay_s, self._delayed = seconds, what

    def close(self) -> None:
        self.speak()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.reset()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with self._lock:
            self._open.add(client)
        self._passes[True].wait()
        try:
            server = _connected(self._target())
        except OSError:
            client.close()
            return
        with self._lock:
            self._open.add(server)
        for sock in (client, server):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._carry, args=(server, client, False), daemon=True)
        back.start()
        self._carry(client, server, True)
        back.join()
        for sock in (client, server):
            with self._lock:
                self._open.discard(sock)
            sock.close()

    def _carry(self, source: socket.socket, target: socket.socket, is_asking: bool) -> None:
        try:
            while data := source.recv(_SIZE):
                if is_asking and self._delayed and self._delayed in data:
                    time.sleep(self._delay_s)
                self._passes[is_asking].wait()
                target.sendall(data)
        except OSError:
            pass
        self._passes[is_asking].wait()  # nor does an end get through
        for sock in (source, target):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def _connected(target: tuple[str, int] | str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX if isinstance(target, str) else socket.AF_INET)
    try:
        sock.connect(target)
    except OSError:
        sock.close()
        raise
    return sock
