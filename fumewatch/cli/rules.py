"""`fumewatch rules`: try rules before they wake anyone."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fumewatch.cli import options, show
from fumewatch.cli.explain import explain
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import ConfigError, Fault

if TYPE_CHECKING:
    from fumewatch.cli.trials import Tried
    from fumewatch.config import Config
    from fumewatch.config.trials import Written

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def _group() -> None:
    pass


app.command("explain")(explain)


@app.command("test")
def run_tests(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files of tests, TOML.")],
    config: ConfigPath = None,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="ID", help="Only tests that name this rule; repeatable."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Series and transitions of good tests, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Test rules: what monitors send, in a few words, and the alerts that are to come of it.

    \b
      [[test]]
      name = "ten minutes above the limit"
      start = 2026-11-23T11:00:00+08:00
      series = { fume = "0.4x10 1.3x10 0.5x20", fan_on = "onx*" }
      expect = [
        { at = "10m", rule = "exceedance", state = "none" },
        { at = "20m", rule = "exceedance", state = "firing", value = 1.3 },
        { at = "11:40", rule = "exceedance", state = "resolved" },
        { rule = "severe-exceedance", never = true },
      ]

    \b
    Series, one value a minute (or interval), blanks between the items:
      0.4          one value                _  _x5       none, five times none
      0.4x10       ten values, each measured anew: a jitter of 0.001 around them
      =0.4x10      ten values exactly alike: the device repeats, and rules call it held
      0.4+0.05x10  ten values, each 0.05 more than the one before; 1.5-0.02x30 falls
      on  offx5    a state                  0.4x*  onx*  to the end of the test

    Rules and limits are those of --config, else of the file's own `config`, else of the usual
    places, else of the example that is shipped. deploy/rules.example.test.toml shows all options.

    Status 0: all passed. 1: some failed, or a file is faulty.

    \b
    Examples:
      fumewatch rules test rules.test.toml
      fumewatch rules test tests/*.toml --config new.toml --rule exceedance
      fumewatch rules test rules.test.toml --verbose
      fumewatch rules test rules.test.toml --json | jq '.results[] | select(.passed | not)'
    """
    from fumewatch.cli import trials

    options.keep_quiet()
    tried = []
    for each in _tried(files, config, frozenset(rule or ())):
        tried.append(each)
        if not json:
            trials.tell(each, verbose=verbose)
    if json:
        show.as_json(trials.as_json(tried))
    else:
        show.line(trials.summary(tried))
    raise typer.Exit(0 if all(each.has_passed for each in tried) else 1)


def _tried(files: list[Path], config: Path | None, rules: frozenset[str]) -> Iterator["Tried"]:
    """All files are read before the first test begins. ConfigError has the faults of all."""
    from fumewatch.cli.trials import Tried
    from fumewatch.config import trials
    from fumewatch.core.trial.perform import perform

    configurations = _Configurations(config)
    planned, faults = [], list[Fault]()
    for file in files:
        try:
            written = trials.read(file)
            loaded = configurations.of(written)
            planned += [(file, trials.terms(loaded), case) for case in written.cases(loaded)]
        except ConfigError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    if faults:
        raise ConfigError(faults)
    chosen = [each for each in planned if not rules or rules & each[2].rules]
    if not chosen:
        raise typer.BadParameter(f"no test names the rule {' or '.join(sorted(rules))}")
    for file, terms, case in chosen:
        yield Tried(file, case, perform(case.trial, terms), terms)


class _Configurations:
    """Each is loaded once, however many files of tests are for it."""

    def __init__(self, given: Path | None) -> None:
        self._given = given
        self._loaded: dict[Path, Config] = {}

    def of(self, written: "Written") -> "Config":
        path = self._path(written)
        if path not in self._loaded:
            self._loaded[path] = options.load(path)
        return self._loaded[path]

    def _path(self, written: "Written") -> Path:
        from fumewatch.config import USUAL_PLACES, default_path, example

        if named := self._given or written.config:
            return named
        usual = default_path(None)
        return example.path() if usual in USUAL_PLACES and not usual.exists() else usual
