"""What decoding gives: readings in columns, faults, and what devices tell besides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.columns import Columns, Horizon, refused
from fumewatch.core.device import Told
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, Readings


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """n good readings in columns as in Readings, what was refused, and what else was told.

    message   intp [n]            the payload that row i came in
    monitors  [n] or None         the code of each row's monitor; None: all are their topics'
    faults    [(payload, error)]  in order; `error.at`: the element of an array, None for a payload
    facts     in order of the payloads
    oddities  how often each departure from the rules was met and forgiven
    """

    measured_at: NDArray[np.int64]
    values: NDArray[np.int32]
    quality: NDArray[np.uint8]
    unjudged: NDArray[np.int16]
    message: NDArray[np.intp]
    monitors: Sequence[str] | None = None
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.message)

    def readings(self, ids: NDArray[np.int32]) -> Readings:
        """The rows as Readings; `ids[p]` is the number of the monitor that sent payload p."""
        return self.readings_of(ids[self.message])

    def readings_of(self, monitor: NDArray[np.int32]) -> Readings:
        """The rows as Readings; `monitor[i]` is the number of row i's."""
        return Readings(monitor, self.measured_at, self.values, self.quality, self.unjudged)

    @staticmethod
    def of(
        columns: Columns,
        monitors: Sequence[str] | None,
        now: int,
        horizon: Horizon,
        *,
        named: bool = False,
    ) -> "Decoded":
        """The rows that may be stored; `monitors` as in `refused`. `named`: rows say whose."""
        bad = refused(columns, monitors, now, horizon)
        decoded = Decoded(
            columns.measured_at,
            columns.values(),
            columns.quality.astype(np.uint8),
            columns.unjudged(),
            columns.message,
            columns.monitor if named else None,
            columns.faults,
            columns.facts,
            columns.oddities,
        )
        return decoded._without(bad) if bad else decoded

    @staticmethod
    def nothing() -> "Decoded":
        return Decoded(
            np.empty(0, np.int64),
            np.empty((len(CHANNELS), 0), np.int32),
            np.empty(0, np.uint8),
            np.empty(0, np.int16),
            np.empty(0, np.intp),
        )

    def _without(self, bad: dict[int, DecodeError]) -> "Decoded":
        good = np.ones(len(self), np.bool_)
        good[list(bad)] = False
        refused_rows = [(int(self.message[row]), fault) for row, fault in bad.items()]
        kept = np.flatnonzero(good).tolist()
        return Decoded(
            self.measured_at[good],
            self.values[:, good],
            self.quality[good],
            self.unjudged[good],
            self.message[good],
            [self.monitors[row] for row in kept] if self.monitors is not None else None,
            sorted([*self.faults, *refused_rows], key=lambda fault: (fault[0], fault[1].at or 0)),
            self.facts,
            self.oddities,
        )
