"""The times that monitors write: ISO 8601, or epoch seconds or milliseconds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from math import isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

UNREADABLE: Final = -(2**63)
"""The instant of a time that could not be read."""

_BEIJING: Final = timezone(timedelta(hours=8))  # what a time without a zone means (HJ 212)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_FIRST_MILLISECONDS: Final = 1e11  # as seconds this is the year 5138, as milliseconds March 1973
_FURTHEST: Final = 9e15  # µs; the year 2255, and still exact in a float


def instants(times: Sequence[str | float]) -> NDArray[np.int64]:
    """µs UTC of each time, UNREADABLE where it is none.

    Each distinct time is read once: a batch of live readings has few of them.
    """
    known = {time: instant(time) for time in set(times)}
    return np.fromiter(map(known.__getitem__, times), np.int64, count=len(times))


def instant(time: str | float) -> int:
    """µs UTC, or UNREADABLE.

    >>> instant("2026-11-23T12:00:00+08:00")
    1795406400000000
    """
    return _of_text(time) if isinstance(time, str) else _of_number(time)


def _of_number(time: float) -> int:
    if not isfinite(time):
        return UNREADABLE
    micros = time * (1e3 if abs(time) >= _FIRST_MILLISECONDS else 1e6)
    return round(micros) if abs(micros) <= _FURTHEST else UNREADABLE


def _of_text(time: str) -> int:
    try:
        at = datetime.fromisoformat(time)
    except ValueError:
        return _of_digits(time)
    return ((at if at.tzinfo else at.replace(tzinfo=_BEIJING)) - _EPOCH) // _MICROSECOND


def _of_digits(time: str) -> int:
    try:
        return _of_number(float(time))
    except ValueError:
        return UNREADABLE
