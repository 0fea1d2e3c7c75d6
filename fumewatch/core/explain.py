"""Why a rule says what it says of one monitor at one instant: what it looked at, step by step.

Nothing is judged here: the rule itself is asked, on what the engine shows it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fumewatch.core.alert import Alert, State, Verdict
from fumewatch.core.arrays import Mask, Numbers
from fumewatch.core.engine import Engine
from fumewatch.core.judgement import Judgement
from fumewatch.core.lacking import Bound, Lack, Lacks, bounds_of, lacks_of, lacks_of_days
from fumewatch.core.past import Past
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import DayRule, MinuteRule, PatternRule
from fumewatch.core.rules.rule import Common
from fumewatch.core.rules.when import MEALS
from fumewatch.core.view import MINUTE, Minutes, View, iso

RECENT: Final = 60
"""Minutes that are shown of rules that look at no window: when readings came."""


class Kind(StrEnum):
    """What a minute of a channel has."""

    FRESH = "fresh"
    HELD = "held"
    COVERED = "covered"
    """No value of its own: the one before it stands for it, as the monitor sends more rarely."""
    CARRIED = "carried"
    """Nothing, but a condition goes by what was known last."""
    MISSING = "missing"


class Mark(StrEnum):
    """Whether a condition holds in a minute."""

    YES = "yes"
    NO = "no"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One channel over the w minutes of the window; `values` [w]: NaN where there is none."""

    channel: str
    values: Numbers
    kinds: tuple[Kind, ...]

    @property
    def unit(self) -> str:
        return CHANNELS[INDEX[self.channel]].unit


@dataclass(frozen=True, slots=True)
class Condition:
    """One that `when` asks for, minute by minute."""

    text: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Minutewise:
    """The window, by minute [w]: since 1970, UTC. `counted`: the rule rests on it."""

    minutes: NDArray[np.int64]
    series: tuple[Series, ...]
    conditions: tuple[Condition, ...]
    counted: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """What a rule says of one monitor at `at` (µs UTC).

    opens, stays   the verdict where no alert fires, and where one does
    alert          the replay's, as it is after this instant
    concerns       the rule is about this monitor
    evidence       as it would go with an alert; {} where there is nothing to judge
    lacks          why there is no verdict; () where there is one
    """

    rule: Common
    at: int
    opens: Verdict
    stays: Verdict
    value: float
    limit: float
    concerns: bool
    bounds: tuple[Bound, ...]
    evidence: Mapping[str, Any]
    lacks: tuple[Lack, ...]
    alert: Alert | None
    window: Minutewise | None = None

    @property
    def is_firing(self) -> bool:
        return self.alert is not None and self.alert.state is State.FIRING

    @property
    def verdict(self) -> Verdict:
        """The one that counts for the alert as it is."""
        return self.stays if self.is_firing else self.opens


def explain(rule: Common, engine: Engine, monitor: int) -> Explanation:
    """At the last minute that the engine judged; a rule of days: on the last days it judged."""
    alert = engine.open.get(rule.id, {}).get(monitor)
    match rule:
        case MinuteRule():
            return _of_minutes(rule, engine, monitor, alert)
        case DayRule():
            return _of_days(rule, engine, monitor, alert)
        case PatternRule():
            past = engine.past(engine.settled_to)
            return of_past(rule, past, monitor, alert)
        case _:
            raise TypeError(f"no such rule: {rule.kind}")


def of_past(rule: PatternRule, past: Past, monitor: int, alert: Alert | None) -> Explanation:
    """`past` must have the monitor among its own."""
    row = int(np.flatnonzero(past.ids == monitor)[0])
    judged = rule.judge(past)
    lacks = (Lack(Lacks.UNKNOWN, "position"),)
    return _explanation(
        rule, past.now, judged, row, bool(rule.when.covers(past)[row]), (),
        rule.evidence(past, row), lacks, alert,
    )  # fmt: skip


def _of_minutes(rule: MinuteRule, engine: Engine, monitor: int, alert: Alert | None) -> Explanation:
    ids = engine.ids if rule.WHOLE_FLEET else np.array([monitor], np.int32)
    row = monitor if rule.WHOLE_FLEET else 0
    view = engine.window.view(ids, engine.roster, 1, engine.open)
    evidence = rule.evidence(view, 0, row)
    window = _window(rule, view, row, evidence)
    if not window.series:
        had = engine.window.had_readings(RECENT)[:, monitor]
        window = _readings_of(view, had)
    return _explanation(
        rule, int(view.now[0]), rule.judge(view), row, bool(rule.when.covers(view)[row]),
        tuple(bounds_of(rule, view, row)), evidence,
        tuple(lacks_of(rule, view, row, window.counted)), alert, window,
    )  # fmt: skip


