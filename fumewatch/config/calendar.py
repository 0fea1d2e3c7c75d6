"""[calendar]: which days are worked and which are off, from a library with our own days over it.

What the library (holidays 0.109) knows of China, found by trying:

- 2001 to 2026 follow the State Council's notices: statutory days, days off swapped for a weekend
  day ("Day off (substituted from 02/14/2026)"), and that weekend day in `weekend_workdays`.
- It lists no weekend day between days off: of 国庆节 2026 it has the 1st to 3rd and the 5th to 7th
  of October, not Sunday the 4th. `whole_breaks` adds them, as the notices count them.
- From 2027 on it has the statutory days, and guesses that one on a weekend is taken on the next
  working day; no swaps, and nothing tells that the notice is missing but that it has none.
- The notice for a year comes in November of the year before; its swaps can reach back to December.
"""

from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from fumewatch.config.source import closest
from fumewatch.core.calendar import ONLY_WEEKENDS, Calendar, whole_breaks

YEARS: Final = range(2001, 2051)
_WITH_WHOLE_BREAKS: Final = frozenset({"CN"})
_BUILT_IN: Final = ("", "CN")


class _Known(NamedTuple):
    """Of one country: days off but for plain weekends, weekend days that are worked, what is sure.

    `sure`: the years whose days are decreed, or follow from rules that need no decree.
    """

    holidays: frozenset[date]
    working_days: frozenset[date]
    weekend: frozenset[int]
    sure: frozenset[int]


class CalendarSettings(BaseModel):
    """The days of a country, and what differs: `holidays` are off and `working_days` are worked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    country: str = "CN"
    """ISO 3166: CN, or with a part of the country DE-BE; "": nothing but weekends."""
    holidays: tuple[date, ...] = ()
    working_days: tuple[date, ...] = ()

    @field_validator("country")
    @classmethod
    def _exists(cls, country: str) -> str:
        if country in _BUILT_IN:
            return country
        import holidays  # a tenth of a second, for those only who ask for another country

        known = holidays.list_supported_countries()
        name, _, part = country.partition("-")
        if name not in known:
            raise ValueError(
                f"no holidays are known of {country!r}; write CN, or DE-BE, or nothing"
            )
        if part and part not in known[name]:
            raise ValueError(f"{name} has no part {part!r}{closest(part, known[name])}")
        return country

    @field_validator("working_days")
    @classmethod
    def _are_not_off(cls, days: tuple[date, ...], info: ValidationInfo) -> tuple[date, ...]:
        if both := set(days) & set(info.data.get("holidays", ())):
            raise ValueError(f"{min(both)} is in holidays too; keep one of the two")
        return days

    @cached_property
    def days(self) -> Calendar:
        """Our own days beat the library's."""
        known = _known(self.country)
        off, worked = frozenset(self.holidays), frozenset(self.working_days)
        working_days = (known.working_days - off) | worked
        found = known.holidays - working_days
        if self.country in _WITH_WHOLE_BREAKS:
            found = whole_breaks(found, working_days, known.weekend)
        return Calendar(found | off, working_days, known.weekend)

    def is_sure(self, year: int) -> bool:
        """The year's days are decreed as far as we know, or we were told which ones are swapped."""
        return year in _known(self.country).sure or any(
            day.year == year for day in self.working_days
        )


@lru_cache(maxsize=8)
def _known(country: str) -> _Known:
    if not country:
        return _Known(frozenset(), frozenset(), ONLY_WEEKENDS.weekend, frozenset(YEARS))
    import holidays

    name, _, part = country.partition("-")
    found = holidays.country_holidays(name, subdiv=part or None, years=YEARS)
    return _Known(
        frozenset(found),
        frozenset(found.weekend_workdays),
        frozenset(found.weekend),
        frozenset(_sure(found)),
    )


def _sure(found: Any) -> set[int]:
    """Where days are swapped by decree, a year without a decree is not known yet."""
    if not found.has_substituted_holidays:
        return set(YEARS)
    return set(found.special_public_holidays) & set(YEARS)
