"""What [calendar], [[class]] and [[pause]] say that is doubtful, if not wrong."""

from datetime import date, timedelta
from typing import Final

from pydantic import ValidationError

from fumewatch.config.calendar import CalendarSettings
from fumewatch.config.source import Source
from fumewatch.core.calendar import BusinessHours, DayKind
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.pause import Pause
from fumewatch.core.site_class import SiteClass

_AHEAD: Final = timedelta(days=45)
"""The State Council tells of a year in the November before; earlier nobody could write it down."""


def check(source: Source, today: date | None) -> None:
    _every_class_is_reached(source)
    _working_days_are_weekends(source)
    if today is not None:
        _pauses_are_not_over(source, today)
        _years_are_known(source, today)


def _every_class_is_reached(source: Source) -> None:
    before: list[tuple[int, SiteClass]] = []
    for index, one in source.valid("class", SiteClass):
        for earlier, other in before:
            if other.match.takes_all_of(one.match):
                line = source.where(("class", earlier)).rpartition(":")[2]
                what = f"never reached: the class in line {line} takes all that it would"
                source.warn(("class", index), what)
                break
        before.append((index, one))


def _working_days_are_weekends(source: Source) -> None:
    """A day that is worked anyway is likely mistyped."""
    settings = _settings(source)
    if settings is None:
        return
    without = CalendarSettings(country=settings.country, holidays=settings.holidays)
    for index, day in enumerate(settings.working_days):
        if without.days.kind(day) is DayKind.WORKDAY:
            what = f"{day} is worked anyway: a {day:%A} and no holiday"
            source.warn(("calendar", "working_days", index), what)


def _pauses_are_not_over(source: Source, today: date) -> None:
    for index, pause in source.valid("pause", Pause):
        if pause.is_over(today):
            what = f"is over since {pause.to}; keep it only for backtests over that time"
            source.warn(("pause", index, "to"), what)


def _years_are_known(source: Source, today: date) -> None:
    """Only where hours tell days apart: else nothing depends on it."""
    settings = _settings(source)
    if settings is None or not _tell_days_apart(source):
        return
    for year in sorted({today.year, (today + _AHEAD).year}):
        if not settings.is_sure(year):
            what = (
                f"which weekend days are worked in {year} is not known here; "
                "write the days of the official notice into holidays and working_days"
            )
            source.warn(("calendar",), what)


def _settings(source: Source) -> CalendarSettings | None:
    try:
        return CalendarSettings.model_validate(source.values.get("calendar", {}))
    except ValidationError:
        return None  # told already


def _tell_days_apart(source: Source) -> bool:
    written = [source.values.get("business_hours")]
    written += [one.business_hours for _, one in source.valid("class", SiteClass)]
    written += [one.hours for _, one in source.valid("escalation", Escalation)]
    return any(_are_apart(text) for text in written if isinstance(text, str) and text)


def _are_apart(text: str) -> bool:
    try:
        return BusinessHours.parse(text, "UTC").tell_days_apart
    except ValueError:
        return False  # told already
