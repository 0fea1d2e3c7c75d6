"""What a picture of days shows of an alert: values, the line drawn on to the limit, cleanings.

Times are ISO dates of the site's days; values are in `unit`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from fumewatch.core.days import DayFacts, date_of, day_number
from fumewatch.core.outlook import cleaning_due, day, outlook
from fumewatch.core.phrases import number
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.web.language import Language
from fumewatch.web.words import WORDS

SHOWN: Final = 100
"""Days that are read: a quarter's cycle of cleaning and what came since."""
_SHARES_SHOWN: Final = 42
_FARTHEST: Final = 60
"""Days ahead of the last value at the most: a flatter line is cut off there."""
_LEAST_MINUTES: Final = 30
Point = tuple[str, float]
Course = list[tuple[date, float]]


@dataclass(frozen=True, slots=True)
class Mark:
    """`what`: a key of web.words."""

    day: str
    what: str


@dataclass(frozen=True, slots=True)
class DaysPlot:
    """`what`: what the values are, a key of web.words, beside the channel where it is of one.

    `judged`: which values the verdict rests on. `line`: its ends; `ahead`: from its end to where it
    reaches the level; `steep`, `flat`: the bounds of it, from the same day.
    `level_is_limit`: it is the profile's limit, not a warning level.
    """

    what: str
    channel: str | None
    unit: str
    are_bars: bool
    days: list[str]
    values: list[float]
    judged: list[bool]
    level: float | None = None
    level_is_limit: bool = False
    base: float | None = None
    line: list[Point] = field(default_factory=list)
    ahead: list[Point] = field(default_factory=list)
    steep: list[Point] = field(default_factory=list)
    flat: list[Point] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def as_json(self, language: Language) -> dict[str, Any]:
        """For the page, in the reader's words."""

        def said(word: str) -> str:
            return language.gettext(WORDS.get(word, word))

        channel = CHANNELS[INDEX[self.channel]] if self.channel else None
        name = (channel.zh if language.code == "zh" else channel.en) if channel else ""
        marks = [
            {"day": mark.day, "text": said(mark.what), "what": mark.what} for mark in self.marks
        ]
        return asdict(self) | {
            "title": " · ".join(filter(None, (name, said(self.what)))),
            "unit": said(self.unit),
            "marks": marks,
        }


def plot_of_days(
    kind: str, evidence: Mapping[str, Any], facts: DayFacts, last: int, opened_on: date
) -> DaysPlot | None:
    """None where the kind is no rule of days, or no day is known.

    `facts` [d, 1]: the days up to `last` (core.days).
    """
    found = _OF_KIND[kind](evidence, facts, last) if kind in _OF_KIND else None
    if found is None or not found.days:
        return None
    marks = [*found.marks, Mark(opened_on.isoformat(), "alert_opened")]
    return DaysPlot(**{**_fields(found), "marks": sorted(marks, key=lambda mark: mark.day)})


def _fields(plot: DaysPlot) -> dict[str, Any]:
    return {name: getattr(plot, name) for name in DaysPlot.__slots__}


