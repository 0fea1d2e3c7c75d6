"""Readings for tests, written short."""

from datetime import UTC, datetime, timedelta

import numpy as np

from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.store.wire import from_us, to_us

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def reading(
    monitor: int = 1, minutes: float = 0, quality: str = "N", unjudged: int = 0, **channels: int
) -> Readings:
    """One reading; its channels in thousandths."""
    values = np.full((len(CHANNELS), 1), MISSING, np.int32)
    for name, value in channels.items():
        values[INDEX[name]] = value
    return Readings(
        np.array([monitor], np.int32),
        np.array([to_us(at(minutes))], np.int64),
        values,
        np.array([ord(quality)], np.uint8),
        np.array([unjudged], np.int16),
    )


def batch(*rows: Readings) -> Readings:
    return Readings.concatenate([Readings.empty(), *rows])


def told(rows: Readings) -> list[tuple]:
    """(monitor, minutes, quality, unjudged, {channel: value}), sorted, to compare and to read."""
    out = []
    for i in range(len(rows)):
        values = {c.name: int(v) for c, v in zip(CHANNELS, rows.values[:, i], strict=True)}
        out.append(
            (
                int(rows.monitor[i]),
                (from_us(int(rows.measured_at[i])) - NOON) / timedelta(minutes=1),
                chr(rows.quality[i]),
                int(rows.unjudged[i]),
                {name: value for name, value in values.items() if value != MISSING},
            )
        )
    return sorted(out, key=lambda row: row[:2])
