"""Notices for the receivers of people, to be overridden where a test cares."""

from datetime import UTC, datetime
from typing import Any

from fumewatch.core.notice import Body, Contact, Reason
from tests.receivers import factories
from tests.receivers.factories import a_body

NOW = datetime(2026, 11, 23, 4, 15, tzinfo=UTC)


def a_contact(**overrides: Any) -> Contact:
    """Who can be reached by what is given only."""
    return factories.a_contact(**{"phone": "", "email": "", **overrides})


def a_notice(
    *,
    count: int = 1,
    reason: Reason = Reason.GROUP,
    to: Contact | None = None,
    **overrides: Any,
) -> Body:
    """`overrides`: of each of its alerts."""
    change = "resolved" if overrides.get("state") == "resolved" else "firing"
    alerts = [{**a_body(**overrides), "change": change} for _ in range(count)]
    return factories.a_notice(*alerts, reason=reason, to=to)
