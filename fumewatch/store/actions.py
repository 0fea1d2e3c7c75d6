"""What was done about alerts. Append-only: nothing is ever changed or taken back."""

from typing import Any, Final
from uuid import UUID

from psycopg.rows import kwargs_row

from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb, text

_APPEND: Final = """
    insert into action (alert_id, at, kind, actor, addressee, via, note, detail)
    values (%(alert)s, %(at)s, %(kind)s, %(actor)s, %(addressee)s, %(via)s, %(note)s, %(detail)s)
    returning id
"""
_OF: Final = """
    select id, alert_id as alert, at, kind, actor, addressee, via, note, detail,
        array(select p.id from photo p where p.action_id = a.id order by p.id) as photos
    from action a where alert_id = %s order by id
"""


def append(conn: Connection, action: Action) -> int:
    """Its number. Its photos are stored by store.photos, with that number."""
    row = conn.execute(
        _APPEND,
        {
            "alert": action.alert,
            "at": action.at,
            "kind": action.kind.value,
            "actor": text(action.actor),
            "addressee": action.addressee,
            "via": action.via,
            "note": text(action.note),
            "detail": jsonb(action.detail),
        },
    ).fetchone()
    assert row is not None
    return int(row[0])


def of(conn: Connection, alert: UUID) -> list[Action]:
    """In the order they were done."""
    with conn.cursor(row_factory=kwargs_row(_action)) as cursor:
        return cursor.execute(_OF, (alert,)).fetchall()


def _action(kind: str, photos: list[UUID], **columns: Any) -> Action:
    return Action(kind=ActionKind(kind), photos=tuple(photos), **columns)
