"""Times as people write them in tables, many at once."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.decode.instant import UNREADABLE, instant, instants

HOUR_US: Final = 3_600_000_000
_LENGTHS: Final = {16: "0000-00-00 00:00", 19: "0000-00-00 00:00:00", 23: "0000-00-00 00:00:00.000"}
_LOOSE: Final = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?"
)
_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 - of any zone


def read(texts: Sequence[str], zone: ZoneInfo) -> NDArray[np.int64]:
    """µs UTC of each, UNREADABLE where it is none; a time that names no zone is of `zone`."""
    if not texts:
        return np.empty(0, np.int64)
    local = _alike(texts)
    if local is not None:
        return of_local(local, zone)
    if _one_zone(texts):
        return instants(texts)
    return np.fromiter((_each(text, zone) for text in texts), np.int64, count=len(texts))


def of_local(local: NDArray[np.int64], zone: ZoneInfo) -> NDArray[np.int64]:
    """µs UTC of µs on the zone's clock; where a clock shows an hour twice, the first."""
    hours, at = np.unique(local // HOUR_US, return_inverse=True)
    ahead = np.array([_ahead(hour, zone) for hour in hours.tolist()], np.int64)
    return local - ahead[at]


def _ahead(hour: int, zone: ZoneInfo) -> int:
    try:
        offset = (_EPOCH + timedelta(hours=hour)).replace(tzinfo=zone).utcoffset()
    except OverflowError:
        return 0
    return (offset or timedelta(0)) // timedelta(microseconds=1)


def _alike(texts: Sequence[str]) -> NDArray[np.int64] | None:
    """µs on some clock of texts that all are like 2026-11-23 12:00:00, else None.

    Only well-formed texts are left to numpy, which reads more than a time.
    """
    length = len(texts[0])
    if length not in _LENGTHS:
        return None
    joined = "".join(texts)
    if len(joined) != length * len(texts) or not joined.isascii():
        return None
    cells = np.frombuffer(joined.encode(), np.uint8).reshape(-1, length)
    form = np.frombuffer(_LENGTHS[length].encode(), np.uint8)
    is_digit = form == ord("0")
    is_formed = np.where(is_digit, cells - ord("0") <= 9, cells == form)
    is_formed[:, 10] |= cells[:, 10] == ord("T")
    if not is_formed.all():
        return None
    try:
        times = cells.copy().view(f"S{length}")[:, 0].astype("datetime64[us]")
    except ValueError:  # the 31st of February
        return None
    return times.astype(np.int64)


def _one_zone(texts: Sequence[str]) -> bool:
    """Each names a zone: the core reads such, all at once where they are alike."""
    return all(len(text) > 6 and text[-6] in "+-" and text[-3] == ":" for text in texts)


def _each(text: str, zone: ZoneInfo) -> int:
    found = instant(text.strip(), zone)
    if found != UNREADABLE:
        return found
    loose = _LOOSE.fullmatch(text.strip())
    if not loose:
        return UNREADABLE
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in loose.groups())
        at = datetime(year, month, day, hour, minute, second, tzinfo=zone)
    except ValueError:
        return UNREADABLE
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
