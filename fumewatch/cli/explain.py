"""`fumewatch rules explain`: why a rule says what it says of one monitor."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.cli.replayed import History, needs_all, said

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.config import Config
    from fumewatch.core.rules.rule import Common
    from fumewatch.core.site import Place
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
    asked = _rule(loaded, rule)
    moment = _time(at, loaded.zone)
    with _opened(loaded, asked, monitor, readings, sites, skip_bad) as history:
        found = replayed.explained(loaded, asked, history, _whole(moment, history))
    if json:
        show.as_json(explained.as_json(found))
    else:
        explained.tell(found, verbose=verbose)


def _rule(config: "Config", id: str) -> "Common":
    known = {rule.id: rule for rule in config.rule}
    if id not in known:
        raise typer.BadParameter(f"no rule {id!r}{_near(id, known)}", param_hint="RULE")
    return known[id]


def _near(word: str, known: Iterable[str]) -> str:
    listed = sorted(known)
    near = difflib.get_close_matches(word, listed, n=3, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(near)}?"
    some = ", ".join(listed[:12]) + (", ..." if len(listed) > 12 else "")
    return f"; there are {some}" if listed else "; there are none"


def _time(text: str, zone: "ZoneInfo") -> datetime | None:
    if not text:
        return None
    try:
        clock = time.fromisoformat(text) if len(text) <= len("12:00:00") else None
        today = options.clock().astimezone(zone).date()
        found = datetime.combine(today, clock) if clock else datetime.fromisoformat(text)
    except ValueError:
        what = f"{text!r} is no time; write '2026-11-23 12:05', or 12:05 for today"
        raise typer.BadParameter(what, param_hint="--at") from None
    return found if found.tzinfo else found.replace(tzinfo=zone)


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
            number = _number(opened.source.places.values(), monitor)
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
        id = _number(places, monitor)
        extent = None if is_all else readings.extent(conn, id)
    chosen = places if is_all else [place for place in places if place.monitor == id]
    source = StoreSource(database, chosen, is_all=is_all)
    numbers = {(p.district, p.code): number for number, p in source.places.items()}
    ids = {place.monitor: numbers[place.district, place.code] for place in chosen}
    minute = due_minute(options.clock(), config.evaluate.lateness)
    last = datetime.fromtimestamp(minute * 60, config.zone)
    first = extent[0] if extent else None
    return History(source, ids[id], last, "the store", first, database, ids)


def _number(places: Iterable["Place"], monitor: str) -> int:
    """Of the monitor that is called so."""
    listed = list(places)
    named = {f"{place.district}/{place.code}": place.monitor for place in listed}
    found = [place for place in listed if monitor in (place.code, f"{place.district}/{place.code}")]
    if len(found) == 1:
        return found[0].monitor
    if found:
        either = " or ".join(f"{place.district}/{place.code}" for place in found)
        raise typer.BadParameter(f"{monitor!r} could be {either}", param_hint="--monitor")
    known = named if "/" in monitor else [place.code for place in listed]
    what = f"no monitor {monitor!r}{_near(monitor, known)}"
    raise typer.BadParameter(what, param_hint="--monitor")
