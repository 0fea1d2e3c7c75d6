"""The daemon, as shipped: the rules, limits and receivers of config.example.toml, a webhook added.

Its monitors are imported from a sites.csv, so that each is judged against a limit.
"""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx2
import tomlkit

from fumewatch.config import example, load
from tests.bench import history
from tests.bench.machine import BenchError, running, tail, wait_until
from tests.bench.peers.contender import Contender, Scene
from tests.fixtures.broker import free_port

EXAMPLE: Final = example.path()
FUMEWATCH: Final = (sys.executable, "-m", "fumewatch.cli")
PROFILE: Final = "DB31/844-2014"
STREETS: Final = 20
_READY_S: Final = 60.0


def sites_csv(district: str, monitors: Iterable[str]) -> str:
    """One restaurant with one outlet a monitor, open around the clock, spread over the streets."""
    text = io.StringIO()
    names = ("district", "street", "site_code", "site", "business_hours", "limit_profile")
    writer = csv.writer(text)
    writer.writerow((*names, "monitor"))
    for i, code in enumerate(monitors):
        street = f"street {i % STREETS + 1}"
        row = (district, street, f"s-{code}", f"restaurant {code}", "00:00-24:00", PROFILE, code)
        writer.writerow(row)
    return text.getvalue()


def write_config(
    folder: Path, database_url: str, broker_url: str, webhook: str | None = None
) -> tuple[Path, int]:
    """The example with this run's addresses, and the port of its pages."""
    document: dict[str, Any] = tomlkit.parse(EXAMPLE.read_text()).unwrap()
    port = free_port()
    document["mqtt"]["url"] = broker_url
    document["database"]["url"] = database_url
    document["web"]["listen"] = f"127.0.0.1:{port}"
    if webhook:
        document["receiver"].insert(0, {"name": "sink", "kind": "webhook", "url": webhook})
        document["route"].insert(0, {"receiver": "sink", "continue": True})
    path = folder / "config.toml"
    path.write_text(tomlkit.dumps(document))
    return path, port


def fill(folder: Path, sites: str) -> Callable[[str], None]:
    """Of a template database: its schema and the sites, as an administrator would make them."""

    def make(url: str) -> None:
        config, _ = write_config(folder, url, "mqtt://127.0.0.1:1")
        (folder / "sites.csv").write_text(sites)
        _command("migrate", "--config", config)
        _command("sites", "import", folder / "sites.csv", "--config", config)

    return make


def _command(*words: str | Path) -> None:
    command = [*FUMEWATCH, *(str(word) for word in words)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"{' '.join(command)}:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")


@contextmanager
def daemon(scene: Scene, webhook: str | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Yield once /readyz says so. $FUMEWATCH_RUN may put a profiler before the interpreter.

    The store has an hour of every monitor, so windows are full and the rules have work.
    """
    history.fill(scene.database_url, datetime.now(UTC))
    with serving(scene, webhook) as process:
        yield process


@contextmanager
def serving(
    scene: Scene, webhook: str | None = None, within: float = _READY_S
) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon on whatever the store has; `within` seconds /readyz must say so."""
    config, port = write_config(scene.folder, scene.database_url, scene.broker_url, webhook)
    before = os.environ.get("FUMEWATCH_RUN", "").split()
    with running([*before, *FUMEWATCH, "run", "--config", config], scene.log) as process:

        def ready() -> bool:
            if process.poll() is not None:
                raise BenchError(f"fumewatch ended:\n{tail(scene.log)}")
            try:
                return httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
            except httpx2.TransportError:
                return False

        wait_until(f"/readyz\n{tail(scene.log)}", ready, within, every=0.1)
        yield process


def contender(template: str) -> Contender:
    return Contender(
        name="fumewatch",
        title="**fumewatch**",
        judged=f"{len(load(EXAMPLE, {}).rule)} rules",
        template=template,
        table="reading",
        launch=daemon,
        again=serving,
    )
