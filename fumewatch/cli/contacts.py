"""`fumewatch contacts`: the people of sites, vendors and streets, by a CSV file."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import imports, options, show
from fumewatch.cli.imports import DryRun
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.contacts_csv import COLUMNS, NEEDED
from fumewatch.core.errors import Fault, ImportRefused

if TYPE_CHECKING:
    from fumewatch.core.addressing import Role

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)

ABOUT: Final = "Who is told for a site, a vendor or a street: import, list, remove."
_NAMED: Final = 5
"""How many vendors and streets that nothing has are named; --json has them all."""

_IMPORT_HELP = f"""Take over who is told for a site, a vendor or a street: all or nothing.

\b
One row for each person. A receiver with contact = "site" (or "vendor", "street")
writes to the contacts of the alert's site; of a shared flue to the responsible
one's. Who is known by owner and name keeps the links sent to them. UTF-8 or
GB18030; comma, semicolon or tab; columns in any order, by name or by the name in
brackets:

\b
{imports.columns(COLUMNS, NEEDED)}
  (* needed; of site_code, vendor and street exactly one; of email, phone and
  account at least one)

\b
Examples:
  fumewatch contacts import contacts.csv --dry-run
  fumewatch contacts import contacts.csv --replace
"""


@app.command("import", help=_IMPORT_HELP)
def import_(
    file: imports.File,
    config: ConfigPath = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Remove all whom the file does not name.")
    ] = False,
    dry_run: DryRun = False,
    json: AsJson = False,
) -> None:
    from fumewatch.core import contacts_csv
    from fumewatch.store import Connection, complaints, contacts
    from fumewatch.store.tally import Tally

    data = imports.read(file)

    def take(conn: Connection) -> "tuple[Tally, int, list[tuple[Role, str]]]":
        entries = contacts_csv.parse(data, str(file), complaints.site_codes(conn))
        if replace and not entries:
            what = "names nobody; with --replace that would remove every contact"
            raise ImportRefused([Fault(str(file), what)])
        tally, removed = (
            contacts.replace(conn, entries) if replace else (contacts.add(conn, entries), 0)
        )
        return tally, removed, contacts.strangers(conn)

    tally, removed, strangers = imports.attempt(options.load(config), take, dry_run)
    if json:
        named = [{"role": role, "name": name} for role, name in strangers]
        show.as_json(
            {"dry_run": dry_run, "contacts": tally, "removed": removed, "strangers": named}
        )
        return
    otherwise = (
        "Contacts that the file does not name were removed."
        if replace
        else "Contacts that the file does not name were kept."
    )
    imports.tell({"contacts": tally}, dry_run, otherwise, removed)
    if strangers:
        show.line(_nothing_has(strangers))


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List the contacts.

    \b
    Examples:
      fumewatch contacts list
      fumewatch contacts list --json
    """
    from fumewatch.store import contacts

    with options.transaction(options.load(config)) as conn:
        entries = contacts.all_contacts(conn)
    if json:
        show.as_json({"count": len(entries), "contacts": entries})
    elif entries:
        columns = ["id", "of", "", "name", "e-mail", "phone", "account", "language"]
        cells = [
            (c.id, entry.role, entry.of, c.name, c.email, c.phone, c.account, c.language)
            for entry in entries
            for c in (entry.contact,)
        ]
        show.table("", columns, cells)
        show.line(show.count(len(entries), "contact"))
    else:
        show.line("No contacts yet; see fumewatch contacts import --help.")


@app.command("export")
def export(config: ConfigPath = None) -> None:
    """Write the contacts as the CSV file that import reads, to standard output.

    \b
    Examples:
      fumewatch contacts export > contacts.csv
    """
    from fumewatch.core import contacts_csv
    from fumewatch.store import contacts

    with options.transaction(options.load(config)) as conn:
        entries = contacts.all_contacts(conn)
    typer.echo(contacts_csv.write(entries), nl=False)


@app.command("remove")
def remove(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="As contacts list shows.")],
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Remove contacts: nobody writes to them any more. What they did stays recorded.

    \b
    Examples:
      fumewatch contacts remove 12 13
    """
    from fumewatch.core.errors import StoreRefused
    from fumewatch.store import contacts

    with options.transaction(options.load(config)) as conn:
        removed = contacts.remove(conn, ids)
        if missing := sorted(set(ids) - removed.keys()):
            named = ", ".join(map(str, missing))
            raise StoreRefused(f"no contact has the id {named}; see fumewatch contacts list")
    if json:
        show.as_json({"removed": [{"id": id, "name": name} for id, name in removed.items()]})
    else:
        show.line(f"Removed {', '.join(map(show.inert, removed.values()))}.")


def _nothing_has(strangers: "list[tuple[Role, str]]") -> str:
    named = ", ".join(f"{role} {show.inert(name)}" for role, name in strangers[:_NAMED])
    named += ", ..." if len(strangers) > _NAMED else ""
    return (
        f"{show.count(len(strangers), 'vendor or street', 'vendors and streets')} with contacts "
        f"that no monitor and no site has: {named}. Mind the spelling; see fumewatch sites list."
    )
