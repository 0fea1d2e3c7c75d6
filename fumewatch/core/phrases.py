"""Facts as words: numbers with units, times on the site's clock, names made fit for a line."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.words import ZH, Words

LONGEST_NAME: Final = 80


def listed(parts: Iterable[str], words: Words) -> str:
    return one_line(words.list_comma.join(map(one_line, parts)), 4 * LONGEST_NAME)


def channels(names: Any, words: Words) -> str:
    known = [CHANNELS[INDEX[str(name)]] for name in names or () if str(name) in INDEX]
    return words.list_comma.join(c.zh if words is ZH else c.en for c in known)


def unit_of(channel: Any) -> str:
    return CHANNELS[INDEX[str(channel)]].unit if str(channel) in INDEX else ""


def clock(at: datetime, other: datetime, zone: ZoneInfo, *, is_later: bool = False) -> str:
    """11-23 12:05 on the site's clock; with the year where it differs from the other time's.

    The end of a span on the day of its beginning is 12:40 only.
    """
    local, beside = at.astimezone(zone), other.astimezone(zone)
    if local.year != beside.year:
        return f"{local:%Y-%m-%d %H:%M}"
    if is_later and local.date() == beside.date():
        return f"{local:%H:%M}"
    return f"{local:%m-%d %H:%M}"


def instant(value: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return at if at.tzinfo else None


def number(value: Any) -> float:
    """NaN for what is not a number."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else math.nan


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def minutes(value: float, words: Words) -> str:
    return words.duration(timedelta(minutes=value)) if math.isfinite(value) else ""


def percent(share: float) -> str:
    return f"{share * 100:.0f}%" if math.isfinite(share) else ""


def count(value: Any) -> str:
    """A whole number; nothing for what is none."""
    found = number(value)
    return f"{found:.0f}" if math.isfinite(found) else ""


def show_number(value: float, unit: str, decimals: int | None = None) -> str:
    """0.82 mg/m³, 12.3 A, 250 °C; nothing for what is not a number."""
    if not math.isfinite(value):
        return ""
    if decimals is None:
        decimals = _decimals(value)
    return f"{value:.{decimals}f} {unit}".strip()


def show_pair(value: float, limit: float, unit: str) -> tuple[str, str]:
    """Both to the same place, and to as many as tell them apart: 1.004 against 1.000."""
    if not (math.isfinite(value) and math.isfinite(limit)):
        return show_number(value, unit), show_number(limit, unit)
    least = min(_decimals(value), _decimals(limit))
    for decimals in range(least, least + 3):
        shown = show_number(value, unit, decimals), show_number(limit, unit, decimals)
        if shown[0] != shown[1]:
            break
    return shown


def _decimals(value: float) -> int:
    return 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0


def one_line(text: str, longest: int = LONGEST_NAME) -> str:
    """Made fit for a line of a text, a page, a log or a header: no control characters in it."""
    if len(text) <= longest and text.isprintable():
        return " ".join(text.split()) if " " in text else text
    flat = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * longest]).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"
