"""What the benches read off the machine and how they print: CPU and memory of process trees,
children that never outlive us, tables as text, markdown and JSON."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_STOP_S: Final = 20.0


class BenchError(Exception):
    """A run that gave no figure: a process died, or readings were lost. The text is the report."""


# CPU and memory -----------------------------------------------------------------------------


def cpu_seconds(root: int, without: frozenset[int] = frozenset()) -> float:
    """User and system time of a process, its descendants, and those of them already reaped.

    Good to 1 / SC_CLK_TCK a process. `without` names live descendants that do not count.
    """
    return sum(_spent(pid) for pid in _tree(root) if pid not in without) / _TICKS


def rss_mib(root: int) -> float:
    """Resident memory of a process and its descendants; what they share counts in each."""
    return sum(_resident(pid) for pid in _tree(root)) * _PAGE / 2**20


def _stat(pid: int | str) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on: the second may hold blanks."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return None


def _tree(root: int) -> set[int]:
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (fields := _stat(entry)):
            children.setdefault(int(fields[1]), []).append(int(entry))
    found, todo = set(), [root]
    while todo:
        pid = todo.pop()
        found.add(pid)
        todo += children.get(pid, [])
    return found


def _spent(pid: int) -> int:
    fields = _stat(pid)
    return sum(int(field) for field in fields[11:15]) if fields else 0


def _resident(pid: int) -> int:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


# processes ----------------------------------------------------------------------------------


@contextmanager
def running(
    command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A child in a session of its own, so that Ctrl-C reaches it through us, in our order.

    Both of its outputs go to `log`; it and all it started are gone afterwards.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> int:
    """SIGTERM to the whole session, SIGKILL to what is left of it; return the exit status."""
    if process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        _signal_group(process.pid, signal.SIGKILL)
    return process.wait()


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def turn_sigterm_into_exit() -> None:
    """So that a kill unwinds the stack, and with it every process and folder of ours."""

    def leave(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def wait_until(what: str, is_true: Callable[[], bool], timeout: float, every: float = 0.02) -> None:
    """Raise BenchError, naming what was waited for, after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not is_true():
        if time.monotonic() > deadline:
            raise BenchError(f"waited {timeout:.0f} s in vain: {what}")
        time.sleep(every)


def tail(log: Path, lines: int = 15) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def first_line(*command: str | Path) -> str:
    """Of what a program prints, its version for example; empty where it does not run."""
    with suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True)
        return next(iter((done.stdout or done.stderr).splitlines()), "")
    return ""


def description() -> str:
    """The machine in a line."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE / 2**30
    return f"{len(os.sched_getaffinity(0))} cores ({model}), {memory:.0f} GiB"


# results ------------------------------------------------------------------------------------


def spread(values: Sequence[float], digits: int = 0) -> str:
    """The median, and in brackets the least and the greatest where there were several."""
    if not values:
        return "-"
    middle = f"{median(values):,.{digits}f}"
    if len(values) == 1:
        return middle
    return f"{middle} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells are printed as they are; all columns but the first are set to the right."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def beside(self, other: "Table") -> "Table":
        """This one's rows, each with what `other` has in the row of the same first cell."""
        more = {first: rest for first, *rest in other.rows}
        none = ["-"] * (len(other.header) - 1)
        return Table(
            f"{self.title}; {other.title}",
            [*self.header, *other.header[1:]],
            [[*row, *more.get(row[0], none)] for row in self.rows],
        )

    def text(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.header))]
        ruled = [self.header, ["-" * width for width in widths], *self.rows]
        body = ["  ".join(_set(line, widths)).rstrip() for line in ruled]
        return "\n".join([self.title, *body])

    def markdown(self) -> str:
        rule = ["---", *["---:"] * (len(self.header) - 1)]
        lines = [self.header, rule, *self.rows]
        body = ["| " + " | ".join(_escape(cell) for cell in line) + " |" for line in lines]
        return "\n".join([f"**{self.title}**", "", *body])


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")


def _set(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *rest = zip(line, widths, strict=True)
    return [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
