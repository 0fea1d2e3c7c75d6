"""Options that several commands share, and what they lead to."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer.core import TyperGroup

from fumewatch.cli import show

if TYPE_CHECKING:
    from fumewatch.config import Config
    from fumewatch.store import Connection, Database, DatabaseSettings

ConfigPath = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Else $FUMEWATCH_CONFIG, ./config.toml, /etc/fumewatch/config.toml.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


_LONGEST_SUMMARY: Final = 500


class Commands(TyperGroup):
    """Commands whose help says of each a whole sentence, on as many lines as it takes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        known = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, one.get_short_help_str(_LONGEST_SUMMARY)) for name, one in known if one]
            )


def keep_quiet() -> None:
    """A command says itself what went wrong: logs of what it uses would only repeat that."""
    from fumewatch import log

    log.set_up("critical", "console")


def load(path: Path | None) -> "Config":
    """Raise ConfigError; what is only doubtful goes to standard error.

    Not that others can read a secret: `check` and `run` say so.
    """
    from fumewatch import config, log
    from fumewatch.config.secrets import secrets

    keep_quiet()
    loaded = config.load(config.default_path(path))
    log.hide(secrets(loaded))
    for warning in loaded.warnings:
        if warning not in loaded.exposed:
            show.complain(f"{warning} (warning)")
    return loaded


@contextmanager
def database(config: "Config") -> Iterator["Database"]:
    """A database whose schema is ours; StoreRefused says to migrate first."""
    from fumewatch.store import migrate

    with opened(config.database) as database:
        with database.transaction() as conn:
            migrate.require_current(conn)
        yield database


@contextmanager
def opened(settings: "DatabaseSettings") -> Iterator["Database"]:
    """A database, whatever its schema."""
    from fumewatch.store import Database

    database = Database(settings)
    database.open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def transaction(config: "Config") -> Iterator["Connection"]:
    """One transaction on a database whose schema is ours."""
    with database(config) as ours, ours.transaction() as conn:
        yield conn


def read_duration(given: str | timedelta) -> timedelta:
    """typer hands over defaults too, which are durations already."""
    from fumewatch.core import duration

    try:
        return duration.parse(given) if isinstance(given, str) else given
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def clock() -> datetime:
    """The commands' own; the daemon's is in app.py."""
    return datetime.now(UTC)


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C, SIGTERM and a closed terminal set."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    return stop
