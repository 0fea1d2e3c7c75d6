"""Who may log in. An account is never deleted, only disabled: what was done bears its name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg.rows import class_row, kwargs_row

from fumewatch.core.access import FORGOTTEN_AFTER, Change, Permission, Role, of_role
from fumewatch.core.errors import StoreRefused
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb, text
from fumewatch.store.passwords import digest, drawn

INVITED_FOR: Final = timedelta(days=7)
KEPT_AFTER_END: Final = timedelta(days=90)
"""Of sessions: from which addresses an account was in use."""

_COLUMNS: Final = """
    id, name, display_name, role, language, password_hash, password_changed_at, disabled_at,
    created_at
"""
_ADD: Final = f"""
    insert into account (name, display_name, role, language, created_at)
    values (%(name)s, %(display_name)s, %(role)s, %(language)s, %(at)s)
    on conflict (name) do nothing returning {_COLUMNS}
"""
_SEEN: Final = "select account_id, max(seen_at) from session group by account_id"
_INVITE: Final = """
    insert into invitation (account_id, hash, expires_at) values (%s, %s, %s)
    on conflict (account_id) do update set hash = excluded.hash, expires_at = excluded.expires_at
"""
_INVITED: Final = f"""
    select {_COLUMNS} from account
    where id = (select account_id from invitation where hash = %s and expires_at > %s)
        and disabled_at is null
"""
_CHOOSE: Final = """
    update account set password_hash = %s, password_changed_at = %s where id = %s
"""
_RECORD: Final = """
    insert into account_change (at, actor, what, subject, detail) values (%s, %s, %s, %s, %s)
