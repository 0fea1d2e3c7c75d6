"""How delivery goes: what waits for each receiver, what it took and how long that took it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.rows import class_row

from fumewatch.core.dead_man import Told, Waiting, told_by
from fumewatch.store.database import Connection

DAY: Final = timedelta(days=1)
State = Literal["due", "sent", "failed", "merged"]
STATES: Final[tuple[State, ...]] = ("due", "sent", "failed", "merged")


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one receiver. due_since: when the first of what is due was written.

    sent, failed, merged: in the last day. p50, p95: seconds from writing to sending, of those sent
    in the last day, be it by themselves or merged into another. answer: of the last failure.
    """

    receiver: str
    due: int
    due_since: datetime | None
    sent: int
    failed: int
    merged: int
    p50: float | None
    p95: float | None
    sent_at: datetime | None
    failed_at: datetime | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """A row of the outbox. zh, en: its headline. holds: notifications merged into it."""

    id: int
    idempotency_key: UUID
    receiver: str
    addressee: str
    reason: str
    state: State
    created_at: datetime
    due_at: datetime
    settled_at: datetime | None
    attempts: int
    answer: str | None
    merged_into: int | None
    holds: int
    zh: str
    en: str


_NAMES: Final = """
    select distinct receiver from outbox where state = 'due'
    union
    select distinct receiver from outbox where settled_at >= %s
    order by 1
"""
# A message that a storm was turned into waits as long as what went into it.
_DUE: Final = """
    select count(*)::int as due,
        min(coalesce(
            case o.reason when 'storm' then (
                select min(m.created_at) from outbox m where m.merged_into = o.id) end,
            o.created_at)) as since
    from outbox o
    where o.receiver = r.receiver and o.state = 'due' and o.created_at <= %(now)s
"""
_LAST_SENT: Final = """
    select settled_at as at from outbox
    where receiver = r.receiver and state = 'sent' and settled_at is not null
    order by settled_at desc limit 1
"""
_WAITING: Final = f"""
    select r.receiver, due.due, failed.failed,
        least(due.since, failed.since) as since, sent.at as sent_at,
        coalesce(tried.answer, failed.answer, '') as error, due.since as due_since
    from unnest(%(names)s::text[]) with ordinality as r (receiver, n)
    cross join lateral ({_DUE}) due
    left join lateral ({_LAST_SENT}) sent on true
    cross join lateral (
        select count(*)::int as failed, min(created_at) as since,
            (array_agg(answer order by settled_at desc))[1] as answer
        from outbox
        where receiver = r.receiver and state = 'failed'
            and settled_at > greatest(sent.at, %(recent)s)
    ) failed
    left join lateral (
        select answer from outbox
        where receiver = r.receiver and state = 'due' and attempts > 0
        order by id desc limit 1
    ) tried on true
    order by r.n
"""
_FIGURES: Final = f"""
    select r.receiver, due.due, due.since as due_since,
        day.sent, day.failed, day.merged, took.p50, took.p95,
        sent.at as sent_at, failed.at as failed_at, failed.answer
    from unnest(%(names)s::text[]) with ordinality as r (receiver, n)
    cross join lateral ({_DUE}) due
    left join lateral ({_LAST_SENT}) sent on true
    left join lateral (
        select settled_at as at, answer from outbox
        where receiver = r.receiver and state = 'failed' and settled_at is not null
        order by settled_at desc limit 1
    ) failed on true
    cross join lateral (
        select count(*) filter (where state = 'sent')::int as sent,
            count(*) filter (where state = 'failed')::int as failed,
            count(*) filter (where state = 'merged')::int as merged
        from outbox
        where receiver = r.receiver and state in ('sent', 'failed', 'merged')
            and settled_at >= %(recent)s
    ) day
    cross join lateral (
        select percentile_cont(0.5) within group (order by seconds) as p50,
            percentile_cont(0.95) within group (order by seconds) as p95
        from (
            select extract(epoch from coalesce(s.settled_at, o.settled_at) - o.created_at)
                as seconds
            from outbox o left join outbox s on s.id = o.merged_into
            where o.receiver = r.receiver and o.state in ('sent', 'merged')
                and o.settled_at >= %(recent)s and o.reason <> 'storm'
                and coalesce(s.state, o.state) = 'sent'
        ) each
    ) took
    order by r.n
"""
_NEWEST: Final = """
    select o.id, o.idempotency_key, o.receiver, o.addressee, o.reason, o.state, o.created_at,
        o.due_at, o.settled_at, o.attempts, o.answer, o.merged_into,
        (select count(*) from outbox m where m.merged_into = o.id)::int as holds,
        concat_ws(' · ', nullif(o.body #>> '{title,zh}', ''), split_part(coalesce(
            o.body #>> '{text,zh}', o.body #>> '{alerts,0,text,zh}'), e'\\n', 1), more.many) as zh,
        concat_ws(' · ', nullif(o.body #>> '{title,en}', ''), split_part(coalesce(
            o.body #>> '{text,en}', o.body #>> '{alerts,0,text,en}'), e'\\n', 1), more.many) as en
    from (
        select found.id, coalesce(found.settled_at, found.created_at) as at
        from unnest(%(names)s::text[]) as r (receiver)
        cross join unnest(%(states)s::text[]) as s (state)
        cross join lateral (
            (select id, settled_at, created_at from outbox
            where receiver = r.receiver and state = s.state and settled_at is not null
            order by settled_at desc limit %(most)s)
            union all
            (select id, settled_at, created_at from outbox
            where receiver = r.receiver and s.state = 'due' and state = 'due'
            order by due_at desc limit %(most)s)
        ) found
        order by 2 desc, 1 desc limit %(most)s
    ) newest
    join outbox o on o.id = newest.id
    cross join lateral (
        select '+' || nullif(greatest((o.body #>> '{counts,firing}')::int
            + (o.body #>> '{counts,resolved}')::int - 1, 0), 0) as many
    ) more
    order by newest.at desc, o.id desc
"""
_TOLD: Final = """
    select body from outbox
    where reason = 'dead man' and (state = 'due' or settled_at >= %s) order by id
"""


def names(conn: Connection, now: datetime) -> list[str]:
    """The receivers of what is due, and of what was settled in the last day."""
    return [row[0] for row in conn.execute(_NAMES, [now - DAY])]


def waiting(conn: Connection, names: Sequence[str], now: datetime) -> list[Waiting]:
    """Of each of these receivers, in this order. What failed more than a day ago is history."""
    params = {"names": list(names), "now": now, "recent": now - DAY}
    with conn.cursor(row_factory=class_row(Waiting)) as cursor:
        return cursor.execute(_WAITING, params).fetchall()


def figures(conn: Connection, names: Sequence[str], now: datetime) -> list[Figures]:
    """Of each of these receivers, in this order."""
    params = {"names": list(names), "now": now, "recent": now - DAY}
    with conn.cursor(row_factory=class_row(Figures)) as cursor:
        return cursor.execute(_FIGURES, params).fetchall()


def newest(
    conn: Connection, names: Sequence[str], states: Collection[State], most: int
) -> list[Sent]:
    """At most so many notifications of these receivers in these states, the latest first."""
    params: dict[str, Any] = {"names": list(names), "states": list(states), "most": most}
    with conn.cursor(row_factory=class_row(Sent)) as cursor:
        return cursor.execute(_NEWEST, params).fetchall()


def told(conn: Connection, since: datetime) -> dict[str, Told]:
    """What dead man's messages said last of each receiver, of those written lately."""
    return dict(told_by(row[0]) for row in conn.execute(_TOLD, [since]))
