"""Where a monitor hangs and what applies there: what judging, routing and wording need."""

from dataclasses import dataclass, field
from datetime import date
from typing import Final

from fumewatch.core.calendar import BusinessHours

ZONE_NAME: Final = "Asia/Shanghai"


@dataclass(frozen=True, slots=True)
class Place:
    """One monitor with its outlet and site. An unassigned one has an id, a district, a code.

    `latitude`, `longitude`: WGS 84 degrees. `cleanings`: days on which its outlet was cleaned.
    `sites` has several names where shops share the flue; `site` is then the responsible party.
    """

    monitor: int
    code: str
    district: str
    site_id: int | None = None
    site: str = ""
    site_code: str = ""
    sites: tuple[str, ...] = ()
    street: str = ""
    address: str = ""
    outlet: str = ""
    vendor: str = ""
    model: str = ""
    limit_profile: str = ""
    hours: BusinessHours | None = None
    size_class: str = ""
    tags: tuple[str, ...] = field(default=())
    latitude: float | None = None
    longitude: float | None = None
    cleanings: tuple[date, ...] = ()

    @property
    def is_assigned(self) -> bool:
        return self.site_id is not None

    @property
    def name(self) -> str:
        """What people call it: the site, or the monitor's code while nobody has assigned it."""
        return self.site or self.code
