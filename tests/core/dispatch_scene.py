"""A day at the dispatcher as text: what happens at which minute, and what is told then.

0 fire a            an alert of rule a at monitor 7; "a@8": at monitor 8
3 resolve a
5 silence a 20      until minute 20
9 unsilence a
-> 5 duty: +a -b =c what receiver duty is told: new, over, still
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fumewatch.core.alert import PART_OF, Alert, Severity, State, alert_id
from fumewatch.core.calendar import ONLY_WEEKENDS, Calendar
from fumewatch.core.dispatch.dispatcher import Dispatcher
from fumewatch.core.dispatch.mute import Inhibition, Silence
from fumewatch.core.dispatch.plan import Due, Plan, Told
from fumewatch.core.notice import Contact
from fumewatch.core.routing import Label, Matchers, Route
from fumewatch.core.site import Place
from fumewatch.receivers.receiver import ReceiverFields
from tests.core.transitions import a_place

START = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""A Monday, 12:00 in Shanghai."""

SHANGHAI = ZoneInfo("Asia/Shanghai")
_MARKS = {"firing": "+", "still": "=", "resolved": "-"}
_SEVERITIES = {"c": Severity.CRITICAL, "i": Severity.INFO}


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


def a_receiver(name: str = "duty", **table: Any) -> ReceiverFields:
    return ReceiverFields.model_validate({"name": name, "takes": "groups", **table})


def a_route(**table: Any) -> Route:
    return Route.model_validate({"receiver": "duty", **table})


def an_alert(name: str, at: datetime = START, **overrides: Any) -> Alert:
    """Named by its rule, and "@" its monitor; rules that begin with c are critical, with i info."""
    rule, _, monitor = name.partition("@")
    number = int(monitor or 7)
    known: dict[str, Any] = {
        "id": alert_id(rule, number, at),
        "rule": rule,
        "kind": "threshold",
        "severity": _SEVERITIES.get(rule[0], Severity.WARNING),
        "monitor": number,
        "state": State.FIRING,
        "opened_at": at,
        "breached_at": at,
        "value": 1.2,
        "limit": 1.0,
        "fired_at": at,
    }
    return Alert(**{**known, **overrides})


def at_monitor(number: int) -> Place:
    """Three monitors a site, six a street."""
    return a_place(
        monitor=number,
        code=f"MN{number:04}",
        site_id=number // 3,
        site=f"site {number // 3}",
        street=f"street {number // 6}",
    )


def a_silence(until: datetime, since: datetime = START, **match: Any) -> Silence:
    return Silence(
        matchers=Matchers(match=match),
        starts_at=since,
        ends_at=until,
        reason="works",
        author="Li",
        created_at=since,
    )


