"""The ruler is right: times of children count once, spread and tables say what was measured."""

import sys
import time
from pathlib import Path

import pytest

from tests.bench.machine import BenchError, Table, cpu_seconds, rss_mib, running, spread, wait_until

BURN = "import time\nwhile time.process_time() < 0.4: pass"


def test_cpu_counts_live_and_reaped_descendants(tmp_path: Path) -> None:
    script = f"'{sys.executable}' -c '{BURN}'; '{sys.executable}' -c '{BURN}\ntime.sleep(60)'"
    with running(["sh", "-c", script], tmp_path / "log") as process:
        wait_until("both have burnt", lambda: cpu_seconds(process.pid) > 0.7, 30)
        time.sleep(0.3)
        assert cpu_seconds(process.pid) < 2
        assert rss_mib(process.pid) > 5


def test_nothing_that_was_started_outlives_the_context(tmp_path: Path) -> None:
    with running(["sh", "-c", "sleep 61 & sleep 61"], tmp_path / "log") as process:
        group = process.pid
        wait_until("both sleep", lambda: len(_group(group)) >= 3, 10)
    wait_until("all are gone", lambda: not _group(group), 10)


def _group(number: int) -> list[int]:
    stats = [path.read_text() for path in Path("/proc").glob("[0-9]*/stat") if path.exists()]
    fields = [(text.partition(" ")[0], text.rpartition(")")[2].split()) for text in stats]
    return [int(pid) for pid, rest in fields if int(rest[2]) == number]


def test_waiting_in_vain_names_what_for() -> None:
    with pytest.raises(BenchError, match="rain"):
        wait_until("rain", lambda: False, 0.05)


@pytest.mark.parametrize(
    ("values", "digits", "expected"),
    [
        ([], 0, "-"),
        ([1234.5], 1, "1,234.5"),
        ([3.0, 1.0, 2.0], 1, "2.0 (1.0-3.0)"),
    ],
)
def test_spread(values: list[float], digits: int, expected: str) -> None:
    assert spread(values, digits) == expected


def test_a_bar_in_a_cell_is_no_column() -> None:
    table = Table("title", ("", "n"), [["a | b", "1"]])
    assert table.markdown().splitlines()[-1] == r"| a \| b | 1 |"
    assert table.text().splitlines()[-1] == "a | b  1"
