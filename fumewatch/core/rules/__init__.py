"""Rules: each turns a window, days, or the past into a verdict, of all monitors at once.

One kind a file.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from fumewatch.core.fresh import REPORTED
from fumewatch.core.reading import INDEX, MEASURED
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


def needs(rules: Iterable[Common]) -> tuple[frozenset[int], int]:
    """The channels and the minutes that a window must keep for the rules of minutes.

    A condition on a measured value counts what came within the hour before; what a state was is
    carried on by itself.
    """
    listed = [rule for rule in rules if isinstance(rule, MinuteRule)]
    channels = frozenset[int]().union(*(rule.channels_needed for rule in listed))
    conditions = {INDEX[name] for rule in listed for name, _ in rule.when.conditions()}
    before = REPORTED if conditions & set(MEASURED) else 0
    return channels, before + max((rule.minutes_needed for rule in listed), default=1)


def depths(rules: Iterable[Common], refresh: int) -> dict[int, int]:
    """By channel, the minutes that its rules look back.

    `refresh`: the longest refresh period, minutes. A change that lies so far back makes the
    oldest minute in sight fresh, and what comes late may be one.
    """
    found: dict[int, int] = {}
    listed = [rule for rule in rules if isinstance(rule, MinuteRule)]
    for rule in listed:
        before = dict.fromkeys(rule.own_channels, refresh)
        for name, _ in rule.when.conditions():
            before[INDEX[name]] = REPORTED if INDEX[name] in MEASURED else refresh
        for channel, more in before.items():
            found[channel] = max(found.get(channel, 0), rule.minutes_needed + more)
    return found
