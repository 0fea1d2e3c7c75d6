"""How single cells of people's tables are read; what is wrong with one is a ValueError's text."""

import re
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

_LONGEST_CODE: Final = 64
_EXCEL_NUMBER: Final = re.compile(r"\d(?:\.\d+)?E\+\d+", re.IGNORECASE)
_DATE: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?: 0?0:00(?::00)?)?")
_INSTANT: Final = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[ T]*"
    r"(\d{1,2})[:：时](\d{1,2})(?:分?|[:：分](\d{1,2})秒?)(?:\.\d+)?(Z|[+-]\d\d:?\d\d)?"
)
_NUMBER: Final = re.compile(r"[+-]?\d{1,3}(?:\.\d+)?")
_PLACES: Final = 7
"""Of degrees: a centimetre."""


def code(text: str) -> str:
    if _EXCEL_NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is a number that Excel has rounded; format the column as text")
    if len(text) > _LONGEST_CODE:
        raise ValueError(f"has {len(text)} characters; {_LONGEST_CODE} are allowed")
    return text


def day(text: str) -> date:
    """2026-11-23, 2026/11/23, 2026年11月23日, or what Excel makes of it.

    >>> day("2026年9月1日")
    datetime.date(2026, 9, 1)
    """
    match = _DATE.fullmatch(text)
    try:
        if match:
            return date(*map(int, match.groups()))
    except ValueError:
        raise ValueError(f"{text!r} is no day of the calendar") from None
    raise ValueError(f"{text!r} is not a date; write 2026-11-23")


def instant(text: str, zone: ZoneInfo) -> datetime:
    """A day and a time of day, of `zone` where it says none."""
    match = _INSTANT.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a day with its time; write 2026-11-23 18:05")
    *parts, offset = match.groups()
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in parts)
        local = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        if offset:
            return datetime.fromisoformat(f"{local:%Y-%m-%dT%H:%M:%S}{offset}")
    except ValueError:
        raise ValueError(f"{text!r} is no time of the calendar") from None
    return local


def latitude(text: str) -> float:
    return _degrees(text, 90, "latitude")


def longitude(text: str) -> float:
    return _degrees(text, 180, "longitude")


def _degrees(text: str, most: int, name: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not degrees; write them like 31.1742")
    if abs(degrees := float(text)) > most:
        raise ValueError(
            f"{text} is no {name}: it lies beyond {most}; are latitude and longitude swapped?"
        )
    return round(degrees, _PLACES)


def written(degrees: float | None) -> str:
    """The cell that reads back as this."""
    return "" if degrees is None else f"{degrees:.{_PLACES}f}"


def position(latitude: float | None, longitude: float | None) -> tuple[float, float] | None:
    """Both or neither; raise ValueError where only one is there, or it is nobody's position."""
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise ValueError("latitude and longitude go together; give both or neither")
    if latitude == longitude == 0:
        raise ValueError("0, 0 lies in the sea off Africa; leave an unknown position empty")
    return latitude, longitude
