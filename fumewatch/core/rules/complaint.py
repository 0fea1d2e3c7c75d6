"""Residents complained close to an alert, in time and in space."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fumewatch.core.alert import Severity
from fumewatch.core.arrays import Numbers
from fumewatch.core.duration import Duration
from fumewatch.core.history import KEPT
from fumewatch.core.judgement import Judgement, decide
from fumewatch.core.past import Past
from fumewatch.core.rules.pattern import Alerts, PatternRule, alerts_of, alone, micros, row_of
from fumewatch.core.rules.rule import Text, number
from fumewatch.core.view import iso

_EARTH: Final = 6_371_008.8
"""Mean radius of the Earth in metres (IUGG)."""


class Complaint(PatternRule):
    """Breach: a complaint no more than `radius` from a monitor and no more than `within` before or
    after the opening of one of its alerts, or while that is open; for `lasts` after the complaint.

    It proves nothing and changes no other alert: it says where to go first. Alerts that never fired
    and false alarms do not count. A monitor without a position is no data.
    """

    CHECKS: ClassVar = (
        Text(zh="向投诉人了解异味时间与方位", en="ask the resident when and where it smelt"),
        Text(zh="净化器是否运行、是否清洗", en="does the purifier run, is it clean"),
        Text(
            zh="排口朝向与周边其他餐饮单位",
            en="where the outlet points, which other sites are near",
        ),
    )

    kind: Literal["complaint"]
    severity: Severity = Field(Severity.INFO, description="info, warning or critical")
    rules: tuple[str, ...] = Field((), description="whose alerts count (default: all others')")
    within: Duration = Field(
        timedelta(hours=2),
        gt=timedelta(0),
        le=KEPT / 2,
        description="between the complaint and the opening of the alert",
    )
    radius: float = Field(200.0, gt=0, description="between the complaint and the monitor, metres")
    lasts: Duration = Field(
        timedelta(hours=24),
        gt=timedelta(0),
        le=KEPT / 2,
        description="how long after a complaint; what is entered later than that raises nothing",
    )

    @property
    def looks_back(self) -> timedelta:
        return self.lasts + self.within

    @property
    def named(self) -> tuple[str, ...]:
        return self.rules

    def default_title(self) -> Text:
        return Text(zh="预警附近有居民投诉", en="complaint near an alert")

    def weigh(self, past: Past) -> Judgement:
        pairs = self._pairs(past)
        nearest = np.full(len(past), np.inf)
        np.minimum.at(nearest, row_of(past, pairs.alerts.monitor[pairs.alert]), pairs.metres)
        breach = np.isfinite(nearest)[None]
        known = ~np.isnan(past.roster.latitude[past.rows])[None]
        return decide(breach, breach, known, np.where(breach, nearest, np.nan), self.radius)

    def evidence(self, past: Past, row: int) -> dict[str, Any]:
        """Names the nearest complaint, and of its alerts the latest."""
        pairs = self._pairs(alone(past, row))
        shown: dict[str, Any] = {
            "unit": "m",
            "limit": self.radius,
            "within_minutes": self.within // timedelta(minutes=1),
            "complaints": len(np.unique(pairs.complaint)),
        }
        if not len(pairs.metres):
            return shown
        opened_at = pairs.alerts.opened_at[pairs.alert]
        first = int(np.lexsort((-opened_at, pairs.metres))[0])
        return shown | {
            "value": number(pairs.metres[first], 0),
            "complaint_at": iso(int(past.complaints.at[pairs.complaint[first]])),
            "alert": pairs.alerts.rules[pairs.alerts.rule[pairs.alert[first]]],
            "alert_opened": iso(int(opened_at[first])),
        }

    def _pairs(self, past: Past) -> "_Pairs":
        read = self.rules or [rule for rule in past.alerts if rule != self.id]
        alerts = alerts_of(past, read, self.looks_back)
        at, within = past.complaints.at, micros(self.within)
        recent = np.flatnonzero((at > past.now - micros(self.lasts)) & (at <= past.now))
        since_opening = at[recent][:, None] - alerts.opened_at
        close = (since_opening >= -within) & ((since_opening <= within) | alerts.is_open)
        which, alert = np.nonzero(close)
        metres = _metres(past, recent[which], alerts.monitor[alert])
        near = metres <= self.radius
        return _Pairs(alerts, recent[which[near]], alert[near], metres[near])


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """[p] numbers of complaints and of alerts that are close to each other, and how far apart."""

    alerts: Alerts
    complaint: NDArray[np.intp]
    alert: NDArray[np.intp]
    metres: Numbers


def _metres(past: Past, complaints: NDArray[np.intp], monitor: NDArray[np.int32]) -> Numbers:
    """[p] between complaints and monitors; NaN where a position is not known."""
    rows, told = past.roster.rows(monitor), past.complaints
    there = past.roster.latitude[rows], past.roster.longitude[rows]
    return haversine(told.latitude[complaints], told.longitude[complaints], *there)


def haversine(
    latitude: Numbers, longitude: Numbers, to_latitude: Numbers, to_longitude: Numbers
) -> Numbers:
    """Metres along a great circle between points in degrees (R. W. Sinnott, "Virtues of the
    Haversine", Sky and Telescope 68 (2), 1984).

    >>> round(float(haversine(*map(np.array, (31.2, 121.4, 31.201, 121.4)))))
    111
    """
    north, east = np.radians(to_latitude - latitude), np.radians(to_longitude - longitude)
    lift = np.cos(np.radians(latitude)) * np.cos(np.radians(to_latitude))
    part = np.sin(north / 2) ** 2 + lift * np.sin(east / 2) ** 2
    metres: Numbers = 2 * _EARTH * np.arcsin(np.sqrt(np.minimum(part, 1)))
    return metres
