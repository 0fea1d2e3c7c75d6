"""What applies to each monitor - limits, business hours, groups, last will - in columns by id."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.calendar import ONLY_WEEKENDS, BusinessHours, Calendar
from fumewatch.core.matching import Facts
from fumewatch.core.pause import Pause, Pauses
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.site import Place
from fumewatch.core.site_class import SiteClass
from fumewatch.core.timetable import Timetable
from fumewatch.core.unjudged import Unjudged

NEVER: Final = -(2**63)
"""The instant of what has not happened."""


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Columns by monitor id. The last entry of each serves every monitor that is not listed.

    limit       float64 [10, m]   in each channel's unit; NaN: no limit
    timetable   business hours and meals
    pauses      times of no verdict
    will_at     int64 [m]         µs: when the broker told that the connection was lost; NEVER
    groups      ("tag", "street" or "district", its name) → bool [m]
    latitude, longitude   float64 [m]   WGS 84 degrees; NaN: not known
    belongs     "vendor" or "street" → int32 [m], a number for each of them; -1: to none
    names       "vendor" or "street" → their names by that number, e.g. "xuhui/田林街道"
    cleanings   by monitor id: the days (core.days) of its outlet's recorded cleanings, ascending
    """

    limit: NDArray[np.float64]
    timetable: Timetable
    pauses: Pauses
    will_at: NDArray[np.int64]
    groups: Mapping[tuple[str, str], Mask]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    belongs: Mapping[str, NDArray[np.int32]]
    names: Mapping[str, tuple[str, ...]]
    cleanings: Mapping[int, tuple[int, ...]]

    @staticmethod
    def build(
        places: Iterable[Place],
        limits: Mapping[str, Mapping[str, float]],
        hours: BusinessHours,
        offline_since: Mapping[int, datetime] | None = None,
        *,
        calendar: Calendar = ONLY_WEEKENDS,
        classes: Sequence[SiteClass] = (),
        pauses: Sequence[Pause] = (),
    ) -> "Roster":
        """`limits`: profile → channel → limit in its unit.

        `hours`: where neither a place nor the first of the `classes` that fits it has any; their
        zone is also that of meals and pauses.
        `offline_since`: monitor → time of its last will, for those whose last status is offline.
        """
        listed = list(places)
        size = max((place.monitor for place in listed), default=-1) + 2
        facts = Facts(listed, size)
        belongs, names = _belongs(listed, size)
        roster = Roster(
            limit=np.full((len(CHANNELS), size), np.nan),
            timetable=Timetable.build(calendar, listed, facts, hours, classes),
            pauses=Pauses.build(pauses, facts, ZoneInfo(hours.zone)),
            will_at=np.full(size, NEVER, np.int64),
            groups=_groups(listed, size),
            latitude=np.full(size, np.nan),
            longitude=np.full(size, np.nan),
            belongs=belongs,
            names=names,
            cleanings={p.monitor: tuple(_days(p.cleanings)) for p in listed if p.cleanings},
        )
        by_profile: dict[str, list[int]] = {}
        for place in listed:
            by_profile.setdefault(place.limit_profile, []).append(place.monitor)
            if place.latitude is not None and place.longitude is not None:
                roster.latitude[place.monitor] = place.latitude
                roster.longitude[place.monitor] = place.longitude
        for profile, monitors in by_profile.items():
            for channel, limit in limits.get(profile, {}).items():
                roster.limit[INDEX[channel], monitors] = limit
        return roster.with_wills(offline_since or {})

    def with_wills(self, offline_since: Mapping[int, datetime]) -> "Roster":
        """The same, but for who is offline, and since when."""
        will_at = np.full(self.size + 1, NEVER, np.int64)
        for monitor, at in offline_since.items():
            if monitor < self.size:
                will_at[monitor] = int(at.timestamp() * 1e6)
        return replace(self, will_at=will_at)

    @property
    def size(self) -> int:
        """Monitors that are listed: numbers 0 to size - 1, some of which may not exist."""
        return len(self.will_at) - 1

    def rows(self, ids: NDArray[np.int32]) -> NDArray[np.intp]:
        """Where in the columns these monitors are."""
        return np.minimum(ids, len(self.will_at) - 1).astype(np.intp)

    def open_for(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int16]:
        """int16 [k, n]: how many minutes the sites have been open at each of k minutes, or 0.

        `minutes`: int64 [k], minutes since 1970-01-01 UTC, in any order. A day is the most.
        """
        return self.timetable.open_for(rows, minutes)

    def in_meal(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int8]:
        """int8 [k, n]: a timetable.Meal - 0 none, 1 lunch, 2 dinner - while the site is open."""
        return self.timetable.in_meal(rows, minutes)

    def paused(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> Mask:
        """bool [k, n]: the monitor is not judged then."""
        return self.pauses.paused(rows, minutes)

    def unjudged(self, row: int, minute: int) -> Unjudged | None:
        """Why rules that heed business hours do not judge the monitor in this minute, if so."""
        if pause := self.pauses.at(row, minute):
            return Unjudged(pause.reason, pause.note)
        if self.open_for(np.array([row]), np.array([minute]))[0, 0]:
            return None
        is_holiday = self.timetable.is_holiday_closing(row, minute)
        return Unjudged("holiday" if is_holiday else "closed")

    def members(self, rows: NDArray[np.intp], of: str, names: Collection[str]) -> Mask:
        """bool [n]: in one of these tags, streets or districts."""
        found = np.zeros(len(self.will_at), np.bool_)
        for name in names:
            found |= self.groups.get((of, name), False)
        member: Mask = found[rows]
        return member


def _groups(places: Iterable[Place], size: int) -> dict[tuple[str, str], Mask]:
    members: dict[tuple[str, str], list[int]] = {}
    for place in places:
        names = [("street", place.street), ("district", place.district)]
        for name in [*names, *(("tag", tag) for tag in place.tags)]:
            members.setdefault(name, []).append(place.monitor)
    groups = {name: np.zeros(size, np.bool_) for name in members}
    for name, monitors in members.items():
        groups[name][monitors] = True
    return groups


def _belongs(
    places: Iterable[Place], size: int
) -> tuple[dict[str, NDArray[np.int32]], dict[str, tuple[str, ...]]]:
    """Who shares a vendor, a street; unassigned monitors have no street."""
    belongs, names = {}, {}
    for by in ("vendor", "street"):
        numbers: dict[str, int] = {}
        column = np.full(size, -1, np.int32)
        for place in places:
            name = place.vendor if by == "vendor" else place.street
            if name:
                whole = name if by == "vendor" else f"{place.district}/{name}"
                column[place.monitor] = numbers.setdefault(whole, len(numbers))
        belongs[by], names[by] = column, tuple(numbers)
    return belongs, names


def _days(cleanings: Iterable[date]) -> list[int]:
    return sorted({(day - date(1970, 1, 1)).days for day in cleanings})
