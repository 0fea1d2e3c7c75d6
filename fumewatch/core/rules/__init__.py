"""Rules: each turns a window, days, or the past into a verdict, of all monitors at once.

One kind a file.
"""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from fumewatch.core.rules.absence import Absence
from fumewatch.core.rules.day import DayRule
from fumewatch.core.rules.linkage import Linkage
from fumewatch.core.rules.minute import MinuteRule
from fumewatch.core.rules.pattern import PatternRule
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.threshold import Threshold
from fumewatch.core.rules.trend import Trend

__all__ = [
    "Absence",
    "DayRule",
    "Linkage",
    "MinuteRule",
    "PatternRule",
    "Rule",
    "Threshold",
    "Trend",
    "needs",
]

Rule = Annotated[Threshold | Linkage | Absence | Trend, Field(discriminator="kind")]


def needs(rules: Iterable[Common]) -> tuple[frozenset[int], int]:
    """The channels and the minutes that a window must keep for the rules of minutes."""
    listed = [rule for rule in rules if isinstance(rule, MinuteRule)]
    channels = frozenset[int]().union(*(rule.channels_needed for rule in listed))
    return channels, max((rule.minutes_needed for rule in listed), default=1)
