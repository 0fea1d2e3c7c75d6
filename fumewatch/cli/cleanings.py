"""`fumewatch cleanings`: when outlets were cleaned, from a ledger into the store."""

from typing import Annotated

import typer

from fumewatch.cli import imports, options, show
from fumewatch.cli.imports import DryRun, Limit
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.cleanings_csv import COLUMNS, NEEDED

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

_IMPORT_HELP = f"""Take over a ledger of cleanings (清洗台账): all of the file or nothing.

\b
One row for each outlet and day. Cleanings that the file does not name are kept.
UTF-8 or GB18030; comma, semicolon or tab; columns in any order, by name or by
the name in brackets:

\b
{imports.columns(COLUMNS, NEEDED)}
  (* needed)

\b
Examples:
  fumewatch cleanings import cleanings.csv --dry-run
  fumewatch cleanings import cleanings.csv
"""


@app.command("import", help=_IMPORT_HELP)
def import_(
    file: imports.File, config: ConfigPath = None, dry_run: DryRun = False, json: AsJson = False
) -> None:
    from fumewatch.core import cleanings_csv
    from fumewatch.store import Connection, cleanings
    from fumewatch.store.tally import Tally

    loaded = options.load(config)
    data = imports.read(file)
    today = options.clock().astimezone(loaded.zone).date()

    def add(conn: Connection) -> Tally:
        found = cleanings_csv.parse(data, str(file), cleanings.outlets_of(conn), today)
        return cleanings.add(conn, found, file.name)

    tally = imports.attempt(loaded, add, dry_run)
    if json:
        show.as_json({"dry_run": dry_run, "cleanings": tally})
    else:
        imports.tell(
            {"cleanings": tally}, dry_run, "Cleanings that the file does not name were kept."
        )


@app.command("list")
def list_(
    config: ConfigPath = None,
    outlet: Annotated[
        str | None, typer.Option("--outlet", metavar="CODE", help="Only of this outlet.")
    ] = None,
    limit: Limit = 50,
    json: AsJson = False,
) -> None:
    """List the newest cleanings.

    \b
    Examples:
      fumewatch cleanings list
      fumewatch cleanings list --outlet XH-0001-A --json
    """
    from fumewatch.store import cleanings

    with options.transaction(options.load(config)) as conn:
        rows, count = cleanings.newest(conn, outlet, limit)
    if json:
        show.as_json({"count": count, "cleanings": rows})
    elif count:
        columns = ["cleaned on", "outlet", "site", "name", "note", "told by"]
        cells = [(r.cleaned_on, r.outlet_code, r.site_code, r.site, r.note, r.source) for r in rows]
        show.table("", columns, cells)
        show.line(show.count(count, "cleaning"))
    else:
        show.line("No cleanings are recorded, or none of that outlet.")
