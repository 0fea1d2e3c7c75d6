"""An alert: one rule breached at one monitor, from pending to resolved.

pending ──hold over──▶ firing ──clear for keep_firing_for──▶ resolved
   └──────────────────── clear ─────────────────────────────────▲

No data leaves an alert as it is: unplugging a monitor resolves nothing.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-616c65727473")


class Verdict(IntEnum):
    """What a rule says of a window; an IntEnum because judgements come as int8 columns."""

    NO_DATA = 0
    CLEAR = 1
    BREACH = 2


class State(StrEnum):
    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class Reason(StrEnum):
    """Why an alert changed its state."""

    BREACHED = "breached"
    HELD = "breach held"
    CLEARED = "cleared"
    CLEARED_EARLY = "cleared before it fired"
    RULE_REMOVED = "rule removed"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a breach must last before firing, and clear before resolving."""

    hold: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict on one monitor, in the channel's unit; NaN where there is no number.

    `since` is when the breach began by the readings, where the rule can tell.
    """

    verdict: Verdict
    value: float
    limit: float
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """`opened_at`: the breach was first seen. `breached_at`: it was last seen. All times UTC."""

    id: uuid.UUID
    rule: str
    kind: str
    severity: Severity
    monitor: int
    state: State
    opened_at: datetime
    breached_at: datetime
    value: float
    limit: float
    fired_at: datetime | None = None
    clear_since: datetime | None = None
    resolved_at: datetime | None = None
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return self.state is not State.RESOLVED


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, already applied to `alert`. `before` is None when the alert is new."""

    alert: Alert
    before: State | None
    at: datetime
    reason: Reason


def alert_id(rule: str, monitor: int, opened_at: datetime) -> uuid.UUID:
    """The same breach has the same id however often it is judged: nothing is opened twice."""
    return uuid.uuid5(_NAMESPACE, f"{rule}/{monitor}/{opened_at.isoformat()}")
