"""Who leads: of all daemons on a database one, by an advisory lock on a connection of its own.

The server lets go of the lock with the connection: a leader that dies or is cut off leads no more.
"""

from typing import Final

import psycopg

from fumewatch.store.database import Connection, DatabaseSettings, connect_options
from fumewatch.store.translate import translated

_LOCK: Final = 0x66756D65_0003


class Leader:
    """Not safe for threads."""

    def __init__(self, url: str) -> None:
        self._settings = DatabaseSettings(url=url)
        self._conn: Connection | None = None

    def try_lead(self) -> bool:
        """Whether we lead now. Raise StoreUnavailable if the database is away."""
        if self.still_leads():
            return True
        with translated():
            conn: Connection = psycopg.connect(
                self._settings.url, autocommit=True, **connect_options(self._settings)
            )
            won = conn.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone() == (True,)
        if won:
            self._conn = conn
        else:
            conn.close()
        return won

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

    def close(self) -> None:
        """Lead no more: another daemon may."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None
