"""The whole daemon as a process of its own, on a real broker and a real database."""

import http.client
import json
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from fumewatch.mqtt import MqttSettings, Publisher
from tests.fixtures.broker import free_port
from tests.fixtures.forks import Fork, Forks

PATIENCE_S = 60.0

CONFIG = """
[mqtt]
url = "{broker}"
keepalive = "5s"
[database]
url = "{database}"
connect_timeout = "2s"
[evaluate]
lateness = "0s"
settle = "0s"
[web]
listen = "127.0.0.1:{port}"
[login]
required = false
[[limit]]
name = "DB31/844-2014"
fume = 1.0
[[rule]]
id = "exceedance"
kind = "threshold"
channel = "fume"
window = "10m"
above = "limit"
clear_below = "0.9 * limit"
severity = "warning"
when = {{ fan_on = true }}
[[receiver]]
name = "duty"
kind = "webhook"
url = "{sink}"
[[route]]
receiver = "duty"
"""


class Sink:
    """A webhook's far end: keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                sink.bodies.append(json.loads(body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/alerts"

    def states(self) -> list[str]:
        return [body["state"] for body in self.bodies]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Daemon:
    """`fumewatch run` with a config file; it may be killed and started again."""

    def __init__(self, config: Path, port: int, log: Path, forks: Forks) -> None:
        self.config = config
        self.url = f"http://127.0.0.1:{port}"
        self._log = log
        self._forks = forks
        self._process: Fork | None = None

    def start(self, *, ready: bool = True, first: dict[str, Any] | None = None) -> "Daemon":
        """`first`: see Forks.start."""
        self._process = self.command("run", out=self._log, err=self._log, first=first)
        if ready:
            until(self.is_ready, self.log)
        return self

    def command(
        self, *args: str, out: Path, err: Path, first: dict[str, Any] | None = None
    ) -> Fork:
        """Any command on the daemon's configuration; it runs."""
        given = (*args, "--config", str(self.config))
        return self._forks.start(*given, out=out, err=err, first=first)

    def ask(self, *args: str, timeout: float = PATIENCE_S) -> subprocess.CompletedProcess[str]:
        """Any command on the daemon's configuration; it has ended."""
        name = f"{self._log}.{uuid.uuid4().hex[:8]}"
        out, err = Path(f"{name}.out"), Path(f"{name}.err")
        code = self.command(*args, out=out, err=err).wait(timeout)
        return subprocess.CompletedProcess(args, code, out.read_text(), err.read_text())

    @property
    def process(self) -> Fork:
        assert self._process is not None
        return self._process

    def log(self) -> str:
        return self._log.read_text()

    def is_ready(self) -> bool:
        return self.get("/readyz")[0] == 200

    def get(self, path: str) -> tuple[int, str]:
        """Status and body; (0, "") while nobody listens, or who answers is killed meanwhile."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""

    def stop(self) -> int:
        """As systemd does."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def remove(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.kill()


class World:
    """Broker, database, sink, and as many daemons as a test wants."""

    def __init__(
        self, broker: Any, database_url: str, folder: Path, forks: Forks, stack: ExitStack
    ) -> None:
        self.broker = broker
        self._forks = forks
        self.database_url = database_url
        self.folder = folder
        self.sink = Sink()
        stack.callback(self.sink.close)
        self._stack = stack
        self._publisher = Publisher(MqttSettings(url=broker.url))
        stack.callback(self._publisher.stop)
        self._asks: psycopg.Connection[Any] | None = None
        stack.callback(self._hang_up)

    def daemon(self, *, more: str = "", **overrides: str) -> Daemon:
        """`more`: TOML to append to the configuration."""
        port = free_port()
        facts = {"broker": self.broker.url, "database": self.database_url, "sink": self.sink.url}
        text = CONFIG.format(port=port, **(facts | overrides))
        config = self.folder / f"config-{port}.toml"
        config.write_text(text + more)
        daemon = Daemon(config, port, self.folder / f"daemon-{port}.log", self._forks)
        self._stack.callback(daemon.remove)
        return daemon

    def publish(self, monitor: str, *readings: dict[str, Any], topic: str = "up") -> None:
        payload = json.dumps(list(readings))
        self._publisher.publish(f"fume/xuhui/{monitor}/{topic}", payload)

    def publish_raw(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        self._publisher.publish(topic, payload, retain=retain)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """On a connection that is kept: who waits asks twenty times a second."""
        if self._asks is not None:
            with suppress(psycopg.OperationalError):  # the server was restarted meanwhile
                return self._asks.execute(query).fetchall()
            self._hang_up()
        self._asks = psycopg.connect(self.database_url, autocommit=True, prepare_threshold=None)
        return self._asks.execute(query).fetchall()

    def _hang_up(self) -> None:
        if self._asks is not None:
            self._asks.close()
        self._asks = None

    def count(self, table: str) -> int:
        return self.rows(f"select count(*) from {table}")[0][0]

    def assign(self, *monitors: str) -> None:
        """Give monitors a site in the street 漕河泾街道 under Shanghai's limit."""
        with psycopg.connect(self.database_url) as conn:
            for i, code in enumerate(monitors):
                conn.execute(
                    "insert into site (code, name, district, street, address, business_hours)"
                    " values (%s, %s, 'xuhui', '漕河泾街道', '漕宝路 1 号', '00:00-24:00')",
                    (f"S{i}", f"老面馆{i}"),
                )
                conn.execute(
                    "insert into outlet (code, responsible_site, limit_profile)"
                    " select %s, id, 'DB31/844-2014' from site where code = %s",
                    (f"O{i}", f"S{i}"),
                )
                conn.execute(
                    "insert into outlet_site select o.id, s.id from outlet o, site s"
                    " where o.code = %s and s.code = %s",
                    (f"O{i}", f"S{i}"),
                )
                conn.execute(
                    "insert into monitor (district, code, outlet_id)"
                    " select 'xuhui', %s, id from outlet where code = %s",
                    (code, f"O{i}"),
                )


@pytest.fixture
def world(broker: Any, database_url: str, tmp_path: Path, forks: Forks) -> Iterator[World]:
    with ExitStack() as stack:
        yield World(broker, database_url, tmp_path, forks, stack)


def reading(minutes_ago: float = 0, fume: float = 0.4, **more: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=minutes_ago)
    return {"measured_at": at.isoformat(), "fume": fume, "fan_on": True, **more}


def exceeding(start: int = 9) -> list[dict[str, Any]]:
    """Ten fresh minutes above the limit of 1.0 mg/m³."""
    return [reading(ago, fume=1.5 + ago / 100) for ago in range(start, -1, -1)]


def until(
    is_true: Callable[[], Any], log: Callable[[], str] = lambda: "", seconds: float = PATIENCE_S
) -> None:
    end = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < end, f"waited {seconds} s in vain\n{log()[-4000:]}"
        time.sleep(0.05)
