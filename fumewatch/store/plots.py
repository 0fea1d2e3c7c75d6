"""What a mail plots of an alert."""

import math
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import class_row

from fumewatch.core.fresh import Freshness
from fumewatch.core.held import held_rows
from fumewatch.core.letter.curve import Curve
from fumewatch.core.reading import CHANNELS, INDEX, MEASURED, MISSING, Readings
from fumewatch.store import readings

LONGEST: Final = timedelta(hours=6)
SHORTEST: Final = timedelta(hours=2)
_BEFORE: Final = timedelta(hours=1)
"""So much is shown from before the alert, where there is room."""
_AFTER: Final = timedelta(minutes=30)
_TO_LEARN: Final = timedelta(hours=12)
"""So much from before that is read, to tell held values from measured ones."""
_HAVE_A_LEVEL: Final = ("threshold", "trend")
"""Kinds whose limit is a value of their channel."""
_SELECT: Final = """
    select monitor_id, kind, opened_at, resolved_at, "limit", evidence from alert where id = %s
"""


@dataclass(frozen=True, slots=True)
class _Alert:
    monitor_id: int
    kind: str
    opened_at: datetime
    resolved_at: datetime | None
    limit: float
    evidence: dict[str, Any]


def curve(
    conn: Connection[Any], alert: uuid.UUID, now: datetime, freshness: Freshness
) -> Curve | None:
    """The last hours of the channel that the alert is about, else of fume; None: no values."""
    with conn.cursor(row_factory=class_row(_Alert)) as cursor:
        found = cursor.execute(_SELECT, (alert,)).fetchone()
    if found is None:
        return None
    start, end = _span(found, now)
    rows = readings.of_monitor(conn, found.monitor_id, start - _TO_LEARN, end)
    return _curve(found, rows, start, freshness)


def _span(alert: _Alert, now: datetime) -> tuple[datetime, datetime]:
    end = min(now, alert.resolved_at + _AFTER) if alert.resolved_at else now
    start = max(end - LONGEST, min(alert.opened_at - _BEFORE, end - SHORTEST))
    return start, end


def _curve(alert: _Alert, rows: Readings, start: datetime, freshness: Freshness) -> Curve | None:
    c = _channel(alert)
    held = set(held_rows(rows, freshness).get(c, ()))
    values, moments = rows.judged()[c].tolist(), map(_moment, rows.measured_at.tolist())
    scale = CHANNELS[c].scale
    told = [
        (at, None if value == MISSING else value / scale, row not in held)
        for row, (at, value) in enumerate(zip(moments, values, strict=True))
        if at >= start
    ]
    if sum(value is not None for _, value, _ in told) < 2:
        return None
    at, shown, fresh = zip(*told, strict=True)
    name = CHANNELS[c].name
    limit = _limit(alert)
    return Curve(name, at, shown, fresh, limit, alert.opened_at, alert.resolved_at)


def _channel(alert: _Alert) -> int:
    named = INDEX.get(str(alert.evidence.get("channel")))
    return named if named in MEASURED else INDEX["fume"]


def _limit(alert: _Alert) -> float | None:
    """In the channel's unit: of a share of the time, the level that was passed so often."""
    if alert.kind not in _HAVE_A_LEVEL:
        return None
    level = alert.evidence.get("share_above", alert.limit)
    is_level = isinstance(level, int | float) and math.isfinite(level) and level > 0
    return float(level) if is_level else None


def _moment(us: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
