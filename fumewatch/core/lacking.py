"""What a rule is held against at one monitor, and what it lacks where there is no verdict."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import numpy as np

from fumewatch.core.arrays import Mask
from fumewatch.core.days import Days
from fumewatch.core.fresh import whole_minutes
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import DayRule, MinuteRule
from fumewatch.core.rules.jump import Jump
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.terms import Level
from fumewatch.core.rules.threshold import Threshold
from fumewatch.core.rules.trend import Trend
from fumewatch.core.rules.when import MEALS
from fumewatch.core.view import View


@dataclass(frozen=True, slots=True)
class Bound:
    """A level of the rule: what it is called, as it is written, and here; NaN: no such limit."""

    name: str
    written: str
    number: float


class Lacks(StrEnum):
    """Why there is no verdict."""

    PAUSED = "paused"
    CLOSED = "outside business hours"
    OPEN = "within business hours"
    NO_MEAL = "no meal"
    NOT_REPORTED = "not reported"
    NO_LIMIT = "no limit"
    SILENT = "no value"
    TOO_FEW = "too few"
    NEVER_HEARD = "never heard of"
    NO_DAYS = "no days"
    UNKNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Lack:
    """`what` is lacking: `name` says of which channel or condition, `number` of `least`: how far.

    >>> Lack(Lacks.TOO_FEW, "fresh minutes", 2, 3).what
    <Lacks.TOO_FEW: 'too few'>
    """

    what: Lacks
    name: str = ""
    number: int = 0
    least: int = 0


def bounds_of(rule: Common, of: View | Days, row: int) -> Iterator[Bound]:
    """Every level that the rule is written with."""
    channel = getattr(rule, "channel", None)
    for name in type(rule).model_fields:
        level = getattr(rule, name)
        if isinstance(level, Level) and channel is not None:
            yield Bound(name, str(level), float(level.at(of, INDEX[channel])[row]))


def lacks_of(rule: MinuteRule, view: View, row: int, counted: Mask) -> Iterator[Lack]:
    """What keeps it from judging; `counted` [w]: the minutes of its window that count."""
    found = [*_off_schedule(rule, view, row), *_unknown_facts(rule, view, row)]
    yield from found or _too_little(rule, view, row, counted)


def _off_schedule(rule: MinuteRule, view: View, row: int) -> Iterator[Lack]:
    minute = int(view.minutes[-1])
    if view.paused[-1, row]:
        reason = view.roster.unjudged(int(view.rows[row]), minute)
        yield Lack(Lacks.PAUSED, reason.text("en") if reason else "")
    is_open = bool(view.open_for[-1, row] > 0)
    if rule.when.business_hours is not None and rule.when.business_hours != is_open:
        yield Lack(Lacks.OPEN if is_open else Lacks.CLOSED)
    if rule.when.meal is not None:
        meal = int(view.meal[-1, row])
        if not meal or (rule.when.meal is not True and meal != MEALS[rule.when.meal]):
            yield Lack(Lacks.NO_MEAL, "meal" if rule.when.meal is True else rule.when.meal)


def _unknown_facts(rule: MinuteRule, view: View, row: int) -> Iterator[Lack]:
    channel = getattr(rule, "channel", "")
    if any(np.isnan(bound.number) for bound in bounds_of(rule, view, row)):
        yield Lack(Lacks.NO_LIMIT, channel)
    for name, _ in rule.when.conditions():
        if rule.missing == "no_data" and np.isnan(view.channel(INDEX[name]).known[-1, row]):
            yield Lack(Lacks.NOT_REPORTED, name)


def _too_little(rule: MinuteRule, view: View, row: int, counted: Mask) -> Iterator[Lack]:
    if not rule.own_channels:
        yield Lack(Lacks.NEVER_HEARD)
        return
    rows = view.span(rule.minutes_needed, 0)
    silent = [c for c in sorted(rule.own_channels) if not view.channel(c).present[rows, row].any()]
    if silent:
        for channel in silent:
            yield Lack(Lacks.SILENT, CHANNELS[channel].name, rule.minutes_needed)
    elif isinstance(rule, Trend):
        points = int(rule.evidence(view, 0, row)["points"])
        yield Lack(Lacks.TOO_FEW, "parts of the window with a value", points, rule.min_points)
    elif isinstance(rule, Jump):
        parts = np.split(counted, 1 + rule.before)
        fewest = min(int(part.sum()) for part in parts)
        yield Lack(Lacks.TOO_FEW, "minutes of one of its windows", fewest, rule.min_count)
    elif isinstance(rule, Threshold):
        yield Lack(Lacks.TOO_FEW, "minutes", int(counted.sum()), rule.min_count)
    else:
        names = " and ".join(CHANNELS[c].name for c in sorted(rule.own_channels))
        yield Lack(Lacks.UNKNOWN, f"{names} in the same minute")


def lacks_of_days(rule: DayRule, days: Days, evidence: Mapping[str, Any]) -> Iterator[Lack]:
    """A day rule says in its evidence what it found; what it needs is in its fields."""
    if any(np.isnan(bound.number) for bound in bounds_of(rule, days, 0)):
        yield Lack(Lacks.NO_LIMIT, getattr(rule, "channel", ""))
    known = len(evidence.get("days", ()))
    if known < getattr(rule, "min_days", 0):
        yield Lack(Lacks.TOO_FEW, "valid days", known, getattr(rule, "min_days", 0))
    elif isinstance(at_least := getattr(rule, "at_least", None), timedelta):
        minutes = evidence.get("minutes", evidence.get("minutes_known", 0))
        yield Lack(Lacks.TOO_FEW, "minutes of the day", minutes, whole_minutes(at_least))
    else:
        yield Lack(Lacks.UNKNOWN, _DAY_FACTS.get(rule.kind, "days"))


_DAY_FACTS: Final = {
    "cleaning": "a cleaning is",
    "baseline": "a baseline, or enough of the last days, is",
}
