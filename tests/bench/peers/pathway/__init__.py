"""Pathway, twice: as it comes, and with persistence, which acks what it has on disk.

It comes by pip into a virtual environment of its own in .bench/, once: some 1.6 GB.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.bench.machine import running
from tests.bench.peers.contender import Contender, Scene, Skipped
from tests.bench.peers.others import PEER_DATABASE

HERE: Final = Path(__file__).parent
INSTALLED: Final = HERE.parents[3] / ".bench" / "pathway"
PACKAGE: Final = "pathway==0.33.0"
_DONE: Final = INSTALLED / "installed"
_INSTALL_S: Final = 900


def install() -> None:
    """Do nothing where it is there already; raise Skipped where it cannot be had."""
    if _DONE.exists():
        return
    shutil.rmtree(INSTALLED, ignore_errors=True)
    python = INSTALLED / "bin" / "python"
    commands = (
        [sys.executable, "-m", "venv", INSTALLED],
        [python, "-m", "pip", "install", "--quiet", PACKAGE],
        [python, "-c", "import pathway"],
    )
    for command in commands:
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S)
        except subprocess.TimeoutExpired as error:
            raise Skipped(f"pip took more than {_INSTALL_S} s") from error
        if done.returncode:
            raise Skipped(f"pip could not install {PACKAGE}")
    _DONE.touch()


@contextmanager
def _run(scene: Scene, *kept: Path) -> Iterator[subprocess.Popen[bytes]]:
    install()
    libpq = scene.libpq()
    database = {
        "host": libpq["PGHOST"],
        "port": libpq["PGPORT"],
        "user": libpq["PGUSER"],
        "dbname": libpq["PGDATABASE"],
    }
    program = HERE / "pipeline.py"
    command = [INSTALLED / "bin" / "python", program, str(scene.broker_port), json.dumps(database)]
    with running([*command, *kept], scene.log) as process:
        yield process


@contextmanager
def _kept(scene: Scene) -> Iterator[subprocess.Popen[bytes]]:
    with _run(scene, scene.folder / "kept") as process:
        yield process


PATHWAY: Final = Contender(
    name="pathway",
    title="(e) Pathway, as it comes",
    judged="no",
    template=PEER_DATABASE,
    table="pathway_reading",
    launch=_run,
)
PATHWAY_KEPT: Final = Contender(
    name="pathway_kept",
    title="(f) Pathway with persistence",
    judged="no",
    template=PEER_DATABASE,
    table="pathway_reading",
    launch=_kept,
)
