"""The alerts of the last weeks, as rules about patterns read them."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np

from fumewatch.core.alert import Alert, State, Transition
from fumewatch.core.past import Openings

KEPT: Final = timedelta(days=62)
"""No pattern looks back further."""


@dataclass(slots=True)
class _Entry:
    monitor: int
    opened_at: datetime
    fired: bool
    is_open: bool


class History:
    """Alerts by rule, in the order in which they opened; without those that are part of another."""

    def __init__(self) -> None:
        self._entries: dict[str, dict[UUID, _Entry]] = {}

    def load(self, alerts: Iterable[Alert]) -> None:
        """Take over what the store knows; open alerts among it."""
        for alert in alerts:
            self._put(alert)

    def note(self, moves: Iterable[Transition]) -> None:
        for move in moves:
            if not move.alert.is_part:
                self._put(move.alert)

    def forget_before(self, oldest: datetime) -> None:
        for entries in self._entries.values():
            gone = [key for key, e in entries.items() if e.opened_at < oldest and not e.is_open]
            for key in gone:
                del entries[key]

    def openings(self, false_alarms: Set[UUID] = frozenset()) -> Mapping[str, Openings]:
        """Of each rule that opened one."""
        return {rule: _columns(entries, false_alarms) for rule, entries in self._entries.items()}

    def _put(self, alert: Alert) -> None:
        entries = self._entries.setdefault(alert.rule, {})
        entry = entries.get(alert.id)
        if entry is None:
            entry = _Entry(alert.monitor, alert.opened_at, False, True)
            entries[alert.id] = entry
        entry.opened_at = alert.opened_at
        entry.fired = entry.fired or alert.fired_at is not None
        entry.is_open = alert.state is not State.RESOLVED


def _columns(by_id: Mapping[UUID, _Entry], false_alarms: Set[UUID]) -> Openings:
    def order(item: tuple[UUID, _Entry]) -> tuple[datetime, int]:
        return item[1].opened_at, item[1].monitor

    ids, entries = zip(*sorted(by_id.items(), key=order), strict=True) if by_id else ((), ())
    return Openings(
        np.array([e.monitor for e in entries], np.int32),
        np.array([round(e.opened_at.timestamp() * 1e6) for e in entries], np.int64),
        np.array([e.fired for e in entries], np.bool_),
        np.array([e.is_open for e in entries], np.bool_),
        np.array([id in false_alarms for id in ids], np.bool_),
    )
