"""Files of rule tests: TOML, checked whole, every fault with its line, as the configuration is.

`read` finds what is wrong in the file itself; `Written.cases` what does not fit the configuration
that the tests are for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from fumewatch.config import faults, source
from fumewatch.config.rosters import roster_of
from fumewatch.config.tree import Config
from fumewatch.config.trials.build import Case, case
from fumewatch.config.trials.tables import TestsFile
from fumewatch.core.errors import ConfigError, Fault
from fumewatch.core.roster import Roster
from fumewatch.core.site import Place
from fumewatch.core.trial.perform import Terms

__all__ = ["Case", "Written", "read", "terms"]


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is right in itself. `config`: the configuration that it names."""

    path: Path
    config: Path | None
    _source: source.Source
    _file: TestsFile

    def cases(self, config: Config) -> list[Case]:
        """Its tests in their order. Raise ConfigError with every fault."""
        found = [case(self._source, config, *each) for each in enumerate(self._file.test)]
        _refuse(self._source)
        return [each for each in found if each]


def terms(config: Config) -> Terms:
    """What of a configuration its rules judge by."""

    def roster(places: Sequence[Place], wills: Mapping[int, datetime]) -> Roster:
        return roster_of(config, places, wills)

    return Terms(config.rule, config.freshness, config.zone, roster)


def read(path: Path) -> Written:
    """Raise ConfigError with every fault."""
    if not path.exists():
        raise ConfigError([Fault(str(path), "no such file")])
    found = source.read(path, {}, TestsFile)
    file = _validated(found) if found.is_readable else TestsFile()
    if found.is_readable and "test" not in found.values:
        found.fault((), "no [[test]]")
    _refuse(found)
    return Written(path, file.config, found, file)


def _validated(found: source.Source) -> TestsFile:
    try:
        return TestsFile.model_validate(found.values)
    except ValidationError as error:
        faults.collect(found, TestsFile, error)
        return TestsFile()


def _refuse(found: source.Source) -> None:
    if found.faults:
        raise ConfigError(found.in_order(found.faults))
