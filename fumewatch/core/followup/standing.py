"""How the case of an alert stands: what all that was done about it comes to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, assert_never

from fumewatch.core.followup.action import Action, ActionKind, Outcome

Done = Literal["acknowledged", "correcting", "corrected", "visited", "confirmed", "resolved"]
"""What a step of an escalation can depend on: an action, or that the alert resolved by itself."""

CLOSING: Final = frozenset({Outcome.FALSE_ALARM, Outcome.RESOLVED})


@dataclass(frozen=True, slots=True)
class Taken:
    """A step of an escalation that was taken; both by their names."""

    escalation: str
    step: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What was done, by whom and when; None and "": not yet, or not since it was reopened.

    Of what was done twice the first counts: saying "correcting" again gains no time. Only the
    outcome, the assignee and what was promised (`correcting_until`) are the latest.
    `resolved_at`: the alert resolved by itself. `taken`: steps, in the order in which they were.
    """

    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    assigned_to: str = ""
    correcting_at: datetime | None = None
    correcting_until: datetime | None = None
    corrected_at: datetime | None = None
    visited_at: datetime | None = None
    visited_by: str = ""
    confirmed_at: datetime | None = None
    outcome: Outcome | None = None
    outcome_at: datetime | None = None
    outcome_by: str = ""
    reopened_at: datetime | None = None
    resolved_at: datetime | None = None
    taken: tuple[Taken, ...] = ()

    @property
    def is_closed(self) -> bool:
        return self.outcome in CLOSING

    @property
    def is_answered(self) -> bool:
        """Somebody took it on. To assign it to another, or to note something, is no answer."""
        answers = (self.acknowledged_at, self.correcting_at, self.corrected_at, self.visited_at)
        return self.outcome is not None or any(answers)

    def done_at(self, what: Done) -> datetime | None:
        match what:
            case "acknowledged":
                return self.acknowledged_at
            case "correcting":
                return self.correcting_at
            case "corrected":
                return self.corrected_at
            case "visited":
                return self.visited_at
            case "confirmed":
                return self.confirmed_at
            case "resolved":
                return self.resolved_at
            case _:
                assert_never(what)


def fold(actions: Iterable[Action], resolved_at: datetime | None = None) -> Standing:
    """`actions`: of one alert, in the order of their ids; `resolved_at`: the alert's own."""
    standing = Standing(resolved_at=resolved_at)
    for action in actions:
        standing = _after(standing, action)
    return standing


def _after(was: Standing, action: Action) -> Standing:
    match action.kind:
        case ActionKind.OUTCOME:
            return _found(was, action)
        case ActionKind.REOPENED:
            return _anew(was, action.at)
        case ActionKind.ESCALATED:
            named = str(action.detail["escalation"]), str(action.detail["step"])
            return replace(was, taken=(*was.taken, Taken(*named, action.at)))
        case ActionKind.NOTE | ActionKind.LINK_REVOKED:
            return was
        case _:
            return replace(was, **_changed(was, action))


def _changed(was: Standing, action: Action) -> dict[str, Any]:
    at, who = action.at, action.actor
    match action.kind:
        case ActionKind.ACKNOWLEDGED if was.acknowledged_at is None:
            return {"acknowledged_at": at, "acknowledged_by": who}
        case ActionKind.ASSIGNED:
            return {"assigned_to": str(action.detail["to"])}
        case ActionKind.CORRECTING:
            return {"correcting_at": was.correcting_at or at, "correcting_until": _until(action)}
        case ActionKind.CORRECTED:
            return {"corrected_at": was.corrected_at or at}
        case ActionKind.VISITED if was.visited_at is None:
            return {"visited_at": at, "visited_by": who}
        case _:
            return {}


def _found(was: Standing, action: Action) -> Standing:
    outcome = Outcome(action.detail["outcome"])
    confirmed_at = was.confirmed_at
    if outcome is Outcome.CONFIRMED and confirmed_at is None:
        confirmed_at = action.at
    return replace(
        was,
        outcome=outcome,
        outcome_at=action.at,
        outcome_by=action.actor,
        confirmed_at=confirmed_at,
    )


def _anew(was: Standing, at: datetime) -> Standing:
    """Whose it is and which steps were taken stays; all else must be done again."""
    return Standing(
        assigned_to=was.assigned_to, reopened_at=at, resolved_at=was.resolved_at, taken=was.taken
    )


def _until(action: Action) -> datetime | None:
    """A time without a zone cannot be meant; `refuse` lets none in."""
    until = action.detail.get("until")
    return datetime.fromisoformat(until).astimezone(UTC) if until else None
