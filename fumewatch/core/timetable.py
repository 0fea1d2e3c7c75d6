"""Hours and meals of many monitors over many minutes: made once for each schedule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask
from fumewatch.core.calendar import BusinessHours, Calendar, DayKind, Spans
from fumewatch.core.calendar.local import DAY, kinds, local_times
from fumewatch.core.matching import Facts
from fumewatch.core.site import Place
from fumewatch.core.site_class import NO_CLASS, SiteClass

LONGEST: Final = DAY
"""Minutes. Who has been open for longer than a day has been open for a day."""


T = TypeVar("T", bound=np.generic)


class Meal(IntEnum):
    NONE = 0
    LUNCH = 1
    DINNER = 2


@dataclass(frozen=True, slots=True)
class Schedule:
    """What monitors share: hours, and the spans of lunch and dinner."""

    hours: BusinessHours
    lunch: Spans
    dinner: Spans


@dataclass(frozen=True, slots=True, eq=False)
class Timetable:
    """By monitor and by schedule.

    which     intp [m]               index of the monitor's schedule
    is_open   bool [s, 3, 2, 1440]   by DayKind, on the day itself and past its midnight, by minute
    meal      int8 [s, 1440]         Meal by local minute, whether open or not
    """

    calendar: Calendar
    schedules: tuple[Schedule, ...]
    which: NDArray[np.intp]
    is_open: Mask
    meal: NDArray[np.int8]
    _remembered: dict[tuple[int, int], NDArray[np.int16]] = field(default_factory=dict)

    @staticmethod
    def build(
        calendar: Calendar,
        places: Iterable[Place],
        facts: Facts,
        hours: BusinessHours,
        classes: Sequence[SiteClass],
    ) -> "Timetable":
        """`hours`: where neither a place nor the first class that fits it has any."""
        every = (*classes, NO_CLASS)
        first_fit = np.argmax([facts.fitting(one.match) for one in every], axis=0)
        numbers: dict[Schedule, int] = {}
        of_class = [Schedule(one.hours(hours.zone) or hours, *one.meals) for one in every]
        number_of = [numbers.setdefault(schedule, len(numbers)) for schedule in of_class]
        which = np.array(number_of, np.intp)[first_fit]
        fit, known = first_fit.tolist(), dict[tuple[int, int], int]()
        for place in places:
            if place.hours:
                key = fit[place.monitor], id(place.hours)  # to hash hours takes ten times as long
                if key not in known:
                    schedule = replace(of_class[key[0]], hours=place.hours)
                    known[key] = numbers.setdefault(schedule, len(numbers))
                which[place.monitor] = known[key]
        return Timetable(
            calendar=calendar,
            schedules=tuple(numbers),
            which=which,
            is_open=np.stack([_open_minutes(schedule.hours) for schedule in numbers]),
            meal=np.stack([_meal_minutes(schedule) for schedule in numbers]),
        )

    def open_for(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int16]:
        """int16 [k, n]: minutes that the sites have been open at each of k minutes, or 0.

        Real minutes, whatever clocks do; a day is the most. `minutes`: int64 [k], minutes since
        1970-01-01 UTC.
        """
        if not len(minutes):
            return np.zeros((0, len(rows)), np.int16)
        first, last = int(minutes.min()), int(minutes.max())
        return self._spread(self._opened(first, last)[minutes - first], rows)

    def in_meal(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> NDArray[np.int8]:
        """int8 [k, n]: the Meal of business hours at each of k minutes, as in `open_for`."""
        meal = self._open(minutes).astype(np.int8)
        for zone, of in self._by_zone():
            local = local_times(minutes, zone)
            meal[:, of] *= self.meal[of][:, local.minute].T
        return self._spread(meal, rows)

    def is_holiday_closing(self, row: int, minute: int) -> bool:
        """It is a holiday, and the site is closed all day because of that."""
        hours = self.schedules[self.which[row]].hours
        day = local_times(np.array([minute]), ZoneInfo(hours.zone)).day
        kind = DayKind(kinds(self.calendar, day)[0])
        return kind is DayKind.HOLIDAY and not hours.of(kind)

    def _opened(self, first: int, last: int) -> NDArray[np.int16]:
        """int16 [t, s], of each minute; remembered, as the fleet is asked about part by part."""
        opened = self._remembered.get((first, last))
        if opened is None:
            before = first - LONGEST + 1
            opened = _running(self._open(np.arange(before, last + 1)))[first - before :]
            self._remembered.clear()
            self._remembered[first, last] = opened
        return opened

    def _open(self, minutes: NDArray[np.int64]) -> Mask:
        """bool [k, s]."""
        found = np.empty((len(minutes), len(self.schedules)), np.bool_)
        for zone, of in self._by_zone():
            local = local_times(minutes, zone)
            today, yesterday = kinds(self.calendar, local.day), kinds(self.calendar, local.day - 1)
            tables = self.is_open[of]
            is_open = tables[:, today, 0, local.minute] | tables[:, yesterday, 1, local.minute]
            found[:, of] = is_open.T
        return found

    def _by_zone(self) -> Iterable[tuple[ZoneInfo, list[int]]]:
        """Each zone with its schedules; nearly always there is one."""
        zones: dict[str, list[int]] = {}
        for number, schedule in enumerate(self.schedules):
            zones.setdefault(schedule.hours.zone, []).append(number)
        return [(ZoneInfo(name), of) for name, of in zones.items()]

    def _spread(self, table: NDArray[T], rows: NDArray[np.intp]) -> NDArray[T]:
        """[k, s] to [k, n]."""
        return table.take(self.which[rows], axis=1)


def _running(is_open: Mask) -> NDArray[np.int16]:
    """int16 [t, s]: how many minutes in a row have been open by then, a day at most."""
    at = np.arange(len(is_open), dtype=np.int32)[:, None]
    closed = np.maximum.accumulate(np.where(is_open, -1, at), axis=0)
    return np.minimum(at - closed, LONGEST).astype(np.int16)


def _open_minutes(hours: BusinessHours) -> Mask:
    """bool [3, 2, 1440]: see Timetable."""
    table = np.zeros((len(DayKind), 2, DAY), np.bool_)
    for kind in DayKind:
        for start, end in hours.of(kind):
            minutes = start + np.arange((end - start) % DAY or DAY)
            table[kind, minutes // DAY, minutes % DAY] = True
    return table


def _meal_minutes(schedule: Schedule) -> NDArray[np.int8]:
    table = np.zeros(DAY, np.int8)
    for meal, spans in ((Meal.DINNER, schedule.dinner), (Meal.LUNCH, schedule.lunch)):
        for start, end in spans:
            table[(start + np.arange((end - start) % DAY or DAY)) % DAY] = meal
    return table
