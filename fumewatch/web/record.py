"""The record of an alert: its transitions, who was told, what was done, in the order of time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from fumewatch.core.followup.action import Action
from fumewatch.core.phrases import instant
from fumewatch.store.pages.alerts import ToldRow
from fumewatch.store.photos import PhotoRow
from fumewatch.web import models, recorded
from fumewatch.web.present import Presenter

_INWARD: Final = frozenset({"form"})
"""Entries of an action's detail that say nothing to anybody."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One moment: a transition with what was sent of it, a notice, or an action."""

    at: datetime
    transition: models.Transition | None = None
    notifications: list[recorded.Notification] = field(default_factory=list)
    action: recorded.Action | None = None


def told(present: Presenter, row: ToldRow) -> recorded.Told:
    return recorded.Told(
        receiver=row.receiver,
        addressee=row.addressee,
        person=row.person,
        state=row.state,
        at=present.local(row.at),
    )


def action(present: Presenter, done: Action, photos: Sequence[PhotoRow]) -> recorded.Action:
    return recorded.Action(
        id=done.id,
        at=present.local(done.at),
        kind=done.kind.value,
        actor=done.actor,
        via=done.via,
        addressee=done.addressee,
        note=done.note,
        detail={
            key: _shown(present, key, value)
            for key, value in done.detail.items()
            if key not in _INWARD
        },
        photos=[
            recorded.Photo(id=p.id, url=f"/photos/{p.id}", width=p.width, height=p.height)
            for p in photos
            if p.action_id == done.id
        ],
    )


def _shown(present: Presenter, key: str, value: Any) -> Any:
    """Times in the site's zone, as all that are shown."""
    at = instant(value) if key == "until" else None
    return present.local(at) if at else value


def entries(detail: models.AlertDetail) -> list[Entry]:
    """The oldest first; what happened at one instant in the order transition, notice, action."""
    found = [
        Entry(
            change.at,
            transition=change,
            notifications=[n for n in detail.notifications if n.transition == change.id],
        )
        for change in detail.transitions
    ]
    found += _notices(detail.notifications)
    found += [Entry(done.at, action=done) for done in detail.actions]
    return sorted(found, key=lambda entry: entry.at)


def _notices(notifications: Sequence[recorded.Notification]) -> list[Entry]:
    """Those that were written at once for one reason are one entry."""
    together: dict[tuple[datetime, str], Entry] = {}
    for one in notifications:
        if one.transition is None:
            key = (one.created_at, one.reason)
            together.setdefault(key, Entry(one.created_at)).notifications.append(one)
    return list(together.values())
