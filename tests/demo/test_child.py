"""A killed demo's processes and folder go with it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fumewatch.demo import child
from tests.demo.listener import wait_for
from tests.demo.test_broker import is_alive

PROGRAM = """
import signal, sys, time
from pathlib import Path
from fumewatch.demo import child
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs us under nohup ignores it
folder = Path(sys.argv[1])
keeper = child.Keeper(folder)
pids = []
for code in ("import time; time.sleep(60)", *sys.argv[2:]):
    process = child.spawn([sys.executable, "-c", code], folder / "log")
    keeper.mind(process.pid)
    pids.append(process.pid)
print(keeper._process.pid, *pids, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "how",
    [
        signal.SIGKILL,
        pytest.param(signal.SIGTERM, marks=pytest.mark.soak),
        pytest.param(signal.SIGHUP, marks=pytest.mark.soak),
    ],
)
def test_the_keeper_cleans_up(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    command = [sys.executable, "-c", PROGRAM, str(folder), "import time; time.sleep(60)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert all(is_alive(pid) for pid in pids)
        os.kill(parent.pid, how)
    wait_for(lambda: not any(is_alive(pid) for pid in pids))
    assert not folder.exists()


def test_a_dismissed_keeper_touches_nothing(tmp_path: Path) -> None:
    with child.Keeper(tmp_path) as keeper:
        keeper.mind(os.getpid())
    assert tmp_path.exists()
    assert keeper._process.returncode == 0


SLEEP = "import signal, time; {}; print('up', flush=True); time.sleep(60)"
OBEYS = SLEEP.format("pass")
DRAINS = SLEEP.format("signal.signal(15, lambda *_: exit(0))")
RESISTS = SLEEP.format("signal.signal(15, signal.SIG_IGN)")
FAILS = "print('up', flush=True); raise SystemExit(3)"


@pytest.mark.parametrize(
    ("code", "patience", "ends_with"),
    [
        (OBEYS, 10, -signal.SIGTERM),
        (DRAINS, 10, 0),
        (RESISTS, 0.3, -signal.SIGKILL),
        (FAILS, 10, 3),
    ],
)
def test_stop(tmp_path: Path, code: str, patience: float, ends_with: int) -> None:
    log = tmp_path / "log"
    process = child.spawn([sys.executable, "-c", code], log)
    wait_for(lambda: log.exists() and log.read_text() == "up\n")
    if code is FAILS:
        process.wait(10)
    assert child.stop(process, patience) == ends_with
