"""Alerts and their append-only transitions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

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
_MARK: Final = """
    insert into judged_mark (judged_to) values (%s)
    on conflict (only_row) do update set judged_to = excluded.judged_to
"""
_AS_OF: Final = """
    select a.id, t.after as state, t.at as since, a.opened_at, t.value
    from transition t join alert a on a.id = t.alert_id
    where a.rule = %s and a.monitor_id = %s and t.at <= %s
    order by t.at desc, t.id desc limit 1
"""


@dataclass(frozen=True, slots=True)
class Standing:
    """How an alert stood at some time: its state since then, and the value that made it."""

    id: UUID
    state: State
    since: datetime
    opened_at: datetime
    value: float


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


def mark_judged(conn: Connection, to: datetime) -> None:
    """In the transaction of what those minutes brought about."""
    conn.execute(_MARK, [to])


def judged_to(conn: Connection) -> datetime | None:
    """All minutes before it are judged; None: nothing ever was."""
    row = conn.execute("select judged_to from judged_mark").fetchone()
    return row[0] if row else None


def open_alerts(conn: Connection) -> list[Alert]:
    """Pending and firing ones, oldest first."""
    with conn.cursor(row_factory=kwargs_row(as_alert)) as cursor:
        return cursor.execute(_OPEN).fetchall()


def as_of(conn: Connection, rule: str, monitor: int, at: datetime) -> Standing | None:
    """The latest alert of a rule at a monitor, as it stood then; None: there was none yet."""
    with conn.cursor(row_factory=kwargs_row(_standing)) as cursor:
        return cursor.execute(_AS_OF, [rule, monitor, at]).fetchone()


def _standing(state: str, **columns: Any) -> Standing:
    return Standing(state=State(state), **columns)


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


def as_alert(**columns: Any) -> Alert:
    """An alert of its columns."""
    columns["severity"] = Severity(columns["severity"])
    columns["state"] = State(columns["state"])
    return Alert(**columns)
