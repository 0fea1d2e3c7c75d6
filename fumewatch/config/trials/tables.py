"""What a file of rule tests may hold."""

import re
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from fumewatch.core.alert import Severity
from fumewatch.core.duration import Duration, parse

START: Final = datetime(2026, 11, 23, 11, 0)  # noqa: DTZ001 - in the configuration's zone
"""Of a test that names none: a Monday, an hour after the usual opening."""

_CLOCK: Final = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")

Moment = timedelta | time | datetime
"""After the start, the next time that the clock shows it, or an instant."""


def _moment(raw: Any) -> Moment:
    if isinstance(raw, timedelta | time | datetime):
        return raw
    if isinstance(raw, str) and (clock := _CLOCK.fullmatch(raw)):
        return time(int(clock[1]), int(clock[2]))
    if isinstance(raw, str):
        try:
            return parse(raw)
        except ValueError:
            pass  # told below, with the other forms
    raise ValueError(f'{raw!r} is no time; write "25m" after the start, or "11:25" by the clock')


def _start(raw: Any) -> datetime:
    if not isinstance(raw, datetime):
        raise ValueError(f"{raw!r} is no instant; write 2026-11-23T11:00:00, without quotes")
    if raw.second or raw.microsecond:
        raise ValueError(f"{raw} is within a minute; rules judge whole minutes: start with one")
    if not 1971 <= raw.year <= 2100:
        raise ValueError(f"{raw} is no time of a monitor; start between 1971 and 2100")
    return raw


AnyMoment = Annotated[Moment, PlainValidator(_moment)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SiteTable(_Table):
    """Where a monitor hangs; what is not given has no name, the default hours, the first limit."""

    name: str = ""
    district: str = ""
    street: str = ""
    vendor: str = ""
    model: str = ""
    tags: tuple[str, ...] = ()
    size_class: str = ""
    limit_profile: str | None = None
    business_hours: str | None = None
    cleaned_at: date | tuple[date, ...] = ()
    latitude: float | None = Field(None, ge=-90, le=90)
    longitude: float | None = Field(None, ge=-180, le=180)


class MonitorTable(_Table):
    """What one monitor sends: notation (core.series) by channel, or by the facts of its days."""

    site: SiteTable = SiteTable()
    series: dict[str, str] = {}
    days: dict[str, str] = {}
    quality: str | None = None
    last_will: AnyMoment | None = None

    @property
    def sends(self) -> bool:
        return bool(self.series or self.days or self.quality or self.last_will)


class ExpectTable(_Table):
    """Of one rule at one time, or that it never fires."""

    rule: str
    at: AnyMoment | None = None
    state: Literal["none", "pending", "firing", "resolved"] | None = None
    never: Literal[True] | None = None
    value: float | None = None
    severity: Severity | None = None
    monitor: str | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if self.never and (self.at, self.state, self.value, self.severity) != (None,) * 4:
            raise ValueError("never = true says all: at, state, value, severity go without it")
        if not self.never and (self.at is None or self.state is None):
            raise ValueError("needs at and state, or never = true")
        if self.state == "none" and (self.value, self.severity) != (None, None):
            raise ValueError('state = "none" is no alert: it has no value and no severity')
        return self


class TestTable(MonitorTable):
    """One [[test]]: a single monitor, or several by name under `monitor`."""

    name: str = Field(min_length=1)
    start: Annotated[datetime, PlainValidator(_start)] = START
    interval: Duration = Field(timedelta(minutes=1), ge=timedelta(seconds=2), le=timedelta(hours=1))
    monitor: dict[str, MonitorTable] = {}
    expect: tuple[ExpectTable, ...] = ()
    only: bool = False

    @model_validator(mode="after")
    def _has_one_sender(self) -> Self:
        if self.monitor and self.sends:
            raise ValueError("has [test.monitor...]: series and the like stand in there")
        if not self.monitor and not (self.series or self.days):
            raise ValueError("sends nothing: give it series, or days")
        if not self.expect and not self.only:
            raise ValueError("expects nothing: give it expect, or only = true")
        return self


class TestsFile(_Table):
    """The whole file. `config`: the rules and limits that the tests are about."""

    config: Path | None = None
    test: tuple[TestTable, ...] = ()
