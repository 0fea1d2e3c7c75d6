"""The embedded broker: what the demo relies on, and that it leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fumewatch.demo.broker import Broker, BrokerError, is_installed
from fumewatch.demo.sender import Sender, Will
from fumewatch.mqtt.settings import MqttSettings
from tests.demo.listener import listening, wait_for

pytestmark = pytest.mark.skipif(not is_installed(), reason="the extra `embedded` is not installed")

STATUS, READING = "fume/x/m1/status", "fume/x/m1/up"


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path) as broker:
        yield broker


def sender(broker: Broker, will: Will | None = None) -> Sender:
    return Sender(MqttSettings(url=broker.url), "test", will)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_it_listens_on_loopback_and_is_gone_after_stop(tmp_path: Path) -> None:
    threads = threading.active_count()
    with Broker(tmp_path) as broker:
        port, pid = int(broker.url.rpartition(":")[2]), broker.pid
        assert broker.url.startswith("mqtt://127.0.0.1:")
        assert is_alive(pid)
    assert not is_alive(pid)
    assert threading.active_count() == threads
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))


def test_it_keeps_what_a_subscriber_did_not_ack(embedded: Broker) -> None:
    """Our subscriber's case: it acks after the commit, and dies before."""
    stop = threading.Event()
    with listening(embedded.url, "fume/+/+/up", manual_ack=True) as first:
        source = sender(embedded)
        for n in range(50):
            source.send(READING, b"%d" % n, stop)
        assert source.settle(10)
        wait_for(lambda: len(first.messages) == 50)
    with listening(embedded.url, "fume/+/+/up") as second:
        wait_for(lambda: len(second.messages) == 50)
    assert [m.payload for m in second.messages] == [b"%d" % n for n in range(50)]
    source.close()


def test_it_keeps_what_came_while_a_subscriber_was_away(embedded: Broker) -> None:
    with listening(embedded.url, "fume/+/+/up"):
        pass
    source = sender(embedded)
    for n in range(300):
        source.send(READING, b"%d" % n, threading.Event())
    assert source.settle(10)
    with listening(embedded.url, "fume/+/+/up") as back:
        wait_for(lambda: len(back.messages) == 300)
    source.close()


def test_status_is_retained_and_the_will_is_told(embedded: Broker) -> None:
    monitor = sender(embedded, Will(STATUS, b"offline"))
    monitor.send(STATUS, b"online", threading.Event(), retain=True)
    assert monitor.settle(10)
    with listening(embedded.url, "fume/+/+/status") as heard:
        wait_for(lambda: [m.payload for m in heard.messages] == [b"online"])
        assert heard.messages[0].retain
        monitor.cut()
        wait_for(lambda: [m.payload for m in heard.messages] == [b"online", b"offline"])
    with listening(embedded.url, "fume/+/+/status", name="late") as late:
        wait_for(lambda: [m.payload for m in late.messages] == [b"offline"])


def test_it_takes_large_messages(embedded: Broker) -> None:
    with listening(embedded.url, "fume/+/+/up") as heard:
        source = sender(embedded)
        source.send(READING, b"x" * 250_000, threading.Event())
        wait_for(lambda: [len(m.payload) for m in heard.messages] == [250_000])
        source.close()


def test_it_dies_with_its_parent(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from fumewatch.demo.broker import Broker\n"
        "broker = Broker(Path(sys.argv[1])); broker.start(); print(broker.pid, flush=True)\n"
        "time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    wait_for(lambda: not is_alive(pid))


def test_a_broker_that_cannot_start_says_why(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    (tmp_path / "broker.toml").mkdir()  # its settings cannot be written
    with pytest.raises((BrokerError, OSError)):
        broker.start()


def test_senders_survive_its_restart(embedded: Broker) -> None:
    """Nothing acked is lost for the sender; the listener's session is, with the broker's memory."""
    stop = threading.Event()
    with listening(embedded.url, "fume/+/+/up") as heard:
        source = sender(embedded)
        for n in range(20):
            source.send(READING, b"%d" % n, stop)
        assert source.settle(10)
        wait_for(lambda: len({m.payload for m in heard.messages}) == 20)  # acked is not heard yet
        embedded.stop()
        for n in range(20, 40):
            source.send(READING, b"%d" % n, stop)
        time.sleep(0.2)
        embedded.start()
        wait_for(lambda: source.confirmed == 40)
        source.close()
