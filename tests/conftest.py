"""Fixtures: a real PostgreSQL, a real mosquitto, on free loopback ports, gone after the run."""

pytest_plugins = ["tests.fixtures.database", "tests.fixtures.broker", "tests.fixtures.forks"]
