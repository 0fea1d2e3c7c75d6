"""The facts of sites.csv: who is watched, through which flue, by which monitor."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """A restaurant. Empty text: not given. `business_hours` "" means the configured default.

    `latitude`, `longitude`: WGS 84 degrees; both or neither.
    """

    code: str
    name: str
    district: str
    street: str
    address: str = ""
    contact: str = ""
    size_class: str = ""
    business_hours: str = ""
    tags: tuple[str, ...] = ()
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class OutletFacts:
    """A flue. `sites` are the codes of all on it, sorted, the responsible one among them."""

    code: str
    responsible_site: str
    sites: tuple[str, ...]
    limit_profile: str
    name: str = ""
    cleaned_at: date | None = None


@dataclass(frozen=True, slots=True)
class MonitorFacts:
    """A device on an outlet; (district, code) is what its topic says."""

    district: str
    code: str
    outlet: str
    vendor: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything one file says, without contradictions, in the order of the file."""

    sites: tuple[SiteFacts, ...]
    outlets: tuple[OutletFacts, ...]
    monitors: tuple[MonitorFacts, ...]
