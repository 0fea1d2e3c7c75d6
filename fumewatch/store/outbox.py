"""The outbox: notifications written with their transition, sent later, at least once.

A row is due until it is sent or failed for good. Whoever sends claims it under a lease, and says so
before a send begins: from then on it may have been sent. A lease that ran out, because its holder
died, lets the row be claimed again with the same key. What nobody has begun to send is free at once
when another leader comes.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.rows import class_row

from fumewatch.store.database import Connection
from fumewatch.store.document import json, text


@dataclass(frozen=True, slots=True)
class Notification:
    """One message to one receiver; `body` is the whole message.

    thread: the messages of a thread go out in order; the alert, or the group. transition_id: None
    where it is not of one transition alone. addressee: "", or whom of the receiver's contacts.
    """

    idempotency_key: UUID
    receiver: str
    thread: UUID
    body: dict[str, Any]
    due_at: datetime
    transition_id: int | None = None
    addressee: str = ""
    reason: str = "transition"


@dataclass(frozen=True, slots=True)
class Claim:
    """A row under our lease. `attempts` counts the tries that ended before this one."""

    id: int
    idempotency_key: UUID
    receiver: str
    body: dict[str, Any]
    attempts: int
    created_at: datetime
    claimed_until: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a claim. `due_at` says when to try again, for state "due" only."""

    claim: Claim
    state: Literal["due", "sent", "failed"]
    answer: str
    due_at: datetime | None = None


_ADD: Final = """
    insert into outbox (idempotency_key, transition_id, thread, receiver, addressee, reason, body,
        due_at, created_at)
    select key, transition, thread, receiver, addressee, reason, body, due_at, due_at
    from rows from (json_to_recordset(%s) as (key uuid, transition bigint, thread uuid,
        receiver text, addressee text, reason text, body jsonb, due_at timestamptz))
        with ordinality as r
    order by r.ordinality
    on conflict (idempotency_key) do nothing
"""
# A lateral for each receiver, so that the backlog of one cannot hide another's rows. A row waits
# for every earlier one of its thread, receiver and addressee, be it merged into another row or not:
# nobody hears "resolved" before "firing".
# Unsettled is the same as due, but only the index outbox_unsettled can serve it: statistics mostly
# say that nothing is due, and the plan made for that is quadratic once thousands are.
_CLAIM: Final = """
    with claimable as materialized (  -- chosen once, whatever plan the update gets
        select due.id
        from unnest(%(receivers)s::text[], %(rooms)s::int[]) as r (receiver, room)
        cross join lateral (
            select o.id from outbox o
            where o.state = 'due' and o.receiver = r.receiver and o.due_at <= %(now)s
                and (o.claimed_until is null or o.claimed_until <= %(now)s)
                and o.id = (
                    select first.id from outbox first
                    where first.settled_at is null and first.thread = o.thread
                        and first.receiver = o.receiver and first.addressee = o.addressee
                    order by first.id limit 1)
                and not exists (
                    select from outbox merged join outbox storm on storm.id = merged.merged_into
                    where merged.thread = o.thread and merged.receiver = o.receiver
                        and merged.addressee = o.addressee and merged.merged_into is not null
                        and storm.settled_at is null and storm.id <> o.id)
            order by o.due_at, o.id
            limit r.room
            for update skip locked
        ) due
    )
    update outbox o set claimed_until = %(until)s
    from claimable where o.id = claimable.id
    returning o.id, idempotency_key, receiver, body, attempts, created_at, claimed_until
"""
# The row's lock decides between this and a new leader's _FREE: whoever comes second finds nothing.
_BEGIN: Final = """
    update outbox set begun_at = %(now)s, claimed_until = %(until)s
    where id = %(id)s and state = 'due' and claimed_until = %(claimed)s
"""
_FREE: Final = """
    update outbox set claimed_until = null
    where settled_at is null and state = 'due' and claimed_until is not null and begun_at is null
"""
_SETTLE: Final = """
    update outbox o
    set state = s.state, answer = s.answer, attempts = o.attempts + 1, claimed_until = null,
        begun_at = null,
        due_at = coalesce(s.due_at, o.due_at),
        settled_at = case when s.state <> 'due' then %(at)s::timestamptz end
    from unnest(%(ids)s::bigint[], %(until)s::timestamptz[], %(states)s::text[],
        %(answers)s::text[], %(due)s::timestamptz[]) as s (id, until, state, answer, due_at)
    where o.id = s.id and o.state = 'due' and o.claimed_until = s.until
    returning o.id
"""
_RELEASE: Final = """
    update outbox o set claimed_until = null
    from unnest(%s::bigint[], %s::timestamptz[]) as r (id, until)
    where o.id = r.id and o.state = 'due' and o.claimed_until = r.until
"""
# Their threads are theirs again: what was written later waits for them.
_RETRY: Final = """
    update outbox set state = 'due', settled_at = null, claimed_until = null, due_at = %(now)s
    where state = 'failed' and (id = any (%(ids)s::bigint[]) or receiver = %(receiver)s)
    returning id
"""
_HASTEN: Final = """
    update outbox set due_at = %(now)s, created_at = %(now)s
    where state = 'due' and created_at > %(now)s
"""
# A clock that is ahead by less than a send takes does no harm.
_HASTEN_BEGUN: Final = """
    update outbox set begun_at = %(now)s, claimed_until = %(now)s + (claimed_until - begun_at)
    where settled_at is null and state = 'due'
        and begun_at > %(now)s + (claimed_until - begun_at)
"""
_FAIL_UNKNOWN: Final = """
    update outbox set state = 'failed', settled_at = %(now)s, claimed_until = null,
        answer = 'the configuration has no receiver of this name any more'
    where state = 'due' and receiver <> all (%(names)s::text[])
        and (claimed_until is null or claimed_until <= %(now)s)
    returning id, receiver
"""


