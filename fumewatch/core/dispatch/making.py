"""From plans to notices: the bodies of the alerts that are listed, links of the addressee's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, State, Transition
from fumewatch.core.alert import Reason as Cause
from fumewatch.core.case import SpokenRule
from fumewatch.core.dispatch.plan import Plan
from fumewatch.core.link import of_receiver
from fumewatch.core.notice import MOST_ALERTS, Body, Change, Reason, notice
from fumewatch.core.site import Place
from fumewatch.core.wording import message

Sign = Callable[[UUID, str, datetime], str]
"""The address of (alert, addressee, time): opens the alert for the addressee."""

_RANK = {"critical": 0, "warning": 1, "info": 2}


class Maker:
    """Keeps the bodies of alerts between the plans of one round: many are told to several."""

    def __init__(
        self, rules: Mapping[str, SpokenRule], zone: ZoneInfo, base_url: str, sign: Sign
    ) -> None:
        self._rules = rules
        self._zone = zone
        self._base_url = base_url
        self._sign = sign
        self._bodies: dict[tuple[UUID, State], Body] = {}

    def make(
        self, plan: Plan, moves: Mapping[UUID, Transition], places: Mapping[int, Place]
    ) -> Body:
        """The notice. `moves`: the last transition of each alert that is `shown`."""
        whose = plan.group.addressee or of_receiver(plan.group.receiver)
        alerts = [
            {
                **self._body(_move(alert, moves.get(alert.id)), places),
                "change": change,
                "link": self._sign(alert.id, whose, plan.at),
            }
            for alert, change in shown(plan)
        ]
        step = plan.step and {**asdict(plan.step), "until": _iso(plan.step.until, self._zone)}
        ended = sum(not alert.is_open for alert, _ in plan.members)
        made = notice(
            alerts,
            key=plan.key,
            reason=plan.reason,
            at=plan.at,
            receiver=plan.group.receiver,
            to=plan.to,
            group=dict(plan.group.labels),
            title=_title(plan),
            link="" if plan.to else _page(self._base_url, dict(plan.group.labels)),
            counts={"firing": len(plan.members) - ended, "resolved": ended},
        )
        return {**made, "step": step} if step else made

    def forget(self) -> None:
        """The round is over."""
        self._bodies.clear()

    def _body(self, move: Transition, places: Mapping[int, Place]) -> Body:
        alert = move.alert
        key = alert.id, alert.state
        if key not in self._bodies:
            place = places.get(alert.monitor) or Place(alert.monitor, str(alert.monitor), "")
            rule = self._rules.get(alert.rule)
            body = message(move, place, rule=rule, base_url="", zone=self._zone)
            self._bodies[key] = body
        return self._bodies[key]


def shown(plan: Plan) -> Sequence[tuple[Alert, Change]]:
    """The members that a notice has room for, the worst first."""
    return sorted(plan.members, key=lambda member: _order(member[0]))[:MOST_ALERTS]


def _move(alert: Alert, last: Transition | None) -> Transition:
    """How the alert came to where the plan has it: the store may know of a later one by now."""
    if last and last.alert.state is alert.state:
        return last
    return Transition(alert, State.PENDING, alert.resolved_at or alert.opened_at, Cause.HELD)


def _page(base_url: str, labels: Mapping[str, str]) -> str:
    """The list of alerts, as far as it can be narrowed down to the group's."""
    if not base_url:
        return ""
    known = {name: labels[name] for name in ("street", "severity", "rule") if labels.get(name)}
    return f"{base_url}/?{urlencode(known)}" if known else f"{base_url}/"


def _iso(at: datetime | None, zone: ZoneInfo) -> str:
    return at.astimezone(zone).isoformat() if at else ""


def _order(alert: Alert) -> tuple[bool, int, datetime]:
    """As core.notice lists them."""
    return not alert.is_open, _RANK[alert.severity], alert.opened_at


def _title(plan: Plan) -> dict[str, str] | None:
    labels = dict(plan.group.labels)
    match plan.reason:
        case Reason.ESCALATION:
            name = labels["step"]
        case Reason.DIGEST:
            name = labels["digest"]
        case _:
            return None
    return {"zh": name, "en": name}
