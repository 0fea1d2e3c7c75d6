"""An alert: one rule breached at one monitor, from pending to resolved.

pending ──hold over──▶ firing ──clear for keep_firing_for──▶ resolved
   └──────────────────── clear ─────────────────────────────────▲

No data leaves an alert as it is: unplugging a monitor resolves nothing.
"""

import math
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any, Final, assert_never

_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-616c65727473")
_UNBROKEN: Final = timedelta(minutes=1)
"""Breaches this close together are one: shorter holds must not break between two judgements."""


PART_OF: Final = "part_of"
"""In the evidence of an alert that is part of an incident: that incident's alert and its name."""


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
    ALONE = "incident over, still breached"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long a breach must last before firing, and clear before resolving."""

    hold: timedelta = timedelta(0)
    keep_firing_for: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """What of a rule goes into its alerts."""

    id: str
    kind: str
    severity: Severity
    policy: Policy = Policy()


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's verdict on one monitor, in the channel's unit; NaN where there is no number.

    `evidence` is asked for only when the alert changes its state: it costs more than judging.
    """

    monitor: int
    verdict: Verdict
    value: float
    limit: float
    evidence: Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Alert:
    """`opened_at`: the breach was first seen. `breached_at`: it was last seen. All times UTC.

    `value`, `limit`: of the last breach. `evidence`: of the last change of state; with it go the
    worst value since the opening under "peak", and what cleared the alert under "cleared".
    """

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

    @property
    def is_part(self) -> bool:
        """Of an incident that has an alert of its own."""
        return PART_OF in self.evidence


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of state, already applied to `alert`. `before` is None when the alert is new."""

    alert: Alert
    before: State | None
    at: datetime
    reason: Reason


@dataclass(frozen=True, slots=True)
class Step:
    """What a finding did to an alert: the alert as it is now, None where there is still none.

    Save a transition at once. `changed` without one moves only `breached_at`, `clear_since`,
    `value`: worth saving now and then, so that a restart does not begin a hold anew.
    """

    alert: Alert | None
    transition: Transition | None = None
    changed: bool = False


def alert_id(rule: str, monitor: int, opened_at: datetime) -> uuid.UUID:
    """The same breach has the same id however often it is judged: nothing is opened twice."""
    return uuid.uuid5(_NAMESPACE, f"{rule}/{monitor}/{opened_at.isoformat()}")


def advance(alert: Alert | None, finding: Finding, now: datetime, rule: RuleFacts) -> Step:
    """Take an alert one step, or open it.

    1. No data: nothing changes.
    2. Breach: none or resolved → pending, or firing at once without a hold; pending → firing after
       the hold, which starts again if no breach was seen for longer than it; firing stays.
    3. Clear: pending → resolved; firing → resolved once clear for `keep_firing_for`.
    """
    match finding.verdict:
        case Verdict.NO_DATA:
            return Step(alert)
        case Verdict.BREACH:
            return _breach(alert, finding, now, rule)
        case Verdict.CLEAR:
            return _clear(alert, finding, now, rule.policy)
        case _:
            assert_never(finding.verdict)


def seen_again(alert: Alert, numbers: Sequence[tuple[float, float]], now: datetime) -> Alert:
    """An alert after breaches that went on until now and did not change its state.

    numbers: (value, limit) of the worst of them, in order of time, and of the last one.
    """
    evidence = alert.evidence
    for value, limit in numbers:
        peak = _peak(evidence, value, limit)
        if peak and peak["peak"] != evidence.get("peak"):
            evidence = evidence | peak
    value, limit = numbers[-1]
    return Alert(  # `replace` takes several times as long, and this is what most steps are
        id=alert.id,
        rule=alert.rule,
        kind=alert.kind,
        severity=alert.severity,
        monitor=alert.monitor,
        state=alert.state,
        opened_at=alert.opened_at,
        breached_at=now,
        value=value,
        limit=limit,
        fired_at=alert.fired_at,
        clear_since=None,
        resolved_at=alert.resolved_at,
        evidence=evidence,
    )


def withdraw(alert: Alert, now: datetime) -> Step:
    """Resolve an open alert whose rule is no longer in the configuration."""
    resolved = replace(alert, state=State.RESOLVED, resolved_at=now)
    return _move(resolved, alert.state, now, Reason.RULE_REMOVED)


def left_alone(alert: Alert, at: datetime) -> Transition:
    """A firing alert whose incident is over: from now on it speaks for itself."""
    evidence = {name: value for name, value in alert.evidence.items() if name != PART_OF}
    alone = replace(alert, state=State.FIRING, resolved_at=None, evidence=evidence)
    return Transition(alone, State.FIRING, at, Reason.ALONE)


def _breach(alert: Alert | None, finding: Finding, now: datetime, rule: RuleFacts) -> Step:
    if alert is None:
        return _open(finding, now, rule)
    match alert.state:
        case State.RESOLVED:
            return _open(finding, now, rule)
        case State.PENDING:
            return _hold(alert, finding, now, rule.policy.hold)
        case State.FIRING:
            return _keep(_seen(alert, finding, now))
        case _:
            assert_never(alert.state)


def _clear(alert: Alert | None, finding: Finding, now: datetime, policy: Policy) -> Step:
    if alert is None:
        return Step(None)
    match alert.state:
        case State.RESOLVED:
            return Step(alert)
        case State.PENDING:
            return _resolve(alert, finding, now, Reason.CLEARED_EARLY)
        case State.FIRING:
            since = alert.clear_since or now
            if now - since >= policy.keep_firing_for:
                return _resolve(alert, finding, now, Reason.CLEARED)
            return Step(replace(alert, clear_since=since), changed=alert.clear_since is None)
        case _:
            assert_never(alert.state)


def _open(finding: Finding, now: datetime, rule: RuleFacts) -> Step:
    fires = rule.policy.hold <= timedelta(0)
    alert = Alert(
        id=alert_id(rule.id, finding.monitor, now),
        rule=rule.id,
        kind=rule.kind,
        severity=rule.severity,
        monitor=finding.monitor,
        state=State.FIRING if fires else State.PENDING,
        opened_at=now,
        breached_at=now,
        value=finding.value,
        limit=finding.limit,
        fired_at=now if fires else None,
        evidence=finding.evidence() | _peak({}, finding.value, finding.limit),
    )
    return _move(alert, None, now, Reason.BREACHED)


def _hold(alert: Alert, finding: Finding, now: datetime, hold: timedelta) -> Step:
    seen = _seen(alert, finding, now)
    if now - alert.breached_at > max(hold, _UNBROKEN):
        return _keep(replace(seen, opened_at=now))
    if now - alert.opened_at < hold:
        return _keep(seen)
    evidence = finding.evidence() | _peak(seen.evidence, finding.value, finding.limit)
    fired = replace(seen, state=State.FIRING, fired_at=now, evidence=evidence)
    return _move(fired, alert.state, now, Reason.HELD)


def _seen(alert: Alert, finding: Finding, now: datetime) -> Alert:
    return seen_again(alert, [(finding.value, finding.limit)], now)


def _peak(evidence: dict[str, Any], value: float, limit: float) -> dict[str, float]:
    """The worst value so far: the largest, or the smallest where the breach began below its limit.

    Nothing where there is no number to compare. The limit may have changed since: `evidence` has
    the one of the beginning.
    """
    if not math.isfinite(value):
        return {}
    peak = evidence.get("peak", value)
    worse = min if peak < (evidence.get("limit") or limit) else max
    return {"peak": round(worse(peak, value), 3)}


def _resolve(alert: Alert, finding: Finding, now: datetime, reason: Reason) -> Step:
    resolved = replace(
        alert,
        state=State.RESOLVED,
        clear_since=alert.clear_since or now,
        resolved_at=now,
        evidence=alert.evidence | {"cleared": finding.evidence()},
    )
    return _move(resolved, alert.state, now, reason)


def _keep(alert: Alert) -> Step:
    return Step(alert, changed=True)


def _move(alert: Alert, before: State | None, at: datetime, reason: Reason) -> Step:
    return Step(alert, Transition(alert, before, at, reason), changed=True)