def add(conn: Connection, notifications: Sequence[Notification]) -> None:
    """In the transaction of what it tells. A key that is there already adds nothing."""
    if notifications:
        conn.execute(_ADD, [json([_columns(notification) for notification in notifications])])


def claim(
    conn: Connection, room: Mapping[str, int], now: datetime, lease: timedelta
) -> list[Claim]:
    """At most `room` due rows for each receiver, ours until now + lease; the oldest due first."""
    params = {
        "receivers": list(room),
        "rooms": list(room.values()),
        "now": now,
        "until": now + lease,
    }
    with conn.cursor(row_factory=class_row(Claim)) as cursor:
        return sorted(cursor.execute(_CLAIM, params), key=lambda row: row.id)


def begin(conn: Connection, claim: Claim, now: datetime, sending: timedelta) -> Claim | None:
    """To be committed before it is sent: the claim, ours until now + `sending`, longer than a send
    takes.

    None: it is not ours any more, and must not be sent.
    """
    until = now + sending
    params = {"id": claim.id, "claimed": claim.claimed_until, "now": now, "until": until}
    is_ours = conn.execute(_BEGIN, params).rowcount == 1
    return replace(claim, claimed_until=until) if is_ours else None


def free(conn: Connection) -> int:
    """Let go of all claims of which no send has begun; how many. For a new leader, at its start.

    A predecessor that is still alive finds, when it would begin one, that it is not its own.
    """
    return conn.execute(_FREE).rowcount


def settle(conn: Connection, outcomes: Sequence[Outcome], at: datetime) -> set[int]:
    """The ids really settled: a row whose lease was lost is somebody else's to settle."""
    params = {
        "at": at,
        "ids": [outcome.claim.id for outcome in outcomes],
        "until": [outcome.claim.claimed_until for outcome in outcomes],
        "states": [outcome.state for outcome in outcomes],
        "answers": [text(outcome.answer) for outcome in outcomes],
        "due": [outcome.due_at for outcome in outcomes],
    }
    return {row[0] for row in conn.execute(_SETTLE, params)}


def release(conn: Connection, claims: Sequence[Claim]) -> None:
    """Give back what was claimed and not tried."""
    conn.execute(_RELEASE, [[c.id for c in claims], [c.claimed_until for c in claims]])


def retry(
    conn: Connection, now: datetime, *, ids: Sequence[int] = (), receiver: str | None = None
) -> list[int]:
    """Make failed rows due again, these or all of a receiver's; which those were."""
    params = {"ids": list(ids), "receiver": receiver, "now": now}
    return sorted(row[0] for row in conn.execute(_RETRY, params))


def hasten(conn: Connection, now: datetime) -> None:
    """What was written by a clock that was set back since, or by that of another daemon, is due
    now, not when that time comes; and a send that was under way by it is over in as long as it
    may take."""
    conn.execute(_HASTEN, {"now": now})
    conn.execute(_HASTEN_BEGUN, {"now": now})


def fail_unknown(conn: Connection, names: Collection[str], now: datetime) -> list[tuple[int, str]]:
    """Fail due rows of receivers that are not among `names`; (id, receiver) of each."""
    rows = conn.execute(_FAIL_UNKNOWN, {"names": list(names), "now": now})
    return [(row[0], row[1]) for row in rows]


def _columns(notification: Notification) -> dict[str, Any]:
    return {
        "key": notification.idempotency_key,
        "transition": notification.transition_id,
        "thread": notification.thread,
        "receiver": notification.receiver,
        "addressee": notification.addressee,
        "reason": notification.reason,
        "body": notification.body,
        "due_at": notification.due_at,
    }