def _of_days(rule: DayRule, engine: Engine, monitor: int, alert: Alert | None) -> Explanation:
    days = engine.days
    if days is None:
        none = np.array([[Verdict.NO_DATA]], np.int8)
        unknown = np.full((1, 1), np.nan)
        judged = Judgement(none, none, unknown, unknown)
        lack = Lack(Lacks.NO_DAYS)
        return _explanation(rule, engine.settled_to, judged, 0, True, (), {}, (lack,), alert)
    own = days.only(monitor).last(rule.days_needed)
    evidence = rule.evidence(own, 0)
    return _explanation(
        rule, days.now, rule.judge(own), 0, bool(rule.when.covers(own)[0]),
        tuple(bounds_of(rule, own, 0)), evidence, tuple(lacks_of_days(rule, own, evidence)), alert,
    )  # fmt: skip


def _explanation(
    rule: Common,
    at: int,
    judged: Judgement,
    row: int,
    concerns: bool,
    bounds: tuple[Bound, ...],
    evidence: Mapping[str, Any],
    lacks: tuple[Lack, ...],
    alert: Alert | None,
    window: Minutewise | None = None,
) -> Explanation:
    opens, stays = Verdict(judged.opens[0, row]), Verdict(judged.stays[0, row])
    return Explanation(
        rule=rule,
        at=at,
        opens=opens,
        stays=stays,
        value=float(judged.value[0, row]),
        limit=float(judged.limit[0, row]),
        concerns=concerns,
        bounds=bounds,
        evidence=evidence,
        lacks=lacks if opens is Verdict.NO_DATA else (),
        alert=alert,
        window=window,
    )


# ── the window ──


def _window(rule: MinuteRule, view: View, row: int, evidence: Mapping[str, Any]) -> Minutewise:
    rows = view.span(rule.minutes_needed, 0)
    counted = set(evidence.get("times", ()))
    return Minutewise(
        view.minutes[rows],
        tuple(_series(rule, view, rows, row)),
        tuple(_conditions(rule, view, rows, row)),
        np.array([time in counted for time in view.times(rows)], np.bool_),
    )


def _readings_of(view: View, had: Mask) -> Minutewise:
    """When a reading came; 1 in such minutes."""
    minutes = view.minutes[-1] + 1 - len(had) + np.arange(len(had))
    return Minutewise(minutes, (), (), had)


def _series(rule: MinuteRule, view: View, rows: slice, row: int) -> Iterator[Series]:
    """The channels that are judged first, then those of conditions."""
    for channel in sorted(rule.channels_needed, key=lambda c: (c not in rule.own_channels, c)):
        minutes = view.channel(channel)
        kinds = tuple(_kinds(minutes, rows, row, channel not in rule.own_channels))
        means = minutes.means(rows, row)
        values = np.where(minutes.present[rows, row], means, np.nan)
        carried = np.array([kind is Kind.CARRIED for kind in kinds], np.bool_)
        values = np.where(carried, minutes.known[rows, row], values)
        yield Series(CHANNELS[channel].name, values, kinds)


def _kinds(minutes: Minutes, rows: slice, row: int, carries: bool) -> Iterator[Kind]:
    columns = minutes.present, minutes.fresh, minutes.covered
    known = ~np.isnan(minutes.known[rows, row]) if carries else minutes.present[rows, row]
    for present, fresh, covered, is_known in zip(
        *(column[rows, row].tolist() for column in columns), known.tolist(), strict=True
    ):
        if not present:
            yield Kind.CARRIED if is_known else Kind.MISSING
        elif not fresh:
            yield Kind.HELD
        else:
            yield Kind.COVERED if covered else Kind.FRESH


def _conditions(rule: MinuteRule, view: View, rows: slice, row: int) -> Iterator[Condition]:
    when = rule.when
    if view.paused[rows, row].any():
        yield _condition("not paused", ~view.paused[rows, row])
    if when.business_hours is not None:
        is_open = view.open_for[rows, row] > 0
        word = "open" if when.business_hours else "closed"
        yield _condition(word, is_open == when.business_hours)
    if when.meal is not None:
        meal = view.meal[rows, row]
        holds = meal > 0 if when.meal is True else meal == MEALS[when.meal]
        yield _condition("meal" if when.meal is True else when.meal, holds)
    for name, condition in when.conditions():
        known = view.channel(INDEX[name]).known[rows, row]
        yield _condition(f"{name} {condition}", condition(known), np.isnan(known))


def _condition(text: str, holds: Mask, skipped: Mask | None = None) -> Condition:
    left_out = skipped if skipped is not None else np.zeros(len(holds), np.bool_)
    marks = np.where(left_out, Mark.SKIPPED, np.where(holds, Mark.YES, Mark.NO))
    return Condition(text, tuple(Mark(mark) for mark in marks.tolist()))


def times(minutes: NDArray[np.int64]) -> list[str]:
    """Starts of minutes, ISO UTC."""
    return [iso(minute * MINUTE) for minute in minutes.tolist()]
