"""`fumewatch silences`: for a while people are not told of some alerts; all can see why."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import named, options, show
from fumewatch.cli.imports import DryRun
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from fumewatch.core.routing import Matchers

ABOUT: Final = "Keep people from being told of some alerts for a while: add, list, end."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

_MOST: Final = 1000
"""Ended ones that are listed."""

By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who says so; it is shown to all.")]
Match = Annotated[
    list[str] | None,
    typer.Option("--match", metavar="LABEL=VALUE", help="Has this value; again: or this one."),
]
MatchRe = Annotated[
    list[str] | None,
    typer.Option("--match-re", metavar="LABEL=PATTERN", help="The whole value fits it."),
]
Not = Annotated[
    list[str] | None, typer.Option("--not", metavar="LABEL=VALUE", help="Has not this value.")
]


@app.command("add")
def add(
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; shown to all.")],
    by: By,
    match: Match = None,
    match_re: MatchRe = None,
    match_not: Not = None,
    everything: Annotated[
        bool, typer.Option("--everything", help="All alerts, instead of some.")
    ] = False,
    lasts: Annotated[str, typer.Option("--for", metavar="2h", help="How long.")] = "",
    until: Annotated[str, typer.Option("--until", metavar="TIME", help="Or until when.")] = "",
    begins: Annotated[str, typer.Option("--from", metavar="TIME", help="Else from now on.")] = "",
    config: ConfigPath = None,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    """Silence alerts: people are not told of them until the end, which is at most 90 days away.

    \b
    Every label that is named must fit. Labels are those of routes: severity, rule,
    kind, state, monitor, district, street, site, vendor, tag. Alerts go on, show on
    the page, and go to machines (MQTT, log, webhooks). What still fires when the
    silence ends is told then. First the open alerts are shown that it is about.

    \b
    Examples:
      fumewatch silences add --match severity=warning --match street=田林街道 \\
          --for 2h --reason "roof is repaired" --by 张三
      fumewatch silences add --match-re 'site=.*食堂' --not severity=critical \\
          --until '2026-11-23 18:00' --reason "canteens closed" --by 李四 --dry-run
    """
    from fumewatch.cli import silenced
    from fumewatch.core.dispatch.mute import Silence
    from fumewatch.store import silences

    loaded, now = options.load(config), options.clock()
    start, end = _span(loaded.zone, begins, lasts, until, now)
    silence = Silence(
        matchers=_matchers(match, match_re, match_not, everything),
        starts_at=start,
        ends_at=end,
        reason=_said(reason, 500, "--reason"),
        author=_said(by, 64, "--by"),
        created_at=now,
    )
    with options.transaction(loaded) as conn:
        effect = silenced.effect(conn, loaded, silence.matchers)
        if not json:
            silenced.tell(effect, silence, loaded.zone)
        if not dry_run:
            silence = silences.add(conn, silence)
    if json:
        show.as_json(
            {"dry_run": dry_run, "silence": silenced.as_json(silence, now), **effect.as_json()}
        )
    elif dry_run:
        show.line("Dry run: nothing was changed.")
    else:
        show.line(f"Silence {silence.id} is added; fumewatch silences end {silence.id} ends it.")
    for doubt in effect.doubts:
        show.complain(f"{doubt} (warning)")


@app.command("end")
def end(
    id: Annotated[int, typer.Argument(metavar="ID", help="As silences list shows it.")],
    by: By,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """End a silence now; it stays in the list, with who ended it.

    \b
    Examples:
      fumewatch silences end 3 --by 李四
    """
    from fumewatch.cli import silenced
    from fumewatch.core.errors import StoreRefused
    from fumewatch.store import silences

    loaded, now, who = options.load(config), options.clock(), _said(by, 64, "--by")
    with options.transaction(loaded) as conn:
        ended = silences.end(conn, id, who, now)
        known = ended or silences.one(conn, id)
    if known is None:
        raise StoreRefused(f"there is no silence {id}; see fumewatch silences list")
    if ended is None:
        raise StoreRefused(f"silence {id} {silenced.has_ended(known, loaded.zone)} already")
    if json:
        show.as_json(silenced.as_json(ended, now))
    else:
        show.line(f"Silence {id} is ended: what still fires is told now.")


@app.command("list")
def list_(
    config: ConfigPath = None,
    everything: Annotated[
        bool, typer.Option("--all", help=f"Also those that ended, the last {_MOST:,}.")
    ] = False,
    json: AsJson = False,
) -> None:
    """List silences: those in force and to come.

    \b
    Examples:
      fumewatch silences list
      fumewatch silences list --all --json
    """
    from fumewatch.cli import silenced
    from fumewatch.store import silences

    loaded, now = options.load(config), options.clock()
    with options.transaction(loaded) as conn:
        found = silences.unended(conn, now)
        if everything:
            found += silences.ended(conn, now, _MOST)
    if json:
        show.as_json({"silences": [silenced.as_json(one, now) for one in found]})
    elif found:
        silenced.tell_all(found, now, loaded.zone)
    else:
        show.line("No silences." if everything else "No silences in force or to come; try --all.")


def _matchers(
    match: Sequence[str] | None,
    match_re: Sequence[str] | None,
    match_not: Sequence[str] | None,
    everything: bool,
) -> "Matchers":
    from fumewatch.core.conditions import matchers_of

    try:
        found = matchers_of(
            {"match": match or (), "match_re": match_re or (), "match_not": match_not or ()}
        )
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    if found.take_all and not everything:
        what = "names nothing to silence; give --match, or --everything if all alerts are meant"
        raise typer.BadParameter(what)
    if everything and not found.take_all:
        raise typer.BadParameter("goes with no --match", param_hint="--everything")
    return found


def _span(
    zone: "ZoneInfo", begins: str, lasts: str, until: str, now: datetime
) -> tuple[datetime, datetime]:
    from fumewatch.core.silencing import wrong_span

    if bool(lasts) == bool(until):
        raise typer.BadParameter("give one of --for and --until: a silence has an end")
    start = named.moment(begins, zone, "--from") or now
    if start < now:
        raise typer.BadParameter("lies in the past; leave it out", param_hint="--from")
    end = named.moment(until, zone, "--until") or _after(start, lasts)
    if wrong := wrong_span(start, end, now):
        raise typer.BadParameter(wrong, param_hint="--until" if until else "--for")
    return start, end


def _after(start: datetime, lasts: str) -> datetime:
    try:
        return start + options.read_duration(lasts)
    except OverflowError:
        raise typer.BadParameter(f"{lasts} is too long", param_hint="--for") from None


def _said(text: str, most: int, hint: str) -> str:
    """On one line."""
    said = " ".join(text.split())
    if not said or len(said) > most:
        raise typer.BadParameter(f"must have 1 to {most} characters", param_hint=hint)
    return said
