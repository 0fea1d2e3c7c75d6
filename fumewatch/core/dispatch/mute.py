"""What keeps an alert from being told for a while: inhibition, silences, quiet hours."""

from datetime import datetime, timedelta
from typing import Annotated, Final, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from fumewatch.core.calendar import BusinessHours, Calendar, DayKind
from fumewatch.core.routing import GroupBy, Matchers, listed

_DAY: Final = 24 * 60
_MINUTE: Final = timedelta(minutes=1)
_QUARTER: Final = timedelta(minutes=15)
"""No zone changes its clocks but at a whole quarter of an hour."""
_LONGEST: Final = timedelta(days=40)
"""How far ahead the end of quiet hours is looked for: longer than any holiday."""


class Inhibition(BaseModel):
    """One [[inhibit]]: while an alert that `source` takes fires, those that `target` takes and that
    have the labels `equal` in common with it are not told.

    An alert never inhibits itself: what both sides take is inhibited only by what `target` does not
    take. An empty label is nothing to have in common: two unassigned monitors are not of one site.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Matchers
    target: Matchers
    equal: Annotated[tuple[GroupBy, ...], BeforeValidator(listed)] = ("monitor",)

    @field_validator("equal")
    @classmethod
    def _can_be_equal(cls, equal: tuple[GroupBy, ...]) -> tuple[GroupBy, ...]:
        if "alert" in equal:
            raise ValueError(
                "no two alerts are the same alert; write what they have in common, such as monitor"
            )
        return equal

    @model_validator(mode="after")
    def _inhibits_others(self) -> Self:
        if self.source == self.target:
            raise ValueError(
                "source and target are the same alerts, and none inhibits itself; "
                "write which inhibit which"
            )
        return self


class Silence(BaseModel):
    """Made by people at run time; times UTC. It has an end, always."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    id: int = 0
    matchers: Matchers
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: str = Field(min_length=1, max_length=500)
    author: str = Field(min_length=1, max_length=64)
    created_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    ended_by: str | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError(
                f"it would end at {self.ends_at.isoformat()}, "
                f"not after its start at {self.starts_at.isoformat()}"
            )
        return self

    @property
    def until(self) -> datetime:
        """Its end, or when somebody ended it before."""
        return min(self.ended_at, self.ends_at) if self.ended_at else self.ends_at

    def is_active(self, at: datetime) -> bool:
        return self.starts_at <= at < self.until


class Quiet(BaseModel):
    """`quiet` of a [[receiver]]: what waits for the end of these hours. `hours` as of [[class]]
    business_hours; `through`: what is told all the same; without any matchers, nothing is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: str
    through: Matchers = Matchers()

    @field_validator("hours")
    @classmethod
    def _are_hours(cls, text: str) -> str:
        hours = BusinessHours.parse(text, "UTC")
        if all(_is_whole_day(hours, kind) for kind in DayKind):
            raise ValueError(f"{text!r} never ends; write hours like 22:00-07:00")
        if not any(hours.of(kind) for kind in DayKind):
            raise ValueError(f"{text!r} never begins; leave `quiet` out")
        return text

    def in_zone(self, zone: ZoneInfo) -> BusinessHours:
        return BusinessHours.parse(self.hours, zone.key)


def quiet_until(hours: BusinessHours, at: datetime, calendar: Calendar) -> datetime | None:
    """When the hours that `at` lies in are over, spans that touch taken as one; None: it lies in
    none. As the clocks of their zone show, which may change meanwhile."""
    if not hours.is_open(at, calendar):
        return None
    end = at.replace(second=0, microsecond=0)
    while hours.is_open(end, calendar) and end - at < _LONGEST:
        quarter = _QUARTER - timedelta(minutes=end.minute % 15)
        end += min(quarter, _left(hours, end, calendar))
    return end


def _left(hours: BusinessHours, at: datetime, calendar: Calendar) -> timedelta:
    """To the end of the span that is longest, if no clock changes; at least a minute."""
    local = at.astimezone(ZoneInfo(hours.zone))
    minute, day = local.hour * 60 + local.minute, local.date()
    today = [
        (end if start < end else _DAY)
        for start, end in hours.of(calendar.kind(day))
        if start <= minute
    ]
    yesterday = [
        end for start, end in hours.of(calendar.kind(day - timedelta(days=1))) if end <= start
    ]
    return max((end - minute for end in today + yesterday), default=1) * _MINUTE


def _is_whole_day(hours: BusinessHours, kind: DayKind) -> bool:
    """Of such days only, one after the other."""
    spans = hours.of(kind)
    minutes = {m % _DAY for a, b in spans for m in range(a, b if a < b else b + _DAY)}
    return len(minutes) == _DAY
