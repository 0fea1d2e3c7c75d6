"""Days of monitors: what was counted of each, and the days that rules get of it.

Monitor 0, 1, ... has the limit 1.0 mg/m³ of fume; the last day is LAST, a Sunday.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from fumewatch.core.alert import Verdict
from fumewatch.core.arrays import Numbers
from fumewatch.core.days import NO_DAY, DayFacts, Days, day_number
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import DayRule
from tests.core.scene import micros, place, roster_of, rule_of

LAST = date(2026, 11, 22)
NOW = micros(datetime(2026, 11, 22, 16, 30, tzinfo=UTC))  # 00:30 on the 23rd in Shanghai
COUNTS = {
    "readings": 1400,
    "valid": 1400,
    "open": 570,
    "valid_open": 560,
    "fan": 540,
    "linkage_known": 540,
    "linkage_on": 530,
}

Course = Sequence[float | None] | Numbers
"""One monitor's days, or [d, n]; None or NaN: nothing is known."""


def ago(days: int) -> date:
    return LAST - timedelta(days=days)


def days_of(
    values: Mapping[str, Course] | None = None,
    *,
    peak: Mapping[str, Course] | None = None,
    counted: Course | int = 300,
    cleaned: Sequence[date] = (),
    limit: str = "db31",
    **counts: Course | int,
) -> Days:
    """`values`, `peak`: by channel. `cleaned`: the recorded cleanings. Counts as in DayFacts."""
    courses = {name: _table(course) for name, course in (values or {}).items()}
    given = [*courses.values(), *(_table(c) for c in counts.values() if not isinstance(c, int))]
    d, n = max((table.shape for table in given), default=(1, 1))
    day = np.arange(day_number(LAST) + 1 - d, day_number(LAST) + 1, dtype=np.int32)
    facts = {name: _counts(counts.get(name, usual), d, n) for name, usual in COUNTS.items()}
    return Days(
        ids=np.arange(n, dtype=np.int32),
        day=day,
        now=NOW,
        roster=roster_of(*(place(i, limit_profile=limit) for i in range(n))),
        facts=DayFacts(
            **facts,
            median=_by_channel(courses, d, n),
            counted=np.broadcast_to(_counts(counted, d, n), (len(CHANNELS), d, n)),
            peak=_by_channel({k: _table(v) for k, v in (peak or {}).items()}, d, n),
        ),
        cleaned=np.repeat(_cleaned(day, cleaned)[:, None], n, axis=1),
    )


def _table(course: Course) -> Numbers:
    table = np.array(course, np.float64)
    return table if table.ndim == 2 else table[:, None]


def _counts(course: Course | int, d: int, n: int) -> np.ndarray[Any, np.dtype[np.int32]]:
    table = np.array(course) if isinstance(course, int) else _table(course)
    return np.broadcast_to(table, (d, n)).astype(np.int32)


def _by_channel(courses: Mapping[str, Numbers], d: int, n: int) -> Numbers:
    values = np.full((len(CHANNELS), d, n), np.nan)
    for name, table in courses.items():
        values[INDEX[name]] = table
    return values


def _cleaned(day: Any, cleaned: Sequence[date]) -> Any:
    known = sorted(map(day_number, cleaned))
    before = [max((c for c in known if c <= d), default=NO_DAY) for d in day]
    return np.array(before, np.int32)


def day_rule(**fields: Any) -> DayRule:
    rule = rule_of(**fields)
    assert isinstance(rule, DayRule)
    return rule


def opens(rule: DayRule, days: Days, row: int = 0) -> Verdict:
    return Verdict(rule.judge(days).opens[0, row])


def stays(rule: DayRule, days: Days, row: int = 0) -> Verdict:
    return Verdict(rule.judge(days).stays[0, row])


def value(rule: DayRule, days: Days, row: int = 0) -> float:
    return float(rule.judge(days).value[0, row])
