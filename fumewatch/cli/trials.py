"""What `fumewatch rules test` tells: text for people, plain values for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np

from fumewatch.cli import show, strip
from fumewatch.config.trials import Case
from fumewatch.core import duration
from fumewatch.core.alert import Transition, Verdict
from fumewatch.core.arrays import Numbers
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.core.rules import DayRule, MinuteRule, Rule
from fumewatch.core.trial import Watched
from fumewatch.core.trial.compare import Difference, Saying
from fumewatch.core.trial.perform import Performance, Terms

_COLOURS: Final = {"PASS": "green", "FAIL": "red"}
_VERDICTS: Final = {
    Verdict.BREACH: "breach",
    Verdict.CLEAR: "clear",
    Verdict.NO_DATA: "no data",
}
LABEL: Final = 12
"""Columns before a series, for its name."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A test of a file, and how it went."""

    file: Path
    case: Case
    performance: Performance
    terms: Terms

    @property
    def has_passed(self) -> bool:
        return not self.performance.differences

    def where(self, difference: Difference) -> str:
        """file:line."""
        number = difference.number
        return f"{self.file}:{self.case.line if number is None else self.case.lines[number]}"


def summary(tried: Iterable[Tried]) -> str:
    """12 tests, 1 failed."""
    passed = [each.has_passed for each in tried]
    return f"{show.count(len(passed), 'test')}, {passed.count(False) or 'none'} failed"


def tell(tried: Tried, *, verbose: bool) -> None:
    word = "PASS" if tried.has_passed else "FAIL"
    show.line(f"{word}  {show.inert(tried.performance.trial.name)}", word, _COLOURS[word])
    for line in lines(tried, verbose=verbose):
        show.line(f"      {show.inert(line)}")


def lines(tried: Tried, *, verbose: bool = False) -> Iterator[str]:
    """What differs, with what the rule of it saw and did; where it is verbose, all else too."""
    return _Story(tried).lines(verbose=verbose)


class _Story:
    """One test in lines: each difference, and what the rule of it saw and did."""

    def __init__(self, tried: Tried) -> None:
        self._tried = tried
        self._trial = tried.performance.trial
        self._rules = {rule.id: rule for rule in tried.terms.rules}
        self._zone = tried.terms.zone

    def lines(self, *, verbose: bool) -> Iterator[str]:
        groups: dict[tuple[str, int], list[Difference]] = {}
        for each in self._tried.performance.differences:
            groups.setdefault((each.rule, each.monitor), []).append(each)
        for (rule, monitor), differences in groups.items():
            for each in differences:
                yield f"{self._tried.where(each)}: {self._sentence(each)}"
            yield from self._course(rule, monitor)
            at = sorted({each.at for each in differences})
            yield from self._plot(self._rules[rule], monitor, at)
        if verbose:
            yield from self._everything()

    def _everything(self) -> Iterator[str]:
        moved = {
            (each.alert.rule, each.alert.monitor) for each in self._tried.performance.transitions
        }
        named = {(each.rule, each.monitor) for each in self._trial.expected}
        for rule in self._rules:
            for number in range(len(self._trial.watched)):
                if (rule, number) in moved | named:
                    yield from self._course(rule, number)
        for watched in self._trial.watched:
            yield from self._strips(watched, [*watched.series, *watched.days])

    def _sentence(self, it: Difference) -> str:
        """exceedance at 10m (11:10): firing expected, but none"""
        rule, when = self._named(it.rule, it.monitor), self._when(it.at)
        match it.what:
            case "never":
                return f"{rule}: expected never to fire, but it fires at {when}"
            case "only":
                return f"{rule}: only the rules that are named may fire, but it fires at {when}"
            case "state":
                said = f" ({_saying(it.said)})" if it.said else ""
                return f"{rule} at {when}: expected {it.expected}, but it is {it.actual}{said}"
            case _:
                shown = f"{_shown(it.expected)}, but it is {_shown(it.actual)}"
                return f"{rule} at {when}: expected {it.what} {shown}"

    def _named(self, rule: str, monitor: int) -> str:
        several = len(self._trial.watched) > 1
        return f"{rule} of {self._trial.watched[monitor].place.code}" if several else rule

    def _when(self, at: datetime) -> str:
        """25m (11:25), or 28d (2026-12-21)."""
        start, local = self._trial.start.astimezone(self._zone), at.astimezone(self._zone)
        days = (local.date() - start.date()).days
        if self._trial.is_of_days:
            return f"{days}d ({local:%Y-%m-%d})"
        clock = f"{local:%m-%d %H:%M}" if days else f"{local:%H:%M}"
        return f"{duration.show(at - self._trial.start)} ({clock})"

    def _course(self, rule: str, monitor: int) -> Iterator[str]:
        """The transitions of one rule at one monitor."""
        key = rule, monitor
        moves = [
            each
            for each in self._tried.performance.transitions
            if (each.alert.rule, each.alert.monitor) == key
        ]
        for each in moves:
            before = each.before.value if each.before else "none"
            state = f"{before} → {each.alert.state.value}"
            yield f"  {self._named(*key)}: {self._when(each.at):<12}  {state}{_numbers(each)}"
        if not moves:
            yield f"  {self._named(*key)}: no alert at any time"

    def _plot(self, rule: Rule, monitor: int, instants: Iterable[datetime]) -> Iterator[str]:
        """What the rule looks at, and under it what was in its window at these instants."""
        watched, points = self._trial.watched[monitor], self._trial.points
        yield from self._strips(watched, _looked_at(rule, watched))
        window = _window(rule)
        if window is None:
            return
        for at in instants:
            first = (at - window - self._trial.start) // self._trial.interval
            last = (at - self._trial.start) // self._trial.interval - 1
            if last >= 0:
                under = strip.mark(first, last, points)
                yield f"  {'':<{LABEL}}  {under}  window at {self._when(at)}"

    def _strips(self, watched: Watched, names: Iterable[str]) -> Iterator[str]:
        several = f"{watched.place.code} " if len(self._trial.watched) > 1 else ""
        for name in names:
            series = (watched.series.get(name) or watched.days[name]).stretched(self._trial.points)
            drawn = strip.draw(series.values, (0, 1) if _is_state(name) else None)
            yield f"  {several + name:<{LABEL}}  {drawn}  {_bounds(name, series.values)}".rstrip()


