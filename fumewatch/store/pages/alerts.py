"""Alerts, their transitions and notifications, as pages and API show them."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from fumewatch.core.alert import Alert, Severity, State

MOST_OVERTAKEN: Final = 1000
"""Two writers at once may commit their transitions out of order: how late a number may be."""

_PLACE: Final = """
    m.id as monitor_id, m.code as monitor, m.district, o.name as outlet, o.limit_profile,
    s.id as site_id, coalesce(s.name, '') as site, coalesce(s.street, '') as street,
    coalesce(s.address, '') as address
"""
_JOINS: Final = """
    join monitor m on m.id = a.monitor_id
    left join outlet o on o.id = m.outlet_id
    left join site s on s.id = o.responsible_site
"""
_ALERT: Final = f"""
    a.id, a.rule, a.kind, a.severity, a.state, a.opened_at, a.breached_at, a.fired_at,
    a.clear_since, a.resolved_at, a.value, a."limit", a.evidence, {_PLACE}
"""
_RANK: Final = "array_position(array['info', 'warning', 'critical'], a.severity)"
_MATCHES: Final = """
    (%(street)s::text is null or s.street = %(street)s)
    and (%(severity)s::text is null or a.severity = %(severity)s)
    and (%(rule)s::text is null or a.rule = %(rule)s)
    and (%(monitor)s::int is null or a.monitor_id = %(monitor)s)
    and (%(site)s::int is null or s.id = %(site)s or exists (
        select from outlet_site os where os.outlet_id = o.id and os.site_id = %(site)s))
"""
NOTIFICATIONS: Final = """
    select id, transition_id, receiver, addressee, reason, state, created_at, due_at, attempts,
           answer, settled_at, coalesce(body #>> '{to,name}', '') as person
    from outbox
    where id in (
        select x.id from outbox x join transition t on t.id = x.transition_id
        where t.alert_id = %(alert)s
        union all
        select id from outbox
        where transition_id is null
          and jsonb_path_query_array(body, '$.alerts[*].id') @> jsonb_build_array(%(alert)s))
    order by id limit 500
"""


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """None: any. `state` is firing, pending or resolved; None is firing and resolved."""

    street: str | None = None
    severity: str | None = None
    state: str | None = None
    rule: str | None = None
    monitor: int | None = None
    site: int | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of alerts ends: `rank` is 3 to 1 from critical to info, 0 for resolved ones."""

    rank: int
    opened_at: datetime
    id: uuid.UUID


@dataclass(frozen=True, slots=True)
class AlertRow:
    """An alert with its place; names are empty while the monitor is unassigned.

    `value` and `limit` are NaN where the rule has no number.
    """

    id: uuid.UUID
    rule: str
    kind: str
    severity: str
    state: str
    opened_at: datetime
    breached_at: datetime
    fired_at: datetime | None
    clear_since: datetime | None
    resolved_at: datetime | None
    value: float
    limit: float
    evidence: dict[str, Any]
    monitor_id: int
    monitor: str
    district: str
    outlet: str | None
    limit_profile: str | None
    site_id: int | None
    site: str
    street: str
    address: str

    @property
    def rank(self) -> int:
        """The first key of the list's order; see Cursor."""
        return (
            0
            if self.state == "resolved"
            else ("info", "warning", "critical").index(self.severity) + 1
        )

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.rank, self.opened_at, self.id)

    def as_alert(self) -> Alert:
        return Alert(
            id=self.id,
            rule=self.rule,
            kind=self.kind,
            severity=Severity(self.severity),
            monitor=self.monitor_id,
            state=State(self.state),
            opened_at=self.opened_at,
            breached_at=self.breached_at,
            value=self.value,
            limit=self.limit,
            fired_at=self.fired_at,
            clear_since=self.clear_since,
            resolved_at=self.resolved_at,
            evidence=self.evidence,
        )


@dataclass(frozen=True, slots=True)
class TransitionRow:
    id: int
    before: str | None
    after: str
    at: datetime
    reason: str
    value: float


@dataclass(frozen=True, slots=True)
class NotificationRow:
    """One message to one receiver; `answer` is the remote's last answer or our last error.

    `transition_id`: None for a notice, which may be of other alerts too. `person`: the contact that
    it went to.
    """

    id: int
    transition_id: int | None
    receiver: str
    addressee: str
    person: str
    reason: str
    state: str
    created_at: datetime
    due_at: datetime
    attempts: int
    answer: str | None
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class ToldRow:
    """What a receiver's people, or one contact of theirs, know of the alert."""

    receiver: str
    addressee: str
    person: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """A transition and its alert as it is by now."""

    transition: int
    at: datetime
    alert: AlertRow


def alerts(
    conn: Connection[Any], match: AlertFilter, limit: int, after: Cursor | None = None
) -> list[AlertRow]:
    """Open alerts first, worst first, then resolved ones; newest first in each. At most `limit`."""
    rows: list[AlertRow] = []
    if match.state != "resolved" and (after is None or after.rank):
        rows = _open(conn, match, limit, after)
    if match.state in (None, "resolved") and len(rows) < limit:
        rows += _resolved(
            conn, match, limit - len(rows), after if after and not after.rank else None
        )
    return rows


