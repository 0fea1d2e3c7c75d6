"""What the values of a frame say: times, numbers, data flags."""

import re
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from math import isfinite
from typing import Any, Final

from fumewatch.core.decode.columns import SENTINELS
from fumewatch.core.decode.hj212.shape import Frame, FrameError
from fumewatch.core.decode.instant import UNREADABLE

WITH_MILLISECONDS: Final = 17
"""Digits of a DataTime that has them; the standard's has 14."""
DATA_FLAGS: Final = "NFMSDCTB"
"""Normal, stopped, maintenance, set by hand, fault, calibration, over range, no connection."""

_NUMERIC: Final = frozenset(
    f"{zs}{statistic}" for zs in ("", "Zs") for statistic in ("Rtd", "Min", "Avg", "Max", "Cou")
) | {"RS"}
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, 8, tzinfo=_BEIJING)
_MICROSECOND: Final = timedelta(microseconds=1)


def instant_of(data_time: str) -> int:
    """µs UTC of YYYYMMDDhhmmss, or of that with milliseconds, in Beijing; or UNREADABLE.

    >>> instant_of("20261123120000")
    1795406400000000
    """
    return _instant_of(data_time) if len(data_time) in (14, WITH_MILLISECONDS) else UNREADABLE


@lru_cache(maxsize=4096)  # the monitors of a district all send at the full minute
def _instant_of(data_time: str) -> int:
    if not (data_time.isascii() and data_time.isdigit()):
        return UNREADABLE
    year, month, day = int(data_time[:4]), int(data_time[4:6]), int(data_time[6:8])
    hour, minute, second = int(data_time[8:10]), int(data_time[10:12]), int(data_time[12:14])
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=_BEIJING)
    except ValueError:
        return UNREADABLE
    return (whole - _EPOCH) // _MICROSECOND + int(data_time[14:] or 0) * 1000


def check_values(frame: Frame, *, lenient: bool = False) -> None:
    """Raise the first fault of the values in CP; lenient: an unknown data flag is none."""
    data_time = frame.fields.get("DataTime")
    if data_time is not None and instant_of(data_time) == UNREADABLE:
        raise _fault("bad_datatime", "DataTime", data_time, "is no time; expected YYYYMMDDhhmmss")
    for field, value in frame.fields.items():
        suffix = field.rpartition("-")[2] if "-" in field else ""
        if suffix in _NUMERIC:
            _check_number(field, value)
        elif suffix == "Flag" and not lenient:
            _check_flag(field, value)


def _check_number(field: str, value: str) -> None:
    number = float(value) if _NUMBER.fullmatch(value.strip()) else float("nan")
    if not isfinite(number):
        raise _fault("bad_value", field, value, "is no number")
    if number in SENTINELS:
        what = "means that the device has no value; it is no measurement"
        raise _fault("sentinel_value", field, value, what, value=number)


def _check_flag(field: str, value: str) -> None:
    if len(value) != 1 or value not in DATA_FLAGS:
        what = f"is no data flag; there are {', '.join(DATA_FLAGS)}"
        raise _fault("unknown_data_flag", field, value, what, flag=value)


def _fault(kind: str, field: str, written: str, what: str, **facts: Any) -> FrameError:
    return FrameError(kind, f"{field}={written[:60]!r} {what}", field=field, crc_ok=True, **facts)
