"""The configuration: one TOML file, checked whole, every fault with its line.

`load` for the daemon, `examine` for `fumewatch check`. Both read, then look at every part even
where another part is wrong.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from fumewatch.config import crosscheck, faults, profiles, source
from fumewatch.config.tree import (
    Config,
    EvaluateSettings,
    IngestSettings,
    LogSettings,
    RetentionSettings,
    WebSettings,
)
from fumewatch.core.errors import ConfigError, Fault

__all__ = [
    "Config",
    "EvaluateSettings",
    "Examined",
    "IngestSettings",
    "LogSettings",
    "RetentionSettings",
    "WebSettings",
    "default_path",
    "examine",
    "load",
]

USUAL_PLACES: Final = (Path("config.toml"), Path("/etc/fumewatch/config.toml"))


@dataclass(frozen=True, slots=True)
class Examined:
    """`config` is None where there are faults; warnings do not stop anything.

    `files` are those that it names by `..._file`, whether or not they are there.
    """

    config: Config | None
    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...]
    files: frozenset[Path] = frozenset()


def load(path: Path, env: Mapping[str, str] = os.environ) -> Config:
    """Raise ConfigError with every fault; what is only doubtful is in `.warnings`."""
    examined = examine(path, env)
    if examined.config is None:
        raise ConfigError(list(examined.faults))
    return examined.config


def examine(path: Path, env: Mapping[str, str] = os.environ, today: date | None = None) -> Examined:
    """What `load` would do, told instead of raised; faults in the order of the file.

    With `today`, also what has become doubtful with time.
    """
    read = source.read(path, env, Config)
    if today is not None:
        read.warn_of_open_secrets()
    config = None
    if read.is_readable:
        profiles.expand(read)
        config = _validate(read)
        crosscheck.check(read, today)
    files = frozenset(read.files)
    if read.faults or config is None:
        return Examined(None, tuple(read.in_order(read.faults)), tuple(read.warnings), files)
    config._warnings = tuple(read.warnings)
    config._exposed = tuple(read.exposed)
    return Examined(config, (), config.warnings, files)


def default_path(given: Path | None, env: Mapping[str, str] = os.environ) -> Path:
    """--config, else $FUMEWATCH_CONFIG, else ./config.toml, else /etc/fumewatch/config.toml."""
    if given is not None:
        return given
    if named := env.get("FUMEWATCH_CONFIG"):
        return Path(named)
    return next((place for place in USUAL_PLACES if place.exists()), USUAL_PLACES[0])


def _validate(read: source.Source) -> Config | None:
    try:
        return Config.model_validate(read.values)
    except ValidationError as error:
        faults.collect(read, Config, error)
        return None