def _numbers(move: Transition) -> str:
    """What the breach rests on; a state that cleared has none of its own."""
    alert = move.alert
    if not np.isfinite(alert.value) or not alert.is_open:
        return f"  {move.reason.value}"
    limit = f", limit {_shown(alert.limit)}" if np.isfinite(alert.limit) else ""
    return f"  {_shown(alert.value)}{limit}  {move.reason.value}"


def _saying(said: Saying) -> str:
    """clear: 0.94, limit 1; 6 minutes held"""
    words = _VERDICTS[said.verdict]
    if np.isfinite(said.value):
        limit = f", limit {_shown(said.limit)}" if np.isfinite(said.limit) else ""
        words += f": {_shown(said.value)}{limit}"
    return f"{words}; {show.count(said.held, 'minute')} held" if said.held else words


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.3f}".rstrip("0").rstrip(".")


def _looked_at(rule: Rule, watched: Watched) -> list[str]:
    """The series that the rule is about; all of them where that cannot be told."""
    if watched.days or not isinstance(rule, MinuteRule):
        return [*watched.series, *watched.days]
    needed = {CHANNELS[channel].name for channel in rule.channels_needed}
    return [name for name in watched.series if name in needed] or list(watched.series)


def _window(rule: Rule) -> timedelta | None:
    """How far back it looks."""
    if isinstance(rule, MinuteRule):
        return timedelta(minutes=rule.minutes_needed)
    return timedelta(days=rule.days_needed) if isinstance(rule, DayRule) else None


def _bounds(name: str, values: Numbers) -> str:
    """0.4 to 1.3 mg/m³"""
    known = values[~np.isnan(values)]
    if not len(known) or _is_state(name):
        return ""
    low, high = _shown(float(known.min())), _shown(float(known.max()))
    channel = name.removesuffix("_peak")
    unit = CHANNELS[INDEX[channel]].unit if channel in INDEX else "min"
    return f"{low if low == high else f'{low} to {high}'} {unit}"


def _is_state(name: str) -> bool:
    return name in INDEX and CHANNELS[INDEX[name]].is_state


def as_json(tried: Iterable[Tried]) -> dict[str, Any]:
    told = [_facts(each) for each in tried]
    failed = sum(not each["passed"] for each in told)
    return {"tests": len(told), "failed": failed, "results": told}


def _facts(tried: Tried) -> dict[str, Any]:
    performance = tried.performance
    codes = [watched.place.code for watched in performance.trial.watched]
    return {
        "file": str(tried.file),
        "line": tried.case.line,
        "name": performance.trial.name,
        "passed": tried.has_passed,
        "differences": [
            {
                "where": tried.where(each),
                "rule": each.rule,
                "monitor": codes[each.monitor],
                "at": each.at,
                "what": each.what,
                "expected": each.expected,
                "actual": _plain(each.actual),
                "said": _said(each.said),
            }
            for each in performance.differences
        ],
        "transitions": [
            {
                "at": each.at,
                "rule": each.alert.rule,
                "monitor": codes[each.alert.monitor],
                "before": each.before,
                "state": each.alert.state,
                "severity": each.alert.severity,
                "reason": each.reason,
                "value": _plain(each.alert.value),
                "limit": _plain(each.alert.limit),
            }
            for each in performance.transitions
        ],
    }


def _said(said: Saying | None) -> dict[str, Any] | None:
    if said is None:
        return None
    value, limit = _plain(said.value), _plain(said.limit)
    return {
        "verdict": _VERDICTS[said.verdict],
        "value": value,
        "limit": limit,
        "held": said.held,
    }


def _plain(value: str | float) -> str | float | None:
    """JSON has no NaN."""
    return value if isinstance(value, str) or np.isfinite(value) else None
