"""The record, as the database keeps it (migration 0006): read to be verified, never written here.

What an entry covers is selected column by column and hashed by core.record, not by the database's
own functions: who can change rows could change these too.
"""

from collections.abc import Iterator
from typing import Any, Final

from fumewatch.core.record import EMPTY, Entry, Finding, Head, Trouble
from fumewatch.store.database import Connection

_AT_ONCE: Final = 2000
_HEAD: Final = "select seq, hash from record order by seq desc limit 1"
_ENTRIES: Final = """
    select r.seq, r.hash, r.transition_id, r.action_id, r.photo_id, coalesce(
        (select array['transition', t.id::text, t.alert_id::text, t.before, t.after,
            (extract(epoch from t.at) * 1000000)::bigint::text, t.reason,
            encode(float8send(t.value), 'hex'), t.evidence::text]
        from transition t where t.id = r.transition_id),
        (select array['action', a.id::text, a.alert_id::text,
            (extract(epoch from a.at) * 1000000)::bigint::text, a.kind, a.actor, a.addressee,
            a.via, a.note, a.detail::text]
        from action a where a.id = r.action_id),
        (select array['photo', p.id::text, p.action_id::text, p.media_type,
            encode(sha256(p.content), 'hex'), p.width::text, p.height::text]
        from photo p where p.id = r.photo_id))
    from record r where r.seq > %s order by r.seq limit %s
"""
_UNRECORDED: Final = """
    select 'transition ' || t.id from transition t
        where not exists (select from record r where r.transition_id = t.id)
    union all
    select 'action ' || a.id from action a
        where not exists (select from record r where r.action_id = a.id)
    union all
    select 'photo ' || p.id from photo p
        where not exists (select from record r where r.photo_id = p.id)
"""
_STATES: Final = """
    select 'alert ' || a.id from alert a
    left join lateral (
        select after from transition t where t.alert_id = a.id order by t.id desc limit 1
    ) last on true
    where a.state is distinct from last.after
"""


def head(conn: Connection) -> Head:
    """Of all that is committed."""
    row = conn.execute(_HEAD).fetchone()
    return Head(row[0], bytes(row[1])) if row else EMPTY


def entries(conn: Connection, upto: int) -> Iterator[Entry]:
    """All of them up to this one, in order, some thousand at a time."""
    last = 0
    while rows := conn.execute(_ENTRIES, [last, _AT_ONCE]).fetchall():
        for row in rows:
            if row[0] > upto:
                return
            yield _entry(row)
        last = rows[-1][0]


def beside(conn: Connection) -> Iterator[Finding]:
    """What the chain cannot tell: rows that no entry is about, alerts that stand otherwise."""
    for query, trouble in ((_UNRECORDED, Trouble.UNRECORDED), (_STATES, Trouble.STATE)):
        for (of,) in conn.execute(query).fetchall():
            yield Finding(trouble, of)


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, hash, transition, action, photo, fields = row
    if transition is not None:
        of = f"transition {transition}"
    else:
        of = f"action {action}" if action is not None else f"photo {photo}"
    return Entry(seq, bytes(hash), of, fields)
