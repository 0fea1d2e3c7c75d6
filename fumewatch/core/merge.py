"""Two frames of one instant are one reading: the first to name a channel wins.

Merging in any grouping gives the same judged values, so it does not matter which frames of an
instant came in one batch and which came later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.reading import CHANNELS, MISSING, Readings

_BIT: Final = (np.int16(1) << np.arange(len(CHANNELS), dtype=np.int16))[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What a batch brought that nobody had before.

    new     rows nobody had
    gained  of rows that were there, the channels that were not; row by row with the next two
    before  these rows as they stood
    after   these rows as they stand now
    """

    new: Readings
    gained: Readings
    before: Readings
    after: Readings

    def __len__(self) -> int:
        return len(self.new) + len(self.gained)

    @property
    def fresh(self) -> Readings:
        """Every value nobody had before, each once."""
        return Readings.concatenate([self.new, self.gained]) if len(self.gained) else self.new

    @staticmethod
    def only_new(rows: Readings) -> "Added":
        nothing = Readings.empty()
        return Added(rows, nothing, nothing, nothing)

    @staticmethod
    def concatenate(parts: Sequence["Added"]) -> "Added":
        return Added(
            Readings.concatenate([p.new for p in parts]),
            Readings.concatenate([p.gained for p in parts]),
            Readings.concatenate([p.before for p in parts]),
            Readings.concatenate([p.after for p in parts]),
        )


def unique(readings: Readings) -> Readings:
    """Sorted by (monitor, measured_at), frames of one instant merged in their order of arrival."""
    rows = readings.take(np.lexsort((readings.measured_at, readings.monitor)))
    while (again := _repeats(rows)).any():
        # Pairs side by side merge at once: a thousand frames of one instant take ten rounds.
        second = again & (_ranks(again) % 2 == 1)
        first = np.flatnonzero(second) - 1
        merged, _ = _fill(rows.take(first), rows.take(second))
        rows.values[:, first] = merged.values
        rows.quality[first], rows.unjudged[first] = merged.quality, merged.unjudged
        rows = rows.take(~second)
    return rows


def merge(before: Readings, incoming: Readings) -> Added:
    """Row by row: `incoming` fills what `before` lacks. Rows that gain nothing are left out."""
    after, filled = _fill(before, incoming)
    gained = Readings(
        incoming.monitor,
        incoming.measured_at,
        np.where(filled, incoming.values, np.int32(MISSING)),
        incoming.quality,
        incoming.unjudged & _bits(filled),
    )
    gains = np.flatnonzero(filled.any(axis=0))
    return Added(Readings.empty(), gained.take(gains), before.take(gains), after.take(gains))


def _fill(before: Readings, incoming: Readings) -> tuple[Readings, NDArray[np.bool_]]:
    """What the rows become, and bool [10, n]: the channels filled.

    A row has one quality. Where the two differ the row is N, so that what is good is judged, and
    the channels that came with another quality are barred one by one.
    """
    filled = (before.values == MISSING) & (incoming.values != MISSING)
    was_good, is_good = before.quality == ord("N"), incoming.quality == ord("N")
    stays = (was_good | ~is_good) | ~filled.any(axis=0)
    present = _bits(before.values != MISSING)
    barred_before = np.where(stays, before.unjudged & present, present)
    barred_now = np.where(was_good & ~is_good, _bits(filled), incoming.unjudged & _bits(filled))
    after = Readings(
        before.monitor,
        before.measured_at,
        np.where(filled, incoming.values, before.values),
        np.where(stays, before.quality, np.uint8(ord("N"))),
        (barred_before | barred_now).astype(np.int16),
    )
    return after, filled


def _repeats(rows: Readings) -> NDArray[np.bool_]:
    """bool [n]: the row has the key of the row before it."""
    same = np.zeros(len(rows), np.bool_)
    same[1:] = (rows.monitor[1:] == rows.monitor[:-1]) & (
        rows.measured_at[1:] == rows.measured_at[:-1]
    )
    return same


def _ranks(again: NDArray[np.bool_]) -> NDArray[np.intp]:
    """intp [n]: how many rows of the same key stand before."""
    rows = np.arange(len(again))
    starts = np.maximum.accumulate(np.where(again, 0, rows))
    return rows - starts


def _bits(channels: NDArray[np.bool_]) -> NDArray[np.int16]:
    """int16 [n] of bool [10, n]: bit c is channel c."""
    bits: NDArray[np.int16] = np.bitwise_or.reduce(np.where(channels, _BIT, np.int16(0)), axis=0)
    return bits
