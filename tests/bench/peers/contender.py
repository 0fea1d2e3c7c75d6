"""What takes part in the end-to-end comparison: a program between the broker and the database."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class Skipped(Exception):
    """A row that cannot be had on this machine; the text says why and stands in the table."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One run: a new broker, a new database, a folder, and how many readings will come."""

    folder: Path
    broker_port: int
    database_url: str
    readings: int

    @property
    def log(self) -> Path:
        return self.folder / "consumer.log"

    @property
    def broker_url(self) -> str:
        return f"mqtt://127.0.0.1:{self.broker_port}"

    def libpq(self) -> dict[str, str]:
        """The database as environment variables, for programs that read no URL with a socket."""
        parts = urlsplit(self.database_url)
        query = parse_qs(parts.query)
        return {
            "PGHOST": query["host"][0],
            "PGPORT": query["port"][0],
            "PGUSER": parts.username or "",
            "PGDATABASE": parts.path[1:],
        }


Launch = Callable[[Scene], AbstractContextManager[subprocess.Popen[bytes]]]


@dataclass(frozen=True, slots=True)
class Contender:
    """`launch` starts it on a scene and yields its process once it is on its way to subscribe.

    `template` is the database that each run gets a copy of, `table` where its rows end up;
    None: it stores nothing, and says "done EPOCH" in its log when it has seen all.
    `again` starts it on what an earlier one left; None: as `launch` does. `measured_at`: of a row
    of its table, in SQL.
    """

    name: str
    title: str
    judged: str
    template: str
    table: str | None
    launch: Launch
    again: Launch | None = None
    measured_at: str = "measured_at"
