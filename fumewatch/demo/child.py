"""Processes the demo starts, and the keeper that cleans up should the demo be killed.

Every child leads a session of its own: Ctrl-C reaches the demo alone, which stops them in order.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, Self

_PATIENCE: Final = 5.0
"""Seconds that the orphans of a killed demo get in all. Their database is going too: there is
nothing that they could save."""


def spawn(
    argv: Sequence[str], log: Path, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start it with both outputs appended to `log`; a pipe is its stdin, closed when we die."""
    with log.open("ab") as output:
        return subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=env,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], patience: float) -> int:
    """End it with SIGTERM, after `patience` seconds with SIGKILL; return its exit code."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    if process.stdin:
        process.stdin.close()
    return process.wait()


class Keeper:
    """A small process that outlives a killed demo, ends its children and removes its folder.

    After a clean end there is nothing left for it to do: `close` dismisses it.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fumewatch.demo.child", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def mind(self, pid: int) -> None:
        """End this process too if we die."""
        self._tell(f"{pid}\n")

    def close(self) -> None:
        self._tell("dismissed\n")
        self._process.communicate()

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # somebody killed the keeper; the demo can do without
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


def _keep(folder: Path, told: IO[str]) -> None:
    """Listen until the demo's end of the pipe closes; clean up unless it dismissed us before."""
    pids = []
    for line in told:
        if line == "dismissed\n":
            return
        pids.append(int(line))
    _end(pids, time.monotonic() + _PATIENCE)
    shutil.rmtree(folder, ignore_errors=True)


def _end(pids: list[int], deadline: float) -> None:
    """In reverse order of their start; each may use what was started before it until it is gone."""
    for pid in reversed(pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), sys.stdin)
