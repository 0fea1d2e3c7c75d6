"""Who is to be told what, and when: what people were told is compared with how things stand.

Alertmanager's ways, where it has them:

- Who. The routes are asked as an alert fires; each receiver hears of it by the first route that
  leads there. A receiver with `contact` addresses each contact of the site, vendor or street, each
  in a group of its own. Pending alerts are not told, nor those that are part of an incident, until
  they are let go from it.
- Together. Alerts that one addressee has from one route, and that have the labels of its `group_by`
  in common, are one group. What was *told* is kept by (addressee, alert): a new grouping, a new
  route, a restart repeat nothing.
- When. Nothing told yet of what is in the group: `group_wait` after the first came up. Something
  was: `group_interval` after the last message. So a message tells of all that is new and over, and
  with it lists what still fires and is not muted; that alone causes none, but after
  `repeat_interval`, counted from the last message that had it in it.
- Not at all. What fired and was over before it was told is never told. An end goes to those who
  were told of the beginning, and to nobody else; it is put down as told without a message (`quiet`)
  where the receiver's `states` or its route's match on `state` leave it out, a silence is active,
  or the receiver or contact is gone.
- Later. While it is inhibited, silenced or in quiet hours an alert stays untold; it is looked at
  again when that ends. An end is not held back by inhibition; quiet hours delay it. What waited for
  the end of quiet hours comes in one message a group.
- Whom no route leads to any more, or whom an escalation told (`note`), hears of the end by itself.

Everything here is in memory and follows from the store: `load` at any moment goes on where any
other dispatcher stopped. Only waits may be shorter then: `group_wait` counts from when an alert
fired, `group_interval` from the last message about what still fires.
"""

import heapq
import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Severity, State
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.flush import Flushed, flush
from fumewatch.core.dispatch.mute import Inhibition, Silence
from fumewatch.core.dispatch.muting import Muting
from fumewatch.core.dispatch.plan import Audience, Contacts, Due, Group, Plan, Told
from fumewatch.core.dispatch.reach import Reach
from fumewatch.core.dispatch.standing import Address, Bundle, Key, Standing, Target
from fumewatch.core.routing import Route
from fumewatch.core.site import Place

_AT_ONCE: Final = datetime(1970, 1, 1, tzinfo=UTC)
_RANK: Final = tuple(Severity)
_SPARE: Final = 1000


