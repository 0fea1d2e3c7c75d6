"""Files that commands write: whole or not at all, and secrets for the eyes of one user."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from fumewatch.core.errors import Fault, ImportRefused

_THERE: Final = "is there already; name another file, or move it away"


def text(path: Path) -> str:
    """What it holds; nothing where there is none."""
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        raise _refused(path, "is not UTF-8 text") from None
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from None


def refuse_those_there(*paths: Path) -> None:
    """Before anything is written; `create_private` looks again."""
    if there := [path for path in paths if path.exists()]:
        raise ImportRefused([Fault(str(path), _THERE) for path in there])


def create_private(path: Path, content: str) -> None:
    """A new file that only its owner can read; one that is there is never written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise _refused(path, _THERE) from None
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}") from None


def replace(path: Path, content: str) -> None:
    """At once, with the owner and the mode that it had; a new one only its owner can read."""
    path = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                _like(path, file.fileno())
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise _refused(path, f"cannot be written: {error.strerror}") from None


def _like(path: Path, descriptor: int) -> None:
    """mkstemp's own mode is 0600."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return
    with contextlib.suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, there.st_uid, there.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(there.st_mode))


def _refused(path: Path, what: str) -> ImportRefused:
    return ImportRefused([Fault(str(path), what)])
