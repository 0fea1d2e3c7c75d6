"""Who reports: invented restaurants of one district, their flues and monitors. Pure.

The same arguments give the same fleet. What its monitors send is `signal`'s, what goes wrong with
them `situations`'.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.addressing import Entry
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.facts import Facts, MonitorFacts, OutletFacts, SiteFacts
from fumewatch.core.notice import Contact
from fumewatch.core.reading import CHANNELS
from fumewatch.core.site import ZONE_NAME
from fumewatch.core.sites_csv import write
from fumewatch.demo.course import Course
from fumewatch.demo.names import DISHES, FIRST, STREETS, SURNAMES, VENDORS, Speech, Vendor

ZONE_S: Final = 8 * 3600
"""Shanghai's clock is ahead of UTC by this many seconds, all year."""
LIMIT_MG_M3: Final = 1.0
LIMIT_PROFILE: Final = "DB31/844-2014"
_SIZES: Final = ("small", "medium", "large")
_LUNCH: Final = (10 * 60 + 30, 14 * 60)
_DINNER: Final = (16 * 60 + 30, 22 * 60)
_STRANGER_EVERY: Final = 100
"""One monitor in so many is in no list: it reports, and nobody has said where it hangs."""


@dataclass(frozen=True, slots=True)
class Site:
    code: str
    name: str
    street: str
    address: str
    contact: str
    size_class: str
    spans: tuple[tuple[int, int], tuple[int, int]]
    tags: tuple[str, ...]
    dish: str


@dataclass(frozen=True, slots=True)
class Outlet:
    """A flue with one monitor. The first of `sites` answers for it."""

    code: str
    name: str
    sites: tuple[Site, ...]
    cleaned_on: date
    monitor: str
    vendor: Vendor
    is_listed: bool
    speaks: Speech


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """n outlets, and what the signal needs of each as columns [n]; a monitor is its index.

    phase          share of the sending interval after which it sends
    refresh_s      seconds between two new values
    refresh_at_s   when the first of a day's new values falls, seconds
    holds          whether it holds its last value between sessions
    garbles        share of its messages that come once more as rubbish
    spans          [n, 2, 2] cooking sessions, local minutes; the second may end after midnight
    level          fume while cooking on a usual day, mg/m³
    fan_a, purifier_a   currents of a clean system at work, A
    cleaned_s, cycle_s  last cleaning (seconds since 1970), and seconds until it is wholly fouled
    reports        [10, n] whether the channel is reported
    course         how each kitchen changes over weeks; None: each day is like the other, and nobody
                   cleans
    """

    seed: int
    district: str
    outlets: tuple[Outlet, ...]
    phase: NDArray[np.float64]
    refresh_s: NDArray[np.int64]
    refresh_at_s: NDArray[np.int64]
    holds: NDArray[np.bool_]
    garbles: NDArray[np.float64]
    spans: NDArray[np.int64]
    level: NDArray[np.float64]
    fan_a: NDArray[np.float64]
    purifier_a: NDArray[np.float64]
    cleaned_s: NDArray[np.int64]
    cycle_s: NDArray[np.int64]
    reports: NDArray[np.bool_]
    course: Course | None = None

    def __len__(self) -> int:
        return len(self.outlets)


def build(
    monitors: int,
    seed: int,
    at: datetime,
    district: str = "xuhui",
    *,
    cooking: bool = False,
    speak_all: bool = False,
) -> Fleet:
    """A fleet as it stands at `at`.

    `cooking` turns every kitchen's hours so that it is in the middle of its dinner then, whatever
    the clock says. `speak_all`: makes that need a profile write as they do, else canonical JSON.
    """
    rng = np.random.default_rng([seed, 1])
    turn = _turn(at) if cooking else 0
    outlets = tuple(_outlets(rng, monitors, at.date(), turn, speak_all))
    n = len(outlets)
    vendors = [outlet.vendor for outlet in outlets]
    size = np.array([1.0 + _SIZES.index(o.sites[0].size_class) for o in outlets])
    dish = np.array([DISHES[o.sites[0].dish] for o in outlets])
    cycle_days = rng.integers(60, 150, n)
    midnight_s = [(o.cleaned_on - date(1970, 1, 1)).days * 86400 - ZONE_S for o in outlets]
    return Fleet(
        seed=seed,
        district=district,
        outlets=outlets,
        phase=rng.random(n),
        refresh_s=np.array([rng.integers(v.refresh_s[0], v.refresh_s[1] + 1) for v in vendors]),
        refresh_at_s=rng.integers(0, 600, n),
        holds=np.array([v.holds for v in vendors]),
        garbles=np.array([v.garbles for v in vendors]),
        spans=np.array([o.sites[0].spans for o in outlets], np.int64),
        level=0.30 * dish * rng.uniform(0.7, 1.2, n),
        fan_a=3.0 * size * rng.uniform(0.9, 1.2, n),
        purifier_a=0.8 * size * rng.uniform(0.9, 1.2, n),
        cleaned_s=np.array(midnight_s, np.int64),
        cycle_s=cycle_days * 86400,
        reports=np.array([[v.reports(channel.name) for v in vendors] for channel in CHANNELS]),
    )


