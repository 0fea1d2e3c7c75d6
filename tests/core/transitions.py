"""Transitions and places for tests, to be overridden where a test cares."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fumewatch.core.alert import Alert, Reason, Severity, State, Transition, alert_id
from fumewatch.core.site import Place

OPENED_AT = datetime(2026, 11, 23, 4, 5, tzinfo=UTC)
"""12:05 in Shanghai."""

_BEFORE = {State.PENDING: None, State.FIRING: State.PENDING, State.RESOLVED: State.FIRING}
_REASON = {
    State.PENDING: Reason.BREACHED,
    State.FIRING: Reason.HELD,
    State.RESOLVED: Reason.CLEARED,
}


def a_place(**overrides: Any) -> Place:
    known: dict[str, Any] = {
        "monitor": 7,
        "code": "MN0007",
        "district": "xuhui",
        "site_id": 3,
        "site": "老王面馆",
        "sites": ("老王面馆",),
        "street": "天平路街道",
        "address": "衡山路 1 号",
        "outlet": "1 号排口",
        "vendor": "acme",
    }
    return Place(**{**known, **overrides})


def a_transition(
    after: State = State.FIRING,
    *,
    lasting: timedelta = timedelta(minutes=10),
    reason: Reason | None = None,
    before: State | None = None,
    **alert: Any,
) -> Transition:
    """`lasting`: from the opening to the transition."""
    known: dict[str, Any] = {
        "rule": "exceedance",
        "kind": "threshold",
        "severity": Severity.WARNING,
        "monitor": 7,
        "state": after,
        "opened_at": OPENED_AT,
        "breached_at": OPENED_AT + lasting,
        "value": 1.234,
        "limit": 1.0,
    }
    fields = {**known, **alert}
    fields.setdefault("id", alert_id(fields["rule"], fields["monitor"], OPENED_AT))
    return Transition(
        Alert(**fields),
        before or _BEFORE[after],
        OPENED_AT + lasting,
        reason or _REASON[after],
    )
