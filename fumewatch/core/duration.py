"""Durations as people write them: 90s, 10m, 1h30m, 7d, PT10M, or a number of seconds."""

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, PlainSerializer

_PARTS: Final = re.compile(
    r"(?:(?P<days>\d+)d)?(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?"
)


def parse(text: str) -> timedelta:
    """Raise ValueError that shows the accepted forms.

    >>> parse("1h30m")
    datetime.timedelta(seconds=5400)
    """
    match = _PARTS.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration; write 90s, 10m, 1h30m or 7d")
    return timedelta(**{unit: int(n) for unit, n in match.groupdict().items() if n})


def show(duration: timedelta) -> str:
    """The shortest form that `parse` reads back.

    >>> show(timedelta(seconds=5400))
    '1h30m'
    """
    seconds = round(duration.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        n, seconds = divmod(seconds, size)
        if n:
            parts.append(f"{n}{unit}")
    return "".join(parts) or "0s"


def _read(value: Any) -> Any:
    if isinstance(value, str) and not value.upper().startswith("P"):
        return parse(value)
    return value  # numbers and ISO 8601 are pydantic's own business


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(show, return_type=str)]
"""A pydantic field type: reads every form above, prints the shortest."""
