"""A trial: what monitors send, and which alerts are expected of it. Unit tests of rules are made
of them.

`sent` turns its series into readings, `days` into facts of days, `perform` lets the rules judge
them, `compare` says what is not as expected. Pure, as the engine is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from fumewatch.core.alert import Severity, State
from fumewatch.core.series import Flags, Series
from fumewatch.core.site import Place

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """One monitor of a trial: where it hangs, and its series by channel.

    last_will: when the broker tells of a lost connection.
    days: instead of `series`, facts of whole days by their names (core.trial.days).
    """

    place: Place
    series: Mapping[str, Series] = field(default_factory=dict)
    flags: Flags = field(default_factory=Flags)
    last_will: datetime | None = None
    days: Mapping[str, Series] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Expected:
    """At `at` the rule's alert of the monitor is in this state; None: there never was one.

    Without `at`: it never fires. `value`, in the rule's unit, and `severity` where they matter.
    """

    rule: str
    monitor: int
    at: datetime | None
    state: State | None = None
    value: float | None = None
    severity: Severity | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """Points of the series lie `interval` apart from `start` on; it is over at `end`.

    Of days: `start` is a local midnight, a point is a day. only: no rule may fire of which
    `expected` does not speak.
    """

    name: str
    start: datetime
    end: datetime
    interval: timedelta
    watched: tuple[Watched, ...]
    expected: tuple[Expected, ...]
    only: bool = False

    @property
    def is_of_days(self) -> bool:
        return any(each.days for each in self.watched)

    @property
    def points(self) -> int:
        """How many of a series lie before the end."""
        return -((self.start - self.end) // self.interval)

    @property
    def instants(self) -> list[datetime]:
        """At which expectations look, ascending."""
        return sorted({each.at for each in self.expected if each.at is not None})


def micros(at: datetime) -> int:
    """µs since 1970-01-01 UTC.

    >>> micros(datetime(1970, 1, 1, 0, 1, tzinfo=UTC))
    60000000
    """
    return (at - _EPOCH) // _MICROSECOND
