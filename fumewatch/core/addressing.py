"""Addressing: whose contacts a receiver without an address of its own writes to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fumewatch.core.notice import Contact
from fumewatch.core.site import Place

Role = Literal["site", "vendor", "street"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Entry:
    """A contact and whose: the code of a site, the name of a vendor or of a street."""

    role: Role
    of: str
    contact: Contact


class Addressing:
    """The contacts of a place, by role. An Addressing without entries knows nobody."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self._contacts: dict[tuple[Role, str], tuple[Contact, ...]] = {}
        self._named: dict[str, Contact] = {}
        for entry in entries:
            key = entry.role, entry.of
            self._contacts[key] = (*self._contacts.get(key, ()), entry.contact)
            self._named[entry.contact.addressee] = entry.contact

    def __call__(self, place: Place, role: Role) -> tuple[Contact, ...]:
        """In the order of the entries; empty where nobody is entered, or the place has no such.

        Of a shared flue the responsible site's.
        """
        of = {"site": place.site_code, "vendor": place.vendor, "street": place.street}[role]
        return self._contacts.get((role, of), ()) if of else ()

    def named(self, addressee: str) -> Contact | None:
        """Of "contact N"; None where there is none, or not any more."""
        return self._named.get(addressee)

    def lacking(self, places: Iterable[Place], role: Role) -> Iterator[Place]:
        """The places for which nobody is entered."""
        return (place for place in places if not self(place, role))
