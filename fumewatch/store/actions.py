"""What was done about alerts. Append-only: nothing is ever changed or taken back.

Whoever appends holds a lock until the transaction's end. So actions become visible in the order of
their ids, and who reads on from the last one misses none; and what a person may do is decided on
all that was done before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from psycopg.rows import kwargs_row

from fumewatch.core.errors import ActionRefused
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.followup.refusal import refuse, repeated
from fumewatch.core.followup.standing import fold
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb, text
from fumewatch.store.locks import Lock

_APPEND: Final = """
    insert into action (alert_id, at, kind, actor, addressee, via, note, detail)
    values (%(alert)s, %(at)s, %(kind)s, %(actor)s, %(addressee)s, %(via)s, %(note)s, %(detail)s)
    returning id
"""
_ACTION: Final = """
    select id, alert_id as alert, at, kind, actor, addressee, via, note, detail,
        array(select p.id from photo p where p.action_id = x.id order by p.id) as photos
    from action x
"""
_OF_ALERTS: Final = f"{_ACTION} where alert_id = any(%s) order by x.id"
_SINCE: Final = f"{_ACTION} where x.id > %s order by x.id"


def lock(conn: Connection) -> None:
    """Until the transaction's end nobody else appends: what is read now is all there is."""
    conn.execute("select pg_advisory_xact_lock(%s)", [Lock.ACTIONS.value])


def record(conn: Connection, action: Action) -> Action:
    """Store what a person did, as far as it can be done as the alert stands; as it is stored.

    What was recorded already (core.followup.refusal.repeated) comes back as it was. Its photos
    are stored after it, by store.photos. Raises ActionRefused, which says why.
    """
    lock(conn)
    if not conn.execute("select from alert where id = %s", [action.alert]).fetchall():
        raise ActionRefused(f"there is no alert {action.alert}", "没有这条告警")
    done = of(conn, action.alert)
    if refusal := refuse(fold(done), action):
        raise ActionRefused(refusal.value, refusal.zh)
    return repeated(done, action) or append(conn, [action])[0]


def append(conn: Connection, actions: Sequence[Action]) -> list[Action]:
    """In the transaction of what goes with them; with their ids, in the same order."""
    if not actions:
        return []
    lock(conn)
    with conn.cursor() as cursor:
        cursor.executemany(_APPEND, [_columns(action) for action in actions], returning=True)
        ids = [row[0] for result in cursor.results() for row in result]
    return [replace(action, id=id) for action, id in zip(actions, ids, strict=True)]


def of(conn: Connection, alert: UUID) -> list[Action]:
    """In the order in which they were done."""
    return of_alerts(conn, [alert])


def of_alerts(conn: Connection, alerts: Iterable[UUID]) -> list[Action]:
    """Of all of them, in the order in which they were done."""
    with conn.cursor(row_factory=kwargs_row(_action)) as cursor:
        return cursor.execute(_OF_ALERTS, [list(alerts)]).fetchall()


def since(conn: Connection, last: int) -> list[Action]:
    """What came after the action of this id; 0: all there is."""
    with conn.cursor(row_factory=kwargs_row(_action)) as cursor:
        return cursor.execute(_SINCE, [last]).fetchall()


def mark(conn: Connection) -> int:
    """The id of the last action; 0 where there is none."""
    row = conn.execute("select coalesce(max(id), 0) from action").fetchone()
    return int(row[0]) if row else 0


def _columns(action: Action) -> dict[str, Any]:
    return {
        "alert": action.alert,
        "at": action.at,
        "kind": action.kind.value,
        "actor": text(action.actor),
        "addressee": text(action.addressee),
        "via": action.via,
        "note": text(action.note),
        "detail": jsonb(action.detail),
    }


def _action(kind: str, photos: list[UUID], **columns: Any) -> Action:
    return Action(kind=ActionKind(kind), photos=tuple(photos), **columns)
