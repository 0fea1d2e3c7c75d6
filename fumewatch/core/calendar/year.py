"""Which days are worked: weekends, public holidays, weekend days that are worked in their place."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum
from typing import Final

_ONE_DAY: Final = timedelta(days=1)
_SATURDAY_SUNDAY: Final = frozenset((5, 6))


class DayKind(IntEnum):
    WORKDAY = 0
    WEEKEND = 1
    HOLIDAY = 2


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that differ from their weekday. `weekend`: weekdays, Monday is 0.

    A day in both sets is worked. Without any, all there is to tell are weekends.
    """

    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    weekend: frozenset[int] = _SATURDAY_SUNDAY

    def kind(self, day: date) -> DayKind:
        if day in self.working_days:
            return DayKind.WORKDAY
        if day in self.holidays:
            return DayKind.HOLIDAY
        return DayKind.WEEKEND if day.weekday() in self.weekend else DayKind.WORKDAY


ONLY_WEEKENDS: Final = Calendar()


def whole_breaks(
    holidays: Collection[date],
    working_days: Collection[date],
    weekend: Collection[int] = _SATURDAY_SUNDAY,
) -> frozenset[date]:
    """The holidays, and the weekend days that make one break with them.

    So the State Council counts: 国庆节 2026 is 10月1日至7日, 共7天, the Sunday in it included.
    """
    found = set(holidays) - set(working_days)
    for holiday in tuple(found):
        for step in (-_ONE_DAY, _ONE_DAY):
            day = holiday + step
            while day.weekday() in weekend and day not in working_days and day not in found:
                found.add(day)
                day += step
    return frozenset(found)
