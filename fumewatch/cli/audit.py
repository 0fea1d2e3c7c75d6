"""`fumewatch audit`: whether the record of what was judged and done is as it was written."""

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from fumewatch.core.record import Entry, Finding, Head

ABOUT: Final = "Whether transitions, actions and photos are as they were recorded: verify, head."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

_MOST: Final = 50
"""Findings that are listed; --json has them all."""


@app.command("verify")
def verify(
    head: Annotated[
        str, typer.Option("--head", metavar="SEQ:HASH", help="As it was noted earlier.")
    ] = "",
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Verify the record from its first entry: exit status 1 where anything was tampered with.

    \b
    Every transition of an alert, every action and every photo is an entry. Each entry
    holds the hash of the one before, so a row that was changed, taken away or put
    there by hand is named. Who owns the database could still write the whole record
    anew: give --head, as the log or a backup noted it, and that shows too.

    \b
    Examples:
      fumewatch audit verify
      fumewatch audit verify --head 1234:9f86d081884c7d659a2feaa0c55ad015...
      fumewatch audit verify --json | jq .findings
    """
    from fumewatch.core import record as chain
    from fumewatch.store import record

    noted = _head(head)
    with options.transaction(options.load(config)) as conn:
        now = record.head(conn)
        entries = _counted(record.entries(conn, now.seq), now.seq, quiet=json)
        findings = [*chain.verify(entries, noted), *record.beside(conn)]
    if json:
        show.as_json(_as_json(now, findings))
    else:
        _tell(now, findings)
    raise typer.Exit(1 if findings else 0)


@app.command("head")
def head(config: ConfigPath = None, json: AsJson = False) -> None:
    """Print how far the record reaches, to be noted elsewhere and given to verify later.

    \b
    The daemon writes it to its log each night; a backup's manifest has it too.

    \b
    Example:
      fumewatch audit head >> /media/usb/fumewatch-heads
    """
    from fumewatch.store import record

    with options.transaction(options.load(config)) as conn:
        found = record.head(conn)
    if json:
        show.as_json({"seq": found.seq, "hash": found.hash.hex()})
    else:
        show.line(str(found))


def _head(text: str) -> "Head | None":
    from fumewatch.core.record import Head

    try:
        return Head.parse(text) if text else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--head") from None


def _counted(entries: "Iterable[Entry]", total: int, *, quiet: bool) -> "Iterator[Entry]":
    """With progress, where somebody watches."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    yield from track(entries, "Verifying", total=total, console=console, transient=True)


def _tell(now: "Head", findings: "list[Finding]") -> None:
    for finding in findings[:_MOST]:
        show.complain(str(finding))
    if len(findings) > _MOST:
        show.complain(f"... and {len(findings) - _MOST:,} more; --json has them all")
    if findings:
        show.complain(f"{show.count(len(findings), 'finding')} in {now.seq:,} entries.")
    else:
        entries = show.count(now.seq, "entry", "entries")
        show.line(f"{entries} verified, nothing was changed. Head: {now}")


def _as_json(now: "Head", findings: "list[Finding]") -> dict[str, object]:
    return {
        "entries": now.seq,
        "head": str(now),
        "findings": [
            {"seq": f.seq, "of": f.of, "trouble": f.trouble.name.lower(), "text": str(f)}
            for f in findings
        ],
    }
