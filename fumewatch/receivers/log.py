"""Log file: one notification a line, on the disk before it counts as sent."""

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from fumewatch.core.errors import SendError
from fumewatch.core.visible import inert_json
from fumewatch.receivers.receiver import Body, ReceiverFields, as_answer, content


class LogSettings(ReceiverFields):
    """A [[receiver]] of kind "log": JSON lines, appended; may be rotated under our hands."""

    kind: Literal["log"]
    path: Path


class LogFile:
    def __init__(self, settings: LogSettings) -> None:
        self._settings = settings

    def send(self, body: Body, key: uuid.UUID) -> str:
        sent = content(body, key, self._settings.language)
        line = inert_json(json.dumps(sent, ensure_ascii=False, allow_nan=False)).encode() + b"\n"
        try:
            with _locked(self._settings.path) as file:
                _append(file, line)
        except OSError as error:
            # A full disk, a missing folder, a wrong owner: all of them can be mended.
            detail = f"{error.strerror or error}: {self._settings.path}"
            raise SendError(as_answer(detail), permanent=False) from error
        return f"written to {self._settings.path}"

    def close(self) -> None:
        """Nothing stays open between two lines."""


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file that has this name now: opened for each line, so a rotation needs no signal."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still(path, file):
                yield file
                return
        finally:
            os.close(file)


def _is_still(path: Path, file: int) -> bool:
    """False where the file was moved away between opening and locking it."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(file))
    return False


def _append(file: int, line: bytes) -> None:
    """All of the line or nothing of it; half a line that a crash left is ended first."""
    size = os.fstat(file).st_size
    is_torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
    try:
        rest = memoryview(b"\n" + line if is_torn else line)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    except OSError:
        with suppress(OSError):
            os.ftruncate(file, size)
        raise
