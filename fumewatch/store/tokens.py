"""Tokens of programs. Never deleted: a revoked one keeps its name in the list."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import kwargs_row

from fumewatch.core.access import Change, Permission, Scope, of_scopes
from fumewatch.core.errors import StoreRefused
from fumewatch.store.accounts import record
from fumewatch.store.database import Connection
from fumewatch.store.document import text
from fumewatch.store.passwords import digest, drawn
from fumewatch.store.sessions import SEEN_EVERY

PREFIX: Final = "fw_"
"""So that a secret that has got into a file is known for one."""

_COLUMNS: Final = "id, name, scopes, created_at, expires_at, used_at, revoked_at"
_ADD: Final = f"""
    insert into token (name, hash, scopes, created_at, expires_at)
    values (%(name)s, %(hash)s, %(scopes)s, %(at)s, %(expires_at)s) returning {_COLUMNS}
"""
_FIND: Final = f"""
    select {_COLUMNS} from token
    where hash = %s and revoked_at is null and (expires_at is null or expires_at > %s)
"""


@dataclass(frozen=True, slots=True)
class Token:
    """`expires_at`: None: it holds until it is revoked."""

    id: int
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    @property
    def permissions(self) -> frozenset[Permission]:
        return of_scopes(self.scopes)

    @property
    def actor(self) -> str:
        return f"token {self.name}"


def add(
    conn: Connection,
    name: str,
    scopes: Iterable[Scope],
    by: str,
    now: datetime,
    expires_at: datetime | None = None,
) -> tuple[Token, str]:
    """The token with its secret, which is told this once. Raise StoreRefused: the name is taken."""
    secret = f"{PREFIX}{drawn()}"
    wanted = sorted(scope.value for scope in scopes)
    params = {
        "name": text(name),
        "hash": digest(secret),
        "scopes": wanted,
        "at": now,
        "expires_at": expires_at,
    }
    try:
        (added,) = _read(conn, _ADD, params)
    except psycopg.errors.UniqueViolation:
        raise StoreRefused(f"there is a token {name} already; revoke it first") from None
    record(conn, by, Change.ISSUED, name, now, scopes=" ".join(wanted))
    return added, secret


def find(conn: Connection, secret: str, now: datetime) -> Token | None:
    """One that holds."""
    return next(iter(_read(conn, _FIND, (digest(secret), now))), None)


def use(conn: Connection, token: Token, now: datetime) -> None:
    """It is in use: to the minute."""
    if token.used_at is None or now - token.used_at >= SEEN_EVERY:
        conn.execute("update token set used_at = %s where id = %s", (now, token.id))


def every(conn: Connection) -> list[Token]:
    """Those that were not revoked first, by name."""
    return _read(conn, f"select {_COLUMNS} from token order by revoked_at nulls first, name")


def revoke(conn: Connection, name: str, by: str, now: datetime) -> bool:
    """Whether there was one of the name that was not revoked."""
    revoked = conn.execute(
        "update token set revoked_at = %s where name = %s and revoked_at is null", (now, name)
    ).rowcount
    if revoked:
        record(conn, by, Change.REVOKED, name, now)
    return revoked > 0


def _read(conn: Connection, statement: str, params: Any = ()) -> list[Token]:
    with conn.cursor(row_factory=kwargs_row(_token)) as cursor:
        return cursor.execute(statement, params).fetchall()


def _token(scopes: list[str], **columns: Any) -> Token:
    return Token(scopes=frozenset(map(Scope, scopes)), **columns)
