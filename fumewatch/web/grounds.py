"""What an alert about other alerts, events or monitors rests on, for its page: with links."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from fumewatch.core.alert import PART_OF
from fumewatch.core.phrases import instant, number
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.store import Connection
from fumewatch.store.pages import alerts, devices, fleet
from fumewatch.store.pages.alerts import AlertRow
from fumewatch.store.pages.devices import FindingRow
from fumewatch.web import models
from fumewatch.web.context import Context
from fumewatch.web.present import Presenter

MOST_FINDINGS: Final = 20
_BEFORE: Final = timedelta(days=1)
"""An offline alert that is part of an outage may have opened so long before it."""


@dataclass(frozen=True, slots=True)
class Grounds:
    """`whole`: the alert that this one is part of. `restarts`: what counted besides alerts."""

    alerts: list[models.Alert] = field(default_factory=list)
    members: list[models.Monitor] = field(default_factory=list)
    restarts: list[datetime] = field(default_factory=list)
    findings: list[models.Finding] = field(default_factory=list)
    complaint_at: datetime | None = None
    whole: models.Alert | None = None


def grounds_of(context: Context, alert: models.Alert, evidence: Mapping[str, Any]) -> Grounds:
    present = context.present
    with context.database.transaction() as conn:
        whole = _whole(conn, evidence)
        found = _found(conn, alert, evidence)
        members = fleet.monitors_among(conn, _numbers(evidence.get("members")))
        findings = _findings(conn, alert, evidence)
    now = present.local(context.now())
    at = {row.opened_at for row in found}
    times = [moment for moment in _times(evidence) if alert.kind == "recurrence"]
    complaint = instant(evidence.get("complaint_at"))
    return Grounds(
        alerts=[present.alert(row) for row in found],
        members=[present.monitor(row, now) for row in members],
        restarts=[present.local(moment) for moment in times if moment not in at],
        findings=[finding(present, row) for row in findings],
        complaint_at=present.local(complaint) if complaint else None,
        whole=present.alert(whole) if whole else None,
    )


def _whole(conn: Connection, evidence: Mapping[str, Any]) -> AlertRow | None:
    part = evidence.get(PART_OF)
    try:
        id = UUID(part["alert"]) if isinstance(part, Mapping) else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return alerts.alert(conn, id) if id else None


def _found(conn: Connection, alert: models.Alert, evidence: Mapping[str, Any]) -> list[AlertRow]:
    """The alerts that it counts, or that are part of it."""
    match alert.kind:
        case "recurrence":
            return _opened_at(conn, alert, evidence.get("rules"), _times(evidence))
        case "complaint":
            opened = instant(evidence.get("alert_opened"))
            return _opened_at(conn, alert, [evidence.get("alert")], [opened] if opened else [])
        case "outage":
            return alerts.parts_of(conn, alert.id, alert.opened_at - _BEFORE)
        case _:
            return []


def _opened_at(
    conn: Connection, alert: models.Alert, rules: Any, times: list[datetime]
) -> list[AlertRow]:
    named = [rule for rule in rules if isinstance(rule, str)] if isinstance(rules, list) else []
    return alerts.opened_at(conn, alert.monitor_id, named, times) if named and times else []


def _findings(
    conn: Connection, alert: models.Alert, evidence: Mapping[str, Any]
) -> list[FindingRow]:
    """Means that differ, from when a mismatch began to look."""
    within = number(evidence.get("within_days"))
    if alert.kind != "mismatch" or not 0 < within < 10_000:
        return []
    since = alert.opened_at.astimezone(UTC) - timedelta(days=within)
    return devices.findings(conn, [alert.monitor_id], since, MOST_FINDINGS)


def finding(present: Presenter, row: FindingRow) -> models.Finding:
    channel = CHANNELS[INDEX[row.channel]]
    return models.Finding(
        interval=row.interval,
        start=present.local(row.start),
        channel=channel.name,
        unit=channel.unit,
        device_mean=row.mean / channel.scale,
        our_mean=row.our_mean / channel.scale,
        our_readings=row.our_count,
    )


def _times(evidence: Mapping[str, Any]) -> list[datetime]:
    times = evidence.get("times")
    found = [instant(time) for time in times] if isinstance(times, list) else []
    return [moment for moment in found if moment]


def _numbers(members: Any) -> list[int]:
    listed = members if isinstance(members, list) else []
    return [one for one in listed if type(one) is int and 0 < one < 2**31]
