"""How long a step waits: always, in working hours, or in working days.

    24h                 whenever that is
    24 working hours    24 counted hours: at eight a day, three days
    3 working days      three days later at the same time, counting days that are worked

What begins outside working hours begins when they next open. So one working day from Friday 15:00
is Monday 15:00; from Friday 20:00, or from Saturday, Tuesday's opening: all of Monday was theirs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, InstanceOf, PlainSerializer

from fumewatch.core import duration
from fumewatch.core.calendar import BusinessHours, Calendar, DayKind

LONGEST: Final = timedelta(days=90)
LEAST_HOURS: Final = timedelta(hours=1)
"""Of a working day: with less, what counts hours would take years."""

_DAY: Final = timedelta(days=1)
_WORKING: Final = re.compile(
    r"(\d+)\s*(?:working\s*(day|hour|minute)s?|个?(工作日)|个?(?:工作)(小时|分钟))", re.IGNORECASE
)
_UNITS: Final = {
    "day": timedelta(days=1),
    "工作日": timedelta(days=1),
    "hour": timedelta(hours=1),
    "小时": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "分钟": timedelta(minutes=1),
}
_FORMS: Final = "write 24h, 24 working hours or 3 working days"


class Counts(StrEnum):
    """What passes the time."""

    ALWAYS = "always"
    HOURS = "working hours"
    DAYS = "working days"


@dataclass(frozen=True, slots=True, repr=False)
class Delay:
    """`length`: of working days as many whole days.

    >>> Delay.parse("3个工作日")
    3 working days
    """

    length: timedelta = timedelta(0)
    counts: Counts = Counts.ALWAYS

    @staticmethod
    def parse(text: str) -> "Delay":
        """Raise ValueError that shows the accepted forms."""
        match = _WORKING.fullmatch(text.strip())
        try:
            found = _working(match) if match else Delay(duration.parse(text))
        except (ValueError, OverflowError):
            raise ValueError(f"{text!r} says not how long to wait; {_FORMS}") from None
        if found.length > LONGEST:
            raise ValueError(f"{text!r} is more than {LONGEST.days} days")
        return found

    def __str__(self) -> str:
        if self.counts is Counts.ALWAYS:
            return duration.show(self.length)
        name = "day" if self.counts is Counts.DAYS else "hour"
        if self.length % _UNITS[name]:
            name = "minute"
        n = self.length // _UNITS[name]
        return f"{n} working {name}{'' if n == 1 else 's'}"

    def __repr__(self) -> str:
        return str(self)  # as a change of the configuration is shown


def _working(match: re.Match[str]) -> Delay:
    unit = next(filter(None, match.groups()[1:])).lower()
    counts = Counts.DAYS if _UNITS[unit] == _DAY else Counts.HOURS
    return Delay(int(match[1]) * _UNITS[unit], counts)


def _read(value: Any) -> Any:
    if isinstance(value, str):
        return Delay.parse(value)
    if isinstance(value, Delay):
        return value
    raise ValueError(f"{value!r} says not how long to wait; {_FORMS}")


Wait = Annotated[InstanceOf[Delay], BeforeValidator(_read), PlainSerializer(str, return_type=str)]
"""A pydantic field type: reads every form above, prints the shortest."""


@dataclass(frozen=True, slots=True)
class _Shift:
    """Working hours without a break; `day`: the local date that they began on. Times UTC."""

    day: date
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """Whose hours count, by which calendar. All times that come and go are aware; those that come
    back are UTC."""

    hours: BusinessHours
    calendar: Calendar

    @staticmethod
    @lru_cache(maxsize=256)
    def of(hours: str, calendar: Calendar, zone: ZoneInfo) -> "Clock":
        """`hours` as people write them; ValueError as BusinessHours has it."""
        return Clock(BusinessHours.parse(hours, str(zone)), calendar)

    def add(self, at: datetime, delay: Delay) -> datetime:
        at = at.astimezone(UTC)
        match delay.counts:
            case Counts.ALWAYS:
                return at + delay.length
            case Counts.HOURS:
                return self._after_hours(at, delay.length)
            case Counts.DAYS:
                return self._after_days(at, delay.length.days)

    def opened(self, at: datetime) -> datetime:
        """That time where it is in working hours, else when they next open."""
        return max(at.astimezone(UTC), next(self._shifts(at)).start)

    def _after_hours(self, at: datetime, left: timedelta) -> datetime:
        for shift in self._shifts(at):
            start = max(at, shift.start)
            if left <= shift.end - start:
                return start + left
            left -= shift.end - start
        raise AssertionError("shifts have no end")

    def _after_days(self, at: datetime, days: int) -> datetime:
        shift = next(self._shifts(at))
        began = max(at, shift.start)
        clock = began.astimezone(self._zone).replace(tzinfo=None) - _midnight(shift.day)
        day = shift.day
        for _ in range(days):
            day = self._next_worked(day)
        same_time = (_midnight(day) + clock).replace(tzinfo=self._zone)
        return self.opened(same_time) if days else began

    def _next_worked(self, day: date) -> date:
        day += _DAY
        while not self.hours.of(self.calendar.kind(day)):
            day += _DAY
        return day

    def _shifts(self, at: datetime) -> Iterator[_Shift]:
        """Those that are not over, in order, without what two of them share."""
        day, over = at.astimezone(self._zone).date() - _DAY, at
        while True:
            for shift in _shifts_of(self.hours, self.calendar, day):
                if shift.end > over:
                    yield _Shift(shift.day, max(shift.start, over), shift.end)
                    over = shift.end
            day += _DAY

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.hours.zone)


def check_hours(text: str) -> str:
    """The text, where it tells enough hours of working days; else ValueError."""
    hours = BusinessHours.parse(text, "UTC")
    minutes = sum((end - start) % (24 * 60) or 24 * 60 for start, end in hours.of(DayKind.WORKDAY))
    if timedelta(minutes=minutes) < LEAST_HOURS:
        raise ValueError(
            f"{text!r} leaves less than an hour of a working day; write 08:30-17:30; weekend closed"
        )
    return text


@lru_cache(maxsize=20_000)
def _shifts_of(hours: BusinessHours, calendar: Calendar, day: date) -> tuple[_Shift, ...]:
    """Those that begin on a local date, in order."""
    zone, midnight = ZoneInfo(hours.zone), _midnight(day)
    found = []
    for start, end in sorted(hours.of(calendar.kind(day))):
        until = end if end > start else end + 24 * 60
        found.append(_Shift(day, _utc(midnight, start, zone), _utc(midnight, until, zone)))
    return tuple(found)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def _utc(midnight: datetime, minute: int, zone: ZoneInfo) -> datetime:
    """What the clocks of the place show then; of a time that comes twice the first."""
    return (midnight + timedelta(minutes=minute)).replace(tzinfo=zone).astimezone(UTC)
