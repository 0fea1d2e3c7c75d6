"""A clock that the test sets and every daemon of a stage reads: minutes pass when the test says so.

Within a minute it runs as any clock does, for at most `RUNS_S`.
"""

import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

RUNS_S: Final = 50.0
_FORMAT: Final = struct.Struct("ddd")


class Clock:
    """Shared through a file; `time.monotonic` is the same in all processes of a machine."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def set(self, at: datetime, runs_s: float = RUNS_S) -> None:
        os.pwrite(self._file, _FORMAT.pack(at.timestamp(), time.monotonic(), runs_s), 0)

    def shift(self, by: timedelta) -> None:
        """As an operator, or a time server after a long outage, does."""
        at, since, runs_s = self._read()
        os.pwrite(self._file, _FORMAT.pack(at + by.total_seconds(), since, runs_s), 0)

    def now(self) -> datetime:
        at, since, runs_s = self._read()
        return datetime.fromtimestamp(at + min(time.monotonic() - since, runs_s), UTC)

    def _read(self) -> tuple[float, float, float]:
        at, since, runs_s = _FORMAT.unpack(os.pread(self._file, _FORMAT.size, 0))
        return at, since, runs_s

    def close(self) -> None:
        os.close(self._file)
