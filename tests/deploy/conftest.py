"""A connection as Grafana's: by a role that `fumewatch roles apply` made a reader."""

from collections.abc import Iterator

import psycopg
import pytest

from fumewatch.store.roles import Kind, apply
from tests.fixtures.reuse import new_name


@pytest.fixture
def reader(database_url: str) -> Iterator[psycopg.Connection]:
    name = new_name()
    with psycopg.connect(database_url) as owner:
        apply(owner, {name: Kind.READER})
        owner.execute(f'set role "{name}"'.encode())
        yield owner
        owner.rollback()  # the role is gone with its transaction
