"""`fumewatch complaints`: what residents told the hotline, from a CSV file into the store."""

from typing import Final

import typer

from fumewatch.cli import imports, options, show
from fumewatch.cli.imports import DryRun, Limit
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.complaints_csv import COLUMNS, NEEDED

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

_NAMED: Final = 5
"""How many complaints without a place are named; list shows them all."""

_IMPORT_HELP = f"""Take over complaints of the hotline (12345): all of the file or nothing.

\b
One row for each. One without a position that names no site is kept, and brought
together with no alert. UTF-8 or GB18030; comma, semicolon or tab; columns in any
order, by name or by the name in brackets; leave out who complained:

\b
{imports.columns(COLUMNS, NEEDED)}
  (* needed)

\b
Examples:
  fumewatch complaints import complaints.csv --dry-run
  fumewatch complaints import complaints.csv
"""


@app.command("import", help=_IMPORT_HELP)
def import_(
    file: imports.File, config: ConfigPath = None, dry_run: DryRun = False, json: AsJson = False
) -> None:
    from fumewatch.core import complaints_csv
    from fumewatch.store import Connection, complaints
    from fumewatch.store.tally import Tally

    loaded = options.load(config)
    data = imports.read(file)

    def add(conn: Connection) -> tuple[Tally, list[str]]:
        sites = complaints.site_codes(conn)
        found = complaints_csv.parse(data, str(file), sites, options.clock(), loaded.zone)
        tally = complaints.add(conn, found)
        unplaced = complaints.unplaced(conn, [complaint.number for complaint in found])
        return tally, [c.number for c in found if c.number in unplaced]

    tally, unplaced = imports.attempt(loaded, add, dry_run)
    if json:
        show.as_json({"dry_run": dry_run, "complaints": tally, "unplaced": unplaced})
        return
    imports.tell(
        {"complaints": tally}, dry_run, "Complaints that the file does not name were kept."
    )
    if unplaced:
        show.line(_cannot_be_placed(unplaced))


@app.command("list")
def list_(config: ConfigPath = None, limit: Limit = 50, json: AsJson = False) -> None:
    """List the newest complaints.

    \b
    Examples:
      fumewatch complaints list
      fumewatch complaints list --limit 1000 --json
    """
    from fumewatch.store import complaints

    loaded = options.load(config)
    with options.transaction(loaded) as conn:
        rows, count, without = complaints.newest(conn, limit)
    if json:
        show.as_json({"count": count, "unplaced": without, "complaints": rows})
    elif count:
        columns = ["number", "at", "latitude", "longitude", "site", "address", "text"]
        cells = [
            (
                row.number,
                f"{row.at.astimezone(loaded.zone):%Y-%m-%d %H:%M}",
                "unplaced" if row.latitude is None else f"{row.latitude:.5f}",
                "" if row.longitude is None else f"{row.longitude:.5f}",
                row.site_code,
                row.address,
                row.text,
            )
            for row in rows
        ]
        show.table("", columns, cells)
        show.line(f"{show.count(count, 'complaint')}, {without:,} of them cannot be placed")
    else:
        show.line("No complaints yet; see fumewatch complaints import --help.")


def _cannot_be_placed(numbers: list[str]) -> str:
    named = ", ".join(numbers[:_NAMED]) + (", ..." if len(numbers) > _NAMED else "")
    return (
        f"{show.count(len(numbers), 'complaint')} cannot be placed ({named}): no position, and no "
        "site that has one. Give latitude and longitude, or a site_code, and import again."
    )
