"""What the broker tests share: a subscriber that remembers its states, a broker made by hand."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fumewatch.mqtt import Batch, Message, MqttSettings, Publisher, Subscriber, reader
from tests.fixtures.broker import free_port

PATIENCE_S = 15.0


class Listener:
    """A subscriber and what it told of its state."""

    def __init__(self, settings: MqttSettings, **options: Any) -> None:
        self.states: list[tuple[bool, str]] = []
        self._changed = threading.Condition()
        self.subscriber = Subscriber(settings, self._note, **options)

    def _note(self, is_up: bool, why: str) -> None:
        with self._changed:
            self.states.append((is_up, why))
            self._changed.notify_all()

    def start(self) -> "Listener":
        self.subscriber.start()
        return self

    def wait_until(self, is_up: bool, why: str = "") -> str:
        """Until the latest state is so; its reason."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: self.states and self.states[-1][0] == is_up and why in self.states[-1][1],
                PATIENCE_S,
            )
        assert came, f"{is_up} {why!r} is not in {self.states}"
        return self.states[-1][1]

    def batches(self, count: int) -> Iterator[Batch]:
        """Until `count` messages have come; AssertionError if they do not."""
        got = 0
        while got < count:
            batch = self.subscriber.take(2000, PATIENCE_S)
            assert batch, f"{got} of {count} messages came"
            got += len(batch.messages)
            yield batch

    def receive(self, count: int, *, ack: bool = True) -> list[Message]:
        messages: list[Message] = []
        for batch in self.batches(count):
            messages += batch.messages
            if ack:
                self.subscriber.ack(batch)
        return messages


def payloads(messages: list[Message]) -> list[bytes]:
    return [message[1] for message in messages]


def numbers(messages: list[Message]) -> list[int]:
    return [int(payload) for payload in payloads(messages)]


@pytest.fixture
def no_thread_is_left() -> Iterator[None]:
    yield
    assert not [t.name for t in threading.enumerate() if t.name.startswith("mqtt-")]


@pytest.fixture
def listen(no_thread_is_left: None) -> Iterator[Callable[..., Listener]]:
    """listen(url, start=True, **options) -> Listener; options of MqttSettings and of Subscriber."""
    with ExitStack() as stack:

        def make(url: str, *, start: bool = True, **settings: Any) -> Listener:
            own = ("inbox_limit", "inbox_bytes", "echo", "filters")
            options = {name: settings.pop(name) for name in own if name in settings}
            listener = Listener(MqttSettings(url=url, **settings), **options)
            stack.callback(listener.subscriber.stop)
            return listener.start() if start else listener

        yield make


@pytest.fixture
def publisher(no_thread_is_left: None) -> Iterator[Callable[..., Publisher]]:
    """publisher(url, **options) -> Publisher; options of MqttSettings and of Publisher."""
    with ExitStack() as stack:

        def make(url: str, **options: Any) -> Publisher:
            own = {k: options.pop(k) for k in ("will", "client_id", "on_state") if k in options}
            made = Publisher(MqttSettings(url=url, **options), **own)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(params=["batches", "plain"])
def reader_kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once with the fast reader, once as if this paho were a strange one."""
    if request.param == "plain":
        monkeypatch.setattr(reader, "find_fault", lambda: "as a test says")
    return str(request.param)


class HandmadeBroker:
    """Says what it is told to, whatever the client says: for what no real broker does on demand.

    `answers`: for each connection in turn, the bytes to send at its CONNECT and at its SUBSCRIBE.
    """

    def __init__(self, *answers: tuple[bytes, bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self._answers = answers
        self._open: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        for answers in self._answers:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(sock)
            for answer in answers:
                sock.recv(4096)
                sock.sendall(answer)

    def receive(self) -> bytes:
        """What the latest client sends next."""
        self._open[-1].settimeout(PATIENCE_S)
        return self._open[-1].recv(4096)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(PATIENCE_S)
        for sock in self._open:
            sock.close()


@pytest.fixture
def handmade() -> Iterator[Callable[..., HandmadeBroker]]:
    with ExitStack() as stack:

        def make(*answers: tuple[bytes, bytes]) -> HandmadeBroker:
            broker = HandmadeBroker(*answers)
            stack.callback(broker.close)
            return broker

        yield make


def eventually(is_so: Callable[[], object], within: float = PATIENCE_S) -> bool:
    until = time.monotonic() + within
    while not is_so():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
