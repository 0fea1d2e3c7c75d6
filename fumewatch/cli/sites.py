"""`fumewatch sites`: who is watched, from a CSV file into the store and back to the eye."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import Fault, ImportRefused
from fumewatch.core.sites_csv import COLUMNS, NEEDED

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.core.facts import Facts
    from fumewatch.store.sites import Changes

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


class _DryRun(Exception):
    """Rolls the transaction back; carries what it would have changed."""

    def __init__(self, changes: "Changes") -> None:
        self.changes = changes


def _columns() -> str:
    rows = []
    for column in COLUMNS:
        mark = "*" if column.name in NEEDED else " "
        rows.append(f"  {mark} {column.name:<14} {column.meaning} [{', '.join(column.aliases)}]")
    return "\n".join(rows)


_IMPORT_HELP = f"""Take over restaurants, outlets, monitors from a CSV file: all or nothing.

\b
One row for each site, outlet and monitor that belong together. A shared flue
has a row for each site with the same outlet_code, and one of them says
responsible = yes. What the file does not name is kept. UTF-8 or GB18030; comma,
semicolon or tab; columns in any order, by name or by the name in brackets:

\b
{_columns()}
  (* needed)

\b
Examples:
  fumewatch sites import sites.csv --dry-run
  fumewatch sites import sites.csv
"""


@app.command("import", help=_IMPORT_HELP)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The CSV file.")],
    config: ConfigPath = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    from fumewatch.core import sites_csv

    loaded = options.load(config)
    facts = sites_csv.parse(_read(file), str(file), [profile.name for profile in loaded.limit])
    changes = _replace(loaded, facts, dry_run)
    if json:
        show.as_json({"dry_run": dry_run, "changes": changes})
    else:
        _tell(changes, dry_run)


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List the restaurants with their outlets and monitors.

    \b
    Examples:
      fumewatch sites list
      fumewatch sites list --json
    """
    from fumewatch.store import sites

    with options.transaction(options.load(config)) as conn:
        facts = sites.facts(conn)
    if json:
        show.as_json(facts)
    elif facts.sites:
        columns = ["site", "name", "street", "address", "outlet", "limit profile", "monitors"]
        show.table("", columns, _rows(facts))
        show.line(
            f"{show.count(len(facts.sites), 'site')}, {show.count(len(facts.outlets), 'outlet')}, "
            f"{show.count(len(facts.monitors), 'monitor')}"
        )
    else:
        show.line("No sites yet; see fumewatch sites import --help.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ImportRefused([Fault(str(file), f"cannot be read: {error.strerror}")]) from None


def _replace(config: "Config", facts: "Facts", dry_run: bool) -> "Changes":
    from fumewatch.store import sites

    try:
        with options.transaction(config) as conn:
            changes = sites.replace(conn, facts)
            if dry_run:
                raise _DryRun(changes)
    except _DryRun as dry:
        return dry.changes
    return changes


def _tell(changes: "Changes", dry_run: bool) -> None:
    tallies: dict[str, Any] = {
        "sites": changes.sites,
        "outlets": changes.outlets,
        "monitors": changes.monitors,
    }
    for name, tally in tallies.items():
        show.line(
            f"{name:<9} {tally.new:>6,} new {tally.changed:>6,} changed "
            f"{tally.unchanged:>6,} unchanged"
        )
    is_same = not any(tally.new or tally.changed for tally in tallies.values())
    if is_same:
        show.line("The store says the same as the file already: nothing changed.")
    elif dry_run:
        show.line("Dry run: nothing was changed.")
    else:
        show.line("Sites that the file does not name were kept as they are.")


def _rows(facts: "Facts") -> list[tuple[str, ...]]:
    monitors: dict[str, list[str]] = {}
    for monitor in facts.monitors:
        monitors.setdefault(monitor.outlet, []).append(monitor.code)
    outlets: dict[str, list[Any]] = {}
    for outlet in facts.outlets:
        for site in outlet.sites:
            outlets.setdefault(site, []).append(outlet)
    return [
        (
            site.code,
            site.name,
            site.street,
            site.address,
            outlet.code + ("" if outlet.responsible_site == site.code else " (shared)"),
            outlet.limit_profile,
            ", ".join(monitors.get(outlet.code, [])) or "none",
        )
        for site in facts.sites
        for outlet in outlets.get(site.code, [])
    ]
