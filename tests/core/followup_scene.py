"""Alerts, what is done about them and ladders, written short. Times are of Shanghai."""

import uuid
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Severity, State
from fumewatch.core.followup.action import Action, ActionKind, Via
from fumewatch.core.followup.ladder import Escalation
from fumewatch.core.site import Place

SHANGHAI = ZoneInfo("Asia/Shanghai")
PLACES = {
    1: Place(1, "M1", "xuhui", site_id=1, site="Old Town Noodles", street="天平路街道"),
    2: Place(2, "M2", "xuhui", site_id=2, site="Hot Pot", street="徐家汇街道"),
}


def local(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    """27 15:00 is of November 2026, 10-01 15:00 of that year; the 27th is a Friday."""
    day, clock = text.split()
    month, _, of_month = day.rpartition("-")
    at = datetime.fromisoformat(f"2026-{month or '11'}-{of_month} {clock}")
    return at.replace(tzinfo=zone).astimezone(UTC)


def said(at: datetime, zone: ZoneInfo = SHANGHAI) -> str:
    return f"{at.astimezone(zone):%m-%d %H:%M}"


def alert(number: int = 1, fired: str | None = "27 15:00", **fields: Any) -> Alert:
    at = local(fired) if fired else local("27 15:00")
    resolved = fields.pop("resolved", None)
    state = State.RESOLVED if resolved else State.FIRING if fired else State.PENDING
    return Alert(
        **{
            "id": uuid.UUID(int=number),
            "rule": "exceedance",
            "kind": "threshold",
            "severity": Severity.WARNING,
            "monitor": 1,
            "state": state,
            "opened_at": at,
            "breached_at": at,
            "value": 1.4,
            "limit": 1.0,
            "fired_at": at if fired else None,
            "resolved_at": local(resolved) if resolved else None,
        }
        | fields
    )


KINDS = {
    "confirmed": (ActionKind.OUTCOME, {"outcome": "confirmed"}),
    "false alarm": (ActionKind.OUTCOME, {"outcome": "false alarm"}),
    "resolved": (ActionKind.OUTCOME, {"outcome": "resolved"}),
}


def action(what: str, at: str | datetime, number: int = 1, **fields: Any) -> Action:
    """`what`: a kind, or an outcome; "step NAME": that step of the ladder `ladder`."""
    kind, detail = KINDS.get(what, (None, {}))
    via: Via = "command"
    if what.startswith("step "):
        kind, via = ActionKind.ESCALATED, "fumewatch"
        detail = {"escalation": "ladder", "step": what.removeprefix("step "), "receivers": []}
    when = at if isinstance(at, datetime) else local(at)
    return Action(
        **{
            "alert": uuid.UUID(int=number),
            "at": when,
            "kind": kind or ActionKind(what),
            "actor": "" if via == "fumewatch" else "Li Wei",
            "via": via,
            "detail": detail,
        }
        | fields
    )


def actions(*done: tuple[str, str], **fields: Any) -> list[Action]:
    return [action(what, at, id=i, **fields) for i, (what, at) in enumerate(done, 1)]


def ladder(*steps: dict[str, Any], **fields: Any) -> Escalation:
    """Steps are called a, b, c."""
    named = [{"name": n, "receiver": n} | step for n, step in zip("abcdef", steps, strict=False)]
    return Escalation.model_validate({"name": "ladder", "step": named} | fields)
