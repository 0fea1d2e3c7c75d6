"""Sample notices: what a configuration is tried on before anything happens.

They hold what real ones may hold: quotation marks in a name, none of the facts of a place, several
alerts, or no alert at all.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.alert import Alert, Severity, State, Transition, alert_id
from fumewatch.core.alert import Reason as Why
from fumewatch.core.notice import Body, Contact, Reason, notice
from fumewatch.core.site import ZONE_NAME, Place
from fumewatch.core.wording import message

_AT: Final = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
_KEY: Final = uuid.UUID("0b6e3c1e-9d51-4a59-9a5e-000000000000")
_BASE: Final = "https://fumewatch.example.org"
_PLACE: Final = Place(
    monitor=1,
    code="MN0001",
    district="xuhui",
    site_id=1,
    site='老王面馆 "分店" & <Co.>',
    street="天平路街道",
    address="衡山路 1 号",
    vendor="acme",
)
_STRAY: Final = Place(monitor=2, code="MN0002", district="xuhui")
CONTACT: Final = Contact(
    1, "王", email="wang@example.org", phone="13800000000", account="wang", language="zh"
)


def transitions(receiver: str, to: Contact | None) -> Iterator[tuple[str, Body]]:
    """Notices as machines get them, each with what it is, for a fault's text."""
    for state in (State.FIRING, State.RESOLVED):
        body = _body(_PLACE, state)
        body["change"] = body["state"]
        yield f"one alert, {state}", _made([body], Reason.TRANSITION, receiver, to)


def groups(receiver: str, to: Contact | None) -> Iterator[tuple[str, Body]]:
    """Notices as people get them."""
    yield from transitions(receiver, to)
    firing = {**_body(_PLACE, State.FIRING), "change": "firing"}
    over = {**_body(_STRAY, State.RESOLVED), "change": "resolved"}
    yield "several alerts", _made([firing, over], Reason.GROUP, receiver, to)
    yield "no alert, as a dead-man message is", _made([], Reason.DEAD_MAN, receiver, to)


def _made(alerts: list[Body], reason: Reason, receiver: str, to: Contact | None) -> Body:
    title = {"zh": "预警送不出去", "en": "Early warnings cannot be delivered"}
    return notice(
        alerts,
        key=_KEY,
        reason=reason,
        at=_AT,
        receiver=receiver,
        to=to,
        title=None if alerts else title,
        link=f"{_BASE}/notices/1",
    )


def _body(place: Place, state: State) -> Body:
    opened_at = _AT - timedelta(minutes=10)
    alert = Alert(
        id=alert_id("exceedance", place.monitor, opened_at),
        rule="exceedance",
        kind="threshold",
        severity=Severity.WARNING,
        monitor=place.monitor,
        state=state,
        opened_at=opened_at,
        breached_at=_AT,
        value=1.23,
        limit=1.0,
        evidence={"channel": "fume", "peak": 1.3},
    )
    why = Why.CLEARED if state is State.RESOLVED else Why.HELD
    transition = Transition(alert, State.PENDING, _AT, why)
    body = message(transition, place, rule=None, base_url=_BASE, zone=ZoneInfo(ZONE_NAME))
    return {**body, "key": str(_KEY), "transition": 1}
