"""Logins that hold, and those that failed.

A cookie's value is known to its browser alone; we keep its hash.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg.rows import class_row, kwargs_row

from fumewatch.core.access import FORGOTTEN_AFTER, Failures, Role, wait_of
from fumewatch.store.accounts import Account, actor
from fumewatch.store.database import Connection
from fumewatch.store.document import text
from fumewatch.store.locks import Lock
from fumewatch.store.passwords import digest, drawn

SEEN_EVERY: Final = timedelta(minutes=1)
LONGEST_AGENT: Final = 200

_START: Final = """
    insert into session (hash, account_id, address, agent, created_at, seen_at)
    values (%(hash)s, %(account)s, %(address)s, %(agent)s, %(at)s, %(at)s)
"""
_FIND: Final = """
    select s.hash, s.id, s.created_at, s.seen_at, a.id as account_id, a.name, a.display_name,
        a.role
    from session s join account a on a.id = s.account_id
    where s.hash = %s and s.ended_at is null and a.disabled_at is null
"""
_SEE: Final = "update session set seen_at = %s where hash = %s and seen_at < %s"
_OF: Final = """
    select id, hash, address, agent, created_at, seen_at, ended_at from session
    where account_id = %s order by ended_at nulls first, seen_at desc limit %s
"""
_COUNT: Final = """
    insert into login_failure (name_hash, address, count, last_at)
    values (%(name)s, %(address)s, 1, %(at)s)
    on conflict (name_hash, address) do update set last_at = excluded.last_at,
        count = case when login_failure.last_at <= %(forgotten)s then 1
            else login_failure.count + 1 end
"""
_FAILURES: Final = """
    select coalesce(sum(count) filter (where address = %(address)s), 0)::int as here,
        max(last_at) filter (where address = %(address)s) as here_last,
        coalesce(sum(count), 0)::int as everywhere,
        max(last_at) as everywhere_last,
        exists (select from session s join account a on a.id = s.account_id
            where a.name = %(plain)s and s.address = %(address)s) as is_known
    from login_failure where name_hash = %(name)s and last_at > %(forgotten)s
"""


@dataclass(frozen=True, slots=True)
class Session:
    """One that was not ended, with what matters of its account. Whether it holds: core.access."""

    hash: bytes
    id: int
    created_at: datetime
    seen_at: datetime
    account_id: int
    name: str
    display_name: str
    role: Role

    @property
    def actor(self) -> str:
        return actor(self.name, self.display_name)


@dataclass(frozen=True, slots=True)
class SessionRow:
    """As a list shows it."""

    id: int
    hash: bytes
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None


def start(conn: Connection, account: Account, address: str, agent: str, now: datetime) -> str:
    """The cookie's value."""
    secret = drawn()
    params = {
        "hash": digest(secret),
        "account": account.id,
        "address": address,
        "agent": text(agent[:LONGEST_AGENT]),
        "at": now,
    }
    conn.execute(_START, params)
    return secret


def find(conn: Connection, secret: str) -> Session | None:
    with conn.cursor(row_factory=kwargs_row(_session)) as cursor:
        return cursor.execute(_FIND, [digest(secret)]).fetchone()


def see(conn: Connection, session: Session, now: datetime) -> None:
    """It is in use: to the minute."""
    if now - session.seen_at >= SEEN_EVERY:
        conn.execute(_SEE, (now, session.hash, now))


def end(conn: Connection, secret: str, now: datetime) -> None:
    conn.execute(
        "update session set ended_at = %s where hash = %s and ended_at is null",
        (now, digest(secret)),
    )


def end_one(conn: Connection, account: int, id: int, now: datetime) -> bool:
    """Whether the account had such a session, and it had not ended."""
    query = (
        "update session set ended_at = %s where account_id = %s and id = %s and ended_at is null"
    )
    return conn.execute(query, (now, account, id)).rowcount > 0


def of_account(conn: Connection, account: int, limit: int) -> list[SessionRow]:
    """Those that go on first, then those that ended; the last used first in each."""
    with conn.cursor(row_factory=class_row(SessionRow)) as cursor:
        return cursor.execute(_OF, (account, limit)).fetchall()


# ── Failed logins ──


_LOGIN: Final = Lock.LOGIN & 0x7FFFFFFF
"""The first of two keys: they are numbers apart from the locks of one key."""


def count_try(conn: Connection, name: str, address: str, now: datetime) -> Failures:
    """What failed before, of a name that may be nobody's; a password may be looked at only where
    core.access.wait_of has nobody wait for it. Then it counts as failed, until `forgive`.

    One after the other, in whichever daemon: of many tries at once each is told of those before it.
    """
    key = int.from_bytes(digest(name)[:4], signed=True)
    conn.execute("select pg_advisory_xact_lock(%s::int, %s::int)", [_LOGIN, key])
    before = failures(conn, name, address, now)
    if not wait_of(before, now):
        count_failure(conn, name, address, now)
    return before


def failures(conn: Connection, name: str, address: str, now: datetime) -> Failures:
    """Of a name that may be nobody's."""
    with conn.cursor(row_factory=class_row(Failures)) as cursor:
        return cursor.execute(_FAILURES, _of_name(name, address, now)).fetchone() or Failures()


def count_failure(conn: Connection, name: str, address: str, now: datetime) -> None:
    conn.execute(_COUNT, _of_name(name, address, now))


def forgive(conn: Connection, account: Account, address: str) -> None:
    """After a good login: what failed here before. Elsewhere somebody else may be trying."""
    conn.execute(
        "delete from login_failure where name_hash = %s and address = %s",
        (digest(account.name), address),
    )


def _of_name(name: str, address: str, now: datetime) -> dict[str, Any]:
    return {
        "name": digest(name),
        "plain": text(name),
        "address": text(address),
        "at": now,
        "forgotten": now - FORGOTTEN_AFTER,
    }


def _session(role: str, **columns: Any) -> Session:
    return Session(role=Role(role), **columns)
