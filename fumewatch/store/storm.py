"""Turning a storm into one message: rows of the outbox merged into a new one, all of them or none.

The bodies stay where they are: only a few columns of each come here, and the text of the alerts
that the message lists.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg.rows import class_row, dict_row

from fumewatch.core import storm
from fumewatch.core.notice import Body
from fumewatch.core.storm import Merged, Said
from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb

MOST_AT_ONCE: Final = 20_000
"""Rows a merge: what is beyond them goes with the next one."""
FETCH: Final = 2000


@dataclass(frozen=True, slots=True)
class Crowd:
    """More notifications due at a receiver than may be sent; those of one addressee."""

    receiver: str
    addressee: str
    due: int


@dataclass(frozen=True, slots=True)
class Storm:
    """The row that `merged` rows went into."""

    id: int
    receiver: str
    addressee: str
    merged: int


_CROWDS: Final = """
    select receiver, addressee, due from (
        select r.receiver, o.addressee, count(*) as due, r.most,
            sum(count(*)) over (partition by r.receiver) as all_due
        from unnest(%(receivers)s::text[], %(most)s::int[]) as r (receiver, most)
        join outbox o on o.receiver = r.receiver and o.state = 'due' and o.due_at <= %(now)s
            and o.claimed_until is null and o.reason = any (%(reasons)s::text[])
        group by r.receiver, r.most, o.addressee
    ) crowd
    where all_due > most and due > 1
    order by receiver, addressee
"""
_OPEN: Final = """
    insert into outbox
        (idempotency_key, thread, receiver, addressee, reason, body, due_at, created_at)
    values (gen_random_uuid(), %(thread)s, %(receiver)s, %(addressee)s, 'storm', '{}', %(now)s,
        %(now)s)
    returning id
"""
# A row with a lease, even one that ran out, may have been sent: it goes again with its own key. So
# what follows it in its thread does not overtake it in a storm, either: `locked` is what we have.
_TAKE: Final = """
    with locked as materialized (
        select id, thread from outbox
        where state = 'due' and receiver = %(receiver)s and addressee = %(addressee)s
            and due_at <= %(now)s and claimed_until is null and id < %(storm)s
            and reason = any (%(reasons)s::text[])
        order by id limit %(most)s
        for update skip locked
    ), ready as materialized (
        select l.id from locked l
        where not exists (
            select from outbox first
            where first.settled_at is null and first.thread = l.thread
                and first.receiver = %(receiver)s and first.addressee = %(addressee)s
                and first.id < l.id
                and first.id not in (select id from locked))
    )
    update outbox o set state = 'merged', merged_into = %(storm)s, settled_at = %(now)s
    from ready where o.id = ready.id
"""
_OF_FORMER_STORMS: Final = """
    update outbox set merged_into = %(storm)s
    where merged_into in (
        select id from outbox where merged_into = %(storm)s and reason = 'storm')
"""
_KEYS: Final = """
    select idempotency_key from outbox where merged_into = %(storm)s and reason <> 'storm'
"""
_SAID: Final = """
    select a.said ->> 'id' as alert, a.said ->> 'state' as state, a.said ->> 'severity' as severity,
        a.said ->> 'opened_at' as opened_at,
        coalesce(a.said ->> 'change',
            case a.said ->> 'state' when 'resolved' then 'resolved' else 'firing' end) as change,
        o.id as row, a.place::int as place
    from outbox o
    cross join lateral jsonb_array_elements(
        case when o.body ? 'alerts' then o.body -> 'alerts' else jsonb_build_array(o.body) end
    ) with ordinality as a (said, place)
    where o.merged_into = %(storm)s and o.reason <> 'storm'
    order by o.id, a.place
