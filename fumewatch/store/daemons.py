"""The daemons that run on this database, as they last told."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.rows import class_row

from fumewatch.store.database import Connection
from fumewatch.store.document import jsonb


@dataclass(frozen=True, slots=True)
class Daemon:
    """`health`: part by name, as health.Part tells it. `counters`: since this daemon's start."""

    id: UUID
    host: str
    pid: int
    version: str
    started_at: datetime
    heartbeat_at: datetime
    is_leader: bool
    health: dict[str, Any]
    counters: dict[str, Any]


_BEAT: Final = """
    insert into daemon (id, host, pid, version, started_at, heartbeat_at, is_leader, health,
        counters)
    values (%(id)s, %(host)s, %(pid)s, %(version)s, %(started_at)s, %(heartbeat_at)s,
        %(is_leader)s, %(health)s, %(counters)s)
    on conflict (id) do update set heartbeat_at = excluded.heartbeat_at,
        is_leader = excluded.is_leader, health = excluded.health, counters = excluded.counters
"""


def beat(conn: Connection, daemon: Daemon) -> None:
    documents = {"health": jsonb(daemon.health), "counters": jsonb(daemon.counters)}
    conn.execute(_BEAT, asdict(daemon) | documents)


def clock(conn: Connection) -> datetime:
    """The database's, now."""
    at: datetime = conn.execute("select clock_timestamp()").fetchall()[0][0]
    return at


_SUCCEED: Final = """
    update daemon set is_leader = false, counters = counters || %s where is_leader and id <> %s
"""


def succeed(conn: Connection, id: UUID, at: datetime) -> None:
    """This one leads now; others that told they did are deposed, whether they know it or not.

    One that is alive tells anew with its next beat.
    """
    conn.execute(_SUCCEED, [jsonb({"deposed_at": at.isoformat()}), id])
    conn.execute("update daemon set is_leader = true where id = %s", [id])


def of_leader(conn: Connection, counter: str) -> Any:
    """As the leader last told it; None: there is none, or it told nothing of the kind."""
    query = """
        select counters -> %s from daemon where is_leader order by heartbeat_at desc limit 1
    """
    row = conn.execute(query, [counter]).fetchone()
    return row[0] if row else None


def running(conn: Connection, since: datetime) -> list[Daemon]:
    """Those heard of since then, the leader first."""
    query = "select * from daemon where heartbeat_at >= %s order by is_leader desc, started_at"
    with conn.cursor(row_factory=class_row(Daemon)) as cursor:
        return cursor.execute(query, [since]).fetchall()


def remove(conn: Connection, id: UUID) -> None:
    """At a daemon's stop."""
    conn.execute("delete from daemon where id = %s", [id])


def drop_before(conn: Connection, at: datetime) -> int:
    """Forget those that died without a word."""
    return conn.execute("delete from daemon where heartbeat_at < %s", [at]).rowcount
