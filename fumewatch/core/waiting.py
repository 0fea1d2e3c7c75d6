"""Readings that wait until their minutes are over."""

from dataclasses import dataclass

import numpy as np

from fumewatch.core.reading import Readings


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """Readings that wait for their minutes; those in order of time are cut without a copy."""

    readings: Readings
    is_in_order: bool

    @classmethod
    def of(cls, readings: Readings) -> "Waiting":
        at = readings.measured_at
        return cls(readings, bool((at[1:] >= at[:-1]).all()))

    def split(self, until: int) -> tuple[Readings, "Waiting"]:
        """What was measured before `until` (µs UTC), and what goes on waiting."""
        rows = self.readings
        if self.is_in_order:
            place = int(np.searchsorted(rows.measured_at, until))
            now, later = rows.take(slice(None, place)), rows.take(slice(place, None))
        else:
            is_ready = rows.measured_at < until
            now, later = rows.take(is_ready), rows.take(~is_ready)
        return now, Waiting(later, self.is_in_order)
