"""Replay of dead letters by a command, while no daemon runs; a daemon's own is `Ingest.replay`."""

from collections.abc import Callable
from datetime import datetime

from fumewatch.config import Config
from fumewatch.config.ways import sources
from fumewatch.ingest import Ingest, Limits, Stored
from fumewatch.store import Database, monitors, rollups


def replay_all(
    config: Config,
    database: Database,
    now: Callable[[], datetime],
    on_batch: Callable[[Stored], bool],
) -> None:
    """Replay every dead letter that is asked for, or until `on_batch` says no.

    For whoever holds the leader's lock while no daemon runs. A kill on the way leaves the letters
    to the next, and the roll-ups to the next start.
    """
    with database.transaction() as conn:
        rollups.recover(conn, config.zone)
        mark = rollups.received_to(conn)
        ways = sources(config)
        ways.learn(monitors.places(conn, str(config.zone)))
    ingest = Ingest(database, None, ways, Limits.of(config), now, mark, _no_answer)
    while (stored := ingest.replay()) is not None and on_batch(stored):
        pass
    with database.transaction() as conn:
        rollups.recover(conn, config.zone)


def _no_answer(_topic: str, _payload: bytes) -> bool:
    """A device that waited for one has sent again long ago."""
    return False
