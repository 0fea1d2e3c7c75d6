"""Who leads: of all daemons on a database one, by an advisory lock on a connection of its own.

The server lets go of the lock with the connection: a leader that dies or is cut off leads no more.
"""

from typing import Final

import psycopg

from fumewatch.store.database import Connection, DatabaseSettings, connect_options
from fumewatch.store.translate import translated

_LOCK: Final = 0x66756D65_0003
_TURN: Final = 0x66756D65_0004
_LEADS: Final = """
    select exists (
        select from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory' and l.granted
            and l.pid = %(pid)s and l.objsubid = 1
            and l.classid::bigint << 32 | l.objid::bigint = %(lock)s)
"""


class Leader:
    """Not safe for threads, but for `takes_turn`."""

    def __init__(self, url: str) -> None:
        self._settings = DatabaseSettings(url=url)
        self._conn: Connection | None = None
        self._pid = 0

    def try_lead(self) -> bool:
        """Whether we lead now. Raise StoreUnavailable if the database is away."""
        if self.still_leads():
            return True
        with translated():
            conn: Connection = psycopg.connect(
                self._settings.url, autocommit=True, **connect_options(self._settings)
            )
            won, pid = conn.execute(
                "select pg_try_advisory_lock(%s), pg_backend_pid()", [_LOCK]
            ).fetchall()[0]
        if won:
            self._conn, self._pid = conn, pid
        else:
            conn.close()
        return bool(won)

    def still_leads(self) -> bool:
        """False once the connection is lost, and the lock with it."""
        if self._conn is None:
            return False
        try:
            self._conn.execute("select")
        except psycopg.Error:
            self.close()
            return False
        return True

    def takes_turn(self, conn: Connection) -> bool:
        """Whether we lead still, from any thread, in its own transaction: until the end of that, no
        other leader's begins. So what a deposed one writes late, its successor has not missed."""
        conn.execute("select pg_advisory_xact_lock(%s)", [_TURN])
        params = {"pid": self._pid, "lock": _LOCK}
        return conn.execute(_LEADS, params).fetchone() == (True,)

    def close(self) -> None:
        """Lead no more: another daemon may."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None
