"""A monitor's readings over a span, in columns fit for a plot and for a program."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.fresh import Freshness
from fumewatch.core.held import held_rows
from fumewatch.core.reading import CHANNELS, MEASURED, MISSING, Readings
from fumewatch.store.pages.fleet import BucketRow
from fumewatch.web.models import Readings as Columns
from fumewatch.web.models import Series

MOST_SPAN: Final = timedelta(days=92)
EVERY_READING_UP_TO: Final = timedelta(hours=49)
"""A longer span is answered in means of ten minutes."""
STEP: Final = timedelta(minutes=10)


def of_readings(
    monitor: int,
    start: datetime,
    end: datetime,
    readings: Readings,
    zone: ZoneInfo,
    freshness: Freshness,
) -> Columns:
    """Every reading; channels that never had a value are left out."""
    held = held_rows(readings, freshness)
    channels = {
        channel.name: Series(
            unit=channel.unit,
            values=_values(readings.values[i].tolist(), channel.scale),
            held=held.get(i, []),
            over_range=_marked(readings.unjudged.tolist(), i),
        )
        for i, channel in enumerate(CHANNELS)
        if (readings.values[i] != MISSING).any()
    }
    return Columns(
        monitor_id=monitor,
        start=start.astimezone(zone),
        end=end.astimezone(zone),
        step_seconds=None,
        measured_at=[_moment(us, zone) for us in readings.measured_at.tolist()],
        channels=channels,
        quality=bytes(readings.quality).decode("ascii", "replace"),
    )


def of_buckets(
    monitor: int, start: datetime, end: datetime, buckets: Sequence[BucketRow], zone: ZoneInfo
) -> Columns:
    """Means of ten minutes; a state is on where it was on for most of the minutes that tell."""
    measured = {
        CHANNELS[c].name: Series(
            unit=CHANNELS[c].unit,
            values=[
                round(b.sums[c] / b.counts[c] / CHANNELS[c].scale, 3) if b.counts[c] else None
                for b in buckets
            ],
        )
        for c in MEASURED
        if any(b.counts[c] for b in buckets)
    }
    states = {
        "fan_on": _share((b.fan_on, b.valid) for b in buckets),
        "purifier_on": _share((b.linkage_on, b.linkage_known) for b in buckets),
    }
    return Columns(
        monitor_id=monitor,
        start=start.astimezone(zone),
        end=end.astimezone(zone),
        step_seconds=int(STEP.total_seconds()),
        measured_at=[b.bucket.astimezone(zone) for b in buckets],
        channels=measured | states,
        quality="",
    )


def _values(raw: list[int], scale: int) -> list[float | None]:
    return [None if value == MISSING else value / scale for value in raw]


def _marked(unjudged: list[int], channel: int) -> list[int]:
    return [row for row, bits in enumerate(unjudged) if bits >> channel & 1]


def _share(parts: Iterable[tuple[int, int]]) -> Series:
    values = [float(2 * part > whole) if whole else None for part, whole in parts]
    return Series(unit="", values=values)


def _moment(us: int, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)).astimezone(zone)
