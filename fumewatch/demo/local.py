"""What the demo needs of this machine: a folder, a port, the daemon's pages over HTTP."""

import os
import socket
import tempfile
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

_PREFIX: Final = "fumewatch-demo-"
_LONGEST_FOLDER: Final = 45
"""Characters; a socket's path may have about 104, and PostgreSQL's folder lies below."""
_STORED_METRIC: Final = 'fumewatch_readings_total{outcome="new"} '


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    text: str


def temporary_folder() -> Path:
    """Short, for the sockets in it; and as root, who runs PostgreSQL as another user, one that
    everybody may walk to."""
    usual = Path(tempfile.gettempdir()).resolve()
    is_root = os.geteuid() == 0
    is_open = all(folder.stat().st_mode & 0o001 for folder in (usual, *usual.parents))
    is_fit = len(str(usual)) <= _LONGEST_FOLDER and (is_open or not is_root)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=usual if is_fit else "/tmp"))  # nosec B108
    if is_root:
        folder.chmod(0o711)
    return folder


def free_port(wanted: int) -> int:
    """That one, or any free one for 0. Raise OSError if it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not taken: just closed
        probe.bind(("127.0.0.1", wanted))
        return int(probe.getsockname()[1])


def request(port: int, path: str, body: bytes | None = None, content_type: str = "") -> Page:
    """What a GET there gives, or a POST of `body`; no proxy comes between.

    Raise OSError or HTTPException.
    """
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        headers = {"Content-Type": content_type} if content_type else {}
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        return Page(answer.status, answer.read().decode())
    finally:
        connection.close()


def get(port: int, path: str) -> str | None:
    """What a GET there gives with 200."""
    try:
        page = request(port, path)
    except (OSError, HTTPException):
        return None
    return page.text if page.status == 200 else None


def answers(port: int, path: str) -> bool:
    return get(port, path) is not None


def readings_stored(port: int) -> int:
    """Readings that the daemon has committed: the roll-ups, which the store counts, come later."""
    for line in (get(port, "/metrics") or "").splitlines():
        if line.startswith(_STORED_METRIC):
            return int(float(line.removeprefix(_STORED_METRIC)))
    return 0


def environment() -> dict[str, str]:
    """Ours without what would override the demo's configuration."""
    return {name: value for name, value in os.environ.items() if not name.startswith("FUMEWATCH_")}
