"""A seeded district behind the real application, and a real browser to look at it."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from starlette.testclient import TestClient

from fumewatch.config import Config, load
from fumewatch.config.tree import LoginSettings
from fumewatch.health import Health
from fumewatch.store import Database, DatabaseSettings
from fumewatch.web import Server, create_app
from tests.fixtures.database import Servers
from tests.web.catalogue import Catalogue, seed_catalogue
from tests.web.seed import Seeded, seed

NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "config.example.toml"
CHROMIUM = Path("/usr/bin/chromium")


def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def config() -> Config:
    """Without a login: tests/web/test_login.py and its like are of that."""
    return without_login(load(EXAMPLE, {}))


def without_login(config: Config) -> Config:
    return config.model_copy(update={"login": LoginSettings(required=False)})


@pytest.fixture
def health() -> Health:
    return all_up()


def all_up() -> Health:
    health = Health(("broker", "database", "ingest"), now)
    for part in ("broker", "database", "ingest"):
        health.up(part)
    return health


@pytest.fixture(scope="session")
def district(servers: Servers) -> Iterator[Database]:
    """Seeded once: for tests that only look."""
    yield from migrated(servers, "district")


@pytest.fixture(scope="session")
def street(servers: Servers) -> Iterator[Database]:
    """Of the catalogue; for tests that only look."""
    yield from migrated(servers, "street")


def migrated(servers: Servers, called: str) -> Iterator[Database]:
    server, name = servers["plain"], f"{called}_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.url(), autocommit=True) as conn:
        conn.execute(f"create database {name} template migrated")
    database = Database(DatabaseSettings(url=server.url(name)))
    database.open()
    yield database
    database.close()


@pytest.fixture(scope="session")
def seeded(district: Database) -> Seeded:
    return seed(district, NOW)


@pytest.fixture(scope="session")
def catalogue(street: Database) -> Catalogue:
    return seed_catalogue(street, NOW)


@pytest.fixture(scope="session")
def served_street(street: Database, catalogue: Catalogue, config: Config) -> Iterator[str]:
    """The address of a running server over the catalogue."""
    with Server(create_app(street, config, all_up(), now), "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture
def client(district: Database, seeded: Seeded, config: Config, health: Health) -> TestClient:
    """Without the lifespan: nothing polls."""
    return TestClient(create_app(district, config, health, now))


@pytest.fixture
def away(config: Config, health: Health) -> Iterator[TestClient]:
    """Of an application whose database does not answer."""
    settings = DatabaseSettings(
        url="postgresql://nobody@127.0.0.1:9/none", connect_timeout=timedelta(seconds=0.2)
    )
    database = Database(settings)
    database.open()
    yield TestClient(create_app(database, config, health, now), raise_server_exceptions=False)
    database.close()


@pytest.fixture(scope="session")
def served(district: Database, seeded: Seeded, config: Config) -> Iterator[str]:
    """The address of a running server over the district."""
    with Server(create_app(district, config, all_up(), now), "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture
def live(database: Database, config: Config, health: Health) -> Iterator[str]:
    """The address of a running server over a database of the test's own, on the real clock."""
    app = create_app(database, config, health, lambda: datetime.now(UTC))
    with Server(app, "127.0.0.1", 0) as server:
        yield server.url


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip("no Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()
