"""A PostgreSQL of these tests alone, which they kill, and stages on it."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest

from fumewatch.demo.postgres import Postgres, debian_bin_dir, embedded_bin_dir
from fumewatch.store import migrate
from tests.faults.stage import Stage, staged
from tests.fixtures.broker import Broker
from tests.fixtures.forks import Forks
from tests.fixtures.reuse import create, drop, new_name

_TEMPLATE = "migrated"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Of all that is left to chance; the test's output says how to have the same again."""
    asked = request.config.getoption("--faults-seed")
    seed = int.from_bytes(os.urandom(4)) if asked is None else int(asked)
    print(f"again: --faults-seed={seed}")
    return seed


@pytest.fixture(scope="session")
def breakable() -> Iterator[Postgres]:
    """With fsync and all else that a server has which must not lose anything."""
    bin_dir = debian_bin_dir() or embedded_bin_dir()
    if bin_dir is None:
        pytest.skip("no PostgreSQL: install Debian's or the extra `embedded`")
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-", dir="/tmp"))
    try:
        with Postgres(bin_dir, folder, {"shared_buffers": "64MB"}) as server:
            server.create_database(_TEMPLATE)
            migrate.upgrade(server.url(_TEMPLATE))
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stage_of(
    request: pytest.FixtureRequest,
    brokers: Callable[..., Broker],
    tmp_path: Path,
    forks: Forks,
    seed: int,
) -> Iterator[Callable[..., Stage]]:
    """stage_of(broker config, breaks_server) -> a stage; the server is its own where it breaks."""
    with ExitStack() as stack:

        def make(config: str, *, breaks_server: bool) -> Stage:
            if breaks_server:
                server = request.getfixturevalue("breakable")
                url = stack.enter_context(_new_database(server))
            else:
                server = request.getfixturevalue("postgres")
                url = request.getfixturevalue("database_url")
            broker = brokers(config)
            return stack.enter_context(staged(broker, server, url, tmp_path, forks, seed))

        yield make


@pytest.fixture
def small_disk(breakable: Postgres) -> Iterator[Path]:
    """A file system of some megabytes in which `breakable` has the tablespace `small`."""
    folder = Path(tempfile.mkdtemp(prefix="fumewatch-disk-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=48m,mode=0755", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
        )
        if mounted.returncode:
            pytest.skip(f"no file system to fill: {mounted.stderr.strip()}")
        stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=True)
        space = folder / "space"
        space.mkdir()
        shutil.chown(space, *_owner(breakable))
        with psycopg.connect(breakable.url(), autocommit=True) as conn:
            conn.execute(f"create tablespace small location '{space}'".encode())
            yield folder
            conn.execute("drop tablespace small")


def _owner(server: Postgres) -> tuple[int, int]:
    facts = (server.folder / "data").stat()
    return facts.st_uid, facts.st_gid


@pytest.fixture
def stage_on_small_disk(
    brokers: Callable[..., Broker],
    small_disk: Path,
    breakable: Postgres,
    tmp_path: Path,
    forks: Forks,
    seed: int,
) -> Iterator[Stage]:
    assert small_disk
    with ExitStack() as stack:
        url = stack.enter_context(_new_database(breakable, " tablespace small"))
        yield stack.enter_context(staged(brokers(), breakable, url, tmp_path, forks, seed))


@contextmanager
def _new_database(server: Postgres, where: str = "") -> Iterator[str]:
    name = new_name()
    with psycopg.connect(server.url(), autocommit=True) as conn:
        create(conn, name, _TEMPLATE + where)
    yield server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as conn:
        drop(conn, name)
