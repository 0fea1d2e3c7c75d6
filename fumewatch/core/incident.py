"""Outages that are open: whose offline alerts are part of one, and are not told one by one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from fumewatch.core.alert import PART_OF, Alert, State, Transition, left_alone
from fumewatch.core.roster import Roster

OUTAGE: Final = "outage"
"""The kind of rules whose alerts are incidents."""
_KEPT: Final = timedelta(days=1)


@dataclass(slots=True)
class _Outage:
    alert: Alert
    since: datetime
    until: datetime | None


class Incidents:
    """Outages by the time in which they fired; of those that are over, the last day's."""

    def __init__(self) -> None:
        self._outages: dict[str, _Outage] = {}

    def load(self, alert: Alert) -> None:
        """An alert that is open, as the store knows it."""
        if _is_outage(alert) and alert.fired_at is not None:
            self._outages[str(alert.id)] = _Outage(alert, alert.fired_at, None)

    def note(self, move: Transition) -> None:
        if not _is_outage(move.alert):
            return
        self._forget(move.at - _KEPT)
        if move.alert.state is State.FIRING:
            self._outages[str(move.alert.id)] = _Outage(move.alert, move.at, None)
        elif outage := self._outages.get(str(move.alert.id)):
            outage.until = move.at

    def part_of(self, monitor: int, at: datetime, roster: Roster) -> dict[str, Any]:
        """What to add to the evidence of an alert that opens at `at`; nothing, if it is alone."""
        for key, outage in self._outages.items():
            is_open = outage.since <= at and (outage.until is None or at < outage.until)
            if is_open and _group(outage.alert, roster, monitor) == outage.alert.evidence["name"]:
                return {PART_OF: {"alert": key, "name": outage.alert.evidence["name"]}}
        return {}

    def _forget(self, oldest: datetime) -> None:
        gone = [key for key, o in self._outages.items() if o.until and o.until < oldest]
        for key in gone:
            del self._outages[key]


def released(
    moves: Sequence[Transition], open_alerts: Iterable[Mapping[int, Alert]]
) -> tuple[list[Transition], list[Transition]]:
    """The moves, and with them those of alerts whose outage is over while they still fire: from now
    on they are told by themselves. Also the latter's alone that are still open.

    An alert that resolved later in the same go counts as if each minute were judged by itself.
    """
    over = {str(m.alert.id): m.at for m in moves if _is_over(m)}
    if not over:
        return list(moves), []
    told: list[Transition] = []
    for move in moves:
        at = over.get(part_of(move.alert) or "")
        if at and move.before is State.FIRING and move.at > at:
            freed = left_alone(move.alert, at)
            told += [freed, replace(move, alert=replace(move.alert, evidence=freed.alert.evidence))]
        else:
            told.append(move)
    still = [alert for by_monitor in open_alerts for alert in by_monitor.values()]
    left = [left_alone(alert, at) for alert in still if (at := _freed_at(alert, over))]
    return told + left, left


def _is_over(move: Transition) -> bool:
    return move.alert.kind == OUTAGE and not move.alert.is_open


def _freed_at(alert: Alert, over: Mapping[str, datetime]) -> datetime | None:
    at = over.get(part_of(alert) or "")
    return at if at and alert.fired_at is not None and alert.fired_at <= at else None


def part_of(alert: Alert) -> str | None:
    """The id of the incident's alert, where it is part of one."""
    part = alert.evidence.get(PART_OF)
    return part["alert"] if part else None


def _is_outage(alert: Alert) -> bool:
    """One that opened as an outage may rest on something else since its rule's kind changed."""
    return alert.kind == OUTAGE and "name" in alert.evidence


def _group(outage: Alert, roster: Roster, monitor: int) -> str | None:
    by = outage.evidence["by"]
    number = int(roster.belongs[by][min(monitor, roster.size)])
    return roster.names[by][number] if number >= 0 else None
