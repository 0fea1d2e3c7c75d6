"""What happened at monitors: openings, restarts, complaints, by local times of November 2026."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import TypeAdapter

from fumewatch.core.past import Complaints, Happenings, Openings, Past
from fumewatch.core.roster import Roster
from tests.core.scene import ZONE, micros, place, roster_of


def at(when: str, zone: str = ZONE) -> int:
    """µs UTC of "23 12:30", a local time of November; "10-31 12:30" names the month."""
    day, clock = when.split()
    month = day if "-" in day else f"11-{day}"
    return micros(datetime.fromisoformat(f"2026-{month} {clock}").replace(tzinfo=ZoneInfo(zone)))


def openings(
    *times: str,
    monitor: int | Sequence[int] = 0,
    fired: bool | Sequence[bool] = True,
    is_open: bool | Sequence[bool] = False,
    false_alarm: bool | Sequence[bool] = False,
) -> Openings:
    def column(values: Any, dtype: type) -> Any:
        return np.broadcast_to(np.array(values, dtype), len(times))

    return Openings(
        column(monitor, np.int32),
        np.array([at(time) for time in times], np.int64),
        column(fired, np.bool_),
        column(is_open, np.bool_),
        column(false_alarm, np.bool_),
    )


def happenings(*times: str, monitor: int | Sequence[int] = 0) -> Happenings:
    monitors = np.broadcast_to(np.array(monitor, np.int32), len(times))
    return Happenings(monitors, np.array([at(time) for time in times], np.int64))


def complaints(*rows: tuple[str, float, float]) -> Complaints:
    """(time, latitude, longitude)."""
    return Complaints(
        np.array([at(time) for time, _, _ in rows], np.int64),
        np.array([latitude for _, latitude, _ in rows], np.float64),
        np.array([longitude for _, _, longitude in rows], np.float64),
    )


def past(
    now: str,
    alerts: Mapping[str, Openings] | None = None,
    *,
    monitors: Sequence[int] = (0,),
    roster: Roster | None = None,
    **more: Any,
) -> Past:
    places = roster or roster_of(*(place(monitor) for monitor in monitors))
    return Past(np.array(monitors, np.int32), at(now), places, alerts or {}, **more)


def rule_of(kind: type[Any], **fields: Any) -> Any:
    named = {"kind": kind.__name__.lower(), "id": "it"}
    return TypeAdapter(kind).validate_python(named | fields)