def facts(fleet: Fleet) -> Facts:
    """What a bureau's list would say of it; monitors that nobody has listed are left out."""
    listed = [outlet for outlet in fleet.outlets if outlet.is_listed]
    sites = {site.code: site for outlet in listed for site in outlet.sites}
    return Facts(
        tuple(_site_facts(fleet.district, site) for site in sites.values()),
        tuple(_outlet_facts(outlet) for outlet in listed),
        tuple(
            MonitorFacts(fleet.district, o.monitor, o.code, o.vendor.name, o.vendor.model)
            for o in listed
        ),
    )


def sites_csv(fleet: Fleet) -> str:
    """The same as `fumewatch sites import` reads it."""
    return write(facts(fleet))


def patrols(fleet: Fleet) -> list[Entry]:
    """Who patrols the streets that have a site: one each, with a telephone that nobody has."""
    streets = dict.fromkeys(site.street for o in fleet.outlets for site in o.sites)
    return [
        Entry("street", street, Contact(0, f"{street}巡查员", phone=f"0210000{number:04d}"))
        for number, street in enumerate(streets)
    ]


def _site_facts(district: str, site: Site) -> SiteFacts:
    return SiteFacts(
        code=site.code,
        name=site.name,
        district=district,
        street=site.street,
        address=site.address,
        contact=site.contact,
        size_class=site.size_class,
        business_hours=str(BusinessHours(site.spans, ZONE_NAME)),
        tags=site.tags,
    )


def _outlet_facts(outlet: Outlet) -> OutletFacts:
    return OutletFacts(
        code=outlet.code,
        responsible_site=outlet.sites[0].code,
        sites=tuple(sorted(site.code for site in outlet.sites)),
        limit_profile=LIMIT_PROFILE,
        name=outlet.name,
        cleaned_at=outlet.cleaned_on,
    )


def _turn(at: datetime) -> int:
    """Minutes that bring `at` to a little past the middle of a usual dinner."""
    local = int(at.timestamp() + ZONE_S) // 60 % 1440
    return (local - _DINNER[0] - (_DINNER[1] - _DINNER[0]) * 55 // 100) // 15 * 15


def _outlets(
    rng: np.random.Generator, count: int, today: date, turn: int, speak_all: bool
) -> Iterator[Outlet]:
    """Mostly one flue a restaurant; some large ones have two, some food halls share one."""
    made = sites = 0
    while made < count:
        is_shared = rng.random() < 0.05
        members = tuple(
            _site(rng, sites + i, turn) for i in range(rng.integers(2, 5) if is_shared else 1)
        )
        sites += len(members)
        flues = 2 if members[0].size_class == "large" and not is_shared else 1
        for flue in range(min(flues, count - made)):
            yield _outlet(rng, made, members, flue, today, speak_all)
            made += 1


def _outlet(
    rng: np.random.Generator,
    index: int,
    members: tuple[Site, ...],
    flue: int,
    today: date,
    speak_all: bool,
) -> Outlet:
    vendor = VENDORS[rng.choice(len(VENDORS), p=[v.share for v in VENDORS])]
    return Outlet(
        code=f"{members[0].code}-{flue + 1}",
        name="共用烟道" if len(members) > 1 else f"{flue + 1}号排口",
        sites=members,
        cleaned_on=today - timedelta(days=int(rng.integers(3, 110))),
        monitor=f"310104{vendor.code}{index + 1:06d}",
        vendor=vendor,
        is_listed=index % _STRANGER_EVERY != _STRANGER_EVERY - 1,
        speaks=vendor.speaks if speak_all or not vendor.needs_profile else Speech.CANONICAL,
    )


def _site(rng: np.random.Generator, index: int, turn: int) -> Site:
    street = list(STREETS)[rng.integers(len(STREETS))]
    road = STREETS[street][rng.integers(len(STREETS[street]))]
    dish = list(DISHES)[rng.integers(len(DISHES))]
    first = FIRST[rng.integers(len(FIRST))]
    size = _SIZES[rng.choice(3, p=[0.6, 0.3, 0.1])]
    tags = [dish, *(["近居民"] if rng.random() < 0.2 else [])]
    # No Shanghai exchange starts with 0: nobody has this number.
    phone = f"021-0000{rng.integers(10000):04d}"
    return Site(
        code=f"XH{index + 1:05d}",
        name=f"{first}{dish}（{road}店）",
        street=street,
        address=f"{road}{rng.integers(1, 900)}号",
        contact=f"{SURNAMES[rng.integers(len(SURNAMES))]}店长 {phone}",
        size_class=size,
        spans=(_span(rng, _LUNCH, turn), _span(rng, _DINNER, turn)),
        tags=tuple(tags),
        dish=dish,
    )


def _span(rng: np.random.Generator, usual: tuple[int, int], turn: int) -> tuple[int, int]:
    """Up to half an hour earlier or later than usual, on the quarter hour."""
    start, end = (minute + 15 * int(rng.integers(-2, 3)) + turn for minute in usual)
    return start % 1440, end % 1440
