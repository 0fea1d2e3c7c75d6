"""One look at a group: what its addressee is to be told now, and when to look again."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from fumewatch.core.alert import Alert, State
from fumewatch.core.dispatch.muting import Muting
from fumewatch.core.dispatch.plan import Known, Plan, Told
from fumewatch.core.dispatch.standing import Bundle, Key, Standing
from fumewatch.core.notice import Change, Reason

_ORDER: Final[dict[Change, int]] = {"firing": 0, "resolved": 1, "still": 2}


@dataclass(slots=True)
class Found:
    """The members of a group, sorted out; a muted one is in none of these lists.

    new, over: to be told. still: told before. quiet: to be put down as told, without telling.
    later: when muted ones are to be looked at. inhibited: by what some are. is_silenced: some are.
    """

    new: list[Standing] = field(default_factory=list)
    over: list[Standing] = field(default_factory=list)
    still: list[Standing] = field(default_factory=list)
    quiet: list[Standing] = field(default_factory=list)
    later: list[datetime] = field(default_factory=list)
    inhibited: set[Key] = field(default_factory=set)
    is_silenced: bool = False


@dataclass(frozen=True, slots=True)
class Flushed:
    plan: Plan | None
    quiet: tuple[Told, ...]
    look_at: datetime | None
    inhibited: frozenset[Key]
    is_silenced: bool

    @property
    def told(self) -> tuple[Told, ...]:
        return (self.plan.told if self.plan else ()) + self.quiet


def flush(bundle: Bundle, now: datetime, muting: Muting) -> Flushed:
    """1. Sort out the members. 2. Something new or over, or a repetition that is due: tell it,
    unless the group has to wait. 3. Say when to look again, which is after `now`."""
    found = sort_out(bundle, now, muting)
    repeats = _repeats(bundle, found)
    changes = found.new + found.over
    wake = found.later
    plan = None
    if changes or (repeats is not None and repeats <= now):
        ready = bundle.may_tell_at(min((s.since for s in found.new), default=now))
        if ready <= now:
            plan = _plan(bundle, found, now)
            repeats = now + bundle.repeat if bundle.repeat and (found.new or found.still) else None
        else:
            wake = [*wake, ready]
    if repeats is not None and repeats > now:
        wake = [*wake, repeats]
    return Flushed(
        plan,
        tuple(_row(bundle, standing.alert, now) for standing in found.quiet),
        min(wake, default=None),
        frozenset(found.inhibited),
        found.is_silenced,
    )


def sort_out(bundle: Bundle, now: datetime, muting: Muting) -> Found:
    found = Found()
    for standing in bundle.members.values():
        if standing.fires:
            _sort_firing(found, standing, bundle, now, muting)
        else:
            _sort_over(found, standing, bundle, now, muting)
    return found


def _sort_firing(
    found: Found, standing: Standing, bundle: Bundle, now: datetime, muting: Muting
) -> None:
    hold = muting.hold(standing, bundle.address[0], now)
    if hold is not None:
        found.later += [hold.until] if hold.until else []
        found.inhibited |= {hold.key} if hold.key else set()
        found.is_silenced |= hold.is_silenced
    else:
        known = standing.believed(bundle.address)
        if State.FIRING in bundle.target.audience.states:
            (found.still if known else found.new).append(standing)
        elif not known:
            found.quiet.append(standing)


def _sort_over(
    found: Found, standing: Standing, bundle: Bundle, now: datetime, muting: Muting
) -> None:
    """What inhibits does not hold back an end: it would leave people in a wrong belief."""
    if bundle.ends_silently(standing) or muting.silenced_until(standing, now):
        found.quiet.append(standing)
    elif until := muting.quiet_until(bundle.address[0], standing.labels, now):
        found.later.append(until)
    else:
        found.over.append(standing)


def _repeats(bundle: Bundle, found: Found) -> datetime | None:
    """When what goes on is to be told again; None: never, or nothing goes on."""
    if not bundle.repeat:
        return None
    last = [standing.told[bundle.address].at for standing in found.still]
    first = min(last, default=None)
    return first + bundle.repeat if first is not None else None


def _plan(bundle: Bundle, found: Found, now: datetime) -> Plan:
    changes = [*_with("firing", found.new), *_with("resolved", found.over)]
    reason = Reason.GROUP if changes else Reason.REPEAT
    still = _with("still", found.still)
    told = changes + (still if bundle.repeat else [])
    about = [s for s, _ in changes] if changes else found.still
    return Plan(
        group=bundle.target.group,
        reason=reason,
        at=now,
        to=bundle.target.to,
        members=tuple(sorted(((s.alert, c) for s, c in changes + still), key=_order)),
        told=tuple(_row(bundle, standing.alert, now) for standing, _ in told),
        key=_key(bundle, reason, about),
    )


def _key(bundle: Bundle, reason: Reason, about: Iterable[Standing]) -> uuid.UUID:
    """Of what the addressee knew and is to be told: each such step is taken once."""
    steps = []
    for standing in about:
        row = standing.told.get(bundle.address)
        before = row.at.isoformat() if row else ""
        steps.append(f"{standing.alert.id}/{standing.alert.state}/{before}")
    return uuid.uuid5(bundle.target.group.thread, "\n".join([reason, *sorted(steps)]))


def _with(change: Change, standings: Iterable[Standing]) -> list[tuple[Standing, Change]]:
    return [(standing, change) for standing in standings]


def _order(member: tuple[Alert, Change]) -> tuple[int, datetime, uuid.UUID]:
    alert, change = member
    return _ORDER[change], alert.opened_at, alert.id


def _row(bundle: Bundle, alert: Alert, now: datetime) -> Told:
    state: Known = State.RESOLVED if alert.state is State.RESOLVED else State.FIRING
    return Told(*bundle.address, alert.id, state, now)
