"""A seeded district behind the real application."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from fumewatch.config import Config, load
from fumewatch.health import Health
from fumewatch.store import Database
from fumewatch.web import create_app
from tests.web.seed import Seeded, seed

NOW = datetime(2026, 11, 23, 11, 30, tzinfo=UTC)
EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


@pytest.fixture(scope="session")
def config() -> Config:
    return load(EXAMPLE, {})


@pytest.fixture
def health() -> Health:
    health = Health(("broker", "database", "ingest"), lambda: NOW)
    for part in ("broker", "database", "ingest"):
        health.up(part)
    return health


@pytest.fixture
def seeded(database: Database) -> Seeded:
    return seed(database, NOW)


@pytest.fixture
def client(database: Database, config: Config, health: Health) -> TestClient:
    """Without its lifespan: nothing polls."""
    return TestClient(create_app(database, config, health, lambda: NOW))
