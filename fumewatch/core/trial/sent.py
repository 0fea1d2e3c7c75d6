"""The readings that the monitors of a trial send."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.trial import Trial, Watched, micros

JITTER: Final = 1
"""Thousandths of the channel's unit, over and under a value that is measured anew."""
_MINUTE: Final = timedelta(minutes=1)
_SECOND: Final = 1_000_000  # µs
_LOW, _HIGH = np.array([(c.low * c.scale, c.high * c.scale) for c in CHANNELS], np.int32).T[
    ..., None
]


def readings(trial: Trial) -> Readings:
    """All of them, in order of time.

    A point is two readings, a second apart, in the middle of its minute, or of its interval where
    that is shorter: who sends for ten minutes is silent from the tenth on. Where something is
    measured anew, they lie a jitter under and over the value: the minute's mean is the value, and
    no minute is like the one before. Else the two are alike, so that all points weigh the same.
    """
    first = trial.start + min(trial.interval, _MINUTE) / 2
    at = np.array([micros(first + i * trial.interval) for i in range(trial.points)], np.int64)
    parts = [part for watched in trial.watched for part in _sent(watched, at)]
    everything = Readings.concatenate([Readings.empty(), *parts])
    return everything.take(np.argsort(everything.measured_at, kind="stable"))


def _sent(watched: Watched, at: NDArray[np.int64]) -> Iterator[Readings]:
    """The first readings of the points, and the second ones."""
    values, jitter = _columns(watched, len(at))
    quality = np.frombuffer(watched.flags.stretched(len(at)).encode(), np.uint8)
    monitor = np.full(len(at), watched.place.monitor, np.int32)
    is_sent: Mask = np.any(values != MISSING, axis=0)
    for later, sign in ((0, -1), (_SECOND, 1)):
        moved = _moved(values, sign * jitter)
        yield Readings(monitor, at + later, moved, quality, _unjudged(moved)).take(is_sent)


def _columns(watched: Watched, k: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """[10, k]: values, and how much each may be moved."""
    values = np.full((len(CHANNELS), k), MISSING, np.int32)
    jitter = np.zeros((len(CHANNELS), k), np.int32)
    for name, series in watched.series.items():
        whole = series.stretched(k)
        values[INDEX[name]] = _stored(whole.values, CHANNELS[INDEX[name]].scale)
        jitter[INDEX[name]] = np.where(whole.anew, JITTER, 0)
    return values, jitter


def _stored(values: Numbers, scale: int) -> NDArray[np.int32]:
    known = ~np.isnan(values)
    return np.where(known, np.round(np.where(known, values, 0) * scale), MISSING).astype(np.int32)


def _moved(values: NDArray[np.int32], by: NDArray[np.int32]) -> NDArray[np.int32]:
    """Never out of what is plausible."""
    moved = np.clip(values + by, np.minimum(_LOW, values), np.maximum(_HIGH, values))
    return np.where(values == MISSING, np.int32(MISSING), moved).astype(np.int32)


def _unjudged(values: NDArray[np.int32]) -> NDArray[np.int16]:
    """A bit for each channel whose value is implausible, as decoding marks it."""
    barred = (values != MISSING) & ((values < _LOW) | (values > _HIGH))
    bits = np.int16(1) << np.arange(len(CHANNELS), dtype=np.int16)
    found: NDArray[np.int16] = (barred * bits[:, None]).sum(axis=0).astype(np.int16)
    return found