"""
_SUMMARY: Final = """
    select count(*) as notifications,
        count(*) filter (where o.reason = 'escalation') as escalations,
        coalesce(sum(unlisted.firing), 0)::int as firing,
        coalesce(sum(unlisted.resolved), 0)::int as resolved,
        case when min(o.body ->> 'link') = max(o.body ->> 'link') and bool_and(o.body ? 'alerts')
            then min(o.body ->> 'link') else '' end as link
    from outbox o
    left join lateral (
        select (o.body #>> '{counts,firing}')::int
                - count(*) filter (where a ->> 'state' <> 'resolved') as firing,
            (o.body #>> '{counts,resolved}')::int
                - count(*) filter (where a ->> 'state' = 'resolved') as resolved
        from jsonb_array_elements(o.body -> 'alerts') a
    ) unlisted on (o.body ->> 'left_out')::int > 0
    where o.merged_into = %(storm)s and o.reason <> 'storm'
"""
_TO: Final = """
    select body -> 'to' from outbox
    where merged_into = %(storm)s and reason <> 'storm' and body ? 'to' order by id desc limit 1
"""
_LISTED: Final = """
    select case when o.body ? 'alerts' then o.body -> 'alerts' -> (t.place - 1) else o.body end
    from unnest(%(rows)s::bigint[], %(places)s::int[]) with ordinality as t (id, place, n)
    join outbox o on o.id = t.id
    order by t.n
"""
_CLOSE: Final = "update outbox set idempotency_key = %(key)s, body = %(body)s where id = %(storm)s"


def crowds(conn: Connection, most: Mapping[str, int], now: datetime) -> list[Crowd]:
    """Where more notifications are due than the receiver may be sent: `most`, by receiver."""
    params = {
        "receivers": list(most),
        "most": list(most.values()),
        "now": now,
        "reasons": _REASONS,
    }
    with conn.cursor(row_factory=class_row(Crowd)) as cursor:
        return cursor.execute(_CROWDS, params).fetchall()


def merge(conn: Connection, crowd: Crowd, now: datetime) -> Storm | None:
    """In the caller's transaction; None where fewer than two could be had."""
    found = None
    with conn.transaction() as transaction:
        found = _merge(conn, crowd, now)
        if found is None:
            raise psycopg.Rollback(transaction)
    return found


def _merge(conn: Connection, crowd: Crowd, now: datetime) -> Storm | None:
    """1. A new row. 2. The others are merged into it. 3. It says what all of them said."""
    params: dict[str, Any] = {
        "receiver": crowd.receiver,
        "addressee": crowd.addressee,
        "thread": storm.thread_of(crowd.receiver, crowd.addressee),
        "now": now,
        "most": MOST_AT_ONCE,
        "reasons": _REASONS,
    }
    params["storm"] = id = _number(conn, _OPEN, params)
    taken = conn.execute(_TAKE, params).rowcount
    if taken < 2:
        return None
    conn.execute(_OF_FORMER_STORMS, params)
    key = storm.key_of(row[0] for row in conn.execute(_KEYS, params))
    standing = storm.stand(_said(conn, params))
    body = storm.merge(
        standing,
        _listed(conn, standing.worst),
        _merged(conn, params),
        key=key,
        at=now,
        receiver=crowd.receiver,
    )
    conn.execute(_CLOSE, params | {"key": key, "body": jsonb(body)})
    return Storm(id, crowd.receiver, crowd.addressee, taken)


def _number(conn: Connection, query: str, params: Mapping[str, Any]) -> int:
    return int(conn.execute(query, params).fetchall()[0][0])


def _said(conn: Connection, params: Mapping[str, Any]) -> Iterator[Said]:
    """From a cursor of the server's: never more than FETCH at a time."""
    with conn.cursor("said", row_factory=class_row(Said)) as cursor:
        cursor.itersize = FETCH
        cursor.execute(_SAID, params)
        yield from cursor


def _merged(conn: Connection, params: Mapping[str, Any]) -> Merged:
    with conn.cursor(row_factory=dict_row) as cursor:
        (found,) = cursor.execute(_SUMMARY, params).fetchall()
    to = conn.execute(_TO, params).fetchone()
    return Merged(
        found["notifications"],
        found["escalations"],
        (found["firing"], found["resolved"]),
        to[0] if to else None,
        found["link"],
    )


def _listed(conn: Connection, worst: Sequence[Said]) -> list[Body]:
    params = {"rows": [said.row for said in worst], "places": [said.place for said in worst]}
    return [row[0] for row in conn.execute(_LISTED, params)]


_REASONS: Final = [reason.value for reason in storm.MERGED]
