"""Who leads: of all daemons on a database one, by an advisory lock on a connection of its own.

The server lets go of the lock with the connection: a leader that dies or is cut off leads no more.

A standby asks for the lock several times a second. It does not wait inside of PostgreSQL, as
pg_advisory_lock would: a statement that waits for weeks holds a snapshot for weeks, and no row that
was updated meanwhile could be cleared away, in none of the database's tables.

What a leader writes, it writes in a turn: a transaction that holds a second lock and has seen,
after it got that, that the first one is its own. A new leader takes each turn once before it reads
anything (`begin`). So whatever its predecessor wrote is there by then, and nothing comes after it.
"""

from datetime import datetime
from typing import Final

import psycopg

from fumewatch.store.database import Connection, DatabaseSettings, connect_options
from fumewatch.store.locks import Lock
from fumewatch.store.translate import translated

_LEADS: Final = """
    select exists (
        select from pg_locks l join pg_database d on d.oid = l.database
        cross join pg_stat_get_activity(l.pid) a
        where d.datname = current_database() and l.locktype = 'advisory' and l.granted
            and a.backend_start = %(began)s and l.pid = %(pid)s and l.objsubid = 1
            and l.classid::bigint << 32 | l.objid::bigint = %(lock)s)
"""
# The number alone is not enough: a server that was restarted gives it to another connection, in a
# container to the next one.
_TRY: Final = """
    select pg_try_advisory_lock(%s), a.pid, a.backend_start
    from pg_stat_get_activity(pg_backend_pid()) a
"""


class Leader:
    """Not safe for threads, but for the questions that take a connection."""

    def __init__(self, url: str) -> None:
        self._settings = DatabaseSettings(url=url)
        self._conn: Connection | None = None
        self._pid = 0
        self._began: datetime | None = None
        self._leads = False

    def try_lead(self) -> bool:
        """Whether we lead now. Raise StoreUnavailable if the database is away.

        The connection stays for the next try.
        """
        if self.still_leads():
            return True
        with translated():
            try:
                return self._try(self._conn or self._connect())
            except psycopg.Error:
                self.close()
                raise

    def _connect(self) -> Connection:
        options = connect_options(self._settings)
        self._conn = psycopg.connect(self._settings.url, autocommit=True, **options)
        return self._conn

    def _try(self, conn: Connection) -> bool:
        row = conn.execute(_TRY, [Lock.LEAD.value]).fetchall()[0]
        self._leads, self._pid, self._began = row
        return self._leads

    def still_leads(self) -> bool:
        """False once the connection is lost, and the lock with it."""
        if self._conn is None or not self._leads:
            return False
        try:
            self._conn.execute("select")
        except psycopg.Error:
            self.close()
            return False
        return True

    def begin(self, conn: Connection) -> bool:
        """Whether we lead still; to be asked before anything is read for a term.

        Waits for the transactions that an earlier leader has open.
        """
        conn.execute("select pg_advisory_xact_lock(%s)", [Lock.STORE.value])
        return self.takes_turn(conn)

    def takes_turn(self, conn: Connection) -> bool:
        """Whether we lead still, from any thread, in its own transaction: until the end of that, no
        other leader's begins. So what a deposed one writes late, its successor has not missed."""
        return self._takes(conn, Lock.TURN)

    def may_store(self, conn: Connection) -> bool:
        """`takes_turn` of who stores readings, apart from who judges and tells: those take long
        when there is much to tell."""
        return self._takes(conn, Lock.STORE)

    def _takes(self, conn: Connection, turn: Lock) -> bool:
        conn.execute("select pg_advisory_xact_lock(%s)", [turn.value])
        return self.leads(conn)

    def leads(self, conn: Connection) -> bool:
        """Whether we lead now, from any thread; that may end at any time."""
        params = {"pid": self._pid, "began": self._began, "lock": Lock.LEAD.value}
        return conn.execute(_LEADS, params).fetchone() == (True,)

    def close(self) -> None:
        """Lead no more: another daemon may."""
        self._leads = False
        if self._conn is not None:
            self._conn.close()
            self._conn = None
