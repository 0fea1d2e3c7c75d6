"""The dates to which the evidence of day rules leads: when a limit is reached, a cleaning due."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from fumewatch.core.phrases import number

_FARTHEST: Final = 10_000
"""Days ahead; what is farther is never."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """`on`: the first day that reaches it; `earliest`, `latest`: between which; None: not known."""

    on: date
    earliest: date | None
    latest: date | None


def outlook(evidence: Mapping[str, Any]) -> Outlook | None:
    """Of a deterioration; None where its line does not reach the level."""
    days = evidence.get("days")
    last = day(days[-1]) if isinstance(days, list) and days else None
    on = ahead(last, evidence.get("days_to_limit"))
    if on is None:
        return None
    between = evidence.get("days_to_limit_between")
    ends = between if isinstance(between, list) and len(between) == 2 else (None, None)
    earliest, latest = (ahead(last, end) for end in ends)
    return Outlook(on, earliest, latest)


def cleaning_due(evidence: Mapping[str, Any]) -> date | None:
    """By the calendar or by the fan's hours, whichever comes first."""
    cleaned, cycle = day(evidence.get("cleaned")), number(evidence.get("cycle_days"))
    by_cycle = ahead(cleaned, cycle)
    if by_cycle is None or evidence.get("by") != "fan_hours":
        return by_cycle
    sooner = number(evidence.get("days_left_by_cycle")) - number(evidence.get("value"))
    return ahead(by_cycle, -sooner)


def is_overdue(evidence: Mapping[str, Any]) -> bool:
    """The due day went by without a cleaning."""
    return number(evidence.get("value")) <= 0


def day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def ahead(last: date | None, days: Any) -> date | None:
    """The first whole day that lies so many days after `last`."""
    count = number(days)
    if last is None or not abs(count) < _FARTHEST:
        return None
    return last + timedelta(days=math.ceil(round(count, 6)))
