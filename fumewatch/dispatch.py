"""Dispatch: what people are sent, from how alerts stand and what was told of them.

A thread of the leader. Each round reads what happened since the one before (transitions, actions,
silences), asks the core what is due, and writes notices, what is thereby told, and the steps of
escalations in one transaction. Whatever goes wrong, the next round begins from the store: so a
crash loses nothing, and tells nothing twice that was written.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from fumewatch import metrics
from fumewatch.config import Config
from fumewatch.core.addressing import Addressing
from fumewatch.core.alert import Alert, Transition
from fumewatch.core.dispatch.digest import LATEST, issues, plans
from fumewatch.core.dispatch.dispatcher import Dispatcher
from fumewatch.core.dispatch.making import Maker, Sign, shown
from fumewatch.core.dispatch.mute import Silence
from fumewatch.core.dispatch.plan import Due, Plan
from fumewatch.core.dispatch.steps import Taken, take
from fumewatch.core.errors import Deposed, StoreRefused, StoreUnavailable
from fumewatch.core.followup.ladders import Ladders
from fumewatch.core.link import sign
from fumewatch.core.routing import labels_of
from fumewatch.core.site import Place
from fumewatch.health import Health
from fumewatch.store import Connection, Database, actions, contacts, outbox, silences, told
from fumewatch.store.outbox import Notification

log = structlog.get_logger()

ROUND_SECONDS: Final = 1.0
STORE_AWAY_SECONDS: Final = 2.0
CONTACTS_EVERY: Final = timedelta(seconds=30)
"""How soon an import of contacts takes effect, and how soon new sites are known to the ladders."""

MOST_AT_ONCE: Final = 500
"""Notices written in one transaction: well under a second of work, however many are due."""

LONGEST_FOLLOWED: Final = timedelta(days=120)
"""After an alert fired: what nobody closed by then is not escalated any more."""
BEGUN_WITHIN: Final = timedelta(days=3)
"""Of the time at which it was due: a ladder of what is over is not begun later, as after an outage
of ours, or once an escalation was added."""


@dataclass(slots=True)
class _Known:
    """What was read of the store so far, and what judges it. moves: read in this round."""

    dispatcher: Dispatcher
    ladders: Ladders
    places: dict[int, Place]
    contacts_at: datetime
    digested_to: datetime
    transition: int = 0
    action: int = 0
    silences: Sequence[Silence] = ()
    addressing: Addressing = field(default_factory=Addressing)
    contacts_mark: contacts.Mark | None = None
    moves: dict[UUID, Transition] = field(default_factory=dict)


class Dispatch:
    """`places`: by monitor, as the pump knows them; a new mapping whenever they changed.

    leads: whether this transaction is a leader's (store.leader.Leader.takes_turn). A leader that
    was deposed and does not know it yet would tell what its successor tells, by another memory.
    """

    def __init__(
        self,
        database: Database,
        config: Config,
        places: Callable[[], Mapping[int, Place]],
        now: Callable[[], datetime],
        health: Health,
        leads: Callable[[Connection], bool] = lambda _: True,
    ) -> None:
        self._database = database
        self._config = config
        self._leads = leads
        self._places = places
        self._now = now
        self._health = health
        self._people = {each.name: each for each in config.receiver if not each.is_machine}
        rules = {rule.id: rule for rule in config.rule}
        self._maker = Maker(rules, config.zone, config.web.base_url, _signer(config))
        self._known: _Known | None = None

    def run(self, stop: threading.Event, news: threading.Event, wake: threading.Event) -> None:
        """Until `stop`; `news` says that something may have happened, `wake` that rows are due."""
        while not stop.is_set():
            self._health.beat("dispatch")
            news.clear()
            written = self.round()
            if written:
                wake.set()
            news.wait(STORE_AWAY_SECONDS if written is None else ROUND_SECONDS)
        self._health.rest("dispatch")
        self._health.down("dispatch", "stopped")

    @contextmanager
    def running(self, *, news: threading.Event, wake: threading.Event) -> Iterator[None]:
        """In a thread of its own, which the end stops between two rounds."""
        stop = threading.Event()
        thread = threading.Thread(target=self.run, args=(stop, news, wake), name="dispatch")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            news.set()
            thread.join()

    def round(self) -> int | None:
        """The notices written; None where the store is away, or another daemon leads."""
        now = self._now()
        try:
            with self._database.transaction() as conn:
                self._demand_lead(conn)
                known = self._read(conn, now)
                due = known.dispatcher.due(now)
                plans = self._begin(conn, known, due, now)
            self._go_on(known, due.plans[MOST_AT_ONCE:])
        except (StoreUnavailable, StoreRefused, Deposed) as error:
            log.warning("dispatch waits", error=str(error))
            self._forget()  # what it counts as told may not have been written
            self._health.down("dispatch", str(error))
            return None
        except Exception as error:  # our fault; to go on is better than to be silent for good
            self._forget()
            log.exception("dispatch failed")
            self._health.down("dispatch", repr(error))
            return None
        self._known = known
        self._health.up("dispatch")
        return len(plans)

    def _forget(self) -> None:
        self._known = None
        self._maker.forget()

    def _demand_lead(self, conn: Connection) -> None:
        if not self._leads(conn):
            raise Deposed

    def _read(self, conn: Connection, now: datetime) -> _Known:
        """What happened since the round before."""
        known = self._known
        if known is None or now < known.contacts_at - CONTACTS_EVERY:  # the clock was set back
            return self._load(conn, now)
        self._read_people(conn, known, now)
        until = told.mark(conn)
        moves = told.since(conn, known.transition, until)
        known.moves = {move.alert.id: move for move in moves}
        for move in moves:
            self._take(known, move, now)
        known.transition = until
        step_at = known.ladders.next_at
        if step_at is not None and step_at <= now:
            actions.lock(conn)  # nobody closes the case between our look and the step
        self._read_actions(conn, known)
        return known

    def _load(self, conn: Connection, now: datetime) -> _Known:
        config, places = self._config, self._places()
        calendar = config.calendar.days
        dispatcher = Dispatcher(config.route, self._people, config.inhibit, calendar, config.zone)
        live = dict(places)
        ladders = Ladders(config.escalation, live, calendar, config.zone)
        known = _Known(dispatcher, ladders, live, now, now - LATEST, told.mark(conn))
        known.action = actions.mark(conn)
        self._read_people(conn, known, now)
        rows = [replace(row, at=min(row.at, now)) for row in told.load(conn)]  # by another clock
        dispatcher.load(_alerts(told.standing(conn)), rows, places)
        self._follow_up(conn, ladders, self._followed(conn, now), now - BEGUN_WITHIN)
        return known

    def _read_people(self, conn: Connection, known: _Known, now: datetime) -> None:
        """Silences take effect at once, people within CONTACTS_EVERY."""
        found = silences.unended(conn, now)
        is_due = now >= known.contacts_at
        if is_due:
            mark = contacts.mark(conn)
            if mark != known.contacts_mark:
                known.addressing = Addressing(contacts.all_contacts(conn))
                known.contacts_mark = mark
            known.contacts_at = now + CONTACTS_EVERY
        if is_due or found != known.silences:
            known.silences = found
            known.dispatcher.use(found, known.addressing)
        if is_due:
            known.places.update(self._places())
            known.ladders.forget_before(now - LONGEST_FOLLOWED)
            known.dispatcher.place(known.places)

    def _take(self, known: _Known, move: Transition, now: datetime) -> None:
        """A wait counts from now: a minute is judged when its readings are in, so a `group_wait`
        that counted from its end would mostly be over."""
        alert = move.alert
        if alert.monitor not in known.places:
            known.places.update(self._places())
        place = known.places.get(alert.monitor)
        if place is None:
            log.warning("alert of an unknown monitor, nobody is told", alert=str(alert.id))
            return
        known.dispatcher.take(alert, place, now)
        known.ladders.take(alert)

    def _read_actions(self, conn: Connection, known: _Known) -> None:
        for action in actions.since(conn, known.action):
            known.action = action.id
            if not known.ladders.act(action):
                self._follow_up(conn, known.ladders, told.of(conn, [action.alert]))

    def _followed(self, conn: Connection, now: datetime) -> list[Transition]:
        over = any(each.until == "closed" for each in self._config.escalation)
        return told.followed(conn, now - LONGEST_FOLLOWED, over=over)

    def _follow_up(
        self,
        conn: Connection,
        ladders: Ladders,
        moves: Sequence[Transition],
        begun_by: datetime | None = None,
    ) -> None:
        alerts = _alerts(moves)
        done = actions.of_alerts(conn, [alert.id for alert in alerts])
        ladders.load(alerts, done, begun_by)

    def _begin(self, conn: Connection, known: _Known, due: Due, now: datetime) -> Sequence[Plan]:
        """All that is written in the transaction of what was read, and the first of the notices
        that are due; the plans of all of them.

        What is left is for transactions of their own: a notice and what is told by it are one
        thing, two notices are two."""
        steps = self._steps(known, now)
        digests = self._digests(conn, known, now)
        rows = [row for plan in steps.plans for row in plan.told]
        first = due.plans[:MOST_AT_ONCE]
        self._put(conn, known, (*first, *steps.plans, *digests))
        told.save(conn, [*due.quiet, *rows])
        known.dispatcher.note(rows)
        for action in actions.append(conn, steps.actions):
            known.ladders.act(action)
        self._tell_unaddressed((*due.unaddressed, *steps.unaddressed), known)
        return (*due.plans, *steps.plans, *digests)

    def _go_on(self, known: _Known, plans: Sequence[Plan]) -> None:
        for start in range(0, len(plans), MOST_AT_ONCE):
            with self._database.transaction() as conn:
                self._demand_lead(conn)
                self._put(conn, known, plans[start : start + MOST_AT_ONCE])
        known.moves.clear()
        self._maker.forget()

    def _put(self, conn: Connection, known: _Known, plans: Sequence[Plan]) -> None:
        """Notices, and what is told by them."""
        outbox.add(conn, self._notifications(conn, plans, known))
        told.save(conn, [row for plan in plans for row in plan.told])
        _tell(plans)

    def _steps(self, known: _Known, now: datetime) -> Taken:
        """What is silenced waits: whoever silenced it knows of it."""

        def is_held(alert: Alert) -> bool:
            place = known.places.get(alert.monitor)
            return place is None or any(
                each.is_active(now) and each.matchers.take(labels_of(alert, place))
                for each in known.silences
            )

        due = known.ladders.due(now, is_held)
        return take(due, known.places, self._people, known.addressing, now)

    def _digests(self, conn: Connection, known: _Known, now: datetime) -> list[Plan]:
        config = self._config
        found = issues(config.digest, known.digested_to, now, config.calendar.days, config.zone)
        made: list[Plan] = []
        for issue in found:
            audience = self._people.get(issue.receiver)
            if audience is None:
                continue
            places = known.places
            found_alerts = _alerts(told.between(conn, issue.since, issue.at))
            alerts = [(a, places[a.monitor]) for a in found_alerts if a.monitor in places]
            made += plans(issue, alerts, audience, known.addressing)
        known.digested_to = now
        return made

    def _notifications(
        self, conn: Connection, made: Sequence[Plan], known: _Known
    ) -> list[Notification]:
        """What was read in this round is not read again."""
        ids = {alert.id for plan in made for alert, _ in shown(plan)}
        unread = list(ids - known.moves.keys())
        read = told.of(conn, unread) if unread else ()
        moves = known.moves | {move.alert.id: move for move in read}
        places = known.places
        return [
            Notification(
                plan.key,
                plan.group.receiver,
                plan.group.thread,
                self._maker.make(plan, moves, places),
                plan.at,
                addressee=plan.group.addressee,
                reason=plan.reason,
            )
            for plan in made
        ]

    def _tell_unaddressed(self, unaddressed: Sequence[tuple[str, Alert]], known: _Known) -> None:
        for receiver, alert in unaddressed:
            log.warning("nobody to tell", receiver=receiver, alert=str(alert.id), rule=alert.rule)
        metrics.UNADDRESSED.set(len(known.dispatcher.unaddressed))


def _tell(made: Sequence[Plan]) -> None:
    for plan in made:
        log.info(
            "notice",
            receiver=plan.group.receiver,
            addressee=plan.group.addressee,
            reason=plan.reason,
            alerts=len(plan.members),
        )


def _alerts(moves: Sequence[Transition]) -> list[Alert]:
    return [move.alert for move in moves]


def _signer(config: Config) -> Sign:
    """Links of the addressee's own where there is a secret to sign them, else the alert's page."""
    secret, base = config.links.secret, config.web.base_url
    if secret is None:
        return lambda alert, _addressee, _at: f"{base}/alerts/{alert}" if base else ""

    def link(alert: UUID, addressee: str, at: datetime) -> str:
        expires_at = at + config.links.valid_for
        token = sign(
            secret.get_secret_value(), alert, addressee, signed_at=at, expires_at=expires_at
        )
        return f"{base}/l/{token}"

    return link
