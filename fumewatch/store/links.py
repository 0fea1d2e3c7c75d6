"""Links of messages: whose they are, whether they were revoked, what was answered through them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from psycopg.rows import class_row

from fumewatch.core.link import Link
from fumewatch.store.database import Connection
from fumewatch.store.document import text

EVERYBODY: Final = ""
"""The addressee of a revocation of all links of an alert."""

_REVOKE: Final = """
    insert into link_revoked (alert_id, addressee, at, actor) values (%s, %s, %s, %s)
    on conflict (alert_id, addressee) do update set at = excluded.at, actor = excluded.actor
    where link_revoked.at < excluded.at
"""
_REVOKED: Final = """
    select exists (select from link_revoked
        where alert_id = %s and addressee in ('', %s) and at > %s)
"""
_KNOWN: Final = "select exists (select from alert where id = %s)"
_PERSON: Final = """
    select name, case when site_id is not null then 'site' when vendor is not null then 'vendor'
        else 'street' end as role
    from contact where id = %s
"""
_ANSWERED: Final = """
    select exists (select from action where alert_id = %s and detail ->> 'form' = %s)
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A contact, by whose it is."""

    name: str
    role: Literal["site", "vendor", "street"]


def revoke(conn: Connection, alert: UUID, addressee: str, actor: str, at: datetime) -> None:
    """The addressee's links signed before `at` open nothing any more; EVERYBODY: all links."""
    conn.execute(_REVOKE, (alert, addressee, at, text(actor)))


def is_revoked(conn: Connection, link: Link) -> bool:
    row = conn.execute(_REVOKED, (link.alert, link.addressee, link.signed_at)).fetchone()
    return bool(row and row[0])


def is_known(conn: Connection, alert: UUID) -> bool:
    row = conn.execute(_KNOWN, (alert,)).fetchone()
    return bool(row and row[0])


def person(conn: Connection, contact: int) -> Person | None:
    """None where nobody has this number any more."""
    with conn.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(_PERSON, (contact,)).fetchone()


def is_answered(conn: Connection, alert: UUID, form: str) -> bool:
    """Whether this very form was sent before. Under store.actions.lock: of two that are sent at
    once the second finds what the first one wrote."""
    row = conn.execute(_ANSWERED, (alert, form)).fetchone()
    return bool(row and row[0])
