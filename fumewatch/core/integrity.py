"""Data integrity: a device's own mean over an interval against ours over the same interval.

They come from the same measurements, so they agree unless something lies between the two: values
edited on the way, readings held back, another averaging, a wrong clock. A difference is a question
to ask, never proof of anything.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from fumewatch.core.device import Interval
from fumewatch.core.duration import Duration
from fumewatch.core.reading import CHANNELS

BUCKET: Final = timedelta(minutes=10)
"""What our roll-ups count in: an interval that begins elsewhere has no sum of ours."""
LENGTHS: Final = {
    Interval.MINUTES: BUCKET,
    Interval.HOUR: timedelta(hours=1),
    Interval.DAY: timedelta(days=1),
}
"""From the start that the device names; HJ 212 days are Beijing's, which has no summer time."""
_EPSILON: Final = 1e-9


class Integrity(BaseModel):
    """[integrity]: how far a device's own means may be from ours, and when they are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance: float = Field(
        0.1, ge=0, lt=1, description="share of the larger mean that they may differ by"
    )
    floor: float = Field(
        0.05, ge=0, description="in the channel's unit; a smaller difference is none"
    )
    min_coverage: float = Field(
        0.75, gt=0, le=1, description="share of the interval's ten minutes that have readings"
    )
    settle: Duration = Field(
        timedelta(minutes=15),
        ge=timedelta(minutes=1),
        description="how long late readings are waited for",
    )


class Outcome(StrEnum):
    """What comparing came to: the first of them that applies."""

    NOT_JUDGED = "not judged"
    UNALIGNED = "not our ten minutes"
    TOO_FEW = "too few of ours"
    DIFFERS = "differs"
    AGREES = "agrees"


@dataclass(frozen=True, slots=True)
class Own:
    """What the device said. `mean`: thousandths of the unit, None where it sent none.

    `is_aligned`: it spans whole ten minutes of ours, as far as can be told.
    """

    interval: Interval
    channel: int
    mean: int | None
    quality: str = "N"
    is_aligned: bool = True


@dataclass(frozen=True, slots=True)
class Ours:
    """What our judged readings come to: sum in thousandths, how many, in how many ten minutes."""

    total: int = 0
    count: int = 0
    buckets: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`our_mean`: thousandths, None where we have no reading or nothing was compared."""

    outcome: Outcome
    our_mean: int | None = None
    our_count: int | None = None


def compare(own: Own, ours: Ours, settings: Integrity) -> Comparison:
    """Whether the two means agree.

    1. Only a mean that the device flags N, of a measured channel, is judged.
    2. Coverage counts ten minutes with readings, so a monitor that sends every 5 or 10 minutes has
       as much of it as one that sends every minute.
    """
    if own.quality != "N" or own.mean is None or CHANNELS[own.channel].is_state:
        return Comparison(Outcome.NOT_JUDGED)
    if not own.is_aligned:
        return Comparison(Outcome.UNALIGNED)
    mean = round(ours.total / ours.count) if ours.count else None
    if mean is None or ours.buckets < buckets_needed(own.interval, settings):
        return Comparison(Outcome.TOO_FEW, mean, ours.count)
    allowed = max(
        settings.tolerance * max(abs(own.mean), abs(mean)),
        settings.floor * CHANNELS[own.channel].scale,
    )
    differs = abs(own.mean - mean) > allowed + _EPSILON
    return Comparison(Outcome.DIFFERS if differs else Outcome.AGREES, mean, ours.count)


def buckets_needed(interval: Interval, settings: Integrity) -> float:
    """Ten minutes with readings; not whole: 4.5 of an hour's 6 means 5."""
    return settings.min_coverage * (LENGTHS[interval] / BUCKET) - _EPSILON
