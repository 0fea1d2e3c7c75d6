"""An hour of readings for every monitor, so that a run starts with windows as full as at work."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.reading import CHANNELS, MISSING, Readings
from fumewatch.core.rollup import Rollup
from fumewatch.store import Database, DatabaseSettings, readings, rollups

MINUTES: Final = 60
_MINUTE_US: Final = 60_000_000
_USUAL: Final = {  # thousandths
    "fume": 500,
    "pm": 1400,
    "nmhc": 3500,
    "temperature": 41_000,
    "humidity": 55_000,
    "fan_current": 3200,
    "purifier_current": 1100,
    "fan_on": 1,
    "purifier_on": 1,
}


def fill(url: str, now: datetime) -> int:
    """One reading a minute of each monitor stored there, up to a minute ago; how many in all."""
    database = Database(DatabaseSettings(url=url))
    database.open()
    number, newest, rollup = 0, readings.Newest(), Rollup(ZoneInfo("Asia/Shanghai"))
    try:
        with database.transaction() as conn:
            rows = conn.execute("select id from monitor order by id").fetchall()
        ids = np.array([row[0] for row in rows], np.int32)
        for received_at, part in _minutes(ids, now):
            with database.transaction() as conn:
                added = readings.add(conn, part, received_at, newest)
            rollup.add(added)
            number += len(added)
        with database.transaction() as conn:  # counted, or the daemon counts it all at its start
            rollups.flush(conn, rollup.drain({}), now - timedelta(minutes=1))
            conn.execute("analyze")  # as autovacuum would have done by now
    finally:
        database.close()
    return number


def _minutes(ids: NDArray[np.int32], now: datetime) -> Iterator[tuple[datetime, Readings]]:
    random = np.random.default_rng(2)
    for back in range(MINUTES, 0, -1):
        at = now - timedelta(minutes=back)
        # Each monitor at its own second of the minute.
        spread = ids.astype(np.int64) * 7919 % _MINUTE_US
        us = int((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
        values = np.full((len(CHANNELS), len(ids)), MISSING, np.int32)
        for i, channel in enumerate(CHANNELS):
            if usual := _USUAL.get(channel.name):
                noise = random.integers(-usual // 10, usual // 10 + 1, len(ids))
                values[i] = usual + (0 if channel.is_state else noise)
        quality = np.full(len(ids), ord("N"), np.uint8)
        unjudged = np.zeros(len(ids), np.int16)
        yield at, Readings(ids, us - spread, values, quality, unjudged)
