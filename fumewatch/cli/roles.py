"""`fumewatch roles`: who may do what in the database."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from fumewatch.store.roles import Kind

ABOUT: Final = "Who may do what in the database: least rights for the daemon and for readers."

app = typer.Typer(cls=options.Commands, rich_markup_mode=None, no_args_is_help=True)


@app.command("apply")
def apply(
    writer: Annotated[
        list[str] | None,
        typer.Option("--writer", metavar="NAME", help="As whom the daemon and commands run."),
    ] = None,
    reader: Annotated[
        list[str] | None,
        typer.Option("--reader", metavar="NAME", help="As whom Grafana and reports look."),
    ] = None,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Give roles the least rights; safe to repeat.

    \b
    Run it as the owner of the tables, whom [database] migrate_url names, else url. Where
    the owner may create roles, missing ones are created, without a password.
    writer  adds and changes facts, only adds to what is the record (transitions, actions,
            photos), creates and drops no table but days of readings by our functions
    reader  only reads; no passwords, sessions, tokens, contacts, photos, nor what messages
            and complaints say
    A later migration gives them what is new.

    \b
    Examples:
      fumewatch roles apply --writer fumewatch_daemon --reader grafana
      FUMEWATCH_DATABASE__MIGRATE_URL=postgresql:///fumewatch fumewatch roles apply --writer fw
    """
    from fumewatch.store import migrate, roles

    wanted = _wanted(writer or [], reader or [])
    settings = options.load(config).database.as_owner()
    with options.opened(settings) as database, database.transaction() as conn:
        migrate.require_current(conn)
        created = roles.apply(conn, wanted)
    if json:
        show.as_json({"roles": wanted, "created": created})
        return
    for name, kind in wanted.items():
        how = "created, without a password; it" if name in created else "it"
        show.line(f"{show.inert(name)}: {how} has the rights of a {kind} now.")


@app.command("list")
def list_(config: ConfigPath = None, json: AsJson = False) -> None:
    """List whom rights were given to.

    \b
    Examples:
      fumewatch roles list
    """
    from fumewatch.store import roles

    with options.transaction(options.load(config)) as conn:
        found = roles.known(conn)
    if json:
        show.as_json(found)
    elif found:
        rows = [(role.name, role.kind, "" if role.is_there else "dropped") for role in found]
        show.table("", ["role", "kind", ""], rows)
    else:
        show.line("None: the daemon runs as the owner of the tables. See fumewatch roles apply.")


def _wanted(writers: list[str], readers: list[str]) -> "dict[str, Kind]":
    from fumewatch.store.roles import Kind

    if not writers and not readers:
        raise typer.BadParameter("name a role with --writer or --reader")
    if both := set(writers) & set(readers):
        raise typer.BadParameter(f"{min(both)} is named as writer and as reader; one of the two")
    return dict.fromkeys(writers, Kind.WRITER) | dict.fromkeys(readers, Kind.READER)
