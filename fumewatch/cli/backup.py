"""`fumewatch backup` and `fumewatch restore`."""

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fumewatch.cli import options, show
from fumewatch.cli.options import AsJson, ConfigPath

if TYPE_CHECKING:
    from fumewatch.store.backup import Manifest


def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="In a folder it is named by the time.")
    ],
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Back the whole database up, photos included, while the daemon runs.

    \b
    It writes FILE, which pg_restore reads, and FILE.json, which tells what must be in it:
    schema, versions, rows by table, the head of the record, SHA-256. Both are needed to
    restore, hold what nobody else may read, and have their names only once they are whole.
    Run it as the owner of the tables: [database] migrate_url, else url. It needs pg_dump of
    the server's version or newer. The daemon goes on; days that are old are dropped later.

    \b
    Examples:
      fumewatch backup /var/backups/fumewatch/
      fumewatch backup before-the-update.dump --json | jq .rows
    """
    from fumewatch import __version__
    from fumewatch.store import backup as store

    url = options.load(config).database.owner_url
    now = options.clock()
    file = target / f"fumewatch-{now:%Y%m%dT%H%M%SZ}.dump" if target.is_dir() else target
    with _telling() as tell:
        manifest = store.create(url, file, __version__, now, _folders(), tell)
    if json:
        show.as_json({"file": str(file), **asdict(manifest)})
    else:
        rows = show.count(sum(manifest.rows.values()), "row")
        show.line(f"{file}: {rows}, {show.size(manifest.size)}; the record's head is")
        show.line(manifest.head)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What fumewatch backup wrote.")],
    into: Annotated[
        str, typer.Option("--into", metavar="NAME", help="Another database of the same server.")
    ] = "",
    replace: Annotated[
        str,
        typer.Option(
            "--replace", metavar="NAME", help="Drop first all that this database holds: its name."
        ),
    ] = "",
    verify_only: Annotated[
        bool, typer.Option("--verify-only", help="Only whether FILE is as it was written.")
    ] = False,
    config: ConfigPath = None,
    json: AsJson = False,
) -> None:
    """Restore a backup into an empty database, and count what arrived.

    \b
    Stop the daemon first. The database must be there: createdb NAME. Rows by table and the
    head of the record are compared with what the backup says; status 1 if they differ. A
    backup of TimescaleDB goes into the same version of TimescaleDB, one of PostgreSQL into
    PostgreSQL. Roles that had rights get them again, where the server knows them.

    \b
    Examples:
      fumewatch restore --verify-only fumewatch-20261125T190000Z.dump
      fumewatch restore fumewatch-20261125T190000Z.dump
      createdb trial && fumewatch restore FILE --into trial
      fumewatch restore FILE --replace fumewatch
    """
    from fumewatch.store import backup as store
    from fumewatch.store import restore as restoring

    if verify_only:
        with _telling() as tell:
            tell("verifying")
            manifest = store.verify(file, _folders())
        _tell_manifest(file, manifest, "is as it was written", json=json)
        return
    url = options.load(config).database.owner_url
    if into:
        url = restoring.into(url, into)
    with _telling() as tell:
        manifest = restoring.restore(url, file, _folders(), tell, replace)
    _tell_manifest(file, manifest, "is restored", json=json)


def _tell_manifest(file: Path, manifest: "Manifest", what: str, *, json: bool) -> None:
    from fumewatch.store import migrate

    if json:
        show.as_json({"file": str(file), **asdict(manifest)})
        return
    rows = show.count(sum(manifest.rows.values()), "row")
    show.line(f"{file} {what}: {rows} as of {manifest.made_at}, schema {manifest.schema}.")
    if manifest.schema != migrate.newest():
        show.line("Its schema is older than this program's: run fumewatch migrate.")


def _folders() -> list[Path]:
    """Where programs may be besides PostgreSQL's own: the embedded server's wheel."""
    from fumewatch.demo.postgres import embedded_bin_dir

    embedded = embedded_bin_dir()
    return [embedded] if embedded else []


@contextmanager
def _telling() -> Iterator[Callable[[str], None]]:
    """On a terminal, what it is at; stopped by SIGTERM it leaves nothing behind."""
    from rich.console import Console

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("") as status:
        yield lambda step: status.update(show.inert(step))
