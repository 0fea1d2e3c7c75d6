"""A connection as Grafana's."""

from collections.abc import Iterator

import psycopg
import pytest


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url) as conn:
        conn.execute("set transaction read only")
        yield conn
