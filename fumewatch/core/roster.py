"""What applies to each monitor - limits, business hours, groups, last will - in columns by id."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.site import Place

NEVER: Final = -(2**63)
"""The instant of what has not happened."""

_DAY: Final = 24 * 60


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Columns by monitor id. The last entry of each serves every monitor that is not listed.

    limit       float64 [10, m]   in each channel's unit; NaN: no limit
    hours       intp [m]          index into `opened` and `zones`
    opened      int16 [h, 1440]   minutes open by then at a local minute, 0 while closed
    will_at     int64 [m]         µs: when the broker told that the connection was lost; NEVER
    groups      ("tag", "street" or "district", its name) → bool [m]
    latitude, longitude   float64 [m]   WGS 84 degrees; NaN: not known
    belongs     "vendor" or "street" → int32 [m], a number for each of them; -1: to none
    names       "vendor" or "street" → their names by that number, e.g. "xuhui/田林街道"
    cleanings   by monitor id: the days (core.days) of its outlet's recorded cleanings, ascending
    """

    limit: NDArray[np.float64]
    hours: NDArray[np.intp]
    opened: NDArray[np.int16]
    zones: tuple[ZoneInfo, ...]
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
    ) -> "Roster":
        """`limits`: profile → channel → limit in its unit. `hours`: where a place has none.

        `offline_since`: monitor → time of its last will, for those whose last status is offline.
        """
        listed = list(places)
        size = max((place.monitor for place in listed), default=-1) + 2
        belongs, names = _belongs(listed, size)
        schedules = list(dict.fromkeys([hours, *(p.hours for p in listed if p.hours)]))
        roster = Roster(
            limit=np.full((len(CHANNELS), size), np.nan),
            hours=np.zeros(size, np.intp),
            opened=np.stack([_opened(schedule) for schedule in schedules]),
            zones=tuple(ZoneInfo(schedule.zone) for schedule in schedules),
            will_at=np.full(size, NEVER, np.int64),
            groups=_groups(listed, size),
            latitude=np.full(size, np.nan),
            longitude=np.full(size, np.nan),
            belongs=belongs,
            names=names,
            cleanings={p.monitor: tuple(_days(p.cleanings)) for p in listed if p.cleanings},
        )
        for place in listed:
            roster.hours[place.monitor] = schedules.index(place.hours or hours)
            if place.latitude is not None and place.longitude is not None:
                roster.latitude[place.monitor] = place.latitude
                roster.longitude[place.monitor] = place.longitude
            for channel, limit in limits.get(place.limit_profile, {}).items():
                roster.limit[INDEX[channel], place.monitor] = limit
        for monitor, at in (offline_since or {}).items():
            if monitor < size - 1:
                roster.will_at[monitor] = int(at.timestamp() * 1e6)
        return roster

    @property
    def size(self) -> int:
        """Monitors that are listed: numbers 0 to size - 1, some of which may not exist."""
        return len(self.hours) - 1

    def rows(self, ids: NDArray[np.int32]) -> NDArray[np.intp]:
        """Where in the columns these monitors are."""
        return np.minimum(ids, len(self.hours) - 1).astype(np.intp)

    def open_for(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int16]:
        """int16 [k, n]: how many minutes the sites have been open at each of k minutes, or 0.

        `minutes`: int64 [k], minutes since 1970-01-01 UTC, within one day or so of each other.
        """
        last = datetime.fromtimestamp(int(minutes[-1]) * 60, UTC)
        tables = []
        for table, zone in zip(self.opened, self.zones, strict=True):
            offset = last.astimezone(zone).utcoffset()
            ahead = 0 if offset is None else int(offset.total_seconds()) // 60
            tables.append(table[(minutes + ahead) % _DAY])
        return np.stack(tables, axis=1)[:, self.hours[rows]]

    def members(self, rows: NDArray[np.intp], of: str, names: Collection[str]) -> Mask:
        """bool [n]: in one of these tags, streets or districts."""
        found = np.zeros(len(self.hours), np.bool_)
        for name in names:
            found |= self.groups.get((of, name), False)
        member: Mask = found[rows]
        return member


def _opened(hours: BusinessHours) -> NDArray[np.int16]:
    """Spans that touch or overlap are one, also over midnight; who never closes is open all day."""
    is_open = np.zeros(_DAY, np.bool_)
    for start, end in hours.spans:
        length = (end - start) % _DAY or _DAY
        is_open[(start + np.arange(length)) % _DAY] = True
    if is_open.all():
        return np.full(_DAY, _DAY, np.int16)
    closed, minute = np.flatnonzero(~is_open), np.arange(_DAY)
    before = closed[np.searchsorted(closed, minute, side="right") - 1]
    opened: NDArray[np.int16] = ((minute - before) % _DAY).astype(np.int16)
    return opened


def _groups(places: Iterable[Place], size: int) -> dict[tuple[str, str], Mask]:
    groups: dict[tuple[str, str], Mask] = {}
    for place in places:
        names = [("street", place.street), ("district", place.district)]
        for name in [*names, *(("tag", tag) for tag in place.tags)]:
            groups.setdefault(name, np.zeros(size, np.bool_))[place.monitor] = True
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
