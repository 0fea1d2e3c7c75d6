"""A storm: more notifications for one addressee than may be sent, turned into one notice.

Nothing is dropped: of each alert the newest standing counts, and is listed where there is room.
"""

import heapq
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from fumewatch.core.notice import MOST_ALERTS, RANK, Body, Change, Reason, notice

MERGED: Final = (
    Reason.TRANSITION,
    Reason.GROUP,
    Reason.REPEAT,
    Reason.ESCALATION,
    Reason.STORM,
)
"""Whose notifications are all about alerts. A digest, or a message of ours, is sent by itself."""
_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-73746f726d00")


@dataclass(frozen=True, slots=True)
class Said:
    """What one notification said of one alert, but for its text. `row`, `place`: where that is."""

    alert: str
    state: str
    severity: str
    opened_at: str
    change: Change
    row: int
    place: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How many alerts fire and are over, and the worst MOST_ALERTS of them, the worst first."""

    firing: int
    resolved: int
    worst: Sequence[Said]


@dataclass(frozen=True, slots=True)
class Merged:
    """What was merged: how many notifications, how many steps of escalation among them.

    unlisted: firing and resolved alerts that were counted in them without being listed. to, link:
    what they have in common.
    """

    notifications: int
    escalations: int
    unlisted: tuple[int, int] = (0, 0)
    to: dict[str, Any] | None = None
    link: str = ""


def thread_of(receiver: str, addressee: str) -> uuid.UUID:
    """Of all the storms of one addressee: they go out in order."""
    return uuid.uuid5(_NAMESPACE, f"{receiver}/{addressee}/storm")


def key_of(keys: Iterable[uuid.UUID]) -> uuid.UUID:
    """The same notifications merged have the same key."""
    return uuid.uuid5(_NAMESPACE, "/".join(sorted(map(str, keys))))


def stand(said: Iterable[Said]) -> Standing:
    """`said`: in the order of writing, of which the last counts.

    An alert that was new and goes on is still new: nobody has heard of it.
    """
    newest: dict[str, Said] = {}
    for each in said:
        before = newest.get(each.alert)
        is_new = before is not None and before.change == "firing" and each.change == "still"
        newest[each.alert] = replace(each, change="firing") if is_new else each
    firing = sum(each.state != "resolved" for each in newest.values())
    worst = heapq.nsmallest(MOST_ALERTS, newest.values(), key=_order)
    return Standing(firing, len(newest) - firing, worst)


def merge(
    standing: Standing,
    alerts: Sequence[Body],
    merged: Merged,
    *,
    key: uuid.UUID,
    at: datetime,
    receiver: str,
) -> Body:
    """The notice instead of them. `alerts`: the contract's bodies of the standing's worst."""
    firing = standing.firing + merged.unlisted[0]
    resolved = standing.resolved + merged.unlisted[1]
    listed = [
        {**alert, "change": said.change} for alert, said in zip(alerts, standing.worst, strict=True)
    ]
    body = notice(
        listed,
        key=key,
        reason=Reason.STORM,
        at=at,
        receiver=receiver,
        title=_title(merged),
        link=merged.link,
    )
    return body | {
        "to": merged.to,
        "state": "firing" if firing else "resolved",
        "counts": {"firing": firing, "resolved": resolved},
        "left_out": firing + resolved - len(listed),
    }


def _title(merged: Merged) -> dict[str, str]:
    n, escalated = merged.notifications, merged.escalations
    zh, en = f"预警集中，{n} 条通知合并为一条", f"{n} notifications in one: too many for one by one"
    if escalated:
        zh += f"，其中催办 {escalated} 条"
        en += f"; {escalated} of them remind of what is not settled"
    return {"zh": zh, "en": en}


def _order(said: Said) -> tuple[bool, int, datetime, str]:
    """As a notice lists its alerts."""
    opened_at = datetime.fromisoformat(said.opened_at)
    return said.state == "resolved", -RANK.index(said.severity), opened_at, said.alert
