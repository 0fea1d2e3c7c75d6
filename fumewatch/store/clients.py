"""PostgreSQL's own pg_dump and pg_restore: which of them fit a server, and how they are run.

They are told where to connect by the environment: a command line is everybody's to read.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from psycopg import pq

from fumewatch.core.errors import StoreRefused

_DEBIAN: Final = Path("/usr/lib/postgresql")
_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True, slots=True)
class Clients:
    """A folder with both programs, and their major version."""

    folder: Path
    major: int

    def dump(self, *options: str | Path) -> list[str]:
        return [str(self.folder / "pg_dump"), *map(str, options)]

    def restore(self, *options: str | Path) -> list[str]:
        return [str(self.folder / "pg_restore"), *map(str, options)]


def find(server: int, folders: Iterable[Path] = ()) -> Clients:
    """Of what is installed, the same major version as the server's, else the next newer one.

    `folders` are looked through beside the usual ones. Raise StoreRefused where all are older: such
    a pg_dump refuses the server.
    """
    found = sorted(_installed(folders), key=lambda each: each.major)
    for each in found:
        if each.major >= server:
            return each
    older = f"only {found[-1].major} is here" if found else "none is here"
    raise StoreRefused(
        f"the server is PostgreSQL {server}, whose pg_dump and pg_restore are needed: {older};"
        f" install postgresql-client-{server} (Debian: from apt.postgresql.org, if it is newer than"
        " the release's own)"
    )


def environment(url: str) -> dict[str, str]:
    """Ours, in which libpq finds what the URL says: the password, too."""
    variables = {each.keyword: each.envvar for each in pq.Conninfo.get_defaults()}
    said = {
        variable.decode(): each.val.decode()
        for each in pq.Conninfo.parse(url.encode())
        if each.val is not None and (variable := variables.get(each.keyword))
    }
    return {**os.environ, **said, "LC_ALL": "C"}


def run(command: list[str], env: Mapping[str, str]) -> Iterator[str]:
    """Each line the program says on standard error, as it says it; StoreRefused if it fails.

    Left early, it is killed.
    """
    with subprocess.Popen(
        command,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        assert process.stderr is not None
        said = []
        try:
            for line in process.stderr:
                said.append(line.rstrip())
                yield said[-1]
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise StoreRefused(f"{Path(command[0]).name} failed: {_reason(said)}")


def _reason(said: list[str]) -> str:
    """Of all it said, the errors; else the end."""
    errors = [line for line in said if "error:" in line or "fatal:" in line.lower()]
    return "\n".join((errors or said)[-5:]) or "it said nothing"


def _installed(folders: Iterable[Path]) -> Iterator[Clients]:
    on_path = shutil.which("pg_dump")
    candidates = [
        *([Path(on_path).parent] if on_path else []),
        *sorted(_DEBIAN.glob("*/bin")),
        *folders,
    ]
    for folder in dict.fromkeys(candidates):
        if (folder / "pg_restore").exists() and (major := _major(folder / "pg_dump")):
            yield Clients(folder, major)


def _major(program: Path) -> int | None:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(said.stdout)
    return int(found[1]) if found else None
