"""Sample notices of every reason: what layouts are tried on, and what a preview shows."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Severity, State, Transition, alert_id
from fumewatch.core.alert import Reason as Why
from fumewatch.core.case import SpokenRule
from fumewatch.core.letter.curve import Curve
from fumewatch.core.notice import Body, Change, Contact, Reason, notice
from fumewatch.core.site import ZONE_NAME, Place
from fumewatch.core.wording import message
from fumewatch.core.words import Language

AT: Final = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
BASE_URL: Final = "https://fume.example.org"
CONTACT: Final = Contact(1, "李四", "li@example.org", "13800000000", "lisi")
_KEY: Final = uuid.UUID("0b6e3c1e-9d51-4a59-9a5e-000000000000")
_TITLES: Final[Mapping[Reason, Mapping[str, str]]] = {
    Reason.DIGEST: {"zh": "早间清单", "en": "Morning list"},
    Reason.STORM: {
        "zh": "预警集中，12 条通知合并为一条",
        "en": "12 notifications in one: too many for one by one",
    },
    Reason.DEAD_MAN: {
        "zh": "通知送不出去：“street”自 2026-11-23 11:55 起没有收到任何通知，12 条待发",
        "en": "Notifications do not get out: street has taken none since 2026-11-23 11:55; 12 wait",
    },
}
_STEP: Final = {
    "name": "街镇现场巡查",
    "number": 2,
    "of": 3,
    "since": "2026-11-23T12:05:00+08:00",
    "until": "2026-11-26T12:15:00+08:00",
}
_FIRST: Final = Place(
    monitor=1,
    code="MN0001",
    district="xuhui",
    site_id=1,
    site="老王面馆（天平路店）",
    street="天平路街道",
    address="衡山路 1 号",
    outlet="1 号排口",
)
_SECOND: Final = Place(
    monitor=2,
    code="MN0002",
    district="xuhui",
    site_id=2,
    site='"M&M" [咖啡]_<酒吧>',
    street="天平路街道",
    address="康平路 8 号",
)
_MANY: Final = (Reason.GROUP, Reason.DIGEST, Reason.STORM)
_NONE: Final = (Reason.TEST, Reason.DEAD_MAN)


class _Rule:
    def title(self, language: Language) -> str:
        return "油烟浓度超标" if language == "zh" else "Exceedance"

    def checks(self, language: Language) -> Sequence[str]:
        if language == "zh":
            return ("净化器是否开启", "净化器是否清洗", "有无旁路")
        return ("is the purifier on", "is it clean", "is there a bypass")


def sample(
    reason: Reason,
    *,
    receiver: str = "street",
    to: Contact | None = None,
    alert: Body | None = None,
    zone: ZoneInfo | None = None,
    base_url: str = BASE_URL,
) -> Body:
    """A notice as it might be sent; of `alert`, where one is given and it is of alerts at all."""
    alerts = _alerts(zone or ZoneInfo(ZONE_NAME), base_url)
    listed = [] if reason in _NONE else alerts if reason in _MANY else alerts[:1]
    if alert is not None and listed:
        listed = [alert, *listed[1:]]
    changed = [{**each, "change": _change(reason, each)} for each in listed]
    body = notice(
        changed,
        key=_KEY,
        reason=reason,
        at=AT,
        receiver=receiver,
        to=to,
        group={"street": "天平路街道"} if reason is Reason.GROUP else None,
        title=_TITLES.get(reason),
        link=f"{base_url}/" if reason in _MANY else "",
    )
    return body | ({"step": _STEP} if reason is Reason.ESCALATION else {})


def samples(receiver: str = "street", to: Contact | None = None) -> list[Body]:
    """One of each reason, and one of an alert that is over."""
    every = [sample(reason, receiver=receiver, to=to) for reason in Reason]
    over = _alerts(ZoneInfo(ZONE_NAME), BASE_URL)[-1]
    return [*every, sample(Reason.TRANSITION, receiver=receiver, to=to, alert=over)]


def _change(reason: Reason, alert: Body) -> Change:
    if alert["state"] == "resolved":
        return "resolved"
    return "still" if reason is Reason.REPEAT else "firing"


def sample_alert(
    rule: SpokenRule,
    *,
    id: str,
    kind: str,
    severity: Severity,
    channel: str = "fume",
    zone: ZoneInfo | None = None,
    base_url: str = BASE_URL,
) -> Body:
    """A firing alert of such a rule, with the facts that any may have."""
    alert = replace(_alert(1, severity, value=2.31), rule=id, kind=kind)
    alert.evidence["channel"] = channel
    return _body(_transition(alert), _FIRST, rule, zone or ZoneInfo(ZONE_NAME), base_url)


def sample_curve() -> Curve:
    """What a mail plots of the first sample alert: a kitchen that heats up towards noon."""
    minutes = range(-180, 1)
    heat = [0.12, 0.2, 0.34, 0.3, 0.52, 0.78, 0.7, 1.1, 1.62, 2.31, 2.4]
    step = [max(0, (n + 110) // 10) for n in minutes]
    return Curve(
        channel="fume",
        at=tuple(AT + timedelta(minutes=n) for n in minutes),
        values=tuple(heat[min(n, len(heat) - 1)] for n in step),
        fresh=tuple(n >= -110 or n < -168 for n in minutes),
        limit=1.0,
        opened_at=AT - timedelta(minutes=10),
    )


def _alerts(zone: ZoneInfo, base_url: str) -> list[Body]:
    """A critical one, a warning of another site, and one of the first site that is over."""
    told = (
        (_FIRST, _alert(1, Severity.CRITICAL, value=2.31)),
        (_SECOND, _alert(2, Severity.WARNING, value=1.23)),
        (_FIRST, _alert(1, Severity.WARNING, State.RESOLVED, value=0.4)),
    )
    return [_body(_transition(alert), place, _Rule(), zone, base_url) for place, alert in told]


def _alert(monitor: int, severity: Severity, state: State = State.FIRING, **fields: Any) -> Alert:
    opened_at = AT - timedelta(minutes=10 if state is State.FIRING else 90)
    return Alert(
        id=alert_id("exceedance", monitor, opened_at),
        rule="exceedance",
        kind="threshold",
        severity=severity,
        monitor=monitor,
        state=state,
        opened_at=opened_at,
        breached_at=AT - timedelta(minutes=0 if state is State.FIRING else 15),
        limit=1.0,
        evidence={
            "channel": "fume",
            "statistic": "mean",
            "above": "1 * limit",
            "peak": 2.4,
            "window": {"from": (AT - timedelta(minutes=10)).isoformat(), "to": AT.isoformat()},
        },
        **fields,
    )


def _transition(alert: Alert) -> Transition:
    is_over = alert.state is State.RESOLVED
    before = State.FIRING if is_over else State.PENDING
    return Transition(alert, before, AT, Why.CLEARED if is_over else Why.HELD)


def _body(
    transition: Transition, place: Place, rule: SpokenRule, zone: ZoneInfo, base_url: str
) -> Body:
    return message(transition, place, rule=rule, base_url=base_url, zone=zone)
