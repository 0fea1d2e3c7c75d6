"""Alerts with what was done about them, as a list of cases."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg.rows import dict_row

from fumewatch.core.followup.action import Action
from fumewatch.core.followup.standing import Standing, fold
from fumewatch.store import actions
from fumewatch.store.database import Connection

_ANSWERS: Final = "('acknowledged', 'correcting', 'corrected', 'visited', 'outcome')"
_FROM: Final = f"""
    from alert a
    join monitor m on m.id = a.monitor_id
    left join outlet o on o.id = m.outlet_id
    left join site s on s.id = o.responsible_site
    cross join lateral (
        select coalesce(max(x.id) filter (where x.kind = 'reopened'), 0) as reopened,
            coalesce(max(x.id) filter (where x.kind in {_ANSWERS}), 0) as answered,
            coalesce(max(x.id) filter (where x.kind = 'outcome'
                and x.detail ->> 'outcome' <> 'confirmed'), 0) as closed
        from action x where x.alert_id = a.id
    ) done
    where a.fired_at is not null and not a.evidence ? 'part_of'
        and (%(street)s::text is null or s.street = %(street)s)
        and (%(site)s::text is null or %(site)s in (s.name, s.code))
        and (%(monitor)s::text is null or m.code = %(monitor)s)
        and (%(rule)s::text is null or a.rule = %(rule)s)
        and (%(severity)s::text is null or a.severity = %(severity)s)
        and (%(since)s::timestamptz is null or a.opened_at >= %(since)s)
        and (not %(is_open)s or a.state <> 'resolved')
        and (not %(is_unanswered)s or done.answered <= done.reopened)
        and (not %(is_unclosed)s or done.closed <= done.reopened)
"""
_ROWS: Final = f"""
    select a.id, a.rule, a.kind, a.severity, a.state, a.opened_at, a.fired_at, a.resolved_at,
        a.value, a."limit", m.code as monitor, m.district, coalesce(s.street, '') as street,
        coalesce(s.name, '') as site
    {_FROM} order by a.opened_at desc, a.id limit %(limit)s
"""
_COUNT: Final = f"select count(*) {_FROM}"
_LIKE: Final = "select id from alert where id between %s and %s order by id limit 2"


@dataclass(frozen=True, slots=True)
class Which:
    """None: any. `site`: its name or code. Parts of incidents are none of them: nobody is told of
    those. is_unanswered: nobody took it on. is_unclosed: neither a false alarm nor resolved by
    whoever visited."""

    street: str | None = None
    site: str | None = None
    monitor: str | None = None
    rule: str | None = None
    severity: str | None = None
    since: datetime | None = None
    is_open: bool = False
    is_unanswered: bool = False
    is_unclosed: bool = False


@dataclass(frozen=True, slots=True)
class CaseRow:
    """An alert that fired; `value` and `limit` are NaN where the rule has no number."""

    id: UUID
    rule: str
    kind: str
    severity: str
    state: str
    opened_at: datetime
    fired_at: datetime
    resolved_at: datetime | None
    value: float
    limit: float
    monitor: str
    district: str
    street: str
    site: str
    standing: Standing


def cases(conn: Connection, which: Which, limit: int) -> tuple[list[CaseRow], int]:
    """The newest, and how many there are."""
    params = asdict(which) | {"limit": limit}
    with conn.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_ROWS, params).fetchall()
    done = _by_alert(actions.of_alerts(conn, [row["id"] for row in found]))
    rows = [CaseRow(**row, standing=fold(done[row["id"]], row["resolved_at"])) for row in found]
    (count,) = conn.execute(_COUNT, params).fetchall()[0]
    return rows, count


def like(conn: Connection, beginning: str) -> list[UUID]:
    """The alerts whose ids, in hexadecimal, begin so; two of them where there are several."""
    digits = beginning.replace("-", "")
    span = [UUID(digits.ljust(32, filler)) for filler in ("0", "f")]
    return [row[0] for row in conn.execute(_LIKE, span)]


def _by_alert(done: Iterable[Action]) -> dict[UUID, list[Action]]:
    found = defaultdict(list)
    for action in done:
        found[action.alert].append(action)
    return found
