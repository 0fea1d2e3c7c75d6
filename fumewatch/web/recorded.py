"""What the API answers of an alert's record: whom it was sent to, who knows, what was done."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


class Notification(_Out):
    """One message to one receiver; `answer` is the remote's last answer or our last error.

    `transition`: null for a notice, which may be of other alerts too. `addressee`, `person`: whom
    of the receiver's contacts it went to; empty where the receiver has an address of its own.
    `merged`: it went out as part of another one.
    """

    transition: int | None
    receiver: str
    addressee: str
    person: str
    reason: str
    state: Literal["due", "sent", "failed", "merged"]
    created_at: datetime
    due_at: datetime
    attempts: int
    answer: str | None
    settled_at: datetime | None


class Told(_Out):
    """What a receiver's people, or one contact of theirs, know of the alert, and since when."""

    receiver: str
    addressee: str
    person: str
    state: Literal["firing", "resolved"]
    at: datetime


class Photo(_Out):
    """`url`: its address here; `width` and `height` in pixels."""

    id: UUID
    url: str
    width: int
    height: int


class Action(_Out):
    """What somebody did about an alert, or a step of its escalation. `detail` depends on the kind:
    assigned {to}, correcting {until}, visited {findings}, outcome {outcome}, note {claim}?,
    escalated {escalation, step, receivers}."""

    id: int
    at: datetime
    kind: str
    actor: str
    via: Literal["link", "page", "api", "command", "fumewatch"]
    addressee: str
    note: str
    detail: dict[str, Any]
    photos: list[Photo]
