"""What `fumewatch alerts` tells: how cases stand, who is asked next, what was done."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from fumewatch.cli import show
from fumewatch.config import Config
from fumewatch.core.followup.action import Action, ActionKind
from fumewatch.core.followup.ladder import Due, Escalation, due, ladder_of
from fumewatch.core.followup.standing import Standing, fold
from fumewatch.core.phrases import finite
from fumewatch.store import Connection, actions, monitors
from fumewatch.store.pages import alerts
from fumewatch.store.pages.alerts import AlertRow, TransitionRow

if TYPE_CHECKING:
    from fumewatch.store.pages.cases import CaseRow

_ID_SHOWN: Final = 8


@dataclass(frozen=True, slots=True)
class Case:
    """`escalation`: the alert's ladder; `next`: its next step, due or to come."""

    alert: AlertRow
    standing: Standing
    transitions: Sequence[TransitionRow]
    done: Sequence[Action]
    escalation: Escalation | None
    next: Due | None

    def standing_json(self) -> dict[str, Any]:
        return asdict(self.standing) | {"is_closed": self.standing.is_closed}

    def next_json(self) -> dict[str, Any] | None:
        if self.next is None or self.escalation is None:
            return None
        step = self.next.step
        return {
            "escalation": self.escalation.name,
            "step": step.name,
            "receivers": list(step.receiver),
            "at": self.next.at,
        }

    def as_json(self) -> dict[str, Any]:
        return {
            "alert": _facts(self.alert),
            "standing": self.standing_json(),
            "next": self.next_json(),
            "transitions": list(map(_facts, self.transitions)),
            "actions": self.done,
        }


def look(conn: Connection, config: Config, id: UUID) -> Case:
    """All of one alert; `id` is of one that there is."""
    row = alerts.alert(conn, id)
    assert row is not None
    done = actions.of(conn, id)
    (place,) = monitors.places(conn, str(config.zone), [row.monitor_id])
    alert = row.as_alert()
    ladder = ladder_of(config.escalation, alert, place)
    coming = due(ladder, alert, done, config.calendar.days, config.zone) if ladder else None
    standing = fold(done, row.resolved_at)
    return Case(row, standing, alerts.transitions(conn, id), done, ladder, coming)


def listed_json(row: "CaseRow") -> dict[str, Any]:
    found = _facts(row)
    found["standing"]["is_closed"] = row.standing.is_closed
    return found


def _facts(row: "AlertRow | TransitionRow | CaseRow") -> dict[str, Any]:
    """JSON has no NaN."""
    return {k: finite(v) if isinstance(v, float) else v for k, v in asdict(row).items()}


def tell_list(rows: Sequence["CaseRow"], count: int, zone: ZoneInfo) -> None:
    columns = ["id", "fired", "severity", "rule", "site or monitor", "street", "state", "case"]
    cells = [
        (
            row.id.hex[:_ID_SHOWN],
            _time(row.fired_at, zone),
            row.severity,
            row.rule,
            row.site or row.monitor,
            row.street,
            row.state,
            stands(row.standing, zone),
        )
        for row in rows
    ]
    show.table("", columns, cells)
    shown = "" if len(rows) == count else f", the newest {len(rows):,} of them listed"
    show.line(f"{show.count(count, 'alert')}{shown}")


def stands(standing: Standing, zone: ZoneInfo) -> str:
    """The furthest that was done, in few words."""
    if standing.outcome and standing.outcome_at:
        return f"{standing.outcome.value}, {standing.outcome_by}"
    if standing.visited_at:
        return f"visited, {standing.visited_by}"
    if standing.corrected_at:
        return "corrected"
    if standing.correcting_at:
        until = standing.correcting_until
        return f"correcting until {_time(until, zone)}" if until else "correcting"
    if standing.acknowledged_at:
        return f"acknowledged, {standing.acknowledged_by}"
    return f"assigned to {standing.assigned_to}" if standing.assigned_to else "unanswered"


def tell(case: Case, zone: ZoneInfo) -> None:
    row = case.alert
    fired = _time(row.fired_at, zone) if row.fired_at else "not yet"
    over = f", over {_time(row.resolved_at, zone)}" if row.resolved_at else ""
    lines = {
        "alert": str(row.id),
        "rule": f"{row.rule} ({row.severity}), {row.state}",
        "where": ", ".join(filter(None, (row.site, row.address, row.street, row.monitor))),
        "fired": f"{fired}{over}",
        "case": stands(case.standing, zone),
        "assigned to": case.standing.assigned_to,
        "next": _next(case, zone),
    }
    for name, value in lines.items():
        if value:
            show.line(f"{name:<13}{show.inert(value)}")
    _tell_record(case, zone)


def _next(case: Case, zone: ZoneInfo) -> str:
    if case.escalation is None:
        return "no [[escalation]] takes it"
    if case.next is None:
        return f"nobody, as things stand ({case.escalation.name})"
    names = ", ".join(case.next.step.receiver)
    step = f"{case.escalation.name}, {case.next.step.name}"
    return f"{_time(case.next.at, zone)} {names} ({step})"


def _tell_record(case: Case, zone: ZoneInfo) -> None:
    record: list[tuple[datetime, str, str, str]] = [
        (each.at, each.after, "", each.reason) for each in case.transitions
    ]
    record += [(each.at, each.kind.value, each.actor, _said(each, zone)) for each in case.done]
    record.sort(key=lambda entry: entry[0])
    cells = [(_time(at, zone), what, who, more) for at, what, who, more in record]
    show.line()
    show.table("", ["time", "what", "who", ""], cells)


def _said(action: Action, zone: ZoneInfo) -> str:
    photos = [show.count(len(action.photos), "photo")] if action.photos else []
    return "; ".join([*_details(action.detail, zone), *filter(None, [action.note]), *photos])


def _details(detail: Mapping[str, Any], zone: ZoneInfo) -> Iterator[str]:
    for name, value in detail.items():
        if name == "until":
            yield f"until {_time(datetime.fromisoformat(value), zone)}"
        elif isinstance(value, list):
            yield f"{name}: {', '.join(map(str, value)) or 'nobody'}"
        elif name in ("findings", "outcome"):
            yield str(value)
        else:
            yield f"{name} {value}"


def tell_done(action: Action, case: Case, zone: ZoneInfo) -> None:
    row = case.alert
    what = action.detail.get("outcome", action.kind.value)
    kind = "" if action.kind is not ActionKind.ASSIGNED else f" to {action.detail['to']}"
    where = row.site or row.monitor
    show.line(show.inert(f"{row.rule} at {where}: {what}{kind}, {action.actor} ({action.id})"))
    if case.standing.is_closed:
        show.line("The case is closed.")
    elif case.next:
        show.line(show.inert(f"Next: {_next(case, zone)}"))


def _time(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
