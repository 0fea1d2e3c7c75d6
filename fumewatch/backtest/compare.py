"""What a change of the configuration does to alerts: two lists of them into differences.

1. Alerts that fired are paired by (rule, monitor) where their lives, from opening to resolution,
   overlap; of several candidates the earliest. Two alerts of one list never overlap.
2. A pair that fires or ends at another time, or at another severity, is a difference.
3. What is left over is new or gone; but where it overlaps an alert of the other list that has its
   partner already, one alert has become several (split), or several have become one (joined).

Missed is more than gone: an alert of the old list that is at least a warning, while whose firing no
alert of its severity or worse fires at its monitor in the new list, whatever its rule.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from fumewatch.core.alert import Alert, Severity

_RANK: Final = {Severity.INFO: 0, Severity.WARNING: 1, Severity.CRITICAL: 2}
_SHORTEST: Final = timedelta(minutes=1)
"""What fires and resolves at one instant has lasted for the minute that was judged."""


class Change(StrEnum):
    NEW = "new"
    GONE = "gone"
    SPLIT = "split"
    JOINED = "joined"
    EARLIER = "earlier"
    LATER = "later"
    LONGER = "longer"
    SHORTER = "shorter"
    SEVERITY = "severity"


UNPAIRED: Final = frozenset({Change.NEW, Change.GONE, Change.SPLIT, Change.JOINED})


@dataclass(frozen=True, slots=True)
class Span:
    """The time that is compared. What is not resolved lasts to its end.

    Alerts that fired before `start` are in the lists too, to be partners of those that did not;
    a difference that neither of its two fired in is none.
    """

    start: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        return at is not None and self.start < at <= self.end

    def life(self, alert: Alert) -> tuple[datetime, datetime]:
        return alert.opened_at, self._end(alert, alert.opened_at)

    def firing(self, alert: Alert) -> tuple[datetime, datetime]:
        began = alert.fired_at or alert.opened_at
        return began, self._end(alert, began)

    def lasted(self, alert: Alert) -> timedelta:
        began, ended = self.firing(alert)
        return ended - began

    def _end(self, alert: Alert, began: datetime) -> datetime:
        return max(alert.resolved_at or self.end, began + _SHORTEST)


@dataclass(frozen=True, slots=True)
class Difference:
    """One alert that the change makes another. `old` is None where it is new, `new` where gone.

    starts_by, ends_by: how much later it fires and resolves than before; zero where unpaired.
    is_missed: see the module; is_undecided: it would be, but the new list's still pends at the end.
    """

    changes: tuple[Change, ...]
    old: Alert | None
    new: Alert | None
    starts_by: timedelta = timedelta(0)
    ends_by: timedelta = timedelta(0)
    is_missed: bool = False
    is_undecided: bool = False

    @property
    def either(self) -> Alert:
        """The new one, or the old one where that is gone."""
        found = self.new or self.old
        assert found is not None
        return found

    @property
    def began_at(self) -> datetime:
        starts = [alert.fired_at for alert in (self.old, self.new) if alert and alert.fired_at]
        return min(starts)


@dataclass(frozen=True, slots=True)
class Comparison:
    """`differences` by time, rule, monitor. `same`: pairs without one.

    missed, undecided: alerts of the old list; each has a difference or, where it only lasts less
    or fires at a lower severity, shares one.
    """

    differences: tuple[Difference, ...]
    same: int
    warned: int
    missed: int
    undecided: int

    def count(self, change: Change) -> int:
        return sum(change in difference.changes for difference in self.differences)


_Pair = tuple[Alert | None, Alert | None]
_Key = tuple[str, int]


def compare(old: Iterable[Alert], new: Iterable[Alert], span: Span) -> Comparison:
    """Both lists hold alerts that fired, and those still pending at the end; in any order."""
    before, after = _Side(old, span), _Side(new, span)
    verdicts = {alert.id: _coverage(alert, after, span) for alert in before.warned}
    found, same = [], 0
    for key in sorted(before.by_rule.keys() | after.by_rule.keys()):
        for pair, extra in _pairs(before.by_rule.get(key, []), after.by_rule.get(key, []), span):
            if not any(alert and span.holds(alert.fired_at) for alert in pair):
                continue
            changes = extra or _changes(pair, span)
            if changes:
                found.append(_difference(pair, changes, span, verdicts))
            else:
                same += 1
    found.sort(key=lambda each: (each.began_at, each.either.rule, each.either.monitor))
    said = list(verdicts.values())
    return Comparison(
        tuple(found), same, len(said), said.count(_Cover.NONE), said.count(_Cover.PENDING)
    )


class _Cover(StrEnum):
    """What the new list has for an alert of the old one."""

    FIRES = "fires"
    PENDING = "pending"
    NONE = "none"


class _Side:
    """One list, sorted: `by_rule` those that fired, `at` all of a monitor, `warned` what counts."""

    def __init__(self, alerts: Iterable[Alert], span: Span) -> None:
        self.by_rule: dict[_Key, list[Alert]] = defaultdict(list)
        self.at: dict[int, list[Alert]] = defaultdict(list)
        for alert in sorted(alerts, key=lambda a: (a.opened_at, a.rule, a.monitor)):
            self.at[alert.monitor].append(alert)
            if alert.fired_at is not None:
                self.by_rule[alert.rule, alert.monitor].append(alert)
        self.warned = [
            alert
            for alerts in self.by_rule.values()
            for alert in alerts
            if span.holds(alert.fired_at) and _RANK[alert.severity] >= _RANK[Severity.WARNING]
        ]


def _coverage(alert: Alert, after: _Side, span: Span) -> _Cover:
    enough = [a for a in after.at[alert.monitor] if _RANK[a.severity] >= _RANK[alert.severity]]
    firing = span.firing(alert)
    if any(a.fired_at and _overlap(firing, span.firing(a)) for a in enough):
        return _Cover.FIRES
    if any(a.is_open and not a.fired_at and _overlap(firing, span.life(a)) for a in enough):
        return _Cover.PENDING
    return _Cover.NONE


def _pairs(
    old: Sequence[Alert], new: Sequence[Alert], span: Span
) -> list[tuple[_Pair, tuple[Change, ...]]]:
    """Of one rule at one monitor, each alert once; with it what an unpaired one is, or nothing."""
    found: list[tuple[_Pair, tuple[Change, ...]]] = []
    taken: set[int] = set()
    for before in old:
        beside = [i for i, after in enumerate(new) if _beside(before, after, span)]
        free = next((i for i in beside if i not in taken), None)
        if free is None:
            found.append(((before, None), (Change.JOINED if beside else Change.GONE,)))
            continue
        taken.add(free)
        found.append(((before, new[free]), ()))
    for i, after in enumerate(new):
        if i not in taken:
            is_part = any(_beside(before, after, span) for before in old)
            found.append(((None, after), (Change.SPLIT if is_part else Change.NEW,)))
    return found


def _beside(before: Alert, after: Alert, span: Span) -> bool:
    return _overlap(span.life(before), span.life(after))


def _overlap(one: tuple[datetime, datetime], other: tuple[datetime, datetime]) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _changes(pair: _Pair, span: Span) -> tuple[Change, ...]:
    """What became of an alert that both lists have."""
    old, new = pair
    assert old is not None
    assert new is not None
    found = (
        _sign(span.firing(new)[0] - span.firing(old)[0], Change.EARLIER, Change.LATER),
        _sign(span.lasted(new) - span.lasted(old), Change.SHORTER, Change.LONGER),
        Change.SEVERITY if old.severity is not new.severity else None,
    )
    return tuple(change for change in found if change)


def _sign(by: timedelta, less: Change, more: Change) -> Change | None:
    return less if by < timedelta(0) else more if by > timedelta(0) else None


def _difference(
    pair: _Pair, changes: tuple[Change, ...], span: Span, verdicts: Mapping[UUID, _Cover]
) -> Difference:
    old, new = pair
    cover = verdicts.get(old.id) if old else None
    starts_by = ends_by = timedelta(0)
    if old and new:
        before, after = span.firing(old), span.firing(new)
        starts_by, ends_by = after[0] - before[0], after[1] - before[1]
    is_missed, is_undecided = cover is _Cover.NONE, cover is _Cover.PENDING
    return Difference(changes, old, new, starts_by, ends_by, is_missed, is_undecided)