def _of_deterioration(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> DaysPlot:
    """Values times `ratio`: as they compare with the level."""
    ratio = number(evidence.get("ratio")) or 1.0
    channel = str(evidence.get("channel"))
    line = [(on, ratio * value) for on, value in _ends(evidence.get("line"))]
    begins = line[0][0] if line else date.max
    known = [(on, ratio * value) for on, value in _series(evidence) + _since(evidence, facts, last)]
    until = line[-1][0] if line else date.min
    return DaysPlot(
        what="typical peak" if evidence.get("of") == "peak" else "daily median",
        channel=channel if channel in INDEX else None,
        unit=_unit(channel),
        are_bars=False,
        **_points(known, lambda on: begins <= on <= until),
        level=_finite(evidence.get("level")),
        level_is_limit=str(evidence.get("reaches")) in ("limit", "1 * limit"),
        line=_iso(line),
        **_ahead(evidence, line, ratio),
        marks=_marks(cleaned=evidence.get("cleaned"), **_reset(evidence)),
    )


def _reset(evidence: Mapping[str, Any]) -> dict[str, Any]:
    step, found = evidence.get("step"), outlook(evidence)
    return {
        "step": step.get("day") if isinstance(step, Mapping) else None,
        "bend": evidence.get("bend"),
        "reached": found.on.isoformat() if found else None,
    }


def _ahead(evidence: Mapping[str, Any], line: Course, ratio: float) -> dict[str, Any]:
    """The line and its bounds, drawn on from the last day to the level."""
    level, days_left = number(evidence.get("level")), number(evidence.get("days_to_limit"))
    if not line or not np.isfinite(level) or not 0 < days_left < 10 * _FARTHEST:
        return {}
    last = line[-1][0]
    bounds = evidence.get("days_to_limit_between"), evidence.get("slope_per_week_between")
    (steep_left, flat_left), (flat_slope, steep_slope) = (_pair(bound) for bound in bounds)
    now = line[-1][1]
    return {
        "ahead": _to_level(last, level, days_left, (level - now) / days_left),
        "steep": _to_level(last, level, steep_left, ratio * steep_slope / 7),
        "flat": _to_level(last, level, flat_left, ratio * flat_slope / 7),
    }


def _to_level(last: date, level: float, days_left: float, slope: float) -> list[Point]:
    """From the last day to the level, or as far as is shown."""
    if not np.isfinite(days_left + slope):
        return []
    shown = min(max(days_left, 0.0), float(_FARTHEST))
    end = level - slope * (days_left - shown)
    start = level - slope * days_left
    return [(last.isoformat(), round(start, 4)), (_moment(last, shown), round(end, 4))]


def _of_baseline(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> DaysPlot:
    channel, base = str(evidence.get("channel")), number(evidence.get("baseline"))
    of_baseline = {day(on) for on in evidence.get("baseline_days") or () if isinstance(on, str)}
    return DaysPlot(
        what="daily median",
        channel=channel if channel in INDEX else None,
        unit=_unit(channel),
        are_bars=False,
        **_points(_series(evidence) + _since(evidence, facts, last), lambda on: on in of_baseline),
        level=_finite(base * number(evidence.get("limit"))),
        base=_finite(base),
        marks=_marks(cleaned=evidence.get("cleaned")),
    )


def _of_cleaning(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> DaysPlot:
    """Hours with the fan on, day by day, up to when it is due."""
    due = cleaning_due(evidence)
    hours = facts.fan[:, 0] / 60
    known = _course(hours, facts.readings[:, 0] > 0, last)
    cleaned = day(evidence.get("cleaned"))
    return DaysPlot(
        what="fan hours",
        channel=None,
        unit="h",
        are_bars=True,
        **_points(known, lambda on: cleaned is not None and on > cleaned),
        marks=_marks(cleaned=evidence.get("cleaned"), **{"cleaning due": str(due)}),
    )


def _of_linkage_rate(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> DaysPlot:
    return _of_share(
        "linkage rate", facts.linkage_on[:, 0], facts.linkage_known[:, 0], evidence, last
    )


def _of_validity(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> DaysPlot:
    if evidence.get("of") == "open":
        return _of_share(
            "valid while open", facts.valid_open[:, 0], facts.open[:, 0], evidence, last
        )
    return _of_share("valid readings", facts.valid[:, 0], facts.readings[:, 0], evidence, last)


def _of_share(what: str, part: Any, whole: Any, evidence: Mapping[str, Any], last: int) -> DaysPlot:
    """In per cent. The day of the verdict is known from the evidence, if nowhere else."""
    share = 100 * part / np.maximum(whole, 1)
    known = dict(_course(share, whole >= _LEAST_MINUTES, last)[-_SHARES_SHOWN:])
    about, value = day(evidence.get("day")), number(evidence.get("value"))
    if about and np.isfinite(value):
        known[about] = 100 * value
    return DaysPlot(
        what=what,
        channel=None,
        unit="%",
        are_bars=True,
        **_points(sorted(known.items()), lambda on: on == about),
        level=_finite(100 * number(evidence.get("limit"))),
    )


_OF_KIND: Final[Mapping[str, Callable[[Mapping[str, Any], DayFacts, int], DaysPlot]]] = {
    "deterioration": _of_deterioration,
    "baseline": _of_baseline,
    "cleaning": _of_cleaning,
    "linkage_rate": _of_linkage_rate,
    "validity": _of_validity,
}
KINDS: Final = frozenset(_OF_KIND)


def _series(evidence: Mapping[str, Any]) -> Course:
    """The days and values that the verdict had before it."""
    days, values = evidence.get("days"), evidence.get("values")
    if not isinstance(days, list) or not isinstance(values, list):
        return []
    pairs = [(day(on), number(value)) for on, value in zip(days, values, strict=False)]
    return [(on, value) for on, value in pairs if on is not None and np.isfinite(value)]


def _since(evidence: Mapping[str, Any], facts: DayFacts, last: int) -> Course:
    """The days that came after those of the evidence."""
    known, channel = _series(evidence), str(evidence.get("channel"))
    if not known or channel not in INDEX:
        return []
    index = INDEX[channel]
    enough = facts.counted[index][:, 0] >= _LEAST_MINUTES
    later = _course(facts.median[index][:, 0], enough, last)
    return [(on, value) for on, value in later if on > known[-1][0]]


def _course(values: Any, known: Any, last: int) -> Course:
    rows = np.flatnonzero(known & np.isfinite(values)).tolist()
    first = last - len(values) + 1
    return [(date_of(first + row), float(values[row])) for row in rows]


def _points(known: Course, is_judged: Callable[[date], bool]) -> dict[str, Any]:
    return {
        "days": [on.isoformat() for on, _ in known],
        "values": [round(value, 4) for _, value in known],
        "judged": [is_judged(on) for on, _ in known],
    }


def _ends(line: Any) -> Course:
    ends = [line.get("start"), line.get("end")] if isinstance(line, Mapping) else []
    found = [
        (day(end[0]), number(end[1])) for end in ends if isinstance(end, list) and len(end) == 2
    ]
    return [(on, value) for on, value in found if on is not None and np.isfinite(value)]


def _marks(**days: Any) -> list[Mark]:
    return [Mark(on.isoformat(), what) for what, text in days.items() if (on := day(text))]


def _pair(bound: Any) -> tuple[float, float]:
    both = bound if isinstance(bound, list) and len(bound) == 2 else (None, None)
    return number(both[0]), number(both[1])


def _iso(course: Course) -> list[Point]:
    return [(on.isoformat(), round(value, 4)) for on, value in course]


def _moment(last: date, days: float) -> str:
    """A day's value stands at its beginning, so a part of a day is some hours of it."""
    hours = timedelta(days=days)
    at = last + timedelta(days=hours.days)
    return f"{at}T{hours.seconds // 3600:02}:{hours.seconds // 60 % 60:02}"


def _unit(channel: str) -> str:
    return CHANNELS[INDEX[channel]].unit if channel in INDEX else ""


def _finite(value: Any) -> float | None:
    found = number(value)
    return round(found, 4) if np.isfinite(found) else None


def days_shown(today: date) -> tuple[int, int]:
    """The last day that is over, and how many are read."""
    return day_number(today) - 1, SHOWN
