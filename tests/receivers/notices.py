"""Notices for the receivers of people, to be overridden where a test cares."""

import uuid
from datetime import UTC, datetime
from typing import Any

from fumewatch.core.notice import Body, Contact, Reason, notice
from tests.receivers.factories import KEY, a_body

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)


def a_contact(**overrides: Any) -> Contact:
    return Contact(**{"id": 7, "name": "李师傅", **overrides})


def a_notice(
    *,
    count: int = 1,
    reason: Reason = Reason.GROUP,
    to: Contact | None = None,
    key: uuid.UUID = KEY,
    **overrides: Any,
) -> Body:
    """`overrides`: of each of its alerts."""
    change = "resolved" if overrides.get("state") == "resolved" else "firing"
    alerts = [{**a_body(**overrides), "change": change} for _ in range(count)]
    return notice(alerts, key=key, reason=reason, at=NOW, receiver="group", to=to)
