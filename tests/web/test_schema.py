"""The API keeps what its OpenAPI document promises, whatever it is asked: schemathesis.

A short run of the same questions each time; `make soak` asks on and on.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import CheckFunction, GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fumewatch.config import Config
from fumewatch.core.access import Scope
from fumewatch.store import tokens
from fumewatch.web import Server, create_app
from tests.fixtures.database import Servers
from tests.web.accounts import with_login
from tests.web.conftest import NOW, all_up, migrated
from tests.web.seed import seed

_STREAM: Final = "/api/v1/alerts/stream"
"""It never ends; tests/web/test_live.py reads it."""


@dataclass(frozen=True)
class Asked:
    """A running server, and the headers of who may ask everything."""

    url: str
    headers: dict[str, str]


@pytest.fixture(scope="module")
def asked(servers: Servers, config: Config) -> Iterator[Asked]:
    for database in migrated(servers, "schema"):
        seed(database, NOW)
        with database.transaction() as conn:
            _, secret = tokens.add(conn, "schemathesis", [Scope.ACT], "test", NOW)
        began = datetime.now(UTC)

        def now(began: datetime = began) -> datetime:
            """Faster than a day's, so that nobody has asked too often."""
            return NOW + (datetime.now(UTC) - began) * 100

        with Server(create_app(database, with_login(config), all_up(), now), "127.0.0.1", 0) as on:
            yield Asked(on.url, {"authorization": f"Bearer {secret}"})


def ask(asked: Asked, examples: int) -> dict[str, int]:
    """How often each operation was asked; every answer is held against what is documented."""
    schema = schemathesis.openapi.from_url(
        f"{asked.url}/api/v1/openapi.json", headers=asked.headers
    )
    schema.auth()(_bearing(asked))
    counts: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if not operation.path.startswith("/api/") or operation.path == _STREAM:
            continue
        for mode in GenerationMode:
            cases = operation.as_strategy(generation_mode=mode)
            counts[operation.label] = counts.get(operation.label, 0) + _ask(cases, examples)
    return counts


def _bearing(asked: Asked) -> type:
    """Told so, schemathesis also asks without the token, and with a wrong one."""

    class Bearing:
        def get(self, case: Any, context: Any) -> dict[str, str]:
            return asked.headers

        def set(self, case: Any, data: dict[str, str], context: Any) -> None:
            case.headers.update(data)

    return Bearing


def _ask(cases: Any, examples: int) -> int:
    number = 0

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def one(case: Any) -> None:
        nonlocal number
        number += 1
        case.call_and_validate(excluded_checks=_NOT_OURS)

    with suppress(Unsatisfiable):  # what takes no parameters cannot be asked wrongly
        one()
    return number


_NOT_OURS: Final[list[CheckFunction]] = [positive_data_acceptance]
"""A well-formed number may be nobody's (404), and a well-formed span too long (400)."""


def test_every_answer_is_documented(asked: Asked) -> None:
    counts = ask(asked, 6)
    assert len(counts) == 14
    print(counts)


@pytest.mark.soak
def test_every_answer_is_documented_however_long_one_asks(asked: Asked) -> None:
    assert sum(ask(asked, 600).values()) > 5000
