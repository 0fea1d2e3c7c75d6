"""How a monitor stands right now, as the fleet page and the counters show it.

The worst fact wins, in the order of FleetState. An open alert outranks silence: a monitor that was
unplugged in the middle of an exceedance still counts as exceeding, as its alert is still open.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from fumewatch.core.reading import INDEX

STALE_AFTER: Final = timedelta(minutes=10)
_FAULT_FLAGS: Final = frozenset("DBTCMS")
"""Data flags of a monitor that measures, but not its flue: fault, communication, over range,
calibration, maintenance, manual. F, the facility stands still, is a normal evening's end."""


class FleetState(StrEnum):
    """Worst first; UNASSIGNED is shown apart from the rest."""

    EXCEEDING = "exceeding"
    WARNED = "warned"
    OFFLINE = "offline"
    FAULT = "fault"
    STALE = "stale"
    NORMAL = "normal"
    UNASSIGNED = "unassigned"


class Why(StrEnum):
    """The fact that a state rests on."""

    NO_SITE = "no site yet"
    EXCEEDANCE = "exceedance alert open"
    OTHER_ALERT = "other alert open"
    OFFLINE_ALERT = "offline alert open"
    LAST_WILL = "connection lost"
    NEVER_SEEN = "no reading yet"
    FLAGGED = "data flag not normal"
    OVER_RANGE = "fume out of plausible range"
    BEATING = "alive, but measures nothing"
    SILENT = "no recent reading"
    REPORTING = "reporting"


@dataclass(frozen=True, slots=True)
class Standing:
    state: FleetState
    why: Why


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """What of a firing alert matters here; `is_exceedance`: its rule is about a limit exceeded."""

    kind: str
    is_exceedance: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of one monitor. `measured_at` and `quality` are its latest reading's.

    `heard_at`: its last heartbeat.
    """

    is_assigned: bool
    measured_at: datetime | None
    quality: str = "N"
    unjudged: int = 0
    status: str | None = None
    status_at: datetime | None = None
    heard_at: datetime | None = None
    alerts: tuple[OpenAlert, ...] = ()


def standing(seen: Seen, now: datetime) -> Standing:
    """The worst fact about a monitor."""
    if not seen.is_assigned:
        return Standing(FleetState.UNASSIGNED, Why.NO_SITE)
    return (
        _alerted(seen.alerts)
        or _gone(seen, now)
        or _faulty(seen)
        or _silent(seen, now)
        or Standing(FleetState.NORMAL, Why.REPORTING)
    )


def tally(standings: Iterable[Standing]) -> dict[FleetState, int]:
    """How many stand how: every state is there, worst first, 0 included."""
    counts = Counter(standing.state for standing in standings)
    return {state: counts[state] for state in FleetState}


def _alerted(alerts: tuple[OpenAlert, ...]) -> Standing | None:
    if any(alert.is_exceedance for alert in alerts):
        return Standing(FleetState.EXCEEDING, Why.EXCEEDANCE)
    kinds = {alert.kind for alert in alerts}
    if kinds - {"absence"}:
        return Standing(FleetState.WARNED, Why.OTHER_ALERT)
    return Standing(FleetState.OFFLINE, Why.OFFLINE_ALERT) if kinds else None


def _gone(seen: Seen, now: datetime) -> Standing | None:
    signs = [at for at in (seen.measured_at, seen.heard_at) if at is not None]
    if seen.measured_at is None and not _is_recent(seen.heard_at, now):
        return Standing(FleetState.OFFLINE, Why.NEVER_SEEN)
    if seen.status != "offline" or seen.status_at is None or seen.status_at < max(signs):
        return None  # a sign of life after its last will: it is back, whatever the will says
    return Standing(FleetState.OFFLINE, Why.LAST_WILL)


def _faulty(seen: Seen) -> Standing | None:
    if seen.quality in _FAULT_FLAGS:
        return Standing(FleetState.FAULT, Why.FLAGGED)
    if seen.unjudged >> INDEX["fume"] & 1:
        return Standing(FleetState.FAULT, Why.OVER_RANGE)
    return None


def _silent(seen: Seen, now: datetime) -> Standing | None:
    if _is_recent(seen.measured_at, now):
        return None
    is_alive = _is_recent(seen.heard_at, now)
    return Standing(FleetState.STALE, Why.BEATING if is_alive else Why.SILENT)


def _is_recent(at: datetime | None, now: datetime) -> bool:
    return at is not None and now - at <= STALE_AFTER
