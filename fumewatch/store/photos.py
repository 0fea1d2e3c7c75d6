"""Photos that people sent as proof, made anew by us before they are stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from psycopg.rows import class_row

from fumewatch.store.database import Connection

_ADD: Final = """
    insert into photo (id, action_id, media_type, content, width, height)
    values (%s, %s, %s, %s, %s, %s)
"""
_FIND: Final = "select id, media_type, content, width, height from photo where id = %s"
_OF: Final = """
    select p.id, p.action_id, p.width, p.height
    from photo p join action a on a.id = p.action_id
    where a.alert_id = %s order by p.action_id, p.id
"""


@dataclass(frozen=True, slots=True)
class Photo:
    """`width` and `height`: pixels."""

    id: UUID
    media_type: str
    content: bytes
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class PhotoRow:
    """A photo without its content."""

    id: UUID
    action_id: int
    width: int
    height: int


def add(conn: Connection, action: int, photos: Sequence[Photo]) -> None:
    """In the transaction of their action."""
    with conn.cursor() as cursor:
        cursor.executemany(
            _ADD,
            [(p.id, action, p.media_type, p.content, p.width, p.height) for p in photos],
        )


def find(conn: Connection, id: UUID) -> Photo | None:
    with conn.cursor(row_factory=class_row(Photo)) as cursor:
        return cursor.execute(_FIND, (id,)).fetchone()


def of_alert(conn: Connection, alert: UUID) -> list[PhotoRow]:
    """In the order of their actions."""
    with conn.cursor(row_factory=class_row(PhotoRow)) as cursor:
        return cursor.execute(_OF, (alert,)).fetchall()
