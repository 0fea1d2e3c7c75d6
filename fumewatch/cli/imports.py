"""What the commands that import a CSV file share."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from fumewatch.cli import options, show
from fumewatch.core.errors import Fault, ImportRefused
from fumewatch.core.table import Column

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.store import Connection
    from fumewatch.store.tally import Tally

T = TypeVar("T")

File = Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
]
Limit = Annotated[int, typer.Option(min=0, max=100_000, help="How many of the newest.")]


class _Undo(Exception):
    """Rolls the transaction back."""


def columns(of: Sequence[Column], needed: Collection[str]) -> str:
    """A table for --help."""
    rows = []
    for column in of:
        mark = "*" if column.name in needed else " "
        rows.append(f"  {mark} {column.name:<14} {column.meaning} [{', '.join(column.aliases)}]")
    return "\n".join(rows)


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImportRefused([Fault(str(file), f"cannot be read: {error.strerror}")]) from None


def attempt(config: "Config", work: "Callable[[Connection], T]", dry_run: bool) -> T:
    """What `work` answers, in one transaction; a dry run is rolled back."""
    answers: list[T] = []
    try:
        with options.transaction(config) as conn:
            answers.append(work(conn))
            if dry_run:
                raise _Undo
    except _Undo:
        pass
    return answers[0]


def tell(tallies: "Mapping[str, Tally]", dry_run: bool, otherwise: str, removed: int = 0) -> None:
    """What changed; `otherwise`: what to say where something really did."""
    for name, tally in tallies.items():
        show.line(
            f"{name:<9} {tally.new:>6,} new {tally.changed:>6,} changed "
            f"{tally.unchanged:>6,} unchanged"
        )
    if removed:
        show.line(f"{'':<9} {removed:>6,} removed")
    if not removed and all(tally.is_same for tally in tallies.values()):
        show.line("The store says the same as the file already: nothing changed.")
    else:
        show.line("Dry run: nothing was changed." if dry_run else otherwise)