"""
_CHANGES: Final = """
    select at, actor, what, subject, detail from account_change
    where %(subject)s::text is null or subject = %(subject)s
    order by id desc limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class Account:
    """`password_hash`: None while nobody has chosen one. `language`: None: the browser's."""

    id: int
    name: str
    display_name: str
    role: Role
    language: Literal["zh", "en"] | None
    password_hash: str | None = field(repr=False)
    password_changed_at: datetime | None
    disabled_at: datetime | None
    created_at: datetime

    @property
    def actor(self) -> str:
        return actor(self.name, self.display_name)

    @property
    def permissions(self) -> frozenset[Permission]:
        return of_role(self.role)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One change of an account or a token: what, of whom, by whom."""

    at: datetime
    actor: str
    what: str
    subject: str
    detail: Mapping[str, Any]


def actor(name: str, display_name: str) -> str:
    """As what somebody does is recorded: 张三 (zhangsan)."""
    return f"{display_name} ({name})" if display_name else name


def add(
    conn: Connection,
    name: str,
    role: Role,
    by: str,
    now: datetime,
    *,
    display_name: str = "",
    language: str | None = None,
) -> Account:
    """One that nobody can log in to yet. Raise StoreRefused where the name is taken."""
    params = {
        "name": name,
        "display_name": text(display_name),
        "role": role.value,
        "language": language,
        "at": now,
    }
    added = _read(conn, _ADD, params)
    if not added:
        raise StoreRefused(f"there is a user {name} already")
    record(conn, by, Change.ADDED, name, now, role=role.value)
    return added[0]


def named(conn: Connection, name: str) -> Account | None:
    return next(
        iter(_read(conn, f"select {_COLUMNS} from account where name = %s", [text(name)])), None
    )


def by_id(conn: Connection, id: int) -> Account | None:
    return next(iter(_read(conn, f"select {_COLUMNS} from account where id = %s", [id])), None)


def every(conn: Connection) -> list[Account]:
    """By name."""
    return _read(conn, f"select {_COLUMNS} from account order by name")


def seen(conn: Connection) -> dict[int, datetime]:
    """When each account was last in use, by its id."""
    return dict(conn.execute(_SEEN).fetchall())


def is_any(conn: Connection) -> bool:
    """Whether anybody can log in, or was invited to."""
    return bool(conn.execute("select from account where disabled_at is null limit 1").fetchall())


def invite(conn: Connection, account: Account, by: str, now: datetime) -> str:
    """The secret with which a password may be chosen once; one of before opens nothing any more."""
    secret = drawn()
    conn.execute(_INVITE, (account.id, digest(secret), now + INVITED_FOR))
    record(conn, by, Change.INVITED, account.name, now)
    return secret


def invited(conn: Connection, secret: str, now: datetime) -> Account | None:
    return next(iter(_read(conn, _INVITED, (digest(secret), now))), None)


def choose(conn: Connection, account: Account, password_hash: str, by: str, now: datetime) -> None:
    """A password; every session ends, and so does an invitation."""
    conn.execute(_CHOOSE, (password_hash, now, account.id))
    conn.execute("delete from invitation where account_id = %s", [account.id])
    end_sessions(conn, account, now)
    record(conn, by, Change.CHOSEN, account.name, now)


def rehash(conn: Connection, account: Account, password_hash: str) -> None:
    """The same password, kept by stronger parameters."""
    conn.execute(
        "update account set password_hash = %s where id = %s and password_hash = %s",
        (password_hash, account.id, account.password_hash),
    )


def set_role(conn: Connection, account: Account, role: Role, by: str, now: datetime) -> None:
    """Every session ends: none goes on with what it may do no more, or not yet."""
    conn.execute("update account set role = %s where id = %s", (role.value, account.id))
    end_sessions(conn, account, now)
    record(conn, by, Change.ROLE, account.name, now, before=account.role.value, after=role.value)


def disable(conn: Connection, account: Account, by: str, now: datetime) -> None:
    conn.execute(
        "update account set disabled_at = coalesce(disabled_at, %s) where id = %s",
        (now, account.id),
    )
    conn.execute("delete from invitation where account_id = %s", [account.id])
    end_sessions(conn, account, now)
    record(conn, by, Change.DISABLED, account.name, now)


def enable(conn: Connection, account: Account, by: str, now: datetime) -> None:
    conn.execute("update account set disabled_at = null where id = %s", [account.id])
    record(conn, by, Change.ENABLED, account.name, now)


def unlock(conn: Connection, account: Account, by: str, now: datetime) -> None:
    """Forget the failed logins."""
    conn.execute("delete from login_failure where name_hash = %s", [digest(account.name)])
    record(conn, by, Change.UNLOCKED, account.name, now)


def end_sessions(conn: Connection, account: Account, now: datetime, but: bytes = b"") -> int:
    """How many ended; `but`: the hash of one that goes on."""
    return conn.execute(
        "update session set ended_at = %s"
        " where account_id = %s and ended_at is null and hash <> %s",
        (now, account.id, but),
    ).rowcount


def may_administer(conn: Connection) -> Sequence[str]:
    """The names of those who can log in and are admins, in a transaction that changes them: nobody
    else takes the last one away meanwhile."""
    rows = conn.execute(
        "select name from account where role = 'admin' and disabled_at is null"
        " and password_hash is not null order by name for update"
    )
    return [name for (name,) in rows.fetchall()]


def record(
    conn: Connection, by: str, what: Change, subject: str, now: datetime, **detail: str
) -> None:
    conn.execute(_RECORD, (now, text(by), what.value, text(subject), jsonb(detail)))


def changes(conn: Connection, limit: int, subject: str | None = None) -> list[Recorded]:
    """The newest first."""
    with conn.cursor(row_factory=class_row(Recorded)) as cursor:
        return cursor.execute(_CHANGES, {"subject": subject, "limit": limit}).fetchall()


def prune(conn: Connection, now: datetime) -> int:
    """Drop failures that count no more, invitations that open nothing, sessions long unused."""
    gone = conn.execute(
        "delete from login_failure where last_at < %s", [now - FORGOTTEN_AFTER]
    ).rowcount
    gone += conn.execute("delete from invitation where expires_at < %s", [now]).rowcount
    return (
        gone
        + conn.execute("delete from session where seen_at < %s", [now - KEPT_AFTER_END]).rowcount
    )


def _read(conn: Connection, statement: str, params: Any = ()) -> list[Account]:
    with conn.cursor(row_factory=kwargs_row(_account)) as cursor:
        return cursor.execute(statement, params).fetchall()


def _account(role: str, **columns: Any) -> Account:
    return Account(role=Role(role), **columns)
