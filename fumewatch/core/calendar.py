"""Business hours of a site, in the site's own zone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

_SPAN = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """Daily spans as minutes after local midnight; a span that ends before it starts runs past it.

    >>> BusinessHours.parse("10:30-14:00, 16:30-22:00", "Asia/Shanghai").spans
    ((630, 840), (990, 1320))
    """

    spans: tuple[tuple[int, int], ...]
    zone: str

    @staticmethod
    def parse(text: str, zone: str) -> "BusinessHours":
        """Raise ValueError that quotes the part which is not like 10:30-14:00."""
        return BusinessHours(tuple(_span(part.strip()) for part in _parts(text)), zone)

    def is_open(self, at: datetime) -> bool:
        local = at.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        return any(_within(minute, start, end) for start, end in self.spans)

    def __str__(self) -> str:
        return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in self.spans)


def _parts(text: str) -> Iterable[str]:
    return (part for part in re.split(r"[,;，；]", text) if part.strip())


def _span(part: str) -> tuple[int, int]:
    match = _SPAN.fullmatch(part)
    if not match:
        raise ValueError(f"{part!r} is not a span of hours like 10:30-14:00")
    start_h, start_m, end_h, end_m = map(int, match.groups())
    if max(start_m, end_m) > 59 or start_h > 23 or end_h * 60 + end_m > 24 * 60:
        raise ValueError(f"{part!r} has a time that no clock shows")
    return start_h * 60 + start_m, end_h * 60 + end_m


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start < end else minute >= start or minute < end


def _clock(minute: int) -> str:
    return "24:00" if minute == 24 * 60 else time(minute // 60, minute % 60).strftime("%H:%M")
