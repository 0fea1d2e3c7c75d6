"""The floor in C and the two paho programs."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.machine import running
from tests.bench.peers.contender import Contender, Scene

HERE: Final = Path(__file__).parent
PEER_DATABASE: Final = "peer"
"""The template with schema.sql in it."""

# The shell stays, so that both programs' times can still be read from it after they are done. Asked
# to stop, mosquitto_sub ends, and psql commits what it was given until then.
_FLOOR: Final = """
trap 'stop=1' TERM
mosquitto_sub -p {port} -V 5 -c -x 3600 -i floor -q 1 -t 'fume/+/+/up' -C {count} |
    (trap '' TERM; exec psql -q -d '{url}' -c 'copy peer_payload from stdin')
[ "$stop" ] || sleep infinity
"""


@contextmanager
def _floor(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    script = _FLOOR.format(port=scene.broker_port, count=scene.readings, url=scene.database_url)
    with running(["sh", "-c", script], scene.log) as process:
        yield process


@contextmanager
def _stock(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    program = HERE / "stock_paho.py"
    command = [sys.executable, str(program), str(scene.broker_port), str(scene.readings)]
    with running(command, scene.log) as process:
        yield process


@contextmanager
def _batched(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    program = HERE / "batched_paho.py"
    command = [sys.executable, str(program), str(scene.broker_port), scene.database_url]
    with running(command, scene.log) as process:
        yield process


FLOOR: Final = Contender(
    name="floor",
    title="(a) mosquitto_sub | psql COPY, raw lines",
    judged="no",
    template=PEER_DATABASE,
    table="peer_payload",
    launch=_floor,
    measured_at="(payload::json->>'measured_at')::timestamptz",
)
STOCK: Final = Contender(
    name="paho",
    title="(b) paho, empty callback",
    judged="no",
    template=PEER_DATABASE,
    table=None,
    launch=_stock,
)
BATCHED: Final = Contender(
    name="paho_batch",
    title="(c) paho + executemany in batches",
    judged="no",
    template=PEER_DATABASE,
    table="peer_reading",
    launch=_batched,
)
