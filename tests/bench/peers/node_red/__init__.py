"""Node-RED in batches: MQTT in, one function node that collects and inserts.

Node-RED and its PostgreSQL client come by npm into .bench/, once. The function node's code is in
open.js and store.js; flow.json names them.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.machine import running
from tests.bench.peers.contender import Contender, Scene, Skipped
from tests.bench.peers.others import PEER_DATABASE

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parents[3] / ".bench" / "node-red"
PACKAGES: Final = ("node-red@4", "pg@8")
_INSTALL_S: Final = 600


def install() -> None:
    """Do nothing where it is there already; raise Skipped where it cannot be had."""
    if (INSTALLED / "node_modules" / ".bin" / "node-red").exists():
        return
    npm = shutil.which("npm")
    if not npm:
        raise Skipped("npm is not installed")
    INSTALLED.mkdir(parents=True, exist_ok=True)
    command = [npm, "install", "--prefix", INSTALLED, "--no-audit", "--no-fund", *PACKAGES]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S)
    except subprocess.TimeoutExpired as error:
        raise Skipped(f"npm took more than {_INSTALL_S} s") from error
    if done.returncode:
        raise Skipped(f"npm could not install {' '.join(PACKAGES)}")


def _flow() -> list[dict[str, object]]:
    flow: list[dict[str, object]] = json.loads((HERE / "flow.json").read_text())
    for node in flow:
        if node["type"] == "function":
            node["initialize"] = (HERE / "open.js").read_text()
            node["func"] = (HERE / "store.js").read_text()
    return flow


@contextmanager
def _launch(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    install()
    home = scene.folder / "node-red"
    home.mkdir(exist_ok=True)
    (home / "flows.json").write_text(json.dumps(_flow()))
    settings = home / "settings.js"
    shutil.copy(HERE / "settings.js", settings)
    program = INSTALLED / "node_modules" / "node-red" / "red.js"
    command = ["node", program, "--userDir", home, "--settings", settings, home / "flows.json"]
    env = {
        **scene.libpq(),
        "MQTT_PORT": str(scene.broker_port),
        "PORT": "0",
        "NODE_PATH": str(INSTALLED / "node_modules"),
    }
    with running(command, scene.log, env) as process:
        yield process


NODE_RED: Final = Contender(
    name="node_red",
    title="(d) Node-RED in batches",
    judged="no",
    template=PEER_DATABASE,
    table="peer_reading",
    launch=_launch,
)
