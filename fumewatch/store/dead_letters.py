"""Payloads that could not be decoded: kept with their reason, replayed when a person asks for it.

A letter is open until a replay has stored all of it. Asking sets `requested_at`. The leader takes
what is `due` and settles it in the very transaction that stores what it gave: replayed for good, or
open as before, with the reason of now. So a kill at any line neither loses nor doubles.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from fumewatch.core.errors import StoreUnavailable
from fumewatch.store.database import Connection
from fumewatch.store.document import text

CUT: Final = "longer than max_message of [mqtt]; only its beginning is kept"
"""The detail of a letter (kind too_large) that no replay can make whole."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`kind` and `detail` are the DecodeError's; `profile` could not read it, "" where none did."""

    received_at: datetime
    topic: str
    payload: bytes
    kind: str
    detail: str
    profile: str = ""


@dataclass(frozen=True, slots=True)
class Which:
    """Which letters: all that is named must fit; None fits any.

    `topic`: a glob; * is any characters, ? is one. `since`: received then or later. Those replayed
    already fit only `with_replayed`.
    """

    ids: tuple[int, ...] | None = None
    kind: str | None = None
    profile: str | None = None
    topic: str | None = None
    since: datetime | None = None
    with_replayed: bool = False

    def params(self) -> dict[str, object]:
        """For FITS."""
        like = None if self.topic is None else _like(text(self.topic))
        ids = None if self.ids is None else list(self.ids)
        return asdict(self) | {"ids": ids, "topic": like, "cut": CUT}


FITS: Final = """
    (%(ids)s::bigint[] is null or id = any(%(ids)s))
    and (%(kind)s::text is null or kind = %(kind)s)
    and (%(profile)s::text is null or profile = %(profile)s)
    and (%(topic)s::text is null or topic like %(topic)s)
    and (%(since)s::timestamptz is null or received_at >= %(since)s)
    and (%(with_replayed)s::boolean or replayed_at is null)
"""
IS_CUT: Final = "(kind = 'too_large' and detail = %(cut)s)"


@dataclass(frozen=True, slots=True)
class Asked:
    """A part of what a request is for: `due` will be replayed, `cut` never can be."""

    due: tuple[int, ...]
    cut: tuple[int, ...]

    @property
    def last(self) -> int | None:
        """The highest number looked at; None: there were no more."""
        return max((*self.due, *self.cut), default=None)


@dataclass(frozen=True, slots=True)
class Due:
    """A letter whose replay is asked for."""

    id: int
    received_at: datetime
    topic: str
    payload: bytes
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request. All None: the letter is gone, it was older than the retention."""

    id: int
    replayed_at: datetime | None
    profile: str | None
    kind: str | None
    detail: str | None


def add(conn: Connection, letters: Sequence[DeadLetter]) -> None:
    if not letters:
        return
    rows = [
        (x.received_at, text(x.topic), x.payload, x.kind, text(x.detail), x.profile)
        for x in letters
    ]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into dead_letter (received_at, topic, payload, kind, detail, profile)"
            " values (%s, %s, %s, %s, %s, %s)",
            rows,
        )


def drop_before(conn: Connection, before: datetime, most: int) -> int:
    """Drop at most `most` of those received before; how many."""
    return conn.execute(
        "delete from dead_letter where ctid = any (array("
        "select ctid from dead_letter where received_at < %s limit %s))",
        [before, most],
    ).rowcount


def drop_replayed_before(conn: Connection, before: datetime, most: int) -> int:
    """The same of those replayed before."""
    return conn.execute(
        "delete from dead_letter where ctid = any (array(select ctid from dead_letter"
        " where replayed_at is not null and replayed_at < %s limit %s))",
        [before, most],
    ).rowcount


def request(conn: Connection, which: Which, after: int, most: int, at: datetime) -> Asked:
    """Ask for the replay of the next `most` letters that fit, above number `after`.

    Of two who ask for the same one, either is told of it. A letter's row is locked in the order of
    the numbers, and never one that is due: the daemon, which settles those, waits for nobody here.
    """
    params = which.params() | {"after": after, "most": most, "at": at, "with_replayed": False}
    query = f"""
        select id, {IS_CUT} from dead_letter where {FITS} and id > %(after)s
        order by id limit %(most)s
    """
    found = conn.execute(query, params).fetchall()
    asked = Asked(
        tuple(id for id, is_cut in found if not is_cut),
        tuple(id for id, is_cut in found if is_cut),
    )
    request = """
        with chosen as (
            select id from dead_letter
            where id = any(%s) and requested_at is null and replayed_at is null
            order by id for update
        )
        update dead_letter set requested_at = %s from chosen where dead_letter.id = chosen.id
    """
    conn.execute(request, [list(asked.due), at])
    return asked


def due(conn: Connection, most: int, most_bytes: int) -> list[Due]:
    """The first letters that somebody asked for: some, whatever the size of the first."""
    query = f"""
        select id, received_at, topic, payload, {IS_CUT} as is_cut
        from (
            select *, sum(size) over (order by id) - size as before
            from (
                select id, received_at, topic, payload, kind, detail,
                    octet_length(payload) as size
                from dead_letter where requested_at is not null order by id limit %(most)s
            ) first
        ) summed
        where before < %(bytes)s order by id
    """
    params = {"most": most, "bytes": most_bytes, "cut": CUT}
    with conn.cursor(row_factory=class_row(Due)) as cursor:
        return cursor.execute(query, params).fetchall()


def settle(
    conn: Connection, due: Sequence[Due], still_dead: Sequence[DeadLetter], at: datetime
) -> None:
    """The last statements of a replay: those of `due` that are `still_dead` stay open.

    Two of one topic and one payload share their fate. Raise StoreUnavailable, so that nothing of
    the replay is stored, where somebody else has settled one of them.
    """
    reasons = {(letter.topic, letter.payload): letter for letter in still_dead}
    dead = [(x.id, reasons[x.topic, x.payload]) for x in due if (x.topic, x.payload) in reasons]
    alive = [x.id for x in due if (x.topic, x.payload) not in reasons]
    settled = _close(conn, alive, at) + _leave(conn, dead, at)
    if settled != len(due):
        raise StoreUnavailable("another daemon replays the same dead letters")


def _close(conn: Connection, ids: list[int], at: datetime) -> int:
    query = """
        update dead_letter set replayed_at = %s, requested_at = null
        where id = any(%s) and requested_at is not null and replayed_at is null
    """
    return conn.execute(query, [at, ids]).rowcount


def _leave(conn: Connection, dead: Sequence[tuple[int, DeadLetter]], at: datetime) -> int:
    query = """
        update dead_letter d set kind = r.kind, detail = r.detail, profile = r.profile,
            tried_at = %s, requested_at = null
        from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[])
            as r (id, kind, detail, profile)
        where d.id = r.id and d.requested_at is not null and d.replayed_at is null
    """
    columns = [
        [id for id, _ in dead],
        [letter.kind for _, letter in dead],
        [text(letter.detail) for _, letter in dead],
        [letter.profile for _, letter in dead],
    ]
    return conn.execute(query, [at, *columns]).rowcount


def outcomes(conn: Connection, ids: Sequence[int]) -> list[Outcome]:
    """Of those that are no longer due."""
    query = """
        select asked.id, d.replayed_at, d.profile, d.kind, d.detail
        from unnest(%s::bigint[]) as asked (id) left join dead_letter d on d.id = asked.id
        where d.requested_at is null order by asked.id
    """
    with conn.cursor(row_factory=class_row(Outcome)) as cursor:
        return cursor.execute(query, [list(ids)]).fetchall()


def _like(glob: str) -> str:
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")
