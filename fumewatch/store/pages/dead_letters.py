"""Dead letters as pages, API and commands show them: counted by profile and reason, and one by one.

A flood of them must not make a page slow: what a page asks is answered from indexes alone
(migration 0002), or asked for each profile and kind by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from fumewatch.store.dead_letters import CUT, FITS, IS_CUT, Which

EXCERPT: Final = 2000
"""Bytes of a payload that lists show."""
_EXPORTED_AT_ONCE: Final = 20  # of megabytes each, at worst


class State(StrEnum):
    """Where a letter stands between its coming and its replay."""

    OPEN = "open"
    REQUESTED = "requested"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Group:
    """The letters of one profile ("": none) and kind. `recent`: of those, received lately."""

    profile: str
    kind: str
    count: int
    recent: int
    first_at: datetime
    latest_at: datetime


@dataclass(frozen=True, slots=True)
class Letter:
    """`size`: of the payload in bytes; `payload` itself may be its beginning only. `is_cut`: no
    more than its beginning was ever kept, so it cannot be replayed."""

    id: int
    received_at: datetime
    topic: str
    profile: str
    kind: str
    detail: str
    payload: bytes
    size: int
    is_cut: bool
    requested_at: datetime | None
    tried_at: datetime | None
    replayed_at: datetime | None

    @property
    def state(self) -> State:
        if self.replayed_at is not None:
            return State.REPLAYED
        return State.OPEN if self.requested_at is None else State.REQUESTED


@dataclass(frozen=True, slots=True)
class Summary:
    """`groups`: of the open ones, most first. `requested`: of them, how many wait for a replay."""

    groups: tuple[Group, ...]
    requested: int
    replayed: int

    @property
    def open(self) -> int:
        return sum(group.count for group in self.groups)

    @property
    def recent(self) -> int:
        return sum(group.recent for group in self.groups)


_GROUPS: Final = f"""
    select profile, kind, count(*) as count,
        count(*) filter (where received_at >= %(recent)s) as recent,
        min(received_at) as first_at, max(received_at) as latest_at
    from dead_letter where {FITS}
    group by profile, kind order by count(*) desc, profile, kind
"""
_COLUMNS: Final = f"""
    id, received_at, topic, profile, kind, detail, octet_length(payload) as size,
    {IS_CUT} as is_cut, requested_at, tried_at, replayed_at
"""
_EXCERPTS: Final = f"{_COLUMNS}, substring(payload from 1 for {EXCERPT}) as payload"
# Profile after profile and kind after kind, a step in the index each.
_EACH_KIND: Final = """
    with recursive each as (
        (select profile, kind from dead_letter where replayed_at is null
            order by profile, kind limit 1)
        union all
        select further.profile, further.kind from each cross join lateral (
            select profile, kind from dead_letter
            where replayed_at is null and (profile, kind) > (each.profile, each.kind)
            order by profile, kind limit 1
        ) further
    )
"""


def groups(conn: Connection[Any], which: Which, recent: datetime) -> list[Group]:
    """Most letters first. `recent`: from when on."""
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(_GROUPS, which.params() | {"recent": recent}).fetchall()


def summary(conn: Connection[Any], recent: datetime) -> Summary:
    query = """
        select (select count(*) from dead_letter where requested_at is not null),
               (select count(*) from dead_letter where replayed_at is not null)
    """
    ((requested, replayed),) = conn.execute(query).fetchall()
    return Summary(tuple(groups(conn, Which(), recent)), requested, replayed)


def samples(conn: Connection[Any], of: Sequence[Group], most: int) -> list[Letter]:
    """The newest open ones of each group, as excerpts."""
    query = f"""
        select l.* from unnest(%(profiles)s::text[], %(kinds)s::text[]) with ordinality
            as g (profile, kind, row)
        cross join lateral (
            select {_EXCERPTS} from dead_letter
            where replayed_at is null and profile = g.profile and kind = g.kind
            order by id desc limit %(most)s
        ) l
        order by g.row, l.id desc
    """
    names = {"profiles": [group.profile for group in of], "kinds": [group.kind for group in of]}
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(query, names | {"most": most, "cut": CUT}).fetchall()


def newest_open(
    conn: Connection[Any],
    kind: str | None,
    profile: str | None,
    limit: int,
    before: int | None = None,
) -> list[Letter]:
    """Open ones, newest first, from below number `before`, as excerpts."""
    query = f"""
        {_EACH_KIND}
        select l.* from each cross join lateral (
            select {_EXCERPTS} from dead_letter
            where replayed_at is null and profile = each.profile and kind = each.kind
                and id < coalesce(%(before)s, 9223372036854775807)
            order by id desc limit %(limit)s
        ) l
        where (%(kind)s::text is null or each.kind = %(kind)s)
            and (%(profile)s::text is null or each.profile = %(profile)s)
        order by l.id desc limit %(limit)s
    """
    params = {"kind": kind, "profile": profile, "before": before, "limit": limit, "cut": CUT}
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(query, params).fetchall()


def newest_replayed(
    conn: Connection[Any],
    kind: str | None,
    profile: str | None,
    limit: int,
    before: int | None = None,
) -> list[Letter]:
    """As `newest_open`, of those that were replayed."""
    query = f"""
        select {_EXCERPTS} from dead_letter
        where replayed_at is not null and id < coalesce(%(before)s, 9223372036854775807)
            and (%(kind)s::text is null or kind = %(kind)s)
            and (%(profile)s::text is null or profile = %(profile)s)
        order by id desc limit %(limit)s
    """
    params = {"kind": kind, "profile": profile, "before": before, "limit": limit, "cut": CUT}
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(query, params).fetchall()


def newest(conn: Connection[Any], which: Which, limit: int) -> list[Letter]:
    """Whichever fit, newest first, as excerpts."""
    query = f"select {_EXCERPTS} from dead_letter where {FITS} order by id desc limit %(limit)s"
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(query, which.params() | {"limit": limit}).fetchall()


def each(conn: Connection[Any], which: Which) -> Iterator[Letter]:
    """Whichever fit, oldest first, whole; a few at a time in memory."""
    query = f"select {_COLUMNS}, payload from dead_letter where {FITS} order by id"
    with conn.cursor("dead_letters", row_factory=class_row(Letter)) as cursor:
        cursor.itersize = _EXPORTED_AT_ONCE
        cursor.execute(query, which.params())
        yield from cursor
