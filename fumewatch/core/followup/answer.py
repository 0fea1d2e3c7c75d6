"""What an addressee can say through a link, and what they see of what others did."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from fumewatch.core.followup.action import ActionKind, Outcome
from fumewatch.core.phrases import one_line

LONGEST_NAME: Final = 40
LONGEST_TEXT: Final = 1000
LONGEST_CORRECTION: Final = timedelta(days=30)


class Role(StrEnum):
    """Whose link it is: who has to correct, or who supervises."""

    RESPONSIBLE = "responsible"
    SUPERVISOR = "supervisor"


class Answer(StrEnum):
    """What a form says. `claim`: the site or its vendor holds it for a false alarm."""

    ACKNOWLEDGE = "acknowledge"
    CORRECTING = "correcting"
    CORRECTED = "corrected"
    VISITED = "visited"
    OUTCOME = "outcome"
    CLAIM = "claim"
    NOTE = "note"


_KINDS: Final = {
    Answer.ACKNOWLEDGE: ActionKind.ACKNOWLEDGED,
    Answer.CORRECTING: ActionKind.CORRECTING,
    Answer.CORRECTED: ActionKind.CORRECTED,
    Answer.VISITED: ActionKind.VISITED,
    Answer.OUTCOME: ActionKind.OUTCOME,
    Answer.CLAIM: ActionKind.NOTE,
    Answer.NOTE: ActionKind.NOTE,
}


_INWARD: Final = frozenset({ActionKind.NOTE, ActionKind.LINK_REVOKED})


class Lack(StrEnum):
    """Why an answer is not taken."""

    NAME = "name missing"
    TEXT = "text missing"
    TOO_LONG = "text too long"
    PHOTO = "photo missing"
    UNTIL = "until is no time to come"
    OUTCOME = "outcome missing"


@dataclass(frozen=True, slots=True)
class Said:
    """What a form holds. `until`: None where it is no time."""

    name: str = ""
    text: str = ""
    until: datetime | None = None
    outcome: str = ""
    photos: int = 0


@dataclass(frozen=True, slots=True)
class Meant:
    """What an answer comes to, as an action has it."""

    kind: ActionKind
    note: str
    detail: Mapping[str, Any]


def offered(role: Role) -> tuple[Answer, ...]:
    """A site cannot close its own case: its false alarm is a claim that a supervisor looks at."""
    if role is Role.RESPONSIBLE:
        return (
            Answer.ACKNOWLEDGE,
            Answer.CORRECTING,
            Answer.CORRECTED,
            Answer.CLAIM,
            Answer.NOTE,
        )
    return tuple(answer for answer in Answer if answer is not Answer.CLAIM)


def meant(answer: Answer, said: Said, role: Role, now: datetime) -> Meant | Lack:
    """`said.text` is the note, or the findings of a visit."""
    lack = _lack(answer, said, role, now)
    if lack is not None:
        return lack
    text = paragraph(said.text)
    if answer is Answer.VISITED:
        return Meant(_KINDS[answer], "", {"findings": text})
    return Meant(_KINDS[answer], text, _detail(answer, said))


def _detail(answer: Answer, said: Said) -> dict[str, Any]:
    match answer:
        case Answer.CORRECTING if said.until:
            return {"until": said.until.isoformat()}
        case Answer.OUTCOME:
            return {"outcome": said.outcome}
        case Answer.CLAIM:
            return {"claim": Outcome.FALSE_ALARM.value}
        case _:
            return {}


def _lack(answer: Answer, said: Said, role: Role, now: datetime) -> Lack | None:
    if not one_line(said.name, LONGEST_NAME):
        return Lack.NAME
    if len(said.text) > LONGEST_TEXT:
        return Lack.TOO_LONG
    if answer in (Answer.VISITED, Answer.CLAIM, Answer.NOTE) and not paragraph(said.text):
        return Lack.TEXT
    if answer is Answer.CORRECTED and role is Role.RESPONSIBLE and not said.photos:
        return Lack.PHOTO
    if answer is Answer.CORRECTING and not _is_to_come(said.until, now):
        return Lack.UNTIL
    if answer is Answer.OUTCOME and said.outcome not in list(Outcome):
        return Lack.OUTCOME
    return None


def _is_to_come(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until <= now + LONGEST_CORRECTION


def paragraph(text: str) -> str:
    """Its lines that say something, without control characters and what turns a line round."""
    lines = (one_line(line, LONGEST_TEXT) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def is_shown(kind: str, whose: str, role: Role, addressee: str) -> bool:
    """Whether an action of this kind, said through `whose` link, is shown to the addressee.

    A site sees what was done by whom, but not what supervisors note among themselves.
    """
    return role is Role.SUPERVISOR or kind not in _INWARD or whose == addressee
