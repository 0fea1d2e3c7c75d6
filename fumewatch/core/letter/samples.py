"""Sample notices of every reason: what layouts are tried on, and what a preview shows."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Severity, State, Transition, alert_id
from fumewatch.core.alert import Reason as Why
from fumewatch.core.case import SpokenRule
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
        link=f"{base_url}/alerts" if reason in _MANY else "",
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


def _alerts(zone: ZoneInfo, base_url: str) -> list[Body]:
    """A critical one, a warning of another site, and one of the first site that is over."""
    first = Place(
        monitor=1,
        code="MN0001",
        district="xuhui",
        site_id=1,
        site="老王面馆（天平路店）",
        street="天平路街道",
        address="衡山路 1 号",
        outlet="1 号排口",
    )
    second = Place(
        monitor=2,
        code="MN0002",
        district="xuhui",
        site_id=2,
        site="M&M [咖啡]_酒吧",
        street="天平路街道",
        address="康平路 8 号",
    )
    told = (
        (first, _alert(1, Severity.CRITICAL, value=2.31)),
        (second, _alert(2, Severity.WARNING, value=1.23)),
        (first, _alert(1, Severity.WARNING, State.RESOLVED, value=0.4)),
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
