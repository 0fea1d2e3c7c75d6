"""Rules: each turns a window into a verdict, of all monitors at once. One kind a file."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from fumewatch.core.rules.absence import Absence
from fumewatch.core.rules.linkage import Linkage
from fumewatch.core.rules.minute import Judgement
from fumewatch.core.rules.threshold import Threshold
from fumewatch.core.rules.trend import Trend

__all__ = ["Absence", "Judgement", "Linkage", "Rule", "Threshold", "Trend", "needs"]

Rule = Annotated[Threshold | Linkage | Absence | Trend, Field(discriminator="kind")]


def needs(rules: Iterable[Rule]) -> tuple[frozenset[int], int]:
    """The channels and the minutes that a window must keep for these rules."""
    listed = list(rules)
    channels = frozenset[int]().union(*(rule.channels_needed for rule in listed))
    return channels, max((rule.minutes_needed for rule in listed), default=1)
