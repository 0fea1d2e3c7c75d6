"""A bare Debian 12 with systemd, booted in a container of systemd-nspawn, for install.md to run in.

It shares this machine's network: what listens there listens here.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = "/usr/src/fumewatch"
PORTS = (80, 443, 1883, 5432, 8080, 8081, 8883, 9090, 9093)
_INCLUDED = "systemd,dbus,logrotate"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_SAFE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Debian:
    """A machine: a folder, and while it is booted a process whose name spaces are its."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._container: subprocess.Popen[bytes] | None = None
        self._init = 0

    def run(self, script: str, timeout: float = 600, cwd: str = "/root") -> str:
        """What it wrote; the first command that fails ends it, and AssertionError shows all."""
        return self._shell(script, timeout, cwd, check=True)

    def tried(self, script: str, timeout: float = 60) -> str:
        return self._shell(script, timeout, "/root", check=False)

    def _shell(self, script: str, timeout: float, cwd: str, *, check: bool) -> str:
        assert self._init
        enter = ["nsenter", "-t", str(self._init), "-m", "-u", "-i", "-p", "-r", "--"]
        done = subprocess.run(
            [*enter, "/bin/sh", "-euc", f"cd {cwd}\n{script}"],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0 or not check, f"$ {script}\n{said[-6000:]}"
        return said

    def wait_for(self, script: str, words: str | tuple[str, ...], seconds: float = 60) -> str:
        """What it says once one of `words` is in it."""
        wanted = (words,) if isinstance(words, str) else words
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            said = self.tried(script)
            if any(word in said for word in wanted):
                return said
            time.sleep(0.5)
        raise AssertionError(f"$ {script}\nnever said {words}:\n{said[-3000:]}")

    def boot(self) -> None:
        self._container = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", str(self.folder), "--register=no", "--keep-unit", "-b"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + 60
        while time.monotonic() < until and not self._init:
            self._init = _first_child(self._container.pid)
            time.sleep(0.2)
        self.wait_for("systemctl is-system-running || true", ("running", "degraded"), 240)

    def stop(self) -> None:
        """As by a power cut."""
        if self._container is None:
            return
        self._container.terminate()
        try:
            self._container.wait(30)
        except subprocess.TimeoutExpired:
            self._container.kill()
            self._container.wait()


def _environment() -> dict[str, str]:
    """Of this machine's only how the outside is reached."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    certificates = {"PIP_CERT": "/etc/host-certificates.crt"} if _CERTIFICATES.exists() else {}
    return kept | certificates | {"PATH": _SAFE_PATH, "LANG": "C.UTF-8", "HOME": "/root"}


def _first_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    names = children.read_text().split() if children.exists() else []
    return int(names[0]) if names else 0


def _make(folder: Path) -> None:
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={_INCLUDED}", "bookworm", folder],
        check=True,
        capture_output=True,
        timeout=900,
    )
    asked = subprocess.run(
        ["apt-config", "dump", "Acquire"], capture_output=True, text=True, check=True
    )
    (folder / "etc/apt/apt.conf.d/00-as-here").write_text(asked.stdout)
    if _CERTIFICATES.exists():
        shutil.copy(_CERTIFICATES, folder / "etc/host-certificates.crt")
    names = "127.0.0.1 localhost fume.example.org mqtt.fume.example.org\n"
    (folder / "etc/hosts").write_text(names)
    _copy_source(folder / SOURCE.lstrip("/"))


def _copy_source(to: Path) -> None:
    """What is committed or about to be; no caches, no virtual environment."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file() and not source.is_symlink():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, to / name)


def what_is_missing() -> str:
    """What would have to be done so that such a machine can be made here; "" where it can."""
    if os.geteuid() != 0:
        return "boots a container: run it as root"
    packages = {
        "debootstrap": "debootstrap",
        "systemd-nspawn": "systemd-container",
        "nsenter": "util-linux",
    }
    lacking = [package for name, package in packages.items() if shutil.which(name) is None]
    return f"boots a container: apt install {' '.join(lacking)}" if lacking else ""


@contextmanager
def booted(folder: Path) -> Iterator[Debian]:
    machine = Debian(folder)
    try:
        _make(folder)
        machine.boot()
        yield machine
    finally:
        machine.stop()
        shutil.rmtree(folder, ignore_errors=True)
