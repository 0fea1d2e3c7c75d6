"""`fumewatch demo` as people start it: real counts, nothing left behind, however it ends."""

import json
import os
import re
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import fumewatch
from fumewatch.demo.run import missing
from tests.demo.listener import wait_for

pytestmark = [
    pytest.mark.skipif(bool(missing()), reason="the extra `embedded` is not installed"),
    pytest.mark.skipif(sys.platform != "linux", reason="looks for left-over processes in /proc"),
]

NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
ROOTS_PYTHON = sys.executable
SYSTEMS_PYTHON = f"/usr/bin/python3.{sys.version_info.minor}"
"""A virtual environment of root's may rest on an interpreter in root's home."""


PACKAGES = os.pathsep.join([site.getsitepackages()[0], str(Path(fumewatch.__file__).parents[1])])


@dataclass
class Stage:
    """Where a demo runs: its temporary files in one folder, its processes with one mark."""

    folder: Path
    mark: str

    def start(
        self, *arguments: str, user: tuple[str, ...] = (), python: str = ROOTS_PYTHON
    ) -> subprocess.Popen[str]:
        command = [*user, python, "-m", "fumewatch.cli", "demo", *arguments]
        ours = {k: v for k, v in os.environ.items() if not k.startswith(("FUMEWATCH_", "PYTEST"))}
        environment = {**ours, "TMPDIR": str(self.folder), "DEMO_MARK": self.mark, "HOME": "/"}
        if python != ROOTS_PYTHON:
            environment["PYTHONPATH"] = PACKAGES
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd="/",
        )

    def processes(self) -> list[str]:
        """Command lines of all that carry the mark."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return found

    def is_clean(self) -> bool:
        return not self.processes() and not list(self.folder.iterdir())


@pytest.fixture
def stage() -> Iterator[Stage]:
    with a_stage() as stage:
        yield stage


@contextmanager
def a_stage() -> Iterator[Stage]:
    # Not pytest's tmp_path: root's is closed to the users that the demo and PostgreSQL run as.
    folder = Path(tempfile.mkdtemp(prefix="fwt-", dir="/tmp"))
    folder.chmod(0o1777)
    yield Stage(folder, uuid.uuid4().hex)
    shutil.rmtree(folder, ignore_errors=True)


def assert_real(found: dict[str, Any], monitors: int) -> None:
    """The counts of a demo that worked."""
    history = monitors * 180
    assert history * 0.8 < found["readings_stored"] <= found["readings_sent"]
    assert found["monitors"] == monitors
    assert found["alerts_fired"] >= monitors // 20
    assert found["messages_delivered"] >= found["alerts_fired"]
    assert 0 < found["webhook_messages"] <= found["messages_delivered"]
    assert found["dead_letters"] == found["malformed_sent"] > 0
    assert found["messages_failed"] == 0
    assert found["page"].startswith("http://127.0.0.1:")
    assert found["escalations"] <= found["alerts_told"] <= found["alerts_fired"]
    if found["seconds_to_first_alert"] < 25:  # else the end may come before people are told
        assert 0 < found["notices_to_people"] < found["messages_delivered"]
        assert found["alerts_told"] > 0
        assert found["alerts_acknowledged"] == 1
    # On a machine that does nothing else, 20 s from the start; here other tests run beside.
    assert found["seconds_to_first_alert"] - found["seconds_to_page"] <= 15


def test_a_whole_run_while_another_is_killed(stage: Stage) -> None:
    """The killed one leaves nothing, and the other goes on as if it had been alone."""
    began = time.monotonic()
    with stage.start("--for", "40s", "--json") as demo:
        assert demo.stderr
        any("people were told" in line for line in demo.stderr)
        with a_stage() as beside:
            kill_one(beside)
        output, complaints = demo.communicate(timeout=110)
    assert demo.returncode == 0, complaints
    found = json.loads(output)  # one object and nothing else
    assert_real(found, monitors=200)
    assert found["alerts_fired"] > 0  # none need resolve: a minute is judged when it is over
    assert 39 <= found["seconds"] <= time.monotonic() - began <= 90
    assert stage.is_clean()


def python_for_nobody() -> str | None:
    """One that nobody can run, and that can start itself again."""
    again = "import fumewatch.app, subprocess, sys; subprocess.run([sys.executable, '-c', ''])"
    for python in (ROOTS_PYTHON, SYSTEMS_PYTHON):
        environment = {**os.environ, "PYTHONPATH": PACKAGES}
        probe = [*NOBODY, python, "-c", again]
        if not subprocess.run(probe, capture_output=True, cwd="/", env=environment).returncode:
            return python
    return None


def page_of(demo: subprocess.Popen[str]) -> str:
    assert demo.stderr
    for line in demo.stderr:
        if "page: " in line:
            return line.rpartition("page: ")[2].strip()
    raise AssertionError(f"no page; the demo ended with {demo.wait()}")


@pytest.mark.soak
def test_it_stops_when_told(stage: Stage) -> None:
    with stage.start("--json", "--monitors", "20") as demo:
        with urllib.request.urlopen(page_of(demo)) as page:
            assert page.status == 200
        time.sleep(2)
        assert told(demo, signal.SIGINT)["readings_stored"] > 0
    assert stage.is_clean()


@pytest.mark.soak
def test_a_normal_users_works_and_stops_with_its_terminal(stage: Stage) -> None:
    """Where we are one, or nobody may not read this environment, it is ours."""
    python = python_for_nobody() if os.geteuid() == 0 else None
    who = {"user": NOBODY, "python": python} if python else {}
    with stage.start("--json", "--monitors", "40", **who) as demo:
        assert demo.stderr
        assert any(re.search("[1-9][0-9]* alerts fired", line) for line in demo.stderr)
        assert told(demo, signal.SIGHUP)["alerts_fired"] > 0
    assert stage.is_clean()


def told(demo: subprocess.Popen[str], how: signal.Signals) -> Any:
    """What it sums up once it has been told to stop, which must be soon."""
    began = time.monotonic()
    demo.send_signal(how)
    output, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 0, complaints
    assert time.monotonic() - began < 15
    return json.loads(output)


def kill_one(stage: Stage) -> None:
    with stage.start("--monitors", "20") as demo:
        page_of(demo)
        assert len(stage.processes()) > 4
        demo.kill()
    wait_for(stage.is_clean, patience_s=20)


@pytest.mark.soak
def test_stopped_while_it_starts(stage: Stage) -> None:
    with stage.start("--monitors", "20") as demo:
        assert demo.stderr
        next(line for line in demo.stderr if "PostgreSQL" in line)
        demo.send_signal(signal.SIGINT)
        _, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert "stopped before it was up" in complaints
    assert stage.is_clean()


def test_a_port_that_is_taken_is_named(stage: Stage) -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with stage.start("--monitors", "5", "--port", port) as demo:
            _, complaints = demo.communicate(timeout=60)
    assert demo.returncode == 1
    assert port in complaints
    assert "Traceback" not in complaints
    assert stage.is_clean()
