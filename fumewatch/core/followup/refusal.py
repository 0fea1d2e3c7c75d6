"""What cannot be done about an alert as its case stands, and why not, for people."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from fumewatch.core.followup.action import Action, ActionKind, Outcome
from fumewatch.core.followup.standing import Standing

LONGEST_NAME: Final = 64
LONGEST_NOTE: Final = 2000
"""Characters."""

_OF_CLOSED: Final = frozenset({ActionKind.REOPENED, ActionKind.NOTE, ActionKind.LINK_REVOKED})


class Refusal(StrEnum):
    """Its value is English; `zh` says the same."""

    CLOSED = "the case is closed; reopen it first"
    NOT_CLOSED = "the case is not closed, so there is nothing to reopen"
    NOBODY = "it is not said who does it"
    NO_ASSIGNEE = "it is not said to whom it is assigned"
    NO_NOTE = "there is nothing in the note"
    NOT_A_TIME = "until when it will be corrected is no time that is still to come"
    NOT_AN_OUTCOME = "the outcome is none of confirmed, false alarm, resolved"
    TOO_LONG = f"a name has at most {LONGEST_NAME} characters, a note at most {LONGEST_NOTE}"
    NOT_YOURS = "fumewatch itself records which steps it took"

    @property
    def zh(self) -> str:
        return _ZH[self]


_ZH: Final = {
    Refusal.CLOSED: "该告警已办结，请先重新打开",
    Refusal.NOT_CLOSED: "该告警尚未办结，无需重新打开",
    Refusal.NOBODY: "未填写操作人",
    Refusal.NO_ASSIGNEE: "未填写指派给谁",
    Refusal.NO_NOTE: "备注内容为空",
    Refusal.NOT_A_TIME: "整改期限无效，或已经过去",
    Refusal.NOT_AN_OUTCOME: "处理结果只能是：属实、误报、已解决",
    Refusal.TOO_LONG: f"姓名最多 {LONGEST_NAME} 字，备注最多 {LONGEST_NOTE} 字",
    Refusal.NOT_YOURS: "督办步骤只能由系统记录",
}


def refuse(standing: Standing, action: Action) -> Refusal | None:
    """Why it cannot be done; None: it can."""
    if standing.is_closed and action.kind not in _OF_CLOSED:
        return Refusal.CLOSED
    if action.kind is ActionKind.REOPENED and not standing.is_closed:
        return Refusal.NOT_CLOSED
    return _unfit(action) or _incomplete(action)


def repeated(done: Sequence[Action], action: Action) -> Action | None:
    """Who acknowledges again does nothing new: what they did before, unless it was reopened since.

    `done`: of the alert, in the order of their ids.
    """
    for before in reversed(done):
        if action.kind is not ActionKind.ACKNOWLEDGED or before.kind is ActionKind.REOPENED:
            return None
        if before.kind is action.kind and before.actor == action.actor:
            return before
    return None


def _unfit(action: Action) -> Refusal | None:
    if action.via != "fumewatch":
        if action.kind is ActionKind.ESCALATED:
            return Refusal.NOT_YOURS
        if not action.actor.strip():
            return Refusal.NOBODY
    names = (action.actor, str(action.detail.get("to", "")))
    is_long = max(map(len, names)) > LONGEST_NAME or len(action.note) > LONGEST_NOTE
    return Refusal.TOO_LONG if is_long else None


def _incomplete(action: Action) -> Refusal | None:
    detail = action.detail
    match action.kind:
        case ActionKind.ASSIGNED if not str(detail.get("to", "")).strip():
            return Refusal.NO_ASSIGNEE
        case ActionKind.NOTE if not action.note.strip():
            return Refusal.NO_NOTE
        case ActionKind.CORRECTING if "until" in detail and not _is_to_come(action):
            return Refusal.NOT_A_TIME
        case ActionKind.OUTCOME if detail.get("outcome") not in set(Outcome):
            return Refusal.NOT_AN_OUTCOME
        case _:
            return None


def _is_to_come(action: Action) -> bool:
    try:
        until = datetime.fromisoformat(action.detail["until"])
    except (TypeError, ValueError):
        return False
    return until.tzinfo is not None and until > action.at
