"""What decoding gives: readings in columns, faults, and what devices tell besides."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.columns import Columns, Horizon, Names, refused
from fumewatch.core.device import Reply, Told
from fumewatch.core.errors import DecodeError
from fumewatch.core.reading import CHANNELS, Readings


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """n good readings in columns as in Readings, what was refused, and what else was told.

    message   intp [n]            the payload that row i came in
    monitors  [n] or None         the code that names each row's monitor, "" for the topic's; None:
                                  all are their topics'
    faults    [(payload, error)]  in order; `error.at`: the element of an array, None for a payload
    facts     in order of the payloads
    oddities  (profile, departure from the rules) → how often it was met and forgiven
    """

    measured_at: NDArray[np.int64]
    values: NDArray[np.int32]
    quality: NDArray[np.uint8]
    unjudged: NDArray[np.int16]
    message: NDArray[np.intp]
    monitors: Sequence[str] | None = None
    faults: list[tuple[int, DecodeError]] = field(default_factory=list)
    facts: list[Told] = field(default_factory=list)
    oddities: Counter[tuple[str, str]] = field(default_factory=Counter)

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
        columns: Columns, names: Names, now: int, horizon: Horizon, *, named: bool = False
    ) -> "Decoded":
        """The rows that may be stored. `named`: rows say whose they are."""
        bad = refused(columns, names, now, horizon)
        decoded = Decoded(
            columns.measured_at,
            columns.values(),
            columns.quality.astype(np.uint8),
            columns.unjudged(),
            columns.message,
            columns.monitor if named else None,
            columns.faults,
            columns.facts,
        )
        whole = decoded._without(bad) if bad else decoded
        return whole._without_replies_to_faults()

    @staticmethod
    def joined(parts: Sequence[tuple[NDArray[np.intp], "Decoded"]]) -> "Decoded":
        """Of payloads decoded apart: part k's payload i is payload `places[i]` of the whole."""
        is_named = any(part.monitors is not None for _, part in parts)
        faults = [(int(at[i]), fault) for at, part in parts for i, fault in part.faults]
        facts = [
            replace(told, message=int(at[told.message])) for at, p in parts for told in p.facts
        ]
        return Decoded(
            np.concatenate([part.measured_at for _, part in parts]),
            np.concatenate([part.values for _, part in parts], axis=1),
            np.concatenate([part.quality for _, part in parts]),
            np.concatenate([part.unjudged for _, part in parts]),
            np.concatenate([places[part.message] for places, part in parts]),
            [name for _, part in parts for name in part.names()] if is_named else None,
            sorted(faults, key=_place),
            sorted(facts, key=lambda told: told.message),
            sum((part.oddities for _, part in parts), Counter()),
        )

    def names(self) -> Sequence[str]:
        """[n]: `monitors`, spelt out."""
        return [""] * len(self) if self.monitors is None else self.monitors

    @staticmethod
    def nothing() -> "Decoded":
        return Decoded(
            np.empty(0, np.int64),
            np.empty((len(CHANNELS), 0), np.int32),
            np.empty(0, np.uint8),
            np.empty(0, np.int16),
            np.empty(0, np.intp),
        )

    def _without_replies_to_faults(self) -> "Decoded":
        """A device is told that we have what it sent only where that is so."""
        if not (self.faults and self.facts):
            return self
        bad = {message for message, _ in self.faults}
        kept = [x for x in self.facts if not (isinstance(x.fact, Reply) and x.message in bad)]
        return replace(self, facts=kept)

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
            sorted([*self.faults, *refused_rows], key=_place),
            self.facts,
            self.oddities,
        )


def _place(fault: tuple[int, DecodeError]) -> tuple[int, int]:
    return fault[0], fault[1].at or 0
