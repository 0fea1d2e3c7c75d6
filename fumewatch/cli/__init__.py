"""fumewatch's commands. This folder is the only one that prints.

Exit status: 0 good, 1 refused or failed, 2 wrong usage. What a command needs is imported inside it,
so that --help comes at once.
"""

import gc
import sys
from typing import Annotated, NoReturn

import typer

from fumewatch import __version__
from fumewatch.cli import (
    alerts,
    audit,
    backtest,
    backup,
    broker,
    cleanings,
    complaints,
    contacts,
    deadletters,
    decode,
    demo,
    fleet,
    links,
    options,
    outbox,
    profiles,
    receivers,
    roles,
    routes,
    rules,
    show,
    silences,
    sites,
    tokens,
    users,
    wording,
)
from fumewatch.cli.options import AsJson, ConfigPath
from fumewatch.core.errors import ConfigError, FumewatchError, ImportRefused, StoreUnavailable

app = typer.Typer(
    help="Preventive supervision of restaurant oil fume: readings in, early warnings out.",
    cls=options.Commands,
    epilog="Each command has examples: fumewatch run --help. All of it at work: fumewatch demo",
    rich_markup_mode=None,  # --help in half the time
    pretty_exceptions_enable=False,
    add_completion=False,
    no_args_is_help=True,
)


def main() -> NoReturn:
    """Errors of ours become their text on standard error and status 1, without a traceback."""
    try:
        app(prog_name="fumewatch")
    except (ConfigError, ImportRefused) as refusal:
        show.faults(refusal.faults)
    except StoreUnavailable as error:
        why = " ".join(str(error).split())
        show.complain(f"fumewatch: the database cannot be used now: {why}")
        show.complain(
            "Try again; else check that PostgreSQL runs, and [database] url of the configuration."
        )
    except FumewatchError as error:
        show.complain(f"fumewatch: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(1)


def _version(asked: bool) -> None:
    if asked:
        show.line(f"fumewatch {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and stop.")
    ] = False,
) -> None:
    pass


@app.command()
def run(config: ConfigPath = None) -> None:
    """Run the daemon until SIGTERM or Ctrl-C.

    A change of the configuration takes effect by itself, as it does on SIGHUP: it is checked whole;
    where it is wrong, the one before stays in force and the log and the pages say why. [mqtt],
    [database], [ingest], the zone and the port wait for a restart.

    \b
    Examples:
      fumewatch run
      fumewatch run --config /etc/fumewatch/config.toml
      kill -HUP $(pgrep -of 'fumewatch run')
    """
    gc.disable()  # until it runs: what is imported stays, and would be looked through ten times
    from fumewatch import app as daemon
    from fumewatch.config import default_path

    raise typer.Exit(daemon.run(default_path(config)))


@app.command()
def check(
    config: ConfigPath = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Also try the database, the broker, the receivers.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Check the configuration: every fault with its line, all at once.

    \b
    Examples:
      fumewatch check
      fumewatch check --config config.toml --connect
      fumewatch check --json
    """
    from fumewatch import log
    from fumewatch.cli import reach, verdict
    from fumewatch.config import default_path, examine
    from fumewatch.config.secrets import secrets

    options.keep_quiet()
    path = default_path(config)
    examined = examine(path, today=options.clock().date())
    if examined.config is not None:
        log.hide(secrets(examined.config))
    wanted = examined.config if connect else None
    attempts = list(reach.attempts(wanted)) if wanted else []
    if json:
        show.as_json(verdict.as_json(path, examined, attempts))
    else:
        verdict.tell(path, examined, attempts)
    is_good = examined.config is not None and all(attempt.is_reached for attempt in attempts)
    raise typer.Exit(0 if is_good else 1)


@app.command()
def migrate(config: ConfigPath = None, json: AsJson = False) -> None:
    """Bring the database's schema up to this program's; safe to repeat.

    \b
    Examples:
      fumewatch migrate
      fumewatch migrate --config /etc/fumewatch/config.toml
    """
    from fumewatch.store import migrate as migration

    old, new = migration.upgrade(options.load(config).database.owner_url)
    if json:
        show.as_json({"before": old, "after": new})
    elif old == new:
        show.line(f"The schema is at {new} already.")
    else:
        show.line(f"The schema went from {old or 'nothing'} to {new}.")


@app.command()
def status(config: ConfigPath = None, json: AsJson = False) -> None:
    """Show what runs, how the fleet stands, what is stuck. Status 1 when no daemon runs.

    While the database is away the broker alone is asked what it holds.

    \b
    Examples:
      fumewatch status
      fumewatch status --json | jq .monitors
    """
    from fumewatch.cli import held, overview
    from fumewatch.core.errors import StoreUnavailable

    loaded = options.load(config)
    try:
        with options.transaction(loaded) as conn:
            found = overview.look(conn, loaded, options.clock())
    except StoreUnavailable as error:
        held.tell_alone(loaded.mqtt, str(error), json=json)
        raise
    if json:
        show.as_json(found.as_json())
    else:
        overview.tell(found)
    raise typer.Exit(0 if found.is_running else 1)


app.add_typer(alerts.app, name="alerts", help=alerts.ABOUT)
app.add_typer(sites.app, name="sites", help="Restaurants, outlets and monitors: import and list.")
app.add_typer(cleanings.app, name="cleanings", help="When outlets were cleaned: import and list.")
app.add_typer(complaints.app, name="complaints", help="What residents told: import and list.")
app.add_typer(contacts.app, name="contacts", help=contacts.ABOUT)
app.add_typer(routes.app, name="routes", help=routes.ABOUT)
app.add_typer(silences.app, name="silences", help=silences.ABOUT)
app.add_typer(profiles.app, name="profiles", help="How models of monitor write: list and show.")
app.add_typer(rules.app, name="rules", help="Rules: test them before they wake anyone.")
app.add_typer(wording.app, name="wording", help=wording.ABOUT)
app.add_typer(deadletters.app, name="deadletters", help=deadletters.ABOUT)
app.add_typer(outbox.app, name="outbox", help=outbox.ABOUT)
app.add_typer(receivers.app, name="receivers", help=receivers.ABOUT)
app.add_typer(roles.app, name="roles", help=roles.ABOUT)
app.add_typer(users.app, name="user", help=users.ABOUT)
app.add_typer(tokens.app, name="token", help=tokens.ABOUT)
app.add_typer(broker.app, name="broker", help=broker.ABOUT)
app.add_typer(links.app, name="links", help="Links of messages: what they open; withdraw them.")
app.add_typer(audit.app, name="audit", help=audit.ABOUT)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(decode.decode)
app.command()(backtest.backtest)
app.command()(fleet.simulate)
app.command()(demo.demo)
