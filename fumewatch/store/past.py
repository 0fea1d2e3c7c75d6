"""What happened at monitors in the last weeks, for rules about patterns."""

from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import kwargs_row

from fumewatch.core.alert import Alert, Severity, State
from fumewatch.core.past import Complaints, Happenings, Openings, Outcome, Past
from fumewatch.core.roster import Roster
from fumewatch.store.database import Connection
from fumewatch.store.wire import Layout, copy_out, from_us, from_wire_time, to_us

_RULES: Final = "select distinct rule from alert where opened_at between %s and %s"
# As known at the second instant: what happened after it had not happened.
_ALERTS: Final = """
    select array_position(%s::text[], rule), monitor_id, opened_at,
        coalesce(fired_at <= %s, false), coalesce(resolved_at > %s, true),
        coalesce((
            select detail ->> 'outcome' = 'false alarm' from action x
            where x.alert_id = alert.id and x.kind in ('outcome', 'reopened') and x.at <= %s
            order by x.id desc limit 1), false)
    from alert where opened_at between %s and %s and not evidence ? 'part_of'
"""
_OUTCOMES: Final = """
    select a.id as alert, a.rule, a.monitor_id as monitor, a.opened_at, x.at as found_at,
        coalesce(x.detail ->> 'outcome' = 'false alarm', false) as is_false
    from action x join alert a on a.id = x.alert_id
    where x.kind in ('outcome', 'reopened') and x.at between %s and %s
    order by x.id
"""
_WHOLE_ALERTS: Final = """
    select id, rule, kind, severity, monitor_id as monitor, state, opened_at, breached_at, value,
        "limit", fired_at, clear_since, resolved_at
    from alert where (opened_at >= %s or state <> 'resolved') and not evidence ? 'part_of'
    order by opened_at, id
"""
_OPENING: Final = Layout(
    ("rule", "monitor", "at", "fired", "is_open", "is_false"),
    ("i4", "i4", "i8", "u1", "u1", "u1"),
)
_RESTARTS: Final = """
    select monitor_id, at from device_event where kind = 'restart' and at between %s and %s
"""
_FINDINGS: Final = """
    select distinct monitor_id, start from device_aggregate
    where outcome = 'differs' and start between %s and %s
"""
_HAPPENING: Final = Layout(("monitor", "at"), ("i4", "i8"))
_COMPLAINTS: Final = """
    select c.at, coalesce(c.latitude, s.latitude), coalesce(c.longitude, s.longitude)
    from complaint c left join site s on s.id = c.site_id
    where coalesce(c.latitude, s.latitude) is not null and c.at between %s and %s
"""
_COMPLAINT: Final = Layout(("at", "latitude", "longitude"), ("i8", "f8", "f8"))


def load(conn: Connection, since: int, now: int, ids: NDArray[np.int32], roster: Roster) -> Past:
    """What happened from `since` to `now` (µs UTC) at any monitor."""
    return Past(
        ids,
        now,
        roster,
        alerts=openings(conn, since, now),
        restarts=restarts(conn, since, now),
        findings=findings(conn, since, now),
        complaints=complaints(conn, since, now),
    )


def restarts(conn: Connection, since: int, now: int) -> Happenings:
    return Happenings(**_by_time(conn, _RESTARTS, _span(since, now), _HAPPENING))


def findings(conn: Connection, since: int, now: int) -> Happenings:
    """One an interval, at its start, however many channels differ in it."""
    return Happenings(**_by_time(conn, _FINDINGS, _span(since, now), _HAPPENING))


def complaints(conn: Connection, since: int, now: int) -> Complaints:
    """Those that have a position, or whose site has one."""
    return Complaints(**_by_time(conn, _COMPLAINTS, _span(since, now), _COMPLAINT))


def outcomes(conn: Connection, since: int, now: int) -> list[Outcome]:
    """What was found of alerts, in the order in which it was."""
    with conn.cursor(row_factory=kwargs_row(_outcome)) as cursor:
        return cursor.execute(_OUTCOMES, _span(since, now)).fetchall()


def openings(conn: Connection, since: int, now: int) -> dict[str, Openings]:
    """Alerts opened since then, by rule, as known at `now`: what came later had not come."""
    span = _span(since, now)
    rules = [rule for (rule,) in conn.execute(_RULES, span)]
    columns = _by_time(conn, _ALERTS, [rules, *[span[1]] * 3, *span], _OPENING)
    of_rule = (np.flatnonzero(columns["rule"] == n) for n in range(1, len(rules) + 1))
    return {rule: _openings(columns, rows) for rule, rows in zip(rules, of_rule, strict=True)}


def alerts(conn: Connection, since: int) -> list[Alert]:
    """Those opened since then and all that are open, without their evidence, by their opening."""
    with conn.cursor(row_factory=kwargs_row(_alert)) as cursor:
        return cursor.execute(_WHOLE_ALERTS, [from_us(since)]).fetchall()


def _alert(severity: str, state: str, **columns: Any) -> Alert:
    return Alert(severity=Severity(severity), state=State(state), **columns)


def _outcome(opened_at: datetime, found_at: datetime, **columns: Any) -> Outcome:
    return Outcome(opened_at=opened_at.astimezone(UTC), at=to_us(found_at), **columns)


def _span(since: int, now: int) -> list[datetime]:
    return [from_us(since), from_us(now)]


def _openings(columns: dict[str, NDArray[Any]], rows: NDArray[np.intp]) -> Openings:
    return Openings(
        columns["monitor"][rows],
        columns["at"][rows],
        columns["fired"][rows].astype(np.bool_),
        columns["is_open"][rows].astype(np.bool_),
        columns["is_false"][rows].astype(np.bool_),
    )


def _by_time(
    conn: Connection, query: str, params: list[Any], layout: Layout
) -> dict[str, NDArray[Any]]:
    """The columns of a query's whole answer, by that named `at` (µs UTC)."""
    rows = np.concatenate(list(copy_out(conn, query, params, layout)))
    at = from_wire_time(rows["at"])
    order = np.argsort(at, kind="stable")
    types = zip(layout.names, layout.types, strict=True)
    return {name: rows[name].astype(kind)[order] for name, kind in types} | {"at": at[order]}
