"""The whole database in one file, and a manifest beside it that tells what must be in it.

NAME.dump        pg_dump's custom format: pg_restore reads it without us
NAME.dump.json   schema, versions, rows by table, head of the record, SHA-256 of the other

Rows are counted in the snapshot that pg_dump reads, while everybody goes on writing. Neither file
has its name before it is whole and on disk; the manifest comes last.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Self

import psycopg
from psycopg import sql

from fumewatch.core.errors import StoreRefused
from fumewatch.store import clients, migrate, partitions, record
from fumewatch.store.database import Connection
from fumewatch.store.translate import translated

FORMAT: Final = 1
_TABLES: Final = """
    select relname from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')
        and not relispartition
    order by relname
"""
_TIMESCALEDB: Final = "select extversion from pg_extension where extname = 'timescaledb'"
_MARK: Final = """
    insert into backup_mark (made_at) values (%s)
    on conflict (only_row) do update set made_at = excluded.made_at
"""
_CHUNK: Final = 1 << 20

Progress = Callable[[str], None]
"""Told of each step in a few words."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`engine`: of store.partitions. `timescaledb`: its version; None: there is none."""

    made_at: str
    fumewatch: str
    schema: str
    postgresql: int
    timescaledb: str | None
    engine: str
    head: str
    rows: dict[str, int]
    size: int = 0
    sha256: str = ""
    format: int = FORMAT

    @classmethod
    def read(cls, file: Path) -> Self:
        """Of this dump. Raise StoreRefused where there is none, or none of ours."""
        path = beside(file)
        try:
            found = json.loads(path.read_text("utf-8"))
            if found["format"] > FORMAT:
                raise StoreRefused(f"{path} was written by a newer fumewatch: install that")
            return cls(**found)
        except FileNotFoundError:
            raise StoreRefused(
                f"there is no {path}: the backup is not whole, or only half of it was copied"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreRefused(f"{path} is no manifest of a backup: {error}") from None


def beside(file: Path) -> Path:
    """Where the manifest of a dump is."""
    return file.with_name(file.name + ".json")


def create(
    url: str, file: Path, version: str, now: datetime, folders: Sequence[Path], tell: Progress
) -> Manifest:
    """Write `file` and its manifest; `version` is ours. Neither may be there already."""
    for path in (file, beside(file)):
        if path.exists():
            raise StoreRefused(f"{path} exists; a backup never overwrites anything")
    with _snapshot(url) as (conn, snapshot):
        migrate.require_current(conn)
        tell("counting rows")
        counted = _describe(conn, version, now)
        with _whole(file) as part:
            found = clients.find(counted.postgresql, folders)
            options = ("--format=custom", "--verbose", "--no-password", f"--snapshot={snapshot}")
            command = found.dump(*options, "--file", part)
            for line in clients.run(command, clients.environment(url)):
                tell_table(line, "dumping contents of table", tell)
            tell("hashing")
            sha256 = _sha256(part)
            size = part.stat().st_size
    manifest = Manifest(**(asdict(counted) | {"sha256": sha256, "size": size}))
    with _whole(beside(file)) as part:
        part.write_text(json.dumps(asdict(manifest), indent=1) + "\n")
    _mark(url, now, tell)
    return manifest


def _mark(url: str, now: datetime, tell: Progress) -> None:
    """For the daemon, which warns of one that is old. A replica that was backed up takes none."""
    try:
        with psycopg.connect(url, connect_timeout=10) as conn:
            conn.execute(_MARK, [now])
    except psycopg.Error as error:
        tell(f"the backup is whole, but the database could not be told of it: {error}")


def last_made(conn: Connection) -> datetime | None:
    """When the last backup that is whole was made of this database."""
    row = conn.execute("select made_at from backup_mark").fetchone()
    return row[0] if row else None


def verify(file: Path, folders: Sequence[Path]) -> Manifest:
    """Its manifest, if the file is as it was written and can be read; else StoreRefused."""
    manifest = Manifest.read(file)
    try:
        is_same = file.stat().st_size == manifest.size and _sha256(file) == manifest.sha256
    except OSError as error:
        raise StoreRefused(f"{file} cannot be read: {error.strerror}") from None
    if not is_same:
        raise StoreRefused(f"{file} is not what was written: its SHA-256 is another")
    found = clients.find(manifest.postgresql, folders)
    for _ in clients.run(found.restore("--list", file), clients.environment("")):
        pass
    return manifest


def tell_table(line: str, before: str, tell: Progress) -> None:
    """pg_dump: dumping contents of table "public.reading_20261123"."""
    _, found, name = line.partition(before)
    if found:
        tell(name.strip(' "'))


@contextmanager
def _snapshot(url: str) -> Iterator[tuple[Connection, str]]:
    """A transaction that sees one moment, and the name by which pg_dump sees the same."""
    with translated(), psycopg.connect(url, connect_timeout=10) as conn:
        conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        conn.read_only = True
        conn.execute("set idle_in_transaction_session_timeout = 0")  # pg_dump takes its time
        row = conn.execute("select pg_export_snapshot()").fetchone()
        assert row is not None
        yield conn, row[0]
        conn.rollback()


def _describe(conn: Connection, version: str, now: datetime) -> Manifest:
    timescaledb = conn.execute(_TIMESCALEDB).fetchone()
    return Manifest(
        made_at=now.isoformat(timespec="seconds"),
        fumewatch=version,
        schema=migrate.newest(),
        postgresql=conn.info.server_version // 10_000,
        timescaledb=timescaledb[0] if timescaledb else None,
        engine=partitions.engine(conn).name,
        head=str(record.head(conn)),
        rows=count(conn),
    )


def count(conn: Connection) -> dict[str, int]:
    """Rows of each table, all partitions of it together."""
    rows = {}
    for (table,) in conn.execute(_TABLES).fetchall():
        query = sql.SQL("select count(*) from {}").format(sql.Identifier(table))
        rows[table] = int(conn.execute(query).fetchall()[0][0])
    return rows


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A path to write to, which gets the file's name once it is on disk; only we may read it."""
    part = file.with_name(file.name + ".part")
    try:
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise StoreRefused(
            f"{part} exists: another backup is at it, or was killed; remove it then"
        ) from None
    except OSError as error:
        raise StoreRefused(f"{part} cannot be written: {error.strerror}") from None
    try:
        yield part
        _to_disk(part)
        _name(part, file)
        with suppress(OSError):  # some shares know no folders on disk
            _to_disk(file.parent)
    except OSError as error:
        raise StoreRefused(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)


def _name(part: Path, file: Path) -> None:
    """Without ever replacing a file that is there; a share without hard links must do without."""
    try:
        os.link(part, file)
    except OSError:
        if file.exists():
            raise StoreRefused(f"{file} exists; a backup never overwrites anything") from None
        part.rename(file)


def _to_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_CHUNK):
            digest.update(block)
    return digest.hexdigest()
