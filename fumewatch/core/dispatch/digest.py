"""Digests: a list at a fixed time of day."""

import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from fumewatch.core.alert import Alert, State
from fumewatch.core.calendar import Calendar
from fumewatch.core.dispatch.plan import Audience, Contacts, Group, Plan
from fumewatch.core.notice import Change, Contact, Reason
from fumewatch.core.routing import Matchers, Strings, labels_of, listed
from fumewatch.core.site import Place

LATEST: Final = timedelta(hours=2)
"""A digest that could not be sent in time is sent so much later, and then not any more."""


def _clock(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise ValueError(f"{text!r} is no time of day; write 08:30")
    return text


class Digest(Matchers):
    """One [[digest]]: sent at `at`, site time of the configured zone, on these kinds of days.

    of: "open": what fires now, the worst first; "day": what fired and ended since the one before.
    """

    name: str = Field(min_length=1, max_length=64)
    receiver: Strings
    at: Annotated[str, AfterValidator(_clock)]
    days: Annotated[
        tuple[Literal["workday", "weekend", "holiday"], ...],
        BeforeValidator(listed),
        Field(min_length=1),
    ] = ("workday", "weekend", "holiday")
    of: Literal["open", "day"] = "open"
    empty: bool = False
    """Sent even where there is nothing to list."""


_NAMESPACE: Final = uuid.UUID("66756d65-7761-5463-8000-646967657374")
_ONE_DAY: Final = timedelta(days=1)
_FARTHEST: Final = 60
"""Days to look for one on which a digest is sent: longer than any holiday."""


@dataclass(frozen=True, slots=True)
class Issue:
    """A digest that is due at one receiver. `since`: when the one before was. `day`: local date."""

    digest: Digest
    receiver: str
    at: datetime
    since: datetime
    day: date


def issues(
    digests: Iterable[Digest], after: datetime, until: datetime, calendar: Calendar, zone: ZoneInfo
) -> list[Issue]:
    """Those whose time is in (after, until], the earliest first, none older than LATEST.

    After a start ask from `until - LATEST` on: the `plans` have the same keys again.
    """
    first = max(after, until - LATEST)
    found = [
        Issue(digest, receiver, at, _before(digest, day, calendar, zone), day)
        for digest in digests
        for day in _days(first.astimezone(zone).date() - _ONE_DAY, _ONE_DAY, 4)
        if _is_sent_on(digest, day, calendar) and first < (at := _time(digest, day, zone)) <= until
        for receiver in digest.receiver
    ]
    return sorted(found, key=lambda issue: issue.at)


def next_issue(
    digests: Iterable[Digest], after: datetime, calendar: Calendar, zone: ZoneInfo
) -> datetime | None:
    """When the next one is due, later than `after`; None: there are no digests."""
    yesterday = after.astimezone(zone).date() - _ONE_DAY
    nexts = (
        _time(digest, day, zone)
        for digest in digests
        for day in _days(yesterday, _ONE_DAY, _FARTHEST)
        if _is_sent_on(digest, day, calendar)
    )
    return min((at for at in nexts if at > after), default=None)


def plans(
    issue: Issue, alerts: Iterable[tuple[Alert, Place]], audience: Audience, contacts: Contacts
) -> list[Plan]:
    """What to send: one to the receiver, or one to each contact of what is listed; reason DIGEST,
    nothing told. `alerts`: those that fire, for "day" also those resolved since `issue.since`.

    Silenced and inhibited ones are listed, too; parts of an incident and pending ones are not. The
    group's only label, "digest", is its name.
    """
    listed = [(alert, place) for alert, place in alerts if _is_listed(issue, alert, place)]
    people: dict[Contact | None, list[Alert]] = {}
    if audience.contact is None:
        people = {None: [alert for alert, _ in listed]} if listed or issue.digest.empty else {}
    else:
        for alert, place in listed:
            for contact in contacts(place, audience.contact):
                people.setdefault(contact, []).append(alert)
    return [_plan(issue, to, found) for to, found in people.items()]


def _is_listed(issue: Issue, alert: Alert, place: Place) -> bool:
    if alert.fired_at is None or alert.is_part:
        return False
    if issue.digest.of == "open":
        is_meant = alert.state is State.FIRING
    else:
        is_meant = any(
            when is not None and issue.since < when <= issue.at
            for when in (alert.fired_at, alert.resolved_at)
        )
    return is_meant and issue.digest.take(labels_of(alert, place))


def _plan(issue: Issue, to: Contact | None, alerts: Sequence[Alert]) -> Plan:
    name = f"digest {issue.digest.name}"
    labels = (("digest", issue.digest.name),)
    group = Group(issue.receiver, to.addressee if to else "", name, labels, ())
    return Plan(
        group=group,
        reason=Reason.DIGEST,
        at=issue.at,
        to=to,
        members=tuple((alert, _change(issue, alert)) for alert in alerts),
        told=(),
        key=uuid.uuid5(_NAMESPACE, f"{group.thread}/{issue.day.isoformat()}"),
    )


def _change(issue: Issue, alert: Alert) -> Change:
    if not alert.is_open:
        return "resolved"
    is_new = alert.fired_at is not None and alert.fired_at > issue.since
    return "firing" if is_new else "still"


def _days(first: date, step: timedelta, count: int) -> Iterator[date]:
    return (first + n * step for n in range(count))


def _is_sent_on(digest: Digest, day: date, calendar: Calendar) -> bool:
    return calendar.kind(day).name.lower() in digest.days


def _time(digest: Digest, day: date, zone: ZoneInfo) -> datetime:
    """Of an hour that the clocks show twice, the first; one they leave out is an hour later."""
    return datetime.combine(day, time.fromisoformat(digest.at), zone).astimezone(UTC)


def _before(digest: Digest, day: date, calendar: Calendar, zone: ZoneInfo) -> datetime:
    """When the digest was due before that day; a day before, if it was not for long."""
    sent = (
        earlier
        for earlier in _days(day - _ONE_DAY, -_ONE_DAY, _FARTHEST)
        if _is_sent_on(digest, earlier, calendar)
    )
    return _time(digest, next(sent, day - _ONE_DAY), zone)
