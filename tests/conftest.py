"""Fixtures: a real PostgreSQL, a real mosquitto, on free loopback ports, gone after the run."""

import pytest

pytest_plugins = ["tests.fixtures.database", "tests.fixtures.broker", "tests.fixtures.forks"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--faults-seed", help="of the faults at random moments, to have them again")
