"""Evaluate: judge the windows, advance the alerts, save what changed with its notifications.

Alert, transition and outbox rows share one transaction, so no message is lost or made up. What
could not be saved has not happened: the next pass judges again from the same windows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from numpy.typing import NDArray

from fumewatch import metrics
from fumewatch.config import Config
from fumewatch.core.alert import Alert, State, Step, Transition, withdraw
from fumewatch.core.judge import judge
from fumewatch.core.roster import Roster
from fumewatch.core.routing import labels_of, notification_key, route
from fumewatch.core.rules import MinuteRule
from fumewatch.core.site import Place
from fumewatch.core.window import Window
from fumewatch.core.wording import message
from fumewatch.store import Connection, Database, alerts, outbox
from fumewatch.store.outbox import Notification

log = structlog.get_logger()

MONITORS_AT_ONCE: Final = 2000
"""A view of more would take memory and not be any faster."""
TOUCH_EVERY: Final = timedelta(seconds=30)
"""How often open alerts' newest values are saved: a restart may lose this much of them."""


class Evaluate:
    """Owns the open alerts. One loop calls it: not safe for threads."""

    def __init__(
        self,
        database: Database,
        config: Config,
        window: Window,
        open_alerts: Iterable[Alert],
        places: Mapping[int, Place],
    ) -> None:
        self._database = database
        self._config = config
        self._window = window
        self._rules = {rule.id: rule for rule in config.rule}
        self._told = {settings.name: settings for settings in config.receiver}
        self.places = places
        self._open: dict[str, dict[int, Alert]] = {}
        for alert in open_alerts:
            self._open.setdefault(alert.rule, {})[alert.monitor] = alert
        self._unsaved: dict[UUID, Alert] = {}
        self._touched_at = datetime.min.replace(tzinfo=UTC)

    def retire(self, now: datetime) -> int:
        """Resolve the alerts of rules that the configuration no longer has; how many that were."""
        gone = [alert for alert in self._all_open() if alert.rule not in self._rules]
        return self._save([withdraw(alert, now) for alert in gone], now)

    def step(
        self, ids: NDArray[np.int32], roster: Roster, now: datetime, *, is_settled: bool
    ) -> int:
        """Judge these monitors by every rule; the number of transitions saved.

        Until `is_settled` the readings that would break a silence may still be with the broker: the
        rules that judge silence wait. Raises StoreUnavailable; then nothing has changed.
        """
        minute_rules = (rule for rule in self._config.rule if isinstance(rule, MinuteRule))
        rules = [rule for rule in minute_rules if is_settled or rule.kind != "absence"]
        steps: list[Step] = []
        with metrics.EVALUATE_SECONDS.time():
            for some in np.split(ids, range(MONITORS_AT_ONCE, len(ids), MONITORS_AT_ONCE)):
                view = self._window.view(some, round(now.timestamp() * 1e6), roster)
                for rule in rules:
                    steps += judge(rule, view, self._open.get(rule.id, {}), now)
                view.forget()
        return self._save(steps, now)

    def _all_open(self) -> list[Alert]:
        return [alert for by_monitor in self._open.values() for alert in by_monitor.values()]

    def _save(self, steps: Sequence[Step], now: datetime) -> int:
        moves = [step.transition for step in steps if step.transition]
        changed = [step.alert for step in steps if step.alert and step.changed]
        unsaved = {**self._unsaved, **{alert.id: alert for alert in changed}}
        for move in moves:
            unsaved.pop(move.alert.id, None)
        is_due = bool(unsaved) and now - self._touched_at >= TOUCH_EVERY
        if moves or is_due:
            with self._database.transaction() as conn:
                self._save_moves(conn, moves)
                if is_due:
                    alerts.touch(conn, list(unsaved.values()))
        if is_due:
            unsaved, self._touched_at = {}, now
        self._unsaved = unsaved
        self._take_over(changed, moves)
        return len(moves)

    def _save_moves(self, conn: Connection, moves: Sequence[Transition]) -> None:
        if not moves:
            return
        numbers = alerts.save(conn, moves)
        rows = [
            row
            for move, number in zip(moves, numbers, strict=True)
            for row in self._notifications(move, number)
        ]
        if rows:
            outbox.add(conn, rows)

    def _notifications(self, move: Transition, number: int) -> list[Notification]:
        place, at = self.places[move.alert.monitor], move.at
        names = [
            name
            for name in route(self._config.route, labels_of(move, place))
            if self._told[name].is_told(move.before, move.alert.state)
        ]
        if not names:
            return []
        body = message(
            move,
            place,
            rule=self._rules.get(move.alert.rule),
            base_url=self._config.web.base_url,
            zone=self._config.zone,
        )
        keys = {name: notification_key(move, name) for name in names}
        return [
            Notification(key, number, name, {**body, "key": str(key), "transition": number}, at)
            for name, key in keys.items()
        ]

    def _take_over(self, changed: Iterable[Alert], moves: Sequence[Transition]) -> None:
        """What is saved becomes what is true."""
        for alert in changed:
            by_monitor = self._open.setdefault(alert.rule, {})
            if alert.is_open:
                by_monitor[alert.monitor] = alert
            else:
                by_monitor.pop(alert.monitor, None)
        for move in moves:
            metrics.TRANSITIONS.labels(move.alert.rule, move.alert.state).inc()
            log.info(
                "alert",
                rule=move.alert.rule,
                monitor=self.places[move.alert.monitor].code,
                state=move.alert.state,
                reason=move.reason,
                value=move.alert.value,
                limit=move.alert.limit,
            )
        if moves:
            states = Counter(alert.state for alert in self._all_open())
            for state in (State.PENDING, State.FIRING):
                metrics.OPEN_ALERTS.labels(state).set(states[state])
