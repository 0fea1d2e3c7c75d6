"""Digests: a list at a fixed time of day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field

from fumewatch.core.alert import Alert
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.plan import Audience, Contacts, Plan
from fumewatch.core.routing import Matchers, Strings, listed
from fumewatch.core.site import Place

LATEST: Final = timedelta(hours=2)
"""A digest that could not be sent in time is sent so much later, and then not any more."""


class Digest(Matchers):
    """One [[digest]]: sent at `at`, site time of the configured zone, on these kinds of days.

    of: "open": what fires now, the worst first; "day": what fired and ended since the one before.
    """

    name: str = Field(min_length=1, max_length=64)
    receiver: Strings
    at: str = Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")
    days: Annotated[
        tuple[Literal["workday", "weekend", "holiday"], ...], BeforeValidator(listed)
    ] = ("workday", "weekend", "holiday")
    of: Literal["open", "day"] = "open"
    empty: bool = False
    """Sent even where there is nothing to list."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A digest that is due at one receiver. `since`: when the one before was. Instants."""

    digest: Digest
    receiver: str
    at: datetime
    since: datetime
    day: date


def issues(
    digests: Iterable[Digest], after: datetime, until: datetime, calendar: Calendar, zone: ZoneInfo
) -> list[Issue]:
    """Those whose time is in (after, until], and no more than LATEST before `until`.

    After a start ask from `until - LATEST` on: `plans` have the same keys again."""
    raise NotImplementedError


def next_issue(
    digests: Iterable[Digest], after: datetime, calendar: Calendar, zone: ZoneInfo
) -> datetime | None:
    """When the next one is due."""
    raise NotImplementedError


def plans(
    issue: Issue, alerts: Iterable[tuple[Alert, Place]], audience: Audience, contacts: Contacts
) -> list[Plan]:
    """What to send: one to the receiver, or one to each contact of what is listed; reason DIGEST,
    nothing told. `alerts`: those that fire, for "day" also those resolved since `issue.since`."""
    raise NotImplementedError
