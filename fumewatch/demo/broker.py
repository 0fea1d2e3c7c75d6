"""An embedded MQTT broker (rumqttd, from the iotcore wheel) for the demo and for quick looks.

What it does, tried with iotcore 0.4.0: MQTT 5 on loopback, QoS 1 both ways, sessions that outlive
their connection (un-acked messages come again, in order; messages for a client that is away
wait), retained messages, last wills, client take-over.

What it does not, tried as well; none of it matters to the demo, all of it to a real service, which
wants mosquitto or its like:
- nothing is on disk: its end forgets every session and retained message;
- at most 100 messages stand un-acked at one client, whatever receive maximum that client asks for;
- a subscription of QoS 1 gets 100 retained messages at most (QoS 0: all of them);
- redelivered messages do not carry the dup flag, session expiry is not obeyed (it keeps sessions);
- a subscriber that falls behind by more than _SEGMENTS × _SEGMENT_BYTES loses the oldest;
- keepalive 0 is refused, and so is MQTT 3.1.1 on this listener.
"""

import importlib.util
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final, Self

from fumewatch.demo import child

_SEGMENT_BYTES: Final = 10 * 1024 * 1024
_SEGMENTS: Final = 10
_START_SECONDS: Final = 15.0
_CONFIG: Final = """\
id = 0

[router]
id = 0
max_connections = 2000
max_outgoing_packet_count = 1000
max_segment_size = {segment_bytes}
max_segment_count = {segments}

[v5.1]
name = "v5-1"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1

[v5.1.connections]
connection_timeout_ms = 5000
max_payload_size = 1048576
max_inflight_count = 1000
"""


class BrokerError(Exception):
    """The broker did not start; the text ends with its log."""


def is_installed() -> bool:
    return importlib.util.find_spec("iotcore") is not None


class Broker:
    """`start`, `url`, `stop`; also a context manager. `folder` takes its settings and its log.

    rumqttd cannot be stopped within a process, so it has one of its own, which ends when ours does.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Return when it accepts connections, on the same port if it was stopped before.

        Raise BrokerError if it does not come up.
        """
        self._port = self._port or _free_port()
        config = self._folder / "broker.toml"
        text = _CONFIG.format(port=self._port, segment_bytes=_SEGMENT_BYTES, segments=_SEGMENTS)
        config.write_text(text)
        argv = [sys.executable, "-m", "fumewatch.demo.broker", str(config)]
        self._process = child.spawn(argv, self._log)
        try:
            self._wait_until_up(self._process)
        except BrokerError:
            self.stop()
            raise

    def stop(self) -> None:
        if self._process:
            child.stop(self._process, patience=5)
            self._process = None

    @property
    def _log(self) -> Path:
        return self._folder / "broker.log"

    def _wait_until_up(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            if _accepts(self._port):
                return
            time.sleep(0.05)
        log = self._log.read_text(errors="replace")[-2000:]
        raise BrokerError(f"the embedded broker does not start\n{log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0


def _serve(config: str) -> None:
    """The broker's own process: runs until it is told to stop or its parent is gone."""
    from iotcore import IotCoreBroker

    logging.basicConfig(level=logging.WARNING)
    # rumqttd opens an error-level span for each packet; only its real end is worth a line.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    threading.Thread(target=_end_with_parent, name="parent-watch", daemon=True).start()
    IotCoreBroker(config_path=config).run_forever()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()  # returns when the other end closes
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
