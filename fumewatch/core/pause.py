"""Pauses: times in which some monitors are not judged, and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from fumewatch.core.arrays import Mask
from fumewatch.core.calendar.local import each_day, local_times
from fumewatch.core.matching import Facts, PauseMatch

PauseReason = Literal["maintenance", "calibration", "closure"]

_ONE_DAY: Final = timedelta(days=1)
_OF_A_YEAR: Final = re.compile(r"(\d{2})-(\d{2})")
_FORMS: Final = (
    "write a date like 2026-11-23, a local time like 2026-11-23 14:00, "
    "or a day of every year like 12-20"
)


@dataclass(frozen=True, slots=True, order=True)
class DayOfYear:
    month: int
    day: int

    def __str__(self) -> str:
        return f"{self.month:02}-{self.day:02}"


Edge = date | datetime | DayOfYear


def _edge(value: Any) -> Edge:
    if isinstance(value, DayOfYear):
        return value
    try:
        edge = _read(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"{value!r} is no such day or time; {_FORMS}") from None
    if not isinstance(edge, date | DayOfYear):
        raise ValueError(f"{value!r} is no day; {_FORMS}")
    if isinstance(edge, datetime) and edge.tzinfo is not None:
        raise ValueError(f"{value} is told by UTC; write the local time, without an offset")
    return edge


def _read(text: str) -> Edge:
    if match := _OF_A_YEAR.fullmatch(text):
        day = date(2000, int(match[1]), int(match[2]))  # a leap year has them all
        return DayOfYear(day.month, day.day)
    return date.fromisoformat(text) if len(text) <= 10 else datetime.fromisoformat(text)


EdgeField = Annotated[Any, BeforeValidator(_edge)]


class Pause(BaseModel):
    """One [[pause]] of the configuration. Whole days, the last one included, or local times."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: PauseMatch = PauseMatch()
    start: EdgeField = Field(alias="from")
    to: EdgeField
    reason: PauseReason
    note: str = ""

    @field_validator("to")
    @classmethod
    def _comes_after(cls, to: Edge, info: ValidationInfo) -> Edge:
        start = info.data.get("start", to)
        if isinstance(start, DayOfYear) != isinstance(to, DayOfYear):
            raise ValueError(f"{to} and from = {start}: give the year in both or in neither")
        if not isinstance(to, DayOfYear) and _end(to) <= _beginning(start):
            raise ValueError(f"the pause ends ({to}) before it starts ({start})")
        return to

    @property
    def is_yearly(self) -> bool:
        return isinstance(self.start, DayOfYear)

    def is_over(self, today: date) -> bool:
        return not self.is_yearly and _end(self.to) <= datetime.combine(today, datetime.min.time())

    def covers(self, minutes: NDArray[np.int64], zone: ZoneInfo) -> Mask:
        """bool [k], of minutes since 1970-01-01 UTC."""
        if self.is_yearly:
            return each_day(local_times(minutes, zone).day, self._covers_day) > 0
        start, end = (_minute(edge, zone) for edge in (_beginning(self.start), _end(self.to)))
        covered: Mask = (start <= minutes) & (minutes < end)
        return covered

    def _covers_day(self, day: date) -> bool:
        """A pause from 12-20 to 02-28 lasts over the turn of the year."""
        at = DayOfYear(day.month, day.day)
        if self.start <= self.to:
            return bool(self.start <= at <= self.to)
        return bool(at >= self.start or at <= self.to)


@dataclass(frozen=True, slots=True, eq=False)
class Pauses:
    """By monitor. `which` intp [m]: index of the set of pauses that it has. `sets` bool [p, s]."""

    pauses: tuple[Pause, ...]
    zone: ZoneInfo
    which: NDArray[np.intp]
    sets: Mask

    @staticmethod
    def build(pauses: Sequence[Pause], facts: Facts, zone: ZoneInfo) -> "Pauses":
        fitting = np.array([facts.fitting(pause.match) for pause in pauses], np.bool_)
        fitting = fitting.reshape(len(pauses), facts.size)
        numbers: dict[bytes, int] = {}
        which = [numbers.setdefault(column.tobytes(), len(numbers)) for column in fitting.T]
        sets = np.frombuffer(b"".join(numbers), np.bool_).reshape(len(numbers), len(pauses)).T
        return Pauses(tuple(pauses), zone, np.array(which, np.intp), sets)

    def paused(self, rows: NDArray[np.intp], minutes: NDArray[np.int64]) -> Mask:
        """bool [k, n]: some pause covers the minute."""
        covered = np.zeros((len(minutes), self.sets.shape[1]), np.bool_)
        for pause, of in zip(self.pauses, self.sets, strict=True):
            covered |= pause.covers(minutes, self.zone)[:, None] & of
        return covered.take(self.which[rows], axis=1)

    def at(self, row: int, minute: int) -> Pause | None:
        """The first that covers the minute."""
        mine = self.sets[:, self.which[row]]
        at = np.array([minute], np.int64)
        found = (pause for pause, is_mine in zip(self.pauses, mine, strict=True) if is_mine)
        return next((pause for pause in found if pause.covers(at, self.zone)[0]), None)


def _beginning(edge: date | datetime) -> datetime:
    return edge if isinstance(edge, datetime) else datetime.combine(edge, datetime.min.time())


def _end(edge: date | datetime) -> datetime:
    """The first moment after it."""
    return edge if isinstance(edge, datetime) else _beginning(edge) + _ONE_DAY


def _minute(local: datetime, zone: ZoneInfo) -> int:
    return int(local.replace(tzinfo=zone).timestamp() // 60)
