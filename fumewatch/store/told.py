"""What receivers were told of alerts, and the alerts that this is about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import kwargs_row

from fumewatch.core.alert import Reason, State, Transition
from fumewatch.core.dispatch.plan import Told
from fumewatch.store.alerts import as_alert
from fumewatch.store.database import Connection
from fumewatch.store.document import json

_ALERTS: Final = """
    select a.id, a.rule, a.kind, a.severity, a.monitor_id as monitor, a.state, a.opened_at,
        a.breached_at, a.value, a."limit", a.fired_at, a.clear_since, a.resolved_at, a.evidence,
        last.before, last.at, last.reason
    from alert a
    cross join lateral (
        select before, at, reason from transition where alert_id = a.id order by id desc limit 1
    ) last
"""
_OPEN: Final = f"""{_ALERTS}
    where a.fired_at is not null
        and (a.state = 'firing' or a.id in (select alert_id from told where state = 'firing'))
    order by a.opened_at, a.id
"""
_SINCE: Final = f"""{_ALERTS}
    where a.id in (select alert_id from transition where id > %s and id <= %s)
    order by a.opened_at, a.id
"""
_FOLLOWED: Final = f"""{_ALERTS}
    where a.fired_at > %(oldest)s
        and (a.state <> 'resolved' or %(over)s)
        and not exists (
            select from (
                select kind, detail from action
                where alert_id = a.id and kind in ('outcome', 'reopened')
                order by id desc limit 1
            ) end_ where end_.detail->>'outcome' in ('false alarm', 'resolved')
        )
    order by a.opened_at, a.id
"""
_BETWEEN: Final = f"""{_ALERTS}
    where a.fired_at is not null and a.fired_at <= %(until)s
        and (a.resolved_at is null or a.resolved_at > %(since)s)
    order by a.opened_at, a.id
"""
_SOME: Final = f"{_ALERTS} where a.id = any(%s) order by a.opened_at, a.id"
_TOLD: Final = """
    select t.receiver, t.addressee, t.alert_id as alert, t.state, t.at
    from told t join alert a on a.id = t.alert_id
    where t.state = 'firing' or a.state = 'firing'
"""
_SAVE: Final = """
    insert into told (receiver, addressee, alert_id, state, at)
    select receiver, addressee, alert, state, at
    from json_to_recordset(%s)
        as r (receiver text, addressee text, alert uuid, state text, at timestamptz)
    on conflict (alert_id, receiver, addressee)
    do update set state = excluded.state, at = excluded.at
"""


def mark(conn: Connection) -> int:
    """The last transition there is; 0: none. One thread writes them, so none comes in before it."""
    row = conn.execute("select coalesce(max(id), 0) from transition").fetchone()
    assert row is not None
    return int(row[0])


def standing(conn: Connection) -> list[Transition]:
    """The last transition of each alert that fires, or that somebody still believes to."""
    return _moves(conn, _OPEN, [])


def since(conn: Connection, after: int, until: int) -> list[Transition]:
    """The same of each alert that has a transition between these marks."""
    return _moves(conn, _SINCE, [after, until])


def of(conn: Connection, alerts: Sequence[UUID]) -> list[Transition]:
    return _moves(conn, _SOME, [list(alerts)])


def followed(conn: Connection, oldest: datetime, *, over: bool) -> list[Transition]:
    """Of alerts that fired since `oldest` and nobody has closed; `over`: those resolved, too."""
    return _moves(conn, _FOLLOWED, {"oldest": oldest, "over": over})


def between(conn: Connection, since: datetime, until: datetime) -> list[Transition]:
    """Of alerts that fired by `until` and were not over by `since`."""
    return _moves(conn, _BETWEEN, {"since": since, "until": until})


def load(conn: Connection) -> list[Told]:
    """Of alerts that fire, or of which somebody believes so."""
    with conn.cursor(row_factory=kwargs_row(_told)) as cursor:
        return cursor.execute(_TOLD).fetchall()


def save(conn: Connection, rows: Sequence[Told]) -> None:
    """Of what one addressee is told twice of an alert, by its group and by a step, the last."""
    if rows:
        last = {(row.alert, row.receiver, row.addressee): row for row in rows}
        conn.execute(_SAVE, [json([_columns(row) for row in last.values()])])


def _columns(row: Told) -> dict[str, Any]:
    return {
        "receiver": row.receiver,
        "addressee": row.addressee,
        "alert": row.alert,
        "state": row.state.value,
        "at": row.at,
    }


def _moves(conn: Connection, query: str, params: Any) -> list[Transition]:
    with conn.cursor(row_factory=kwargs_row(_move)) as cursor:
        return cursor.execute(query, params).fetchall()


def _move(before: str | None, at: datetime, reason: str, **columns: Any) -> Transition:
    return Transition(as_alert(**columns), State(before) if before else None, at, Reason(reason))


def _told(state: str, **columns: Any) -> Told:
    return Told(state=State.FIRING if state == "firing" else State.RESOLVED, **columns)
