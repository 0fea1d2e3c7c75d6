"""What was done about an alert: by people, or by a step of its escalation. Append-only."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal


class ActionKind(StrEnum):
    """`detail` of some: assigned {"to"}, correcting {"until"}, visited {"findings"}, outcome
    {"outcome"}, escalated {"escalation", "step", "receivers"}. Times in it are ISO 8601."""

    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    CORRECTING = "correcting"
    CORRECTED = "corrected"
    VISITED = "visited"
    OUTCOME = "outcome"
    NOTE = "note"
    REOPENED = "reopened"
    ESCALATED = "escalated"
    LINK_REVOKED = "link revoked"


class Outcome(StrEnum):
    """What was found. A false alarm or resolved closes the alert's case; confirmed does not."""

    CONFIRMED = "confirmed"
    FALSE_ALARM = "false alarm"
    RESOLVED = "resolved"


Via = Literal["link", "page", "api", "command", "fumewatch"]


@dataclass(frozen=True, slots=True)
class Action:
    """`actor`: who, as they call themselves, or as their account or token is called.

    `addressee`: whose link it was, where it was one.
    `photos`: what goes with it as proof. `id`: 0 until it is stored; later ones have a larger one.
    """

    alert: uuid.UUID
    at: datetime
    kind: ActionKind
    actor: str
    via: Via
    addressee: str = ""
    note: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    photos: tuple[uuid.UUID, ...] = ()
    id: int = 0
