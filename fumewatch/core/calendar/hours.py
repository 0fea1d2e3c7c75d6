"""Business hours of a site, in the site's own zone.

As people write them in a cell: spans, and before them the kind of day that they are of.

    10:30-14:00, 16:30-22:00                                       every day
    10:30-14:00, 16:30-22:00; weekend 11:00-22:30; holiday closed
    工作日 10:30-14:00；周末、节假日 11:00-22:30

Spans before any kind of day are of every day that has none of its own. A holiday is like a weekend
where nothing is said of it. Which marks stand between the parts does not matter.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from fumewatch.core.calendar.year import ONLY_WEEKENDS, Calendar, DayKind

Spans = tuple[tuple[int, int], ...]
"""Minutes after local midnight; a span that ends before it starts runs past it."""

NO_HOURS: Final = "no hours at all; write spans like 10:00-14:00, 16:30-22:00"

_DAY_MINUTES: Final = 24 * 60
_ONE_DAY: Final = timedelta(days=1)
_SPAN: Final = r"(\d{1,2}):(\d{2})-(?:次日)?(\d{1,2}):(\d{2})(?![\d:])"
_KINDS: Final = {
    DayKind.WORKDAY: r"work(?:ing)? ?days?|weekdays?|工作日|平日",
    DayKind.WEEKEND: r"weekends?|周末|双休日",
    DayKind.HOLIDAY: r"(?:public )?holidays?|(?:法定)?节假日|节日|假日",
}
_TOKEN: Final = re.compile(
    rf"(?P<span>{_SPAN})|(?P<closed>closed|休息|关闭|停业|不营业)|"
    + "|".join(f"(?P<{kind.name}>{words})" for kind, words in _KINDS.items())
    + r"|(?P<mark>[\s,;:，；、/&+]+|and\b|和|及|与)",
    re.IGNORECASE,
)
_PART: Final = re.compile(r"[^\s,;，；、]+")
_WORDS: Final = "workday, weekend, holiday, closed (工作日, 周末, 节假日, 休息)"


@dataclass(frozen=True, slots=True)
class BusinessHours:
    """`spans` of a working day. `weekend`, `holiday`: None where they do not differ.

    A weekend is like a working day then, and a holiday is like a weekend.

    >>> BusinessHours.parse("10:30-14:00, 16:30-22:00; holiday closed", "Asia/Shanghai").spans
    ((630, 840), (990, 1320))
    """

    spans: Spans
    zone: str
    weekend: Spans | None = None
    holiday: Spans | None = None

    @staticmethod
    def parse(text: str, zone: str) -> "BusinessHours":
        """Raise ValueError that quotes the part which is not like 10:30-14:00."""
        told = _told(text)
        every = told.get(None)
        workday = told.get(DayKind.WORKDAY, every)
        if workday is None:
            raise ValueError(
                f"{text!r} tells no hours of working days; "
                "write 10:30-14:00, 16:30-22:00; holiday closed"
            )
        day_off = every if every is not None else told.get(DayKind.HOLIDAY, ())
        weekend = told.get(DayKind.WEEKEND, day_off)
        holiday = told.get(DayKind.HOLIDAY, weekend)
        return BusinessHours(
            workday,
            zone,
            weekend if weekend != workday else None,
            holiday if holiday != weekend else None,
        )

    def of(self, kind: DayKind) -> Spans:
        """The spans that start on such a day; none: closed."""
        weekend = self.spans if self.weekend is None else self.weekend
        if kind is DayKind.WORKDAY:
            return self.spans
        return weekend if kind is DayKind.WEEKEND or self.holiday is None else self.holiday

    @property
    def tell_days_apart(self) -> bool:
        """Some kind of day has hours of its own."""
        return self.weekend is not None or self.holiday is not None

    def is_open(self, at: datetime, calendar: Calendar = ONLY_WEEKENDS) -> bool:
        """A span past midnight belongs to the day that it starts on."""
        local = at.astimezone(ZoneInfo(self.zone))
        minute, day = local.hour * 60 + local.minute, local.date()
        today, yesterday = calendar.kind(day), calendar.kind(day - _ONE_DAY)
        return any(
            start <= minute < (end if start < end else _DAY_MINUTES)
            for start, end in self.of(today)
        ) or any(end <= start and minute < end for start, end in self.of(yesterday))

    def __str__(self) -> str:
        kinds = (("", self.spans), ("weekend ", self.weekend), ("holiday ", self.holiday))
        return "; ".join(name + show(spans) for name, spans in kinds if spans is not None)


def spans(text: str) -> Spans:
    """Spans alone, without kinds of days; ValueError says what is wrong."""
    told = _told(text)
    if set(told) != {None} or not told[None]:
        raise ValueError(f"{text!r} is not a span of hours like 10:30-14:00, or several of them")
    return told[None]


def show(spans: Spans) -> str:
    return ", ".join(f"{_clock(start)}-{_clock(end)}" for start, end in spans) or "closed"


def _told(text: str) -> dict[DayKind | None, Spans]:
    """What is said of each kind of day; None: of every day."""
    told: dict[DayKind | None, list[tuple[int, int]]] = {}
    closed: set[DayKind | None] = set()
    kinds: list[DayKind | None] = [None]
    named, last = True, ""  # are the last words kinds of days whose hours are still to come?
    for match in _tokens(text):
        name = match.lastgroup or ""
        if name in DayKind.__members__:
            kinds = [*(kinds if named and None not in kinds else []), DayKind[name]]
            named, last = True, match[0]
            continue
        named = False
        for kind in kinds:
            told.setdefault(kind, []).extend([_span(match)] if name == "span" else [])
            closed |= {kind} if name == "closed" else set()
            if kind in closed and told[kind]:
                raise ValueError(f"{text!r} says closed, and tells hours of the same days")
    if not told and not last:
        raise ValueError(NO_HOURS)
    if named:
        raise ValueError(f"{last!r} is not followed by hours; write {last} 11:00-22:30")
    return {kind: tuple(found) for kind, found in told.items()}


def _tokens(text: str) -> Iterator[re.Match[str]]:
    """Kinds of days, spans and closed; what is none of them is quoted in a ValueError."""
    plain = re.sub(r"\s*[~～—–至-]+\s*", "-", text.replace("：", ":"))
    at = 0
    while at < len(plain):
        match = _TOKEN.match(plain, at)
        if match is None:
            part = _PART.match(plain, at)
            raise ValueError(_unknown(part[0] if part else plain[at:]))
        if match.lastgroup != "mark":
            yield match
        at = match.end()


def _unknown(part: str) -> str:
    hint = "" if any(c.isdigit() for c in part) else f"; words are {_WORDS}"
    return f"{part!r} is not a span of hours like 10:30-14:00{hint}"


def _span(match: re.Match[str]) -> tuple[int, int]:
    start_h, start_m, end_h, end_m = map(int, match.group(2, 3, 4, 5))
    if max(start_m, end_m) > 59 or start_h > 23 or end_h * 60 + end_m > _DAY_MINUTES:
        raise ValueError(f"{match[0]!r} has a time that no clock shows")
    return start_h * 60 + start_m, end_h * 60 + end_m


def _clock(minute: int) -> str:
    if minute == _DAY_MINUTES:
        return "24:00"
    return time(minute // 60, minute % 60).strftime("%H:%M")
