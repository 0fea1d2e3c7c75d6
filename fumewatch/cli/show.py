"""How commands speak: results to standard output, complaints to standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

import typer

from fumewatch.core.errors import Fault
from fumewatch.core.visible import inert_json

MOST_FAULTS: Final = 200
"""Beyond this many nobody reads on; --json has them all."""


def line(text: str = "", word: str = "", colour: str = "") -> None:
    """Several where the text has several; whatever else is in it moves no cursor.

    `word`: of it, what stands in this colour, where it comes first.
    """
    said = _inert_lines(text)
    typer.echo(said.replace(word, typer.style(word, fg=colour), 1) if word else said)


def complain(text: str) -> None:
    """Without secrets: errors quote what other programs and servers said."""
    from fumewatch import log

    typer.echo(_inert_lines(log.masked(text)), err=True)


def as_json(value: Any) -> None:
    line(json_text(value))


def json_text(value: Any) -> str:
    """On one line, readable, and safe for a terminal: what is no letter or sign is escaped."""
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    return inert_json(text)


def inert(text: str) -> str:
    """What came from outside, with whatever could move a terminal's cursor or order written out.

    >>> inert("up\x1b[2J")
    'up\\x1b[2J'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _inert_lines(text: str) -> str:
    return "\n".join(map(inert, text.split("\n")))


def faults(found: Sequence[Fault]) -> None:
    for fault in found[:MOST_FAULTS]:
        complain(str(fault))
    if len(found) > MOST_FAULTS:
        complain(f"... and {len(found) - MOST_FAULTS} more")


def count(number: int, noun: str, plural: str = "") -> str:
    """1 fault, 2 faults."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(n_bytes: int) -> str:
    """1234567 is 1.2 MiB, as pages say it."""
    amount, units = float(n_bytes), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1000 and len(units) > 1:
        amount /= 1024
        del units[0]
    return (
        f"{amount:.1f} {units[0]}" if amount < 10 and n_bytes >= 10 else f"{amount:.0f} {units[0]}"
    )


def ago(age: timedelta) -> str:
    from fumewatch.core import duration

    return f"{duration.show(max(age, timedelta(0)))} ago"


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table for people; it is as wide as it needs to be where no terminal sets a width."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    grid = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        grid.add_row(*(_cell(value) for value in row))
    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    if title:
        console.print(_cell(title), style="italic")  # the table's own title breaks at its width
    console.print(grid)


def _cell(value: object) -> Any:
    from rich.text import Text

    # as text: a site named "[red]" stays so
    return Text("" if value is None else inert(str(value)))


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
