"""Silences that people made. None is ever deleted; one that is ended early says by whom."""

from datetime import datetime
from typing import Any, Final

from psycopg.rows import kwargs_row

from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.routing import Matchers
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb

_COLUMNS: Final = """
    id, matchers, starts_at, ends_at, reason, author, created_at, ended_at, ended_by
"""
_ADD: Final = f"""
    insert into silence (matchers, starts_at, ends_at, reason, author, created_at)
    values (%(matchers)s, %(starts_at)s, %(ends_at)s, %(reason)s, %(author)s, %(created_at)s)
    returning {_COLUMNS}
"""
# Of two people who end the same one, the first did.
_END: Final = f"""
    update silence set ended_at = %(at)s, ended_by = %(by)s
    where id = %(id)s and ended_at is null and ends_at > %(at)s
    returning {_COLUMNS}
"""
_ONE: Final = f"select {_COLUMNS} from silence where id = %s"
_ACTIVE: Final = f"""
    select {_COLUMNS} from silence
    where starts_at <= %(at)s and ends_at > %(at)s and (ended_at is null or ended_at > %(at)s)
    order by id
"""
_UNENDED: Final = f"""
    select {_COLUMNS} from silence
    where ends_at > %(at)s and (ended_at is null or ended_at > %(at)s)
    order by id
"""
_ENDED: Final = f"""
    select {_COLUMNS} from silence
    where least(ends_at, ended_at) <= %(at)s
    order by least(ends_at, ended_at) desc, id desc limit %(limit)s
"""


def add(conn: Connection, silence: Silence) -> Silence:
    """As it is stored, with its id."""
    params = {
        "matchers": jsonb(silence.matchers.model_dump(mode="json", exclude_defaults=True)),
        "starts_at": silence.starts_at,
        "ends_at": silence.ends_at,
        "reason": silence.reason,
        "author": silence.author,
        "created_at": silence.created_at,
    }
    (added,) = _read(conn, _ADD, params)
    return added


def end(conn: Connection, id: int, by: str, at: datetime) -> Silence | None:
    """The silence, ended; None where there is none of that id, or it has ended already.

    One that has not begun never does.
    """
    ended = _read(conn, _END, {"id": id, "by": by, "at": at})
    return ended[0] if ended else None


def one(conn: Connection, id: int) -> Silence | None:
    return next(iter(_read(conn, _ONE, [id])), None)


def active(conn: Connection, at: datetime) -> list[Silence]:
    """Those in force at that time, the oldest first."""
    return _read(conn, _ACTIVE, {"at": at})


def unended(conn: Connection, at: datetime) -> list[Silence]:
    """Those in force or still to come, the oldest first: all that a dispatcher needs to know."""
    return _read(conn, _UNENDED, {"at": at})


def ended(conn: Connection, at: datetime, limit: int) -> list[Silence]:
    """Those over by then, the one that ended last first."""
    return _read(conn, _ENDED, {"at": at, "limit": limit})


def _read(conn: Connection, statement: str, params: Any) -> list[Silence]:
    with conn.cursor(row_factory=kwargs_row(_silence)) as cursor:
        return cursor.execute(statement, params).fetchall()


def _silence(matchers: dict[str, Any], **columns: Any) -> Silence:
    return Silence(matchers=Matchers.model_validate(matchers), **columns)
