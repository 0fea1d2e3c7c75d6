"""What happened at monitors in the last weeks: what rules about patterns judge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.roster import Roster


@dataclass(frozen=True, slots=True, eq=False)
class Openings:
    """e alerts of one rule, by `opened_at` (int64 µs UTC). `monitor` int32.

    fired: it was firing at some time. is_open: it is not resolved. false_alarm: whoever visited
    said so.
    """

    monitor: NDArray[np.int32]
    opened_at: NDArray[np.int64]
    fired: Mask
    is_open: Mask
    false_alarm: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Happenings:
    """e events at monitors (int32), by their time (int64 µs UTC)."""

    monitor: NDArray[np.int32]
    at: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Complaints:
    """e complaints of residents, by their time (int64 µs UTC); WGS 84 degrees."""

    at: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a person found of an alert, at `at` (µs UTC): a false alarm, or something else, as when
    the case was reopened. `opened_at`: of the alert."""

    alert: UUID
    rule: str
    monitor: int
    opened_at: datetime
    at: int
    is_false: bool


def false_alarms(outcomes: Iterable[Outcome], now: int) -> frozenset[UUID]:
    """As known at `now` (µs UTC); `outcomes` in the order in which they were found."""
    known = {outcome.alert: outcome.is_false for outcome in outcomes if outcome.at <= now}
    return frozenset(alert for alert, is_false in known.items() if is_false)


def nothing_happened() -> Happenings:
    return Happenings(np.empty(0, np.int32), np.empty(0, np.int64))


def no_complaints() -> Complaints:
    return Complaints(np.empty(0, np.int64), np.empty(0), np.empty(0))


@dataclass(frozen=True, eq=False)
class Past:
    """Of monitors `ids` [n] (int32), as known at `now` (µs UTC).

    alerts     by rule id; rules that never opened one may be absent
    restarts   devices that told of a restart (HJ 212, 2081)
    findings   device means that disagree with ours (core.integrity)
    """

    ids: NDArray[np.int32]
    now: int
    roster: Roster
    alerts: Mapping[str, Openings]
    restarts: Happenings = field(default_factory=nothing_happened)
    findings: Happenings = field(default_factory=nothing_happened)
    complaints: Complaints = field(default_factory=no_complaints)

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        return self.roster.rows(self.ids)
