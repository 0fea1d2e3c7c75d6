"""Every secret that a configuration holds or names, for those who must not show any."""

import contextlib
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr

from fumewatch.config.tree import Config


def secrets(config: Config) -> frozenset[str]:
    """Whatever is a SecretStr, at any depth; passwords of the database and of the broker."""
    found = {secret.get_secret_value() for secret in _walk(config)}
    found.update(config.database.passwords)
    with contextlib.suppress(OSError, ValueError):  # its reader will say so
        found.add(config.mqtt.secret() or "")
    return frozenset(found - {""})


def _walk(value: Any) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _walk(getattr(value, name))
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _walk(inner)
    elif isinstance(value, tuple | list | frozenset | set):
        for inner in value:
            yield from _walk(inner)
