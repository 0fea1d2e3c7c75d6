"""The ladders of all alerts that somebody still has to follow up, and which step comes next.

For the dispatcher of the leader, who
1. loads it from the store, gives it each alert that changed its state (`take`) and each action
   that was stored (`act`), its own ones too;
2. asks what is `due`, and writes for each step its notices and the action `escalated` in one
   transaction;
3. gives that action back through `act`: only then the step counts as taken. Until then it is due,
   so that a crash loses nothing and repeats nothing.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert
from fumewatch.core.calendar import Calendar
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.followup.clock import Clock
from fumewatch.core.followup.ladder import (
    Due,
    Escalation,
    Step,
    has_ended,
    ladder_of,
    next_due,
)
from fumewatch.core.followup.standing import fold
from fumewatch.core.site import Place

FOLLOWED: Final = timedelta(days=180)
"""Alerts that opened longer ago and are over are not followed up, closed or not."""
HELD_AGAIN: Final = timedelta(minutes=1)
"""How soon a step that was held is looked at again."""


@dataclass(frozen=True, slots=True)
class DueStep:
    """A step that is to be taken now; `due.at`: since when."""

    alert: Alert
    escalation: Escalation
    due: Due
    clock: Clock

    @property
    def step(self) -> Step:
        return self.due.step

    def next_at(self, now: datetime) -> datetime | None:
        """When the step after it is due, if it is taken now and nobody does anything."""
        following = self.escalation.step[self.due.index + 1 :]
        return (
            self.clock.add(now, following[0].after) if following and not following[0].on else None
        )


@dataclass(slots=True)
class _Entry:
    """`look_at`: when its step is due, or later, where that was held."""

    alert: Alert
    escalation: Escalation | None
    actions: dict[int, Action]
    due: Due | None
    look_at: datetime | None


class Ladders:
    """Not safe from several threads. `places`: of every monitor, by its id; an alert of one that
    is not among them is not followed up.

    A changed configuration or calendar needs a new one, loaded anew.
    """

    def __init__(
        self,
        escalations: Sequence[Escalation],
        places: Mapping[int, Place],
        calendar: Calendar,
        zone: ZoneInfo,
    ) -> None:
        self._escalations = tuple(escalations)
        self._clocks = {each.name: Clock.of(each.hours, calendar, zone) for each in escalations}
        self._places = places
        self._entries: dict[UUID, _Entry] = {}
        self._waiting: list[tuple[datetime, UUID]] = []

    def __len__(self) -> int:
        """Alerts that are known here: the open ones, and those that are over and not closed."""
        return len(self._entries)

    def use(self, places: Mapping[int, Place]) -> None:
        """Places that changed, for what comes from now on."""
        self._places = places

    def load(
        self, alerts: Iterable[Alert], actions: Iterable[Action], begun_by: datetime | None = None
    ) -> None:
        """Take over what the store knows of these alerts: all that was done about them.

        begun_by: of what is over, a ladder whose first step was due before then and was not taken
        is not begun any more. So to switch one on does not begin it for all that ever was.
        """
        done = defaultdict(list)
        for action in actions:
            done[action.alert].append(action)
        for alert in alerts:
            self._entries.pop(alert.id, None)
            self._put(alert, done[alert.id])
            if begun_by and self._is_too_late(alert, begun_by):
                del self._entries[alert.id]

    def _is_too_late(self, alert: Alert, begun_by: datetime) -> bool:
        entry = self._entries.get(alert.id)
        if entry is None or entry.due is None or alert.is_open or entry.due.at >= begun_by:
            return False
        return not any(each.kind is ActionKind.ESCALATED for each in entry.actions.values())

    def take(self, alert: Alert) -> None:
        """An alert that is new or changed its state, pending ones and parts of incidents too."""
        entry = self._entries.get(alert.id)
        self._put(alert, entry.actions.values() if entry else ())

    def act(self, action: Action) -> bool:
        """A stored action; one that is known already changes nothing.

        False: it reopened an alert that is over and not known any more; give that to `load`.
        """
        entry = self._entries.get(action.alert)
        if entry is None:
            return action.kind is not ActionKind.REOPENED
        if action.id not in entry.actions:
            self._put(entry.alert, [*entry.actions.values(), action])
        return True

    def due(self, now: datetime, is_held: Callable[[Alert], bool] | None = None) -> list[DueStep]:
        """The steps to be taken now, the longest due first; of an alert one at a time.

        is_held: whether nothing is sent of an alert for now (silence, pause): its step waits, and
        is asked about again a minute later.
        """
        found: dict[UUID, DueStep] = {}
        put_back: dict[UUID, datetime] = {}
        while (at := self.next_at) is not None and at <= now:
            _, id = heapq.heappop(self._waiting)
            entry = self._entries[id]
            if is_held and is_held(entry.alert):
                put_back[id] = entry.look_at = now + HELD_AGAIN
            elif entry.due and entry.escalation:
                put_back[id] = at
                found[id] = DueStep(
                    entry.alert,
                    entry.escalation,
                    entry.due,
                    self._clocks[entry.escalation.name],
                )
        for id, at in put_back.items():
            heapq.heappush(self._waiting, (at, id))
        return sorted(found.values(), key=lambda step: (step.due.at, step.alert.id))

    def forget_before(self, oldest: datetime) -> None:
        """Of the alerts that are over those that opened earlier."""
        entries = self._entries.items()
        gone = [id for id, e in entries if e.alert.opened_at < oldest and not e.alert.is_open]
        for id in gone:
            del self._entries[id]

    @property
    def next_at(self) -> datetime | None:
        """When `due` has something to say, at the earliest; None: not as things stand."""
        while self._waiting:
            at, id = self._waiting[0]
            entry = self._entries.get(id)
            if entry is not None and entry.look_at == at:
                return at
            heapq.heappop(self._waiting)
        return None

    def _put(self, alert: Alert, actions: Iterable[Action]) -> None:
        """Open alerts are kept even where nothing is to come: what is done about them counts
        should they be reopened, or left alone by their incident."""
        escalation = self._ladder_of(alert)
        by_id = {action.id: action for action in sorted(actions, key=lambda action: action.id)}
        standing = fold(by_id.values(), alert.resolved_at)
        self._entries.pop(alert.id, None)
        is_over = escalation is None or has_ended(escalation, alert, standing)
        if not alert.is_open and (is_over or alert.fired_at is None):
            return
        due = None
        if escalation:
            due = next_due(escalation, alert, standing, self._clocks[escalation.name])
        look_at = due.at if due else None
        self._entries[alert.id] = _Entry(alert, escalation, by_id, due, look_at)
        if look_at:
            heapq.heappush(self._waiting, (look_at, alert.id))

    def _ladder_of(self, alert: Alert) -> Escalation | None:
        place = self._places.get(alert.monitor)
        return ladder_of(self._escalations, alert, place) if place else None


def escalated(taken: DueStep, receivers: Sequence[str], now: datetime) -> Action:
    """What is recorded of a step: who was told, which may be nobody."""
    return Action(
        alert=taken.alert.id,
        at=now,
        kind=ActionKind.ESCALATED,
        actor="",
        via="fumewatch",
        detail={
            "escalation": taken.escalation.name,
            "step": taken.step.name,
            "receivers": list(receivers),
        },
    )
