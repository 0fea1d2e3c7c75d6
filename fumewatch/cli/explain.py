"""`fumewatch rules explain`: why a rule says what it says of one monitor."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.cli.replayed import History, needs_all, said

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.core.rules.rule import Common
    from fumewatch.store import Database

Monitor = Annotated[
    str, typer.Option("--monitor", "-m", metavar="M", help="Its code, or district/code.")
]
At = Annotated[
    str,
    typer.Option("--at", metavar="TIME", help="'2026-11-23 12:05' or 12:05; else the last minute."),
]


def explain(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="Its id.")],
    monitor: Monitor,
    at: At = "",
    config: ConfigPath = None,
    readings: Annotated[
        Path | None,
        typer.Option("--readings", metavar="FILE", help="CSV, .csv.gz or .parquet, not the store."),
    ] = None,
    sites: Annotated[
        Path | None,
        typer.Option("--sites", metavar="FILE", help="sites.csv of the monitors of --readings."),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that cannot be read.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Long windows minute by minute, too.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Show what a rule saw of a monitor at some time, what it said, and why.

    \b
    The window minute by minute: values, which of them are fresh or held, which
    conditions hold, which minutes count; the number it comes to and the levels it
    is held against; the verdict, or why there is none; the alert; what would
    change it. Readings come from the store, or from a file as for backtest, and
    are judged by the daemon's own engine, from a week before on, so that it knows
    how often the monitor measures. Nothing is stored or sent.

    \b
    Examples:
      fumewatch rules explain exceedance --monitor xuhui/M1 --at '2026-11-23 12:05'
      fumewatch rules explain offline -m M1
      fumewatch rules explain exceedance -m M1 --readings november.csv.gz --sites sites.csv
      fumewatch rules explain exceedance -m M1 --at 12:05 --json | jq .verdict
    """
    from fumewatch.cli import explained, replayed

    if sites and not readings:
        raise typer.BadParameter("goes with --readings", param_hint="--sites")
    loaded = options.load(config)
    asked = named.rule(loaded, rule, "RULE")
    moment = named.moment(at, loaded.zone, "--at")
    with _opened(loaded, asked, monitor, readings, sites, skip_bad) as history:
        found = replayed.explained(loaded, asked, history, _whole(moment, history))
    if json:
        show.as_json(explained.as_json(found))
    else:
        explained.tell(found, verbose=verbose)


def _whole(at: datetime | None, history: History) -> datetime:
    """The whole minute at or before it; the last one there is unless a time is given."""
    if at is None:
        return history.last.astimezone(UTC)
    if at > history.last:
        what = f"{said(at)} is later than the last minute that is over, {said(history.last)}"
        raise typer.BadParameter(what, param_hint="--at")
    return at.astimezone(UTC).replace(second=0, microsecond=0)


# ── readings ──


@contextmanager
def _opened(
    config: "Config",
    rule: "Common",
    monitor: str,
    readings: Path | None,
    sites: Path | None,
    skip_bad: bool,
) -> Iterator[History]:
    with ExitStack() as stack:
        if readings is None:
            database = stack.enter_context(options.database(config))
            yield _of_store(config, rule, monitor, database)
        else:
            from fumewatch.backtest import plan
            from fumewatch.backtest.run import Trial

            asked = plan.Asked([Trial(config, "", frozenset({rule.id}))])
            opened = stack.enter_context(
                plan.file(readings, sites, asked, skip_bad=skip_bad, progress=lambda _rows: None)
            )
            for note in opened.notes:
                show.complain(note)
            number = named.place(opened.source.places.values(), monitor).monitor
            last = opened.last.replace(second=0, microsecond=0) + timedelta(minutes=1)
            last = last.astimezone(config.zone)
            yield History(opened.source, number, last, str(readings), opened.first)


def _of_store(config: "Config", rule: "Common", monitor: str, database: "Database") -> History:
    """All monitors where the rule compares them, else one."""
    from fumewatch.backtest.sources import StoreSource
    from fumewatch.evaluate import due_minute
    from fumewatch.store import monitors, readings

    is_all = needs_all(rule)
    with database.transaction() as conn:
        places = monitors.places(conn, str(config.zone))
        id = named.place(places, monitor).monitor
        extent = None if is_all else readings.extent(conn, id)
    chosen = places if is_all else [place for place in places if place.monitor == id]
    source = StoreSource(database, chosen, is_all=is_all)
    numbers = {(p.district, p.code): number for number, p in source.places.items()}
    ids = {place.monitor: numbers[place.district, place.code] for place in chosen}
    minute = due_minute(options.clock(), config.evaluate.lateness)
    last = datetime.fromtimestamp(minute * 60, config.zone)
    first = extent[0] if extent else None
    return History(source, ids[id], last, "the store", first, database, ids)