class Dispatcher:
    """Not safe to be used from several threads.

    1. Make one, whenever the configuration changed. 2. `use`. 3. `load`. 4. `take` what happens,
    `use` again when silences or contacts changed, and write what is `due`. If that cannot be
    written, `load` again: memory is ahead of the store then.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        audiences: Mapping[str, Audience],
        inhibitions: Sequence[Inhibition],
        calendar: Calendar,
        zone: ZoneInfo,
    ) -> None:
        """`routes`: all of them. `audiences`: the receivers with takes = "groups", by name."""
        self._reach = Reach(routes, audiences)
        self._muting = Muting(audiences, inhibitions, calendar, zone)
        self._forget_all()

    def _forget_all(self) -> None:
        self._muting.forget_sources()
        self._standings: dict[uuid.UUID, Standing] = {}
        self._bundles: dict[Group, Bundle] = {}
        self._heap: list[tuple[datetime, int, Group]] = []
        self._count = count()
        self._inhibited: dict[Key, set[Group]] = {}
        self._silenced: set[Group] = set()
        self._unheard: list[tuple[Address, uuid.UUID]] = []
        self._unaddressed: dict[tuple[str, uuid.UUID], Alert] = {}
        self._found: list[tuple[str, Alert]] = []

    def use(self, silences: Sequence[Silence], contacts: Contacts) -> None:
        """From now on; whoever waits for the end of a silence or for a contact is looked at.

        Contacts that are equal to those before are taken to be the same."""
        if self._muting.use(silences):
            for group in self._silenced:
                self._schedule(group, _AT_ONCE)
        is_new = contacts != self._reach.contacts
        self._reach.contacts = contacts
        if is_new and self._reach.with_contacts:
            for standing in list(self._standings.values()):
                self._address(standing)

    def load(
        self, alerts: Iterable[Alert], told: Iterable[Told], places: Mapping[int, Place]
    ) -> None:
        """Start anew, from the store: alerts that fire, those resolved that somebody still believes
        to fire, what was told of either. `places` by monitor; one that is missing has no labels."""
        self._forget_all()
        rows: dict[uuid.UUID, dict[Address, Told]] = {}
        for row in told:
            rows.setdefault(row.alert, {})[row.receiver, row.addressee] = row
        for alert in alerts:
            if alert.state is not State.PENDING:
                place = places.get(alert.monitor) or Place(alert.monitor, "", "")
                standing = Standing.of(alert, place, alert.fired_at or alert.opened_at)
                standing.told = rows.get(alert.id, {})
                self._enter(standing)

    def take(self, alert: Alert, place: Place, at: datetime) -> None:
        """An alert as a transition left it, or as it came out of an incident."""
        standing = self._standings.get(alert.id)
        if standing is not None:
            self._reenter(standing, alert, place, at)
        elif alert.state is State.FIRING:
            self._enter(Standing.of(alert, place, at))

    def place(self, places: Mapping[int, Place]) -> None:
        """Where monitors are by now: an alert whose place differs is routed anew."""
        for standing in list(self._standings.values()):
            place = places.get(standing.alert.monitor)
            if place is None or place is standing.place:
                continue  # to compare all their fields takes longer
            if place != standing.place:
                self._reenter(standing, standing.alert, place, standing.since)

    def note(self, told: Iterable[Told]) -> None:
        """What was told by others than us: a step of an escalation. Its end will be told, too."""
        for row in told:
            if standing := self._standings.get(row.alert):
                standing.told[row.receiver, row.addressee] = row
                self._address(standing)

    def due(self, now: datetime) -> Due:
        """What is to be told by now, the worst first; from now on it counts as told."""
        groups: dict[Group, None] = {}
        while self._heap and self._heap[0][0] <= now:
            at, _, group = heapq.heappop(self._heap)
            if self._is_scheduled(at, group):
                groups[group] = None
        flushed = [self._flush(group, now) for group in groups]
        plans = [each.plan for each in flushed if each.plan is not None]
        quiet = [row for each in flushed for row in each.quiet]
        unheard = [Told(*address, alert, State.RESOLVED, now) for address, alert in self._unheard]
        found, self._unheard, self._found = self._found, [], []
        return Due(tuple(sorted(plans, key=_urgency)), (*quiet, *unheard), tuple(found))

    @property
    def next_at(self) -> datetime | None:
        """When to ask what is due, if nothing happens before. It may have passed."""
        while self._heap and not self._is_scheduled(self._heap[0][0], self._heap[0][2]):
            heapq.heappop(self._heap)
        if self._unheard or self._found:
            return _AT_ONCE
        return self._heap[0][0] if self._heap else None

    @property
    def unaddressed(self) -> Sequence[tuple[str, Alert]]:
        """(receiver, alert) of those that fire and have no contact, for a gauge."""
        return tuple((receiver, alert) for (receiver, _), alert in self._unaddressed.items())

    def _enter(self, standing: Standing) -> None:
        self._standings[standing.alert.id] = standing
        if standing.fires:
            self._muting.inhibitor.enter(standing)
        self._address(standing)

    def _reenter(self, standing: Standing, alert: Alert, place: Place, at: datetime) -> None:
        freed = self._muting.inhibitor.leave(standing)
        standing.become(alert, place)
        if not standing.groups:
            standing.since = at
        self._enter(standing)
        self._wake(freed)

    def _wake(self, freed: Iterable[Key]) -> None:
        for key in freed:
            for group in self._inhibited.pop(key, ()):
                self._schedule(group, _AT_ONCE)

    def _address(self, standing: Standing) -> None:
        """Into the groups where it belongs, and out of all others."""
        targets, missing = self._reach.targets(standing)
        self._note_missing(standing, missing)
        for address, group in list(standing.groups.items()):
            if address not in targets or targets[address].group != group:
                self._leave(standing, address)
        for address, target in targets.items():
            self._join(standing, address, target)
        if not standing.fires:
            unheard = [a for a in standing.told if standing.believed(a) and a not in targets]
            self._unheard += [(address, standing.alert.id) for address in unheard]
            if not targets:
                del self._standings[standing.alert.id]

    def _note_missing(self, standing: Standing, missing: Sequence[str]) -> None:
        """`missing`: receivers without a contact for it."""
        for receiver in self._reach.with_contacts:
            key = receiver, standing.alert.id
            if receiver not in missing:
                self._unaddressed.pop(key, None)
                continue
            if key not in self._unaddressed:
                self._found.append((receiver, standing.alert))
            self._unaddressed[key] = standing.alert

    def _join(self, standing: Standing, address: Address, target: Target) -> None:
        bundle = self._bundles.setdefault(target.group, Bundle(target))
        bundle.target = target
        bundle.members[standing.alert.id] = standing
        standing.groups[address] = target.group
        if row := standing.told.get(address):
            bundle.last_told = max(row.at, bundle.last_told or row.at)
        if at := bundle.look_for(standing):
            self._schedule(target.group, at)

    def _leave(self, standing: Standing, address: Address) -> None:
        group = standing.groups.pop(address)
        bundle = self._bundles[group]
        del bundle.members[standing.alert.id]
        if not bundle.members:
            self._wait_for(group, bundle, frozenset(), is_silenced=False)
            del self._bundles[group]

    def _flush(self, group: Group, now: datetime) -> Flushed:
        bundle = self._bundles[group]
        bundle.look_at = None
        flushed = flush(bundle, now, self._muting)
        self._wait_for(group, bundle, flushed.inhibited, is_silenced=flushed.is_silenced)
        if flushed.plan is not None:
            bundle.last_told = now
        for row in flushed.told:
            self._put_down(row)
        if flushed.look_at is not None:
            self._schedule(group, flushed.look_at)
        return flushed

    def _put_down(self, row: Told) -> None:
        standing, address = self._standings[row.alert], (row.receiver, row.addressee)
        standing.told[address] = row
        if row.state is State.RESOLVED:
            self._leave(standing, address)
            if not standing.groups:
                del self._standings[row.alert]

    def _wait_for(
        self, group: Group, bundle: Bundle, keys: frozenset[Key], *, is_silenced: bool
    ) -> None:
        """Wake it, too, when nothing with these keys inhibits any more, when silences change."""
        for key in bundle.inhibited - keys:
            self._inhibited.get(key, set()).discard(group)
        for key in keys:
            self._inhibited.setdefault(key, set()).add(group)
        bundle.inhibited = keys
        (self._silenced.add if is_silenced else self._silenced.discard)(group)

    def _schedule(self, group: Group, at: datetime) -> None:
        bundle = self._bundles.get(group)
        if bundle is None or (bundle.look_at is not None and bundle.look_at <= at):
            return
        bundle.look_at = at
        heapq.heappush(self._heap, (at, next(self._count), group))
        if len(self._heap) > 2 * len(self._bundles) + _SPARE:
            self._heap = [each for each in self._heap if self._is_scheduled(each[0], each[2])]
            heapq.heapify(self._heap)

    def _is_scheduled(self, at: datetime, group: Group) -> bool:
        """An entry of the heap that was overtaken by an earlier one, or whose group is gone, is
        not."""
        bundle = self._bundles.get(group)
        return bundle is not None and bundle.look_at == at


def _urgency(plan: Plan) -> int:
    return -max(_RANK.index(alert.severity) for alert, _ in plan.members)
