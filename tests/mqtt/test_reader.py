"""The fast reader is used only with a paho it understands."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from paho.mqtt.client import Client

from fumewatch.mqtt import reader
from fumewatch.mqtt.reader import BatchClient, PlainClient, choose_client, find_fault


def test_this_paho_is_understood() -> None:
    assert find_fault() is None
    assert choose_client() is BatchClient


def gone(_: Any) -> None:
    raise AttributeError


def _without(name: str) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.delattr(Client, name)


def _as(name: str, function: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(Client, name, function)


def _other_in_packet(patch: pytest.MonkeyPatch) -> None:
    init = Client.__init__

    def changed(self: Client, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        self._in_packet = object()  # type: ignore[assignment]

    patch.setattr(Client, "__init__", changed)


def _socket_elsewhere(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Client, "_sock_recv", lambda self, size: self._connection.recv(size))


def _packet_of_two_arguments(self: Client, command: int, packet: bytes) -> int:
    return 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_without("_sock_recv"), id="_sock_recv is gone"),
        pytest.param(_socket_elsewhere, id="the socket is elsewhere"),
        pytest.param(_as("_sock_recv", lambda self: b""), id="_sock_recv without a size"),
        pytest.param(_as("_sock_recv", lambda *_: ""), id="_sock_recv gives text"),
        pytest.param(_without("_packet_handle"), id="_packet_handle is gone"),
        pytest.param(_as("_packet_handle", lambda self: 0), id="_packet_handle does nothing"),
        pytest.param(_as("_packet_handle", lambda self, a: 0), id="_packet_handle wants more"),
        pytest.param(_other_in_packet, id="_in_packet is no dict"),
        pytest.param(_without("_packet_queue"), id="_packet_queue is gone"),
        pytest.param(_as("_packet_queue", _packet_of_two_arguments), id="_packet_queue wants less"),
        pytest.param(_as("_packet_queue", lambda *_: 0), id="_packet_queue sends nothing"),
        pytest.param(_without("_loop_rc_handle"), id="_loop_rc_handle is gone"),
        pytest.param(_as("_loop_rc_handle", lambda *_: 0), id="_loop_rc_handle closes nothing"),
    ],
)
def test_a_paho_that_changed_is_noticed(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None]
) -> None:
    change(monkeypatch)
    assert find_fault()
    assert choose_client() is PlainClient


def test_a_client_closes_its_connection_on_bytes_that_are_not_mqtt() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        client = BatchClient("c", 5, clean=True, receive=lambda *_: None, max_message=100)
        client._sock = ours
        ours.setblocking(False)
        theirs.sendall(b"\x90\xff\xff\xff\xff\xff")
        client.loop_read()
        assert client.socket() is None
        assert client.failure == "protocol error: a length of more than four bytes"


def test_the_trial_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    pair = socket.socketpair

    def remembered() -> tuple[socket.socket, socket.socket]:
        made.extend(both := pair())
        return both

    monkeypatch.setattr(reader.socket, "socketpair", remembered)
    assert find_fault() is None
    assert [sock.fileno() for sock in made] == [-1, -1]
