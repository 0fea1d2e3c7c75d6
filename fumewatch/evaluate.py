"""Evaluate: have the minutes judged that are over, save what changed with its notifications.

Alert, transition and the outbox rows of machines share one transaction, so no message is lost or
made up; people's are made of the transitions by `dispatch`. So does the mark up to which all is
judged: minutes that end while nobody judges are made up for. What
could not be saved has not happened: the term ends, and the next begins from the store.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from fumewatch import metrics
from fumewatch.config import Config
from fumewatch.core.alert import Alert, State, Transition
from fumewatch.core.days import Days
from fumewatch.core.engine import Engine
from fumewatch.core.errors import Deposed
from fumewatch.core.routing import notification_key, told
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE
from fumewatch.core.wording import message
from fumewatch.store import Connection, Database, alerts, outbox
from fumewatch.store.outbox import Notification

log = structlog.get_logger()

TOUCH_EVERY: Final = timedelta(seconds=30)
"""How often is saved what late readings change of open alerts: a restart may lose this much of it.
What a minute changes is saved with its mark: who begins there does not judge it again."""
FURTHEST_BEHIND: Final = timedelta(hours=1)
"""Minutes further back are not judged any more: nobody can act on them."""
OF_SILENCE: Final = frozenset({"absence", "outage"})
"""Kinds of rules that judge what did not come."""


class Evaluate:
    """Judges by the clock what the engine was given. One loop calls it: not safe for threads."""

    def __init__(
        self,
        database: Database,
        config: Config,
        engine: Engine,
        places: Mapping[int, Place],
        leads: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        """`leads`: whether a transaction is a leader's; see store.leader.Leader.takes_turn."""
        self._database = database
        self._config = config
        self._engine = engine
        self._lateness = config.evaluate.lateness
        self._rules = {rule.id: rule for rule in config.rule}
        self._machines = {each.name: each for each in config.receiver if each.is_machine}
        self.places = places
        self._leads = leads
        self._unsaved: dict[UUID, Alert] = {}
        self._touched_at = datetime.min.replace(tzinfo=UTC)
        self._marked = engine.settled_to

    def retire(self, now: datetime) -> int:
        """Resolve the alerts of rules that the configuration no longer has; how many that were."""
        return self._save(self._engine.retire(now), now)

    def is_due(self, now: datetime) -> bool:
        """A minute is over and was waited for."""
        return self._due(now) > self._engine.settled_to

    def step(self, now: datetime, *, is_settled: bool) -> int:
        """Judge the minutes that are due, else what came late; the transitions saved.

        Until `is_settled` the readings that would break a silence may still be with the broker: the
        rules that judge silence wait. Raises StoreUnavailable or Deposed: then the engine is ahead
        of the store, and both must be loaded anew.
        """
        without = frozenset() if is_settled else OF_SILENCE
        until = self._due(now)
        if until - self._engine.settled_to > FURTHEST_BEHIND // _MICROSECOND:
            self._engine.begin(until - FURTHEST_BEHIND // _MICROSECOND)
        with metrics.EVALUATE_SECONDS.time():
            if until > self._engine.settled_to:
                moves = self._engine.advance(until, without)
            else:
                moves = self._engine.again(without)
        return self._save(moves, now)

    def judge_days(self, parts: Iterable[Days], now: datetime) -> int:
        """By the rules of days, some monitors after the others; the transitions saved."""
        return self._save([move for days in parts for move in self._engine.judge_days(days)], now)

    def _due(self, now: datetime) -> int:
        """µs UTC: the end of the last minute that is due."""
        return due_minute(now, self._lateness) * MINUTE

    def _save(self, moves: Sequence[Transition], now: datetime) -> int:
        self._unsaved |= {alert.id: alert for alert in self._engine.take_touched()}
        for move in moves:
            self._unsaved.pop(move.alert.id, None)
        has_judged = self._engine.settled_to != self._marked
        is_due = bool(self._unsaved) and (has_judged or now - self._touched_at >= TOUCH_EVERY)
        if moves or is_due or has_judged:
            with self._database.transaction() as conn:
                if not self._leads(conn):
                    raise Deposed
                self._save_moves(conn, moves, now)
                if is_due:
                    alerts.touch(conn, list(self._unsaved.values()))
                if has_judged:
                    alerts.mark_judged(conn, _moment(self._engine.settled_to))
        self._marked = self._engine.settled_to
        if is_due:
            self._unsaved, self._touched_at = {}, now
        self._tell(moves)
        return len(moves)

    def _save_moves(self, conn: Connection, moves: Sequence[Transition], now: datetime) -> None:
        if not moves:
            return
        numbers = alerts.save(conn, moves)
        rows = [
            row
            for move, number in zip(moves, numbers, strict=True)
            for row in self._notifications(move, number, now)
        ]
        if rows:
            outbox.add(conn, rows)

    def _notifications(self, move: Transition, number: int, now: datetime) -> list[Notification]:
        place = self.places[move.alert.monitor]
        names = told(self._config.route, self._machines, move, place)
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
            Notification(
                key,
                name,
                move.alert.id,
                {**body, "key": str(key), "transition": number},
                now,
                transition_id=number,
            )
            for name, key in keys.items()
        ]

    def _tell(self, moves: Sequence[Transition]) -> None:
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
            by_rule = self._engine.open.values()
            states = Counter(a.state for by_monitor in by_rule for a in by_monitor.values())
            for state in (State.PENDING, State.FIRING):
                metrics.OPEN_ALERTS.labels(state).set(states[state])


def due_minute(now: datetime, lateness: timedelta) -> int:
    """The minute (since 1970) at whose beginning the last one that is due ended."""
    return (now - lateness - _EPOCH) // timedelta(minutes=1)


def _moment(us: int) -> datetime:
    return _EPOCH + us * _MICROSECOND


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
