"""A scene: what monitors sent, minute by minute up to now, and the view that rules get of it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from pydantic import TypeAdapter

from fumewatch.core.alert import Alert, Step, Verdict
from fumewatch.core.calendar import BusinessHours
from fumewatch.core.fresh import Freshness
from fumewatch.core.judge import steps
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import CHANNELS, INDEX, MEASURED, MISSING, Readings
from fumewatch.core.roster import Roster
from fumewatch.core.rules import Rule
from fumewatch.core.site import Place
from fumewatch.core.view import MINUTE, View
from fumewatch.core.window import HOUR, Window

ZONE = "Asia/Shanghai"
NOON = datetime(2026, 11, 23, 4, tzinfo=UTC)  # 12:00 in Shanghai
HOURS = BusinessHours.parse("10:00-14:00, 16:30-22:00", ZONE)
LIMITS = {"db31": {"fume": 1.0}}
DEPTH = 60
USUAL = ("fume", "pm", "nmhc", "fan_on", "purifier_on", "fan_current")
"""Channels that a view has besides those that its monitors send."""

Series = Sequence[float | None]
Monitor = dict[str, Series]


def micros(at: datetime) -> int:
    return round((at - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))


def readings(
    rows: Sequence[tuple[int, int, dict[str, float | None]]], quality: str = "N"
) -> Readings:
    """Of (monitor, µs, channel → value in its unit)."""
    values = np.full((len(CHANNELS), len(rows)), MISSING, np.int32)
    for i, (_, _, channels) in enumerate(rows):
        for name, value in channels.items():
            if value is not None:
                values[INDEX[name], i] = round(value * CHANNELS[INDEX[name]].scale)
    return Readings(
        np.array([monitor for monitor, _, _ in rows], np.int32),
        np.array([at for _, at, _ in rows], np.int64),
        values,
        np.full(len(rows), ord(quality), np.uint8),
        np.zeros(len(rows), np.int16),
    )


def sent(monitors: Sequence[Monitor], now: datetime = NOON) -> Readings:
    """One reading a minute; each series ends in the minute that ends now, None is a gap."""
    last = micros(now) // MINUTE - 1
    rows = []
    for number, channels in enumerate(monitors):
        length = max(map(len, channels.values()))
        for ago in range(length):
            values = {name: _ago(series, ago) for name, series in channels.items()}
            if any(value is not None for value in values.values()):
                rows.append((number, (last - ago) * MINUTE, values))
    return readings(rows)


def _ago(series: Series, ago: int) -> float | None:
    return series[-1 - ago] if ago < len(series) else None


def window_of(
    *monitors: Monitor,
    now: datetime = NOON,
    depth: int = DEPTH,
    freshness: Freshness = Freshness(),  # noqa: B008 - frozen
) -> Window:
    """Settled up to now, a whole minute, by a fleet that has behaved like that before."""
    channels = {INDEX[name] for name in {*USUAL}.union(*monitors)}
    lessons = Lessons(freshness, ZoneInfo(ZONE), channels.intersection(MEASURED))
    sending = sent(monitors, now)
    taught = _settled(sending, lessons, channels, len(monitors), depth, now)
    lessons.learn(taught.settled_to // 60 * 60)
    for counts in (*lessons.gaps.values(), lessons.sendings):
        counts[:] = 0
    return _settled(sending, lessons, channels, len(monitors), depth, now)


def _settled(
    sending: Readings,
    lessons: Lessons,
    channels: Collection[int],
    size: int,
    depth: int,
    now: datetime,
) -> Window:
    last = micros(now) // MINUTE
    first = int(sending.measured_at.min(initial=micros(now) - MINUTE)) // MINUTE
    window = Window(channels, depth, lessons, most=last - first)
    window.make_room(size)
    window.add(sending)
    window.begin(first)
    while (at := window.settled_to) < last:
        window.settle(min(last, at // HOUR * HOUR + HOUR))
    return window


def place(monitor: int = 0, **facts: Any) -> Place:
    known = {"site_id": 1, "street": "天平路街道", "limit_profile": "db31"} | facts
    return Place(monitor=monitor, code=f"m{monitor}", district="xuhui", **known)


def roster_of(*places: Place, **more: Any) -> Roster:
    return Roster.build(places, LIMITS, HOURS, **more)


def view_of(
    *monitors: Monitor,
    now: datetime = NOON,
    roster: Roster | None = None,
    open_alerts: Mapping[str, Collection[int]] = MappingProxyType({}),
) -> View:
    """Monitors 0, 1, ... each with the limit 1.0 mg/m³ of fume unless the roster says otherwise."""
    numbers = range(len(monitors))
    places = roster or roster_of(*(place(number) for number in numbers))
    window = window_of(*monitors, now=now)
    return window.view(np.array(numbers, np.int32), places, 1, open_alerts)


def rule_of(**fields: Any) -> Rule:
    return TypeAdapter(Rule).validate_python({"id": "it", "severity": "warning"} | fields)


def verdict(rule: Rule, view: View, *, firing: bool = False) -> Verdict:
    """On the scene's first monitor."""
    judged = rule.judge(view)
    return Verdict((judged.stays if firing else judged.opens)[-1, 0])


def judge(rule: Rule, view: View, open_alerts: Mapping[int, Alert]) -> list[Step]:
    """What the view's instants do to the rule's alerts."""
    judgement = rule.judge(view)
    return list(
        steps(
            rule.facts,
            judgement,
            view.ids,
            view.now,
            open_alerts,
            lambda instant, row: rule.evidence(view, instant, row),
        )
    )


def wavering(value: float, minutes: int) -> list[float]:
    """Every minute a new value, alternately a bit under and over."""
    return [round(value + (0.01 if i % 2 else -0.01), 3) for i in range(minutes)]
