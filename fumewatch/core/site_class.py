"""Classes of sites: which hours and meals apply where a site names none of its own."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from fumewatch.core.calendar import BusinessHours, Spans
from fumewatch.core.calendar.hours import show, spans
from fumewatch.core.matching import ClassMatch


def _one_spelling(text: str) -> str:
    return str(BusinessHours.parse(text, "UTC")) if text else ""


def _one_spelling_of_spans(text: str) -> str:
    return show(spans(text))


HoursText = Annotated[str, AfterValidator(_one_spelling)]
SpansText = Annotated[str, AfterValidator(_one_spelling_of_spans)]


class SiteClass(BaseModel):
    """One [[class]] of the configuration. Meals are cut to the business hours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    match: ClassMatch = ClassMatch()
    business_hours: HoursText = ""
    """Of its sites that name none; "": the configured default."""
    lunch: SpansText = "10:30-14:00"
    dinner: SpansText = "16:30-21:30"

    def hours(self, zone: str) -> BusinessHours | None:
        return BusinessHours.parse(self.business_hours, zone) if self.business_hours else None

    @property
    def meals(self) -> tuple[Spans, Spans]:
        """Lunch and dinner."""
        return spans(self.lunch), spans(self.dinner)


NO_CLASS: Final = SiteClass(name="default")
"""What applies to sites of no other class."""
