"""`fumewatch deadletters`: messages that could not be read; list, show, export, replay them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from fumewatch.cli import letters, options, show
from fumewatch.cli.options import AsJson, ConfigPath, read_duration

if TYPE_CHECKING:
    from fumewatch.cli.replay import Progress, Report
    from fumewatch.store.dead_letters import Which

ABOUT: Final = "Messages that could not be read: list, show, export, replay them."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

Kind = Annotated[str | None, typer.Option("--kind", help="Only of this reason, as list names it.")]
ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help='Only of this [[profile]]; "": none.'),
]
Topic = Annotated[
    str | None,
    typer.Option(
        "--topic", metavar="GLOB", help="Only of these topics: * is any text, ? a letter."
    ),
]
Since = Annotated[
    timedelta | None,
    typer.Option("--since", parser=read_duration, metavar="7d", help="Received within this time."),
]
All = Annotated[bool, typer.Option("--all", help="Those replayed already, too.")]


@app.command("list")
def list_(
    config: ConfigPath = None,
    kind: Kind = None,
    profile: ProfileName = None,
    topic: Topic = None,
    since: Since = None,
    all_: All = False,
    limit: Annotated[int, typer.Option(min=0, max=10_000, help="How many of the newest.")] = 20,
    json: AsJson = False,
) -> None:
    """Count them by profile and reason, and list the newest.

    \b
    Examples:
      fumewatch deadletters list
      fumewatch deadletters list --since 7d --topic 'fume/xuhui/*'
      fumewatch deadletters list --all --json
    """
    from fumewatch.store.pages import dead_letters

    loaded = options.load(config)
    which = _which(kind, profile, topic, since, with_replayed=all_)
    with options.transaction(loaded) as conn:
        groups = dead_letters.groups(conn, which, options.clock() - timedelta(days=1))
        newest = dead_letters.newest(conn, which, limit)
    if json:
        listed = [letters.facts(letter) for letter in newest]
        show.as_json({"groups": [asdict(group) for group in groups], "letters": listed})
    elif groups:
        letters.tell_groups(groups, loaded.zone)
        letters.tell_letters(newest, loaded.zone)
    else:
        show.line("No dead letters: every message was understood, or none fits.")


@app.command("show")
def show_(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, max=2**63 - 1)],
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Show one with its whole payload, as text or else in hexadecimal.

    \b
    Examples:
      fumewatch deadletters show 17
    """
    from fumewatch.store.dead_letters import Which
    from fumewatch.store.pages import dead_letters

    loaded = options.load(config)
    which = Which(ids=(number,), with_replayed=True)
    with options.transaction(loaded) as conn:
        letter = next(dead_letters.each(conn, which), None)
    if letter is None:
        show.complain(f"fumewatch: there is no dead letter {number}")
        raise typer.Exit(1)
    if json:
        show.as_json(letters.facts(letter) | letters.payload(letter.payload))
    else:
        letters.tell_letter(letter, loaded.zone)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; - is standard output.")],
    config: ConfigPath = None,
    kind: Kind = None,
    profile: ProfileName = None,
    topic: Topic = None,
    since: Since = None,
    all_: All = False,
) -> None:
    """Write them as JSON lines, payloads and all: what fumewatch decode --jsonl reads.

    A payload that is no UTF-8 is in payload_base64 instead of payload.

    \b
    Examples:
      fumewatch deadletters export letters.jsonl
      fumewatch deadletters export --profile vendor-a --since 1d - | head -1
    """
    from fumewatch.store.pages import dead_letters

    loaded = options.load(config)
    which = _which(kind, profile, topic, since, with_replayed=all_)
    number = 0
    with options.transaction(loaded) as conn, _opened(file) as out:
        for letter in dead_letters.each(conn, which):
            out.write(show.json_text(letters.captured(letter)) + "\n")
            number += 1
    show.complain(f"{show.count(number, 'dead letter')} written")


@app.command()
def replay(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(metavar="[ID]...", min=1, max=2**63 - 1, help="As list shows them."),
    ] = None,
    config: ConfigPath = None,
    kind: Kind = None,
    profile: ProfileName = None,
    topic: Topic = None,
    since: Since = None,
    all_open: Annotated[
        bool, typer.Option("--all-open", help="Every one not replayed yet.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="For the daemon to have done it.")
    ] = True,
    timeout: Annotated[
        timedelta,
        typer.Option(
            parser=read_duration,
            metavar="60s",
            show_default="60s",
            help="Give up when none is settled for so long.",
        ),
    ] = timedelta(seconds=60),
    json: AsJson = False,
) -> None:
    """Read them again after a profile is corrected; each is replayed once.

    What is good is stored as if it had come now, by its own time of measuring. What still cannot
    be read stays, with the reason of now. The running daemon does it, by the configuration that is
    in force there; fumewatch status says whether a change was taken. Without a daemon, this command
    does it.

    Status 0: all that were asked for are replayed. 1: some are not.

    \b
    Examples:
      fumewatch deadletters replay 17 18
      fumewatch deadletters replay --profile vendor-a --since 7d
      fumewatch deadletters replay --all-open --no-wait
    """
    from fumewatch.cli import replay as replaying

    which = _asked(numbers or [], all_open, _which(kind, profile, topic, since))
    loaded = options.load(config)
    with options.database(loaded) as database:
        report = replaying.request(database, which)
        if wait:
            with _progress() as progress, _remembering(report):
                replaying.see_through(loaded, database, report, timeout, progress)
    if json:
        show.as_json(report)
    else:
        letters.tell_report(report, wait)
    raise typer.Exit(0 if report.is_complete or (not wait and report.is_asked) else 1)


def _which(
    kind: str | None,
    profile: str | None,
    topic: str | None,
    since: timedelta | None,
    *,
    with_replayed: bool = False,
) -> "Which":
    from fumewatch.store.dead_letters import Which

    start = None if since is None else options.clock() - since
    return Which(None, kind, profile, topic, start, with_replayed)


def _asked(numbers: list[int], all_open: bool, filters: "Which") -> "Which":
    """Numbers, or filters, or expressly all: never all by mistake."""
    from fumewatch.store.dead_letters import Which

    has_filters = filters != Which()
    if sum((bool(numbers), has_filters, all_open)) != 1:
        raise typer.BadParameter(
            "give the numbers of letters, or filters (--kind, --profile, --topic, --since),"
            " or --all-open: one of the three"
        )
    return Which(ids=tuple(dict.fromkeys(numbers))) if numbers else filters


@contextmanager
def _opened(file: Path) -> Iterator[TextIO]:
    if str(file) == "-":
        yield sys.stdout
        return
    try:
        with file.open("w", encoding="utf-8") as out:
            yield out
    except OSError as error:
        show.complain(f"fumewatch: {file} cannot be written: {error.strerror}")
        raise typer.Exit(1) from None


@contextmanager
def _progress() -> Iterator["Progress"]:
    """On a terminal, a line on standard error that tells how far it is."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Waiting for the replay", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _remembering(report: "Report") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        if report.due:
            show.complain(f"{show.count(len(report.due), 'letter')} still to be replayed: the")
            show.complain("daemon goes on with them, or does so when it is started")
        raise
