"""`fumewatch backtest`: history through the rules, and what a change of them would have done."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from zoneinfo import ZoneInfo

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath, read_duration

if TYPE_CHECKING:
    from fumewatch.backtest.plan import Asked, Opened, Work
    from fumewatch.backtest.report import Report
    from fumewatch.backtest.run import Trial

ONE_DAY: Final = timedelta(days=1)

File = Annotated[
    Path | None,
    typer.Option("--readings", metavar="FILE", help="CSV, .csv.gz or .parquet, not the store."),
]
Against = Annotated[
    Path | None,
    typer.Option("--against", metavar="FILE", help="The configuration that it is held against."),
]
Since = Annotated[str, typer.Option("--from", metavar="TIME", help="2026-11-01 or '... 12:00'.")]
Until = Annotated[str, typer.Option("--to", metavar="TIME", help="A day is taken whole.")]


def backtest(
    config: ConfigPath = None,
    against: Against = None,
    readings: File = None,
    sites: Annotated[
        Path | None,
        typer.Option("--sites", metavar="FILE", help="sites.csv of the monitors of --readings."),
    ] = None,
    since: Since = "",
    until: Until = "",
    warm_up: Annotated[
        timedelta,
        typer.Option(
            parser=read_duration,
            metavar="1d",
            show_default="1d",
            help="Before --from; raises nothing.",
        ),
    ] = ONE_DAY,
    site: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this restaurant, or monitor; may be repeated."),
    ] = None,
    street: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this street; may be repeated.")
    ] = None,
    rule: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this rule; may be repeated.")
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that cannot be read, and say so.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots, too.")
    ] = None,
    fail_on_missed: Annotated[
        bool, typer.Option("--fail-on-missed", help="Status 1 when a warning would be missed.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Replay history under a configuration and say what it would have raised and sent.

    \b
    With --against, also what is different from another configuration: alerts that
    are new, gone, earlier, later. Readings come from the store of the configuration
    (the last 30 days, unless --from and --to say otherwise), or from a file: a CSV
    with a header of measured_at, monitor (a code or district/code) and any of fume,
    pm, nmhc, temperature, humidity, velocity, fan_current, purifier_current, fan_on,
    purifier_on, quality. Rows in any order; a time without a zone is of the
    configuration's; -999 and empty mean missing. Nothing is stored or sent. The same
    input gives the same --json, byte by byte. Missed is a warning (or worse) of
    --against during which nothing as severe fires at that monitor.

    \b
    Examples:
      fumewatch backtest --from 2026-11-01 --to 2026-11-30
      fumewatch backtest -c new.toml --against config.toml --html report.html
      fumewatch backtest --readings november.csv.gz --sites sites.csv --rule exceedance
      fumewatch backtest -c new.toml --against config.toml --fail-on-missed --json
    """
    from fumewatch.backtest.plan import work as settle

    if sites and not readings:
        raise typer.BadParameter("goes with --readings", param_hint="--sites")
    if fail_on_missed and not against:
        raise typer.BadParameter("goes with --against", param_hint="--fail-on-missed")
    if html and not html.absolute().parent.is_dir():
        raise typer.BadParameter(f"there is no folder {html.parent}", param_hint="--html")
    trials = _trials(config, against, frozenset(rule or ()))
    asked = _asked(trials, site or [], street or [], since, until, warm_up)
    begun = time.monotonic()
    with _opened(asked, readings, sites, skip_bad) as opened:
        if opened.unknown:
            raise typer.BadParameter(
                f"no monitor is called or lies at {opened.unknown[0]!r}",
                param_hint="--site, --street",
            )
        work = settle(asked, opened)
        with _progress("judging", work.minutes) as progress:
            report = work.run(progress)
        if html:
            _write(html, work, report)
    if json:
        show.as_json(report.as_json())
    else:
        from fumewatch.cli import backtested

        backtested.tell(report)
    _sum_up(work.readings * len(trials), time.monotonic() - begun)
    missed = report.comparison.missed if report.comparison else 0
    raise typer.Exit(1 if fail_on_missed and missed else 0)


def _trials(config: Path | None, against: Path | None, rules: frozenset[str]) -> "list[Trial]":
    from fumewatch.backtest.run import Trial
    from fumewatch.config import default_path

    paths = [default_path(config), *([against] if against else [])]
    trials = [Trial(options.load(path), str(path), rules) for path in paths]
    known = {rule.id for trial in trials for rule in trial.config.rule}
    if unknown := sorted(rules - known):
        listed = ", ".join(sorted(known)) or "none"
        raise typer.BadParameter(f"no rule {unknown[0]!r}; there are {listed}", param_hint="--rule")
    return trials


def _asked(
    trials: "list[Trial]",
    sites: list[str],
    streets: list[str],
    since: str,
    until: str,
    warm_up: timedelta,
) -> "Asked":
    from fumewatch.backtest.places import Wanted
    from fumewatch.backtest.plan import Asked

    zone = trials[0].config.zone
    return Asked(
        trials,
        Wanted(tuple(sites), tuple(streets)),
        _time(since, zone, "--from"),
        _time(until, zone, "--to", is_end=True),
        warm_up,
    )


def _time(text: str, zone: ZoneInfo, hint: str, *, is_end: bool = False) -> datetime | None:
    """A day alone is its beginning, or as an end that of the next one."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write 2026-11-01 or '2026-11-01 12:00'"
        raise typer.BadParameter(what, param_hint=hint) from None
    if is_end and len(text) <= len("2026-11-01"):
        at += timedelta(days=1)
    return at if at.tzinfo else at.replace(tzinfo=zone)


@contextmanager
def _opened(
    asked: "Asked", readings: Path | None, sites: Path | None, skip_bad: bool
) -> "Iterator[Opened]":
    from fumewatch.backtest import plan

    if readings is None:
        with options.database(asked.config) as database, plan.store(database, asked) as opened:
            yield opened
        return
    with ExitStack() as stack:
        with _progress("reading", None) as progress:
            asked_for = plan.file(readings, sites, asked, skip_bad=skip_bad, progress=progress)
            opened = stack.enter_context(asked_for)
        yield opened


@contextmanager
def _progress(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal's standard error, nothing elsewhere. `total`: None where not known."""
    if not sys.stderr.isatty():
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        unit = "rows" if total is None else "minutes"
        task = bar.add_task(f"{what} {unit}", total=total)
        yield lambda steps: bar.advance(task, steps)


def _write(path: Path, work: "Work", report: "Report") -> None:
    from fumewatch.backtest.page import page
    from fumewatch.core.errors import Fault, ImportRefused

    try:
        path.write_text(page(report, work.opened.source), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written: {error.strerror}"
        raise ImportRefused([Fault(str(path), what)]) from None


def _sum_up(readings: int, seconds: float) -> None:
    """How it went, for whoever waits; not of the report, which is the same each time."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1024  # Linux tells kB
    show.complain(
        f"{readings:,} readings judged in {seconds:.1f} s "
        f"({readings / max(seconds, 1e-9):,.0f} a second), peak memory {show.size(peak)}"
    )
