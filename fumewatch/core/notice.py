"""Notices: what people are sent about one alert or several, as it is kept in the outbox.

Machines (`takes = "transitions"`) get the contract's body, one transition each, in the
transition's own transaction. People (`takes = "groups"`) get notices, which the dispatcher makes
from what their receiver has not been told yet. A notice is JSON:

    key         uuid                    the same however often it is sent
    reason      Reason                  why it is sent
    at          ISO 8601
    receiver    name of the [[receiver]]
    to          Contact as JSON, or null where the receiver has an address of its own
    state       "firing" where any of its alerts fires, else "resolved"
    severity    the worst of its alerts
    group       {label: value}          what its alerts have in common, as its route groups them
    counts      {"firing": n, "resolved": n}
    title       {"zh", "en"}            what it is about where that is no alert; "" otherwise
    step        of an escalation only   {"name", "number", "of", "until": ISO 8601 or "", "on"}
    alerts      at most MOST_ALERTS     the contract's bodies, the worst first, each with "change"
                                        and a "link" that is the addressee's own
    left_out    alerts counted and not listed
    link        page of all of them, or ""
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

Body = dict[str, Any]
MOST_ALERTS: Final = 50
RANK: Final = ("info", "warning", "critical")


class Reason(StrEnum):
    """Why a notification is sent."""

    TRANSITION = "transition"
    GROUP = "group"
    REPEAT = "repeat"
    ESCALATION = "escalation"
    DIGEST = "digest"
    STORM = "storm"
    DEAD_MAN = "dead man"
    TEST = "test"


Change = Literal["firing", "still", "resolved"]
"""Of an alert in a notice: new to the addressee, told before, over."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a site, a vendor or a street. `account`: whom a bot mentions."""

    id: int
    name: str
    email: str = ""
    phone: str = ""
    account: str = ""
    language: Literal["zh", "en", "both"] = "zh"

    @property
    def addressee(self) -> str:
        return f"contact {self.id}"


_OF_CONTACT: Final = tuple(field.name for field in fields(Contact))


def notice(
    alerts: Sequence[Body],
    *,
    key: uuid.UUID,
    reason: Reason,
    at: datetime,
    receiver: str,
    to: Contact | None = None,
    group: Mapping[str, str] | None = None,
    title: Mapping[str, str] | None = None,
    link: str = "",
    counts: Mapping[str, int] | None = None,
) -> Body:
    """`alerts`: the contract's bodies with "change" added. Only a single one keeps its evidence.

    `counts`: where there are more alerts than are given.
    """
    ended = sum(alert["state"] == "resolved" for alert in alerts)
    counts = dict(counts or {"firing": len(alerts) - ended, "resolved": ended})
    worst_first = sorted(alerts, key=_order)
    listed = worst_first[:MOST_ALERTS]
    if sum(counts.values()) > 1:
        listed = [{**alert, "evidence": {}} for alert in listed]
    return {
        "key": str(key),
        "reason": reason.value,
        "at": at.isoformat(),
        "receiver": receiver,
        "to": {name: getattr(to, name) for name in _OF_CONTACT} if to else None,
        "state": "resolved" if counts["resolved"] and not counts["firing"] else "firing",
        "severity": worst_first[0]["severity"] if alerts else "info",
        "group": dict(group or {}),
        "counts": counts,
        "title": dict(title or {"zh": "", "en": ""}),
        "alerts": listed,
        "left_out": sum(counts.values()) - len(listed),
        "link": link,
    }


def is_notice(body: Body) -> bool:
    return "alerts" in body


def as_notice(body: Body, receiver: str) -> Body:
    """A transition's body as a notice of one alert; a notice as it is."""
    if is_notice(body):
        return body
    change: Change = "resolved" if body["state"] == "resolved" else "firing"
    return notice(
        [{**body, "change": change}],
        key=uuid.UUID(body["key"]),
        reason=Reason.TRANSITION,
        at=datetime.fromisoformat(body["at"]),
        receiver=receiver,
        link=body.get("link", ""),
    )


def _order(alert: Body) -> tuple[bool, int, datetime]:
    """What fires comes first, then the worse, then the longer open."""
    opened_at = datetime.fromisoformat(alert["opened_at"])
    return alert["state"] == "resolved", -RANK.index(alert["severity"]), opened_at
