"""Alerts and their append-only transitions."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.rows import kwargs_row

from fumewatch.core.alert import Alert, Severity, State, Transition
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb

_SAVE: Final = """
    insert into alert (id, rule, kind, severity, monitor_id, state, opened_at, breached_at,
        fired_at, clear_since, resolved_at, value, "limit", evidence)
    values (%(id)s, %(rule)s, %(kind)s, %(severity)s, %(monitor)s, %(state)s, %(opened_at)s,
        %(breached_at)s, %(fired_at)s, %(clear_since)s, %(resolved_at)s, %(value)s, %(limit)s,
        %(evidence)s)
    on conflict (id) do update set severity = excluded.severity, state = excluded.state,
        breached_at = excluded.breached_at, fired_at = excluded.fired_at,
        clear_since = excluded.clear_since, resolved_at = excluded.resolved_at,
        value = excluded.value, "limit" = excluded."limit", evidence = excluded.evidence
"""
_APPEND: Final = """
    insert into transition (alert_id, before, after, at, reason, value, evidence)
    values (%s, %s, %s, %s, %s, %s, %s) returning id
"""
_TOUCH: Final = """
    update alert set severity = %(severity)s, breached_at = %(breached_at)s,
        clear_since = %(clear_since)s, value = %(value)s, "limit" = %(limit)s,
        evidence = %(evidence)s
    where id = %(id)s and state = %(state)s
"""
_OPEN: Final = """
    select id, rule, kind, severity, monitor_id as monitor, state, opened_at, breached_at, value,
        "limit", fired_at, clear_since, resolved_at, evidence
    from alert where state <> 'resolved' order by opened_at, id
"""


def save(conn: Connection, transitions: Sequence[Transition]) -> list[int]:
    """Store the alerts as the transitions left them, append the transitions, return their ids."""
    if not transitions:
        return []
    with conn.cursor() as cursor:
        cursor.executemany(_SAVE, [_columns(transition.alert) for transition in transitions])
        cursor.executemany(_APPEND, [_entry(t) for t in transitions], returning=True)
        return [row[0] for result in cursor.results() for row in result]


def touch(conn: Connection, alerts: Sequence[Alert]) -> None:
    """Store what changed without a transition: last value, evidence, when it was last breached."""
    if alerts:
        with conn.cursor() as cursor:
            cursor.executemany(_TOUCH, [_columns(alert) for alert in alerts])


def open_alerts(conn: Connection) -> list[Alert]:
    """Pending and firing ones, oldest first."""
    with conn.cursor(row_factory=kwargs_row(_alert)) as cursor:
        return cursor.execute(_OPEN).fetchall()


def _columns(alert: Alert) -> dict[str, Any]:
    return {
        "id": alert.id,
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity.value,
        "monitor": alert.monitor,
        "state": alert.state.value,
        "opened_at": alert.opened_at,
        "breached_at": alert.breached_at,
        "fired_at": alert.fired_at,
        "clear_since": alert.clear_since,
        "resolved_at": alert.resolved_at,
        "value": float(alert.value),
        "limit": float(alert.limit),
        "evidence": jsonb(alert.evidence),
    }


def _entry(transition: Transition) -> tuple[Any, ...]:
    alert = transition.alert
    before = transition.before.value if transition.before else None
    return (
        alert.id,
        before,
        alert.state.value,
        transition.at,
        transition.reason.value,
        float(alert.value),
        jsonb(alert.evidence),
    )


def _alert(**columns: Any) -> Alert:
    columns["severity"] = Severity(columns["severity"])
    columns["state"] = State(columns["state"])
    return Alert(**columns)