class Scene:
    """A dispatcher beside a store of alerts, and of what was told: `lines` has each message.

    Whatever is told is checked: no key twice, no end of what was not told, nothing told twice.
    """

    def __init__(
        self,
        routes: Iterable[Route] = (),
        receivers: Sequence[ReceiverFields] = (),
        *,
        inhibit: Sequence[dict[str, Any]] = (),
        people: Sequence[Contact] = (),
        calendar: Calendar = ONLY_WEEKENDS,
        zone: ZoneInfo = SHANGHAI,
        restarts: bool = False,
    ) -> None:
        self.routes = list(routes) or [a_route()]
        self.receivers = list(receivers) or [a_receiver()]
        self.inhibitions = [Inhibition.model_validate(table) for table in inhibit]
        self.people = people
        self.calendar, self.zone, self.restarts = calendar, zone, restarts
        self.silences: list[Silence] = []
        self.alerts: dict[str, Alert] = {}  # the last of each name
        self.store: dict[UUID, Alert] = {}
        self.places = {number: at_monitor(number) for number in range(40)}
        self.told: dict[tuple[str, str, UUID], Told] = {}
        self.keys: set[UUID] = set()
        self.lines: list[str] = []
        self.unaddressed: list[str] = []
        self.now = START
        self.restart()

    def restart(self) -> None:
        audiences = {receiver.name: receiver for receiver in self.receivers}
        self.dispatcher = Dispatcher(
            self.routes, audiences, self.inhibitions, self.calendar, self.zone
        )
        self.use()
        believed = {row.alert for row in self.told.values() if row.state is State.FIRING}
        alerts = [a for a in self.store.values() if a.is_open or a.id in believed]
        ids = {alert.id for alert in alerts}
        rows = [row for row in self.told.values() if row.alert in ids]
        self.dispatcher.load(alerts, rows, self.places)

    def use(self) -> None:
        self.dispatcher.use(self.silences, lambda place, role: self.people)

    def fire(self, name: str, at: datetime = START, **overrides: Any) -> Alert:
        return self.take(an_alert(name, at, **overrides), at)

    def resolve(self, name: str, at: datetime) -> Alert:
        known = self.alerts[name]
        return self.take(replace(known, state=State.RESOLVED, resolved_at=at), at)

    def release(self, name: str, at: datetime) -> Alert:
        known = self.alerts[name]
        alone = {k: v for k, v in known.evidence.items() if k != PART_OF}
        return self.take(replace(known, evidence=alone), at)

    def take(self, alert: Alert, at: datetime) -> Alert:
        self.put(alert)
        self.dispatcher.take(alert, self.places[alert.monitor], at)
        return alert

    def put(self, alert: Alert) -> None:
        """Into the store, while no dispatcher runs."""
        self.alerts[self.name(alert)] = self.store[alert.id] = alert

    def name(self, alert: Alert) -> str:
        return alert.rule + (f"@{alert.monitor}" if alert.monitor != 7 else "")

    def due(self, now: datetime) -> Due:
        if self.restarts:
            self.restart()
        due = self.dispatcher.due(now)
        for plan in due.plans:
            self._check(plan)
            self.lines.append(self.line(plan))
        for row in due.told:
            self.told[row.receiver, row.addressee, row.alert] = row
        self.unaddressed += [f"{receiver} {self.name(a)}" for receiver, a in due.unaddressed]
        return due

    def line(self, plan: Plan) -> str:
        minutes = (plan.at - START) / timedelta(minutes=1)
        who = plan.group.receiver + (plan.group.addressee and f"/{plan.group.addressee}")
        what = "".join(f" {_MARKS[change]}{self.name(alert)}" for alert, change in plan.members)
        repeat = " again" if plan.reason == "repeat" else ""
        return f"{minutes:g} {who}{repeat}:{what}"

    def _check(self, plan: Plan) -> None:
        assert plan.key not in self.keys
        self.keys.add(plan.key)
        for alert, change in plan.members:
            row = self.told.get((plan.group.receiver, plan.group.addressee, alert.id))
            believed = row is not None and row.state is State.FIRING
            assert believed == (change != "firing"), (self.line(plan), row)
            assert (change == "resolved") == (not alert.is_open)

    def play(self, script: str, until: float = 1000) -> list[str]:
        """Do what the script says, ask what is due when `next_at` says so, and then; the lines."""
        for when, lines in groupby(_lines(script), key=lambda line: float(line[0])):
            self.wait(when)
            for _, action, *words in lines:
                for word in words if action != "silence" else [" ".join(words)]:
                    self.do(minute(when), action, word)
            self.due(minute(when))
        self.wait(until)
        return self.lines

    def do(self, at: datetime, action: str, what: str) -> None:
        match action:
            case "fire":
                self.fire(what, at)
            case "part":
                self.fire(what, at, evidence={PART_OF: {"alert": "x", "name": "x"}})
            case "resolve":
                self.resolve(what, at)
            case "release":
                self.release(what, at)
            case "silence":
                rule, until = what.split()
                self.silences.append(a_silence(minute(float(until)), at, rule=rule))
                self.use()
            case "unsilence":
                self.silences = [
                    each for each in self.silences if what not in each.matchers.match[Label.RULE]
                ]
                self.use()
            case _:
                raise ValueError(action)

    def wait(self, until: float) -> None:
        """Ask at every `next_at` before that minute."""
        last = None
        while (at := self.dispatcher.next_at) is not None and at < minute(until):
            assert last is None or at > last, "it asks to be asked for nothing"
            last = at
            self.due(max(at, self.now))
        self.now = max(minute(until), self.now)


def _lines(script: str) -> list[list[str]]:
    return [line.split() for line in script.splitlines() if line.strip() and "->" not in line]


def expected(script: str) -> list[str]:
    """Of a script with lines like `-> 5 duty: +a`."""
    return [line.strip()[3:] for line in script.splitlines() if "->" in line]