def _open(
    conn: Connection[Any], match: AlertFilter, limit: int, after: Cursor | None
) -> list[AlertRow]:
    query = f"""
        select {_ALERT} from alert a {_JOINS}
        where a.state <> 'resolved' and a.state = %(shown)s and {_MATCHES}
          and (%(rank)s::int is null or ({_RANK}, a.opened_at, a.id) < (%(rank)s, %(at)s, %(id)s))
        order by {_RANK} desc, a.opened_at desc, a.id desc
        limit %(limit)s
    """
    shown = "pending" if match.state == "pending" else "firing"
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(query, _params(match, limit, after) | {"shown": shown}).fetchall()


def _resolved(
    conn: Connection[Any], match: AlertFilter, limit: int, after: Cursor | None
) -> list[AlertRow]:
    query = f"""
        select {_ALERT} from alert a {_JOINS}
        where a.state = 'resolved' and a.fired_at is not null and {_MATCHES}
          and (%(at)s::timestamptz is null or (a.opened_at, a.id) < (%(at)s, %(id)s))
        order by a.opened_at desc, a.id desc
        limit %(limit)s
    """
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(query, _params(match, limit, after)).fetchall()


def _params(match: AlertFilter, limit: int, after: Cursor | None) -> dict[str, object]:
    return {
        "street": match.street,
        "severity": match.severity,
        "rule": match.rule,
        "monitor": match.monitor,
        "site": match.site,
        "limit": limit,
        "rank": after.rank if after else None,
        "at": after.opened_at if after else None,
        "id": after.id if after else None,
    }


def alert(conn: Connection[Any], id: uuid.UUID) -> AlertRow | None:
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(
            f"select {_ALERT} from alert a {_JOINS} where a.id = %s", (id,)
        ).fetchone()


def alerts_between(
    conn: Connection[Any], monitors: list[int], start: datetime, end: datetime, limit: int = 200
) -> list[AlertRow]:
    """Alerts that fired and were open at some time in [start, end), newest first."""
    query = f"""
        select {_ALERT} from alert a {_JOINS}
        where a.monitor_id = any(%s) and a.fired_at is not null
          and a.opened_at < %s and coalesce(a.resolved_at, 'infinity') > %s
        order by a.opened_at desc limit %s
    """
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(query, (monitors, end, start, limit)).fetchall()


def opened_at(
    conn: Connection[Any], monitor: int, rules: list[str], times: list[datetime]
) -> list[AlertRow]:
    """Alerts of these rules at the monitor that opened at one of these instants, newest first."""
    query = f"""
        select {_ALERT} from alert a {_JOINS}
        where a.monitor_id = %s and a.rule = any(%s) and a.opened_at = any(%s)
        order by a.opened_at desc limit 200
    """
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(query, (monitor, rules, times)).fetchall()


def parts_of(conn: Connection[Any], whole: uuid.UUID, start: datetime) -> list[AlertRow]:
    """Alerts that are part of this one (core.incident) and opened since then, newest first."""
    query = f"""
        select {_ALERT} from alert a {_JOINS}
        where a.opened_at >= %s and a.evidence #>> '{{part_of,alert}}' = %s
        order by a.opened_at desc, a.id limit 500
    """
    with conn.cursor(row_factory=class_row(AlertRow)) as cursor:
        return cursor.execute(query, (start, str(whole))).fetchall()


def transitions(conn: Connection[Any], alert: uuid.UUID) -> list[TransitionRow]:
    query = """
        select id, before, after, at, reason, value from transition
        where alert_id = %s order by id limit 200
    """
    with conn.cursor(row_factory=class_row(TransitionRow)) as cursor:
        return cursor.execute(query, (alert,)).fetchall()


def notifications(conn: Connection[Any], alert: uuid.UUID) -> list[NotificationRow]:
    """Those of its transitions, and the notices that name it, in the order they were written."""
    with conn.cursor(row_factory=class_row(NotificationRow)) as cursor:
        return cursor.execute(NOTIFICATIONS, {"alert": alert}).fetchall()


def told(conn: Connection[Any], alert: uuid.UUID) -> list[ToldRow]:
    """Who knows of it by now, the earliest told first."""
    query = """
        select k.receiver, k.addressee, coalesce(c.name, '') as person, k.state, k.at
        from told k left join contact c on k.addressee = 'contact ' || c.id
        where k.alert_id = %s order by k.at, k.receiver, k.addressee limit 500
    """
    with conn.cursor(row_factory=class_row(ToldRow)) as cursor:
        return cursor.execute(query, (alert,)).fetchall()


def newest_transition(conn: Connection[Any]) -> int:
    """0 when there is none yet."""
    row = conn.execute("select coalesce(max(id), 0) from transition").fetchone()
    return int(row[0]) if row else 0


def changes(conn: Connection[Any], after: int, limit: int) -> list[Change]:
    """What happened to alerts since transition `after`, oldest first."""
    newer = "select id, at, alert_id from transition where id > %s order by id limit %s"
    return _changes(conn, newer, (after, limit))


def changes_since(conn: Connection[Any], after: int, young: datetime, limit: int) -> list[Change]:
    """The same, and those at or after `young` that a later number may have overtaken."""
    newer = f"""
        select id, at, alert_id from transition
        where id > %(after)s - {MOST_OVERTAKEN} and (id > %(after)s or at >= %(young)s)
        order by id limit %(limit)s
    """
    return _changes(conn, newer, {"after": after, "young": young, "limit": limit})


def _changes(conn: Connection[Any], newer: str, params: Any) -> list[Change]:
    query = f"""
        select t.id, t.at, {_ALERT}
        from ({newer}) t join alert a on a.id = t.alert_id {_JOINS}
        order by t.id
    """
    return [Change(r[0], r[1], AlertRow(*r[2:])) for r in conn.execute(query, params)]
