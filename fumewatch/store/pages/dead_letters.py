"""Dead letters as pages, API and commands show them: counted by profile and reason, and one by one.

A flood of them must not make a page slow. What a page asks is asked of the index dead_letter_open,
for each profile and kind by itself, and counted no further than anyone cares. Ordered by the whole
index and without equality: else PostgreSQL walks the primary key for the newest of a rare kind.
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
MOST_COUNTED: Final = 10_000
"""Of one profile and kind; a page counts no further."""
_EXPORTED_AT_ONCE: Final = 20  # of megabytes each, at worst


class State(StrEnum):
    """Where a letter stands between its coming and its replay."""

    OPEN = "open"
    REQUESTED = "requested"
    REPLAYED = "replayed"


@dataclass(frozen=True, slots=True)
class Group:
    """The letters of one profile ("": none) and kind. `recent`: of those, received lately.

    Of a Summary, both are at most MOST_COUNTED, and `first_at` is of the lowest number.
    """

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
    """`groups`: of the open ones, most first. `requested`: of them, how many wait for a replay.

    Nothing is counted beyond MOST_COUNTED; `open` and `recent` are what there is at least.
    """

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
# Those of one profile and kind, the newest first: a walk along the index. `g` names the two.
_NEWEST_OF: Final = """
    where replayed_at is null and (profile, kind) >= (g.profile, g.kind)
        and (profile, kind, id) < (g.profile, g.kind, coalesce(%(before)s, 9223372036854775807))
    order by profile desc, kind desc, id desc
"""
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


_SUMMARY: Final = f"""
    {_EACH_KIND}
    select g.profile, g.kind, newest.count, newest.recent, oldest.first_at, newest.latest_at
    from each g
    cross join lateral (
        select count(*) as count, max(received_at) as latest_at,
            count(*) filter (where received_at >= %(recent)s) as recent
        from (select received_at from dead_letter {_NEWEST_OF} limit {MOST_COUNTED}) first
    ) newest
    cross join lateral (
        select received_at as first_at from dead_letter
        where replayed_at is null and (profile, kind) >= (g.profile, g.kind)
        order by profile, kind, id limit 1
    ) oldest
    order by newest.count desc, g.profile, g.kind
"""


def groups(conn: Connection[Any], which: Which, recent: datetime) -> list[Group]:
    """Most letters first, every one counted. `recent`: from when on."""
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        return cursor.execute(_GROUPS, which.params() | {"recent": recent}).fetchall()


def summary(conn: Connection[Any], recent: datetime) -> Summary:
    """For pages: quick, however many there are, and be they so new that no statistics know them."""
    conn.execute("set local enable_seqscan = off; set local enable_bitmapscan = off")
    with conn.cursor(row_factory=class_row(Group)) as cursor:
        found = cursor.execute(_SUMMARY, {"recent": recent, "before": None}).fetchall()
    conn.execute("set local enable_seqscan = default; set local enable_bitmapscan = default")
    query = f"""
        select (select count(*) from (select from dead_letter
                   where requested_at is not null limit {MOST_COUNTED}) requested),
               (select count(*) from (select from dead_letter
                   where replayed_at is not null limit {MOST_COUNTED}) replayed)
    """
    ((requested, replayed),) = conn.execute(query).fetchall()
    return Summary(tuple(found), requested, replayed)


def samples(conn: Connection[Any], of: Sequence[Group], most: int) -> list[Letter]:
    """The newest open ones of each group, as excerpts."""
    query = f"""
        select l.* from unnest(%(profiles)s::text[], %(kinds)s::text[]) with ordinality
            as g (profile, kind, row)
        cross join lateral (select {_EXCERPTS} from dead_letter {_NEWEST_OF} limit %(most)s) l
        order by g.row, l.id desc
    """
    names = {"profiles": [group.profile for group in of], "kinds": [group.kind for group in of]}
    params = names | {"most": most, "before": None, "cut": CUT}
    with conn.cursor(row_factory=class_row(Letter)) as cursor:
        return cursor.execute(query, params).fetchall()


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
        select l.* from each g
        cross join lateral (select {_EXCERPTS} from dead_letter {_NEWEST_OF} limit %(limit)s) l
        where (%(kind)s::text is null or g.kind = %(kind)s)
            and (%(profile)s::text is null or g.profile = %(profile)s)
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
