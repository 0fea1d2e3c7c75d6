"""Whom an alert reaches, and in which group each of them is told of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from fumewatch.core.alert import State
from fumewatch.core.dispatch.grouping import route_name, same, shown
from fumewatch.core.dispatch.plan import Audience, Contacts, Group
from fumewatch.core.dispatch.standing import Address, Standing, Target
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label, Labels, Route, Sieve
from fumewatch.core.site import Place

_FIRING: Final = (State.FIRING.value,)


class Reach:
    """The routes and receivers as configured, and the contacts as recorded."""

    def __init__(self, routes: Sequence[Route], audiences: Mapping[str, Audience]) -> None:
        self._routes = Sieve(routes, lambda route: route)
        self._names = {id(route): route_name(route) for route in routes}
        self._audiences = audiences
        self.contacts: Contacts = _nobody
        self.with_contacts = tuple(name for name, each in audiences.items() if each.contact)

    def targets(self, standing: Standing) -> tuple[dict[Address, Target], list[str]]:
        """Where it is told, and the receivers that have no contact to tell.

        By its routes, unless it is part of an incident; and where they believe that it fires. What
        is over is told nowhere but there."""
        targets: dict[Address, Target] = {}
        missing: list[str] = []
        if not standing.alert.is_part:
            for route, audience in self._led_to(standing.labels):
                people = self._people(audience, standing.place)
                missing += [] if people else [audience.name]
                for to in people:
                    group = _group(route, self._names[id(route)], audience, to, standing)
                    targets[group.receiver, group.addressee] = Target(group, audience, to, route)
        targets |= {target.address: target for target in self._left_over(standing, targets)}
        if standing.fires:
            return targets, missing
        return {a: target for a, target in targets.items() if standing.believed(a)}, []

    def _led_to(self, labels: Labels) -> Iterator[tuple[Route, Audience]]:
        """Each receiver once. A route that is asked by state is asked as the alert fires."""
        seen = set()
        for route in self._routes.taking({**labels, Label.STATE: _FIRING}):
            for name in route.receiver:
                if name in self._audiences and name not in seen:
                    seen.add(name)
                    yield route, self._audiences[name]
            if not route.goes_on:
                return

    def _people(self, audience: Audience, place: Place) -> Sequence[Contact | None]:
        """[None]: the receiver has an address of its own."""
        return self.contacts(place, audience.contact) if audience.contact else [None]

    def _left_over(self, standing: Standing, targets: Mapping[Address, Target]) -> Iterator[Target]:
        """Those who believe that it fires, and to whom no route leads: each by itself."""
        for address in standing.told:
            receiver, addressee = address
            audience = self._audiences.get(receiver)
            if address in targets or audience is None or not standing.believed(address):
                continue
            for to in self._people(audience, standing.place):
                if (to.addressee if to else "") == addressee:
                    group = Group(receiver, addressee, "", (), (str(standing.alert.id),))
                    yield Target(group, audience, to, None)


def _group(
    route: Route, name: str, audience: Audience, to: Contact | None, standing: Standing
) -> Group:
    return Group(
        receiver=audience.name,
        addressee=to.addressee if to else "",
        route=name,
        labels=shown(standing.labels, route.group_by),
        same=tuple(same(standing.alert, standing.place, by) for by in route.group_by),
    )


def _nobody(place: Place, role: str) -> Sequence[Contact]:
    return ()
