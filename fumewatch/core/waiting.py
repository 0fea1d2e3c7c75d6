"""Readings that wait until their minutes are over."""

from dataclasses import dataclass

import numpy as np

from fumewatch.core.reading import Readings


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """Readings that wait for their minutes; those in order of time are cut without a copy, and so
    are those that wait all or not at all.

    first, last: when the earliest and the latest of them were measured, µs UTC.
    """

    readings: Readings
    is_in_order: bool
    first: int
    last: int

    @classmethod
    def of(cls, readings: Readings) -> "Waiting":
        """Of at least one reading."""
        at = readings.measured_at
        return cls(readings, bool((at[1:] >= at[:-1]).all()), int(at.min()), int(at.max()))

    def split(self, until: int) -> tuple[Readings, "Waiting"]:
        """What was measured before `until` (µs UTC), and what goes on waiting."""
        rows = self.readings
        if self.last < until:
            return rows, Waiting(rows.take(slice(0)), True, until, until)
        if self.first >= until:
            return rows.take(slice(0)), self
        if self.is_in_order:
            place = int(np.searchsorted(rows.measured_at, until))
            now, later = rows.take(slice(None, place)), rows.take(slice(place, None))
        else:
            is_ready = rows.measured_at < until
            now, later = rows.take(is_ready), rows.take(~is_ready)
        first = int(later.measured_at.min())
        return now, Waiting(later, self.is_in_order, first, self.last)
