"""Rules: each turns a window, days, or the past into a verdict, of all monitors at once.

One kind a file.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from fumewatch.core.rules.absence import Absence
from fumewatch.core.rules.baseline import Baseline
from fumewatch.core.rules.cleaning import Cleaning
from fumewatch.core.rules.complaint import Complaint
from fumewatch.core.rules.day import DayRule
from fumewatch.core.rules.deterioration import Deterioration
from fumewatch.core.rules.flatline import Flatline
from fumewatch.core.rules.jump import Jump
from fumewatch.core.rules.linkage import Linkage
from fumewatch.core.rules.linkage_rate import LinkageRate
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.mismatch import Mismatch
from fumewatch.core.rules.outage import Outage
from fumewatch.core.rules.pattern import PatternRule
from fumewatch.core.rules.recurrence import Recurrence
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.threshold import Threshold
from fumewatch.core.rules.trend import Trend
from fumewatch.core.rules.validity import Validity

__all__ = [
    "Absence",
    "Baseline",
    "Cleaning",
    "Complaint",
    "DayRule",
    "Deterioration",
    "Flatline",
    "Jump",
    "Linkage",
    "LinkageRate",
    "MinuteRule",
    "Mismatch",
    "Outage",
    "PatternRule",
    "Recurrence",
    "Rule",
    "Threshold",
    "Trend",
    "Validity",
    "depths",
    "needs",
]

MinuteKind = Threshold | Linkage | Absence | Trend | Flatline | Jump | Outage
DayKind = Deterioration | Baseline | Cleaning | LinkageRate | Validity
PatternKind = Recurrence | Complaint | Mismatch
Rule = Annotated[MinuteKind | DayKind | PatternKind, Field(discriminator="kind")]


def needs(rules: Iterable[Common], refresh: int = 0) -> tuple[frozenset[int], int]:
    """The channels and the minutes that a window must keep for the rules of minutes.

    `refresh`: as of `depths`.
    """
    found = depths(rules, refresh)
    return frozenset(found), max(found.values(), default=1)


def depths(rules: Iterable[Common], refresh: int) -> dict[int, int]:
    """By channel, the minutes that its rules look back.

    `refresh`: the longest refresh period, minutes. A change that lies so far back makes the
    oldest minute in sight fresh, and what comes late may be one.
    """
    found: dict[int, int] = {}
    for rule in (rule for rule in rules if isinstance(rule, MinuteRule)):
        for channel in rule.channels_needed:
            found[channel] = max(found.get(channel, 0), rule.minutes_needed + refresh)
    return found
