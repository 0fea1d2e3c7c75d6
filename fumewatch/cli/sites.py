"""`fumewatch sites`: who is watched, from a CSV file into the store and back to the eye."""

from typing import TYPE_CHECKING, Any

import typer

from fumewatch.cli import imports, options, show
from fumewatch.cli.imports import DryRun
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.sites_csv import COLUMNS, NEEDED

if TYPE_CHECKING:
    from fumewatch.core.facts import Facts

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


_IMPORT_HELP = f"""Take over restaurants, outlets, monitors from a CSV file: all or nothing.

\b
One row for each site, outlet and monitor that belong together. A shared flue
has a row for each site with the same outlet_code, and one of them says
responsible = yes. What the file does not name is kept. UTF-8 or GB18030; comma,
semicolon or tab; columns in any order, by name or by the name in brackets:

\b
{imports.columns(COLUMNS, NEEDED)}
  (* needed)

\b
Examples:
  fumewatch sites import sites.csv --dry-run
  fumewatch sites import sites.csv
"""


@app.command("import", help=_IMPORT_HELP)
def import_(
    file: imports.File, config: ConfigPath = None, dry_run: DryRun = False, json: AsJson = False
) -> None:
    from fumewatch.core import sites_csv
    from fumewatch.store import sites

    loaded = options.load(config)
    profiles = [profile.name for profile in loaded.limit]
    facts = sites_csv.parse(imports.read(file), str(file), profiles)
    changes = imports.attempt(loaded, lambda conn: sites.replace(conn, facts), dry_run)
    if json:
        show.as_json({"dry_run": dry_run, "changes": changes})
    else:
        tallies = {name: getattr(changes, name) for name in ("sites", "outlets", "monitors")}
        imports.tell(tallies, dry_run, "Sites that the file does not name were kept as they are.")


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
