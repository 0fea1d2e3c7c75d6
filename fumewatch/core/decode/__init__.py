"""Payloads into columns of readings. Bad payloads become faults; nothing here raises for them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.canonical import parse
from fumewatch.core.decode.columns import Columns, Horizon, refused
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import Readings

__all__ = ["Decoded", "Horizon", "decode"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """n good readings in columns as in Readings, and what was refused.

    message  intp [n]            the payload that row i came in
    faults   [(payload, error)]  in order; `error.at` is the element of an array, None for a payload
    """

    measured_at: NDArray[np.int64]
    values: NDArray[np.int32]
    quality: NDArray[np.uint8]
    unjudged: NDArray[np.int16]
    message: NDArray[np.intp]
    faults: list[tuple[int, DecodeError]]

    def __len__(self) -> int:
        return len(self.message)

    def readings(self, ids: NDArray[np.int32]) -> Readings:
        """The rows as Readings; `ids[p]` is the number of the monitor that sent payload p."""
        monitor = ids[self.message]
        return Readings(monitor, self.measured_at, self.values, self.quality, self.unjudged)


def decode(
    payloads: Sequence[bytes], monitors: Sequence[str], now: int, horizon: Horizon
) -> Decoded:
    """Read payloads; `monitors[p]` is the code in payload p's topic; `now` in µs UTC.

    1. Payloads into entries: canonical JSON, one object or an array.
    2. Entries into columns: thousandths; MISSING for null, NaN, "", -999 and -9999; channels out of
       their plausible range kept and marked unjudged.
    3. Rows that must not be stored into faults: another monitor's name, an unreadable time or one
       outside the horizon, a state neither on nor off, no channel at all.
    """
    parsed = parse(payloads)
    columns = Columns.of(parsed)
    bad = refused(columns, monitors, now, horizon)
    decoded = Decoded(
        columns.measured_at,
        columns.values(),
        columns.quality.astype(np.uint8),
        columns.unjudged(),
        columns.message,
        parsed.faults,
    )
    return _without(decoded, bad) if bad else decoded


def _without(decoded: Decoded, bad: dict[int, DecodeError]) -> Decoded:
    good = np.ones(len(decoded), np.bool_)
    good[list(bad)] = False
    refused_rows = [(int(decoded.message[row]), fault) for row, fault in bad.items()]
    return Decoded(
        decoded.measured_at[good],
        decoded.values[:, good],
        decoded.quality[good],
        decoded.unjudged[good],
        decoded.message[good],
        sorted([*decoded.faults, *refused_rows], key=lambda fault: (fault[0], fault[1].at or 0)),
    )
