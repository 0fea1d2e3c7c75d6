"""What happened at monitors in the last weeks, for rules about patterns."""

from datetime import datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.past import Complaints, Happenings, Openings, Past
from fumewatch.core.roster import Roster
from fumewatch.store.database import Connection
from fumewatch.store.wire import Layout, copy_out, from_us, from_wire_time

_RULES: Final = "select distinct rule from alert where opened_at between %s and %s"
# As known at the second instant: what happened after it had not happened.
_ALERTS: Final = """
    select array_position(%s::text[], rule), monitor_id, opened_at,
        coalesce(fired_at <= %s, false), coalesce(resolved_at > %s, true)
    from alert where opened_at between %s and %s
"""
_OPENING: Final = Layout(
    ("rule", "monitor", "at", "fired", "is_open"), ("i4", "i4", "i8", "u1", "u1")
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
    """What happened from `since` to `now` (µs UTC) at any monitor, as known at `now`.

    1. Alerts opened since then. No visit is recorded yet, so none is a false alarm.
    2. A finding is an interval's, at its start, however many channels differ in it.
    3. Complaints that have a position, or whose site has one.
    """
    span = [from_us(since), from_us(now)]
    return Past(
        ids,
        now,
        roster,
        alerts=_alerts(conn, span),
        restarts=Happenings(**_by_time(conn, _RESTARTS, span, _HAPPENING)),
        findings=Happenings(**_by_time(conn, _FINDINGS, span, _HAPPENING)),
        complaints=Complaints(**_by_time(conn, _COMPLAINTS, span, _COMPLAINT)),
    )


def _alerts(conn: Connection, span: list[datetime]) -> dict[str, Openings]:
    rules = [rule for (rule,) in conn.execute(_RULES, span)]
    now = span[1]
    columns = _by_time(conn, _ALERTS, [rules, now, now, *span], _OPENING)
    of_rule = (np.flatnonzero(columns["rule"] == n) for n in range(1, len(rules) + 1))
    return {rule: _openings(columns, rows) for rule, rows in zip(rules, of_rule, strict=True)}


def _openings(columns: dict[str, NDArray[Any]], rows: NDArray[np.intp]) -> Openings:
    return Openings(
        columns["monitor"][rows],
        columns["at"][rows],
        columns["fired"][rows].astype(np.bool_),
        columns["is_open"][rows].astype(np.bool_),
        np.zeros(len(rows), np.bool_),
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
