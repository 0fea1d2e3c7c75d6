"""Where the monitors of a file hang: as sites.csv says, or nothing but a limit profile."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fumewatch.core.calendar import BusinessHours
from fumewatch.core.errors import Fault, ImportRefused
from fumewatch.core.facts import Facts, MonitorFacts
from fumewatch.core.site import Place
from fumewatch.core.topic import Key


@dataclass(frozen=True, slots=True)
class Found:
    """`keys`: (district, code) of each name. `places`: of each key, numbered in their order.

    strangers: the names of which sites.csv knows nothing.
    """

    keys: Mapping[str, Key]
    places: Mapping[Key, Place]
    strangers: tuple[str, ...]


def find(names: Collection[str], facts: Facts | None, zone: str, profile: str, where: str) -> Found:
    """Each name is `district/code` or a code. `profile`: the limits of those not in `facts`.

    ImportRefused where a code alone could be two monitors. `where`: the file that has the names.
    """
    known = {(m.district, m.code): m for m in facts.monitors} if facts else {}
    keys = _keys(names, known, where)
    book = _Book(facts, zone) if facts else None
    places = {
        key: book.place(number, known[key])
        if book and key in known
        else Place(number, key[1], key[0], limit_profile=profile)
        for number, key in enumerate(sorted(set(keys.values())))
    }
    strangers = tuple(sorted(name for name, key in keys.items() if key not in known))
    return Found(keys, places, strangers)


def _keys(names: Collection[str], known: Collection[Key], where: str) -> dict[str, Key]:
    by_code: dict[str, list[Key]] = {}
    for key in sorted(known):
        by_code.setdefault(key[1], []).append(key)
    faults, keys = [], {}
    for name in sorted(names):
        district, slash, code = name.rpartition("/")
        candidates = [(district, code)] if slash else by_code.get(code, [("", code)])
        if len(candidates) > 1:
            either = " or ".join("/".join(key) for key in candidates)
            faults.append(Fault(where, f"monitor {name!r} could be {either}; write which"))
        keys[name] = candidates[0]
    if faults:
        raise ImportRefused(faults)
    return keys


class _Book:
    """The facts of sites.csv by their codes."""

    def __init__(self, facts: Facts, zone: str) -> None:
        self._sites = {site.code: site for site in facts.sites}
        self._outlets = {outlet.code: outlet for outlet in facts.outlets}
        self._ids = {site.code: number for number, site in enumerate(facts.sites, start=1)}
        self._zone = zone

    def place(self, number: int, monitor: MonitorFacts) -> Place:
        outlet = self._outlets[monitor.outlet]
        site = self._sites[outlet.responsible_site]
        others = sorted(self._sites[code].name for code in outlet.sites if code != site.code)
        hours = site.business_hours
        return Place(
            monitor=number,
            code=monitor.code,
            district=monitor.district,
            site_id=self._ids[site.code],
            site=site.name,
            site_code=site.code,
            latitude=site.latitude,
            longitude=site.longitude,
            sites=(site.name, *others),
            street=site.street,
            address=site.address,
            outlet=outlet.name,
            vendor=monitor.vendor,
            model=monitor.model,
            limit_profile=outlet.limit_profile,
            hours=BusinessHours.parse(hours, self._zone) if hours else None,
            size_class=site.size_class,
            tags=site.tags,
            cleanings=(outlet.cleaned_at,) if outlet.cleaned_at else (),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which monitors are looked at: all of these that are not empty must fit.

    sites: a site's name, its monitor's code, or district/code. streets: a street's name.
    """

    sites: Sequence[str] = ()
    streets: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.sites or self.streets)

    def pick(self, places: Iterable[Place]) -> list[Place]:
        return [place for place in places if self._takes(place)]

    def unknown(self, places: Collection[Place]) -> list[str]:
        """What was asked for and fits no monitor."""
        sites = {name for place in places for name in _called(place)}
        streets = {place.street for place in places}
        return [name for name in self.sites if name not in sites] + [
            name for name in self.streets if name not in streets
        ]

    def _takes(self, place: Place) -> bool:
        by_site = not self.sites or not _called(place).isdisjoint(self.sites)
        return by_site and (not self.streets or place.street in self.streets)


EVERYTHING: Final = Wanted()


def _called(place: Place) -> set[str]:
    return {*place.sites, place.site, place.code, f"{place.district}/{place.code}"} - {""}
