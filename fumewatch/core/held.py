"""Which of a monitor's readings only repeat an earlier measurement, as the rules see it."""

from typing import Final

import numpy as np

from fumewatch.core.fresh import Freshness, held_minutes
from fumewatch.core.reading import MEASURED, MISSING, Readings

_MINUTE_US: Final = 60_000_000


def held_rows(readings: Readings, settings: Freshness) -> dict[int, list[int]]:
    """By measured channel: rows in minutes that core.fresh finds held. Of one monitor.

    All at once: it costs as much for one channel as for all of them.
    """
    if not len(readings.measured_at):
        return {}
    minute = (readings.measured_at - readings.measured_at.min()) // _MINUTE_US
    value = readings.judged()[list(MEASURED)].T
    shape = (int(minute.max()) + 1, len(MEASURED))
    high, low = np.full(shape, MISSING), np.full(shape, np.iinfo(np.int32).max)
    known = value != MISSING
    np.maximum.at(high, minute, value)
    np.minimum.at(low, minute, np.where(known, value, np.iinfo(np.int32).max))
    one = np.where((high != MISSING) & (high == low), high, MISSING).astype(np.int32)
    held = known & held_minutes(one, high != MISSING, settings)[minute]
    return {c: np.flatnonzero(held[:, i]).tolist() for i, c in enumerate(MEASURED)}
