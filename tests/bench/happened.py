"""For each kind of rule: what it ought to find, what it may speak of besides; all else is false.

Where a rule claims something about fume, the truth is the flue's own concentration, minute by
minute: a peak that nobody planned is as true as a planned one, and a value that a monitor holds, or
measures wrong, makes nothing true. Everything else is true where a label says so.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np

from fumewatch.core.reading import INDEX
from fumewatch.core.rules.rule import Common
from fumewatch.demo.course import MOST_FOULED, dirty
from fumewatch.demo.fleet import LIMIT_MG_M3
from fumewatch.demo.flue import TIRED, day_of
from fumewatch.demo.months import midnight_s
from fumewatch.demo.situations import SILENT, Kind
from tests.bench.known import DAY_S, Known, Mask, Minutes, runs, trailing
from tests.bench.scoring import Episode, crowded

SURE: Final = 1.1
CLOSE: Final = 0.9
"""What is so much over a level ought to be found; what is so near below it nobody could tell from
the level: instruments are good to 10 %."""
_AFTER_MIN: Final = 12
"""An alert may come so much later than what it is about, and as much again as a monitor's refresh
period; a window of ten minutes still holds what came before."""
_BEFORE_MIN: Final = 3
_SOON_DAYS: Final = 30
"""An alert that fouling will lead to an exceedance is true so long before it."""
_FORESEEABLE_DAYS: Final = 21
"""A trend of days, against what days differ by anyhow, takes two weeks to show, after the beginning
and after a cleaning; and a week before the event is wanted."""
_RECORDED: Final = 14 * DAY_S


@dataclass(frozen=True, slots=True)
class Claim:
    """The flue's mean over `window` minutes is above `level` limits; with `within`, it is so for
    `least` minutes of them."""

    level: float
    window: int = 10
    least: int = 0
    within: int = 0

    @property
    def reach(self) -> int:
        """Minutes that it speaks of."""
        return self.window + self.within


EXCEEDANCE: Final = Claim(1.0)
"""What GB 18483 samples for: ten minutes above the limit."""


def episodes(known: Known, rules: Iterable[Common]) -> dict[str, list[Episode]]:
    """By rule id; a rule of a kind without truth is not there."""
    listed = list(rules)
    return {
        rule.id: list(TRUTH[rule.kind](known, rule, listed))
        for rule in listed
        if rule.kind in TRUTH
    }


# Claims about the fume ----------------------------------------------------------------------


def claim_of(rule: Any) -> Claim:
    """What a threshold rule says of the fume."""
    minutes = int(rule.window / timedelta(minutes=1))
    hold = int(rule.hold / timedelta(minutes=1))
    if rule.statistic == "share":
        least = round(rule.above.number * minutes)
        return Claim(rule.share_above.number, 1, least - least // 6, minutes)
    return Claim(rule.above.number, minutes, hold, hold)


def is_true(fume: Minutes, claim: Claim, factor: float = 1.0) -> Mask:
    """[n, t]: it holds of the minutes that end with each."""
    above = trailing(fume, claim.window) > claim.level * LIMIT_MG_M3 * factor
    if not claim.within:
        return np.asarray(above)
    counted = trailing(above.astype(np.float32), claim.within) * claim.within
    return np.asarray(counted > claim.least - 0.5)


def claimed(known: Known, claim: Claim) -> Iterator[Episode]:
    """Where the claim is true of the flue. It must be found where it is true by more than an
    instrument errs for ten minutes, and the monitor saw all of it."""
    true, sure, close = (is_true(known.fume, claim, by) for by in (1.0, SURE, CLOSE))
    yield from _seen(known, true, sure, claim.reach)
    yield from _seen(known, close, np.zeros_like(sure), claim.reach, is_close=True)


def jumps(known: Known, times: float, least: float) -> Iterator[Episode]:
    """The flue's last ten minutes are so many times the half hour before."""
    last, before = trailing(known.fume, 10), trailing(known.fume, 30)
    before = np.roll(before, 10, axis=1)
    before[:, :40] = np.inf
    true = (last >= before * times / SURE**2) & (last >= least / SURE)
    sure = (last >= before * times * SURE**2) & (last >= least * SURE)
    yield from _seen(known, true, sure, 40)


def _seen(
    known: Known, true: Mask, sure: Mask, back: int, *, is_close: bool = False
) -> Iterator[Episode]:
    for monitor, first, end in runs(true, gap=30):
        late = _AFTER_MIN + int(known.fleet.refresh_s[monitor]) // 60
        seen = known.sees[monitor, max(first - back, 0) : end].all()
        surely = np.count_nonzero(sure[monitor, first:end]) >= 10
        yield Episode(
            monitor,
            known.start_s + (first - _BEFORE_MIN) * 60,
            known.start_s + (end + late) * 60,
            known.start_s + (first + 1) * 60,
            bool(seen and surely),
            is_close,
        )


def crossings(known: Known, horizon_min: int) -> Iterator[Episode]:
    """For a forecast: an alert is true in the `horizon_min` minutes before the ten-minute mean
    crosses the limit, and ten more, as that mean lags; it ought to come where the fume rises
    steadily for long before."""
    rising = np.zeros_like(known.sees)
    for situation in known.of(Kind.RISING):
        rising[situation.monitor, known.minutes(situation)] = True
    for factor in (1.0, CLOSE):
        for monitor, first, _ in runs(is_true(known.fume, EXCEEDANCE, factor), gap=30):
            event_s = known.start_s + (first + 1) * 60
            from_s = event_s - (horizon_min + 10) * 60
            seen = known.sees[monitor, max(first - 45, 0) : first].all()
            must = bool(seen and rising[monitor, first] and factor == 1)
            yield Episode(monitor, from_s, event_s + 60, event_s, must, factor < 1)


# Claims about weeks -------------------------------------------------------------------------


def deteriorations(known: Known, horizon: int) -> Iterator[Episode]:
    """One for each stretch between two cleanings, about the first exceedance that fouling brings:
    the first day whose highest ten minutes pass the limit, and would not with a clean purifier.

    Where they clean before, it is the first that would have come if they had not. An alert in the
    `horizon` days before is true, one in half as many before those is close. It ought to be
    foreseen where it came, three weeks after the cleaning and the beginning at the earliest.
    """
    assert known.fleet.course
    end = known.begin + known.days
    for monitor, days in enumerate(known.fleet.course.cleanings):
        for cleaned, until in zip(days, (*days[1:], end), strict=True):
            begin, until = max(cleaned, known.begin), min(until, end)
            first = _first_exceedance(known, monitor, cleaned) if begin < until else None
            if first is None or (_day(first) - horizon * 3 // 2 > until):
                continue
            event_s, until_s = first, midnight_s(until + 1)
            came = event_s < midnight_s(until)
            must = came and event_s >= midnight_s(begin + _FORESEEABLE_DAYS)
            cause = "exceeded" if came else "cleaned in time"
            yield Episode(monitor, event_s - horizon * DAY_S, until_s, event_s, must, cause=cause)
            soon_s = event_s - horizon * DAY_S * 3 // 2
            yield Episode(monitor, soon_s, until_s, event_s, must=False, is_close=True)


def _first_exceedance(known: Known, monitor: int, cleaned: int) -> int | None:
    """When fouling leads to one, or would if nobody cleaned after `cleaned`; seconds."""
    course = known.fleet.course
    assert course
    begin = max(cleaned, known.begin)
    day = np.arange(begin, known.begin + known.days + known.beyond)
    peak, minute = (row[monitor, begin - known.begin :] for row in known.peaks)
    clean = peak / course.dirty[monitor, day - course.first]
    age = np.minimum((day - cleaned) / course.cycle[monitor], MOST_FOULED)
    without = clean * dirty(age, course.gain[monitor])
    through = np.flatnonzero((without > LIMIT_MG_M3) & (clean <= LIMIT_MG_M3))
    if not len(through):
        return None
    first = through[0]
    return midnight_s(int(day[first])) + int(minute[first]) * 60


def tired(known: Known, below: float) -> Iterator[Episode]:
    """The purifier's current is below that share of a clean one's. A baseline of the first week is
    a little lower, a current flickers: it must be told below 0.93 times that, for three days, where
    the cleaning before is in the ledger and the monitor was there already."""
    course = known.fleet.course
    assert course
    first = known.begin - course.first
    share = 1 - TIRED * course.fouled[:, first : first + known.days]
    told = known.fleet.reports[INDEX["purifier_current"]][:, None]
    for monitor, first, end in runs((share < below * 1.05) & told):
        sure = share[monitor, first:end] < below * 0.93
        start = known.begin + first
        cleaned = max(day for day in course.cleanings[monitor] if day <= start)
        is_told = cleaned in course.recorded[monitor] and cleaned >= known.begin
        must = bool(is_told and np.count_nonzero(sure) >= 4)
        event_s = midnight_s(start + int(sure.argmax()))
        yield Episode(
            monitor, midnight_s(start), midnight_s(start + end - first + 4), event_s, must
        )


def invalid_days(known: Known, below: float) -> Iterator[Episode]:
    """Days with too many flagged or implausible values."""
    bad = np.zeros((len(known.fleet), known.days), np.int64)
    for s in known.of(Kind.FAULT, Kind.OVER_RANGE):
        minutes = known.minutes(s)
        day = np.arange(minutes.start, min(minutes.stop, known.days * 1440)) // 1440
        np.add.at(bad[s.monitor], day, 1)
    share = bad / 1440
    yield from _told_next_day(known, share > (1 - below) * 1.5, share > (1 - below) * 0.5)


def missing_days(known: Known, below: float) -> Iterator[Episode]:
    """Days on which too little of the business hours was valid."""
    whole = known.is_open.sum(axis=1)[:, None]
    bad = np.zeros((len(known.fleet), known.days), np.int64)
    for s in known.of(Kind.FAULT, Kind.OVER_RANGE, *SILENT):
        day = day_of(known.open_at(s.monitor, s.start_s, s.end_s)) - known.begin
        np.add.at(bad[s.monitor], day[(day >= 0) & (day < known.days)], 1)
    share = bad / whole
    yield from _told_next_day(known, share > (1 - below) * 1.2, share > (1 - below) * 0.6)


def unlinked_days(known: Known, below: float) -> Iterator[Episode]:
    """Days on which the purifier ran for too little of the fan's time."""
    off = np.zeros((len(known.fleet), known.days), np.int64)
    for s in known.of(Kind.PURIFIER_OFF):
        at_s = known.open_at(s.monitor, s.start_s, s.end_s)
        day = day_of(at_s) - known.begin
        np.add.at(off[s.monitor], day[(day >= 0) & (day < known.days)], 1)
    share = off / (known.is_open.sum(axis=1)[:, None] + 40)
    yield from _told_next_day(known, share > (1 - below) * 1.2, share > (1 - below) * 0.8)


def _told_next_day(known: Known, must: Mask, may: Mask) -> Iterator[Episode]:
    """Soon after midnight of the next day."""
    for monitor, first, end in runs(may):
        sure = must[monitor, first:end]
        event_s = midnight_s(known.begin + first + int(sure.argmax()))
        yield Episode(
            monitor,
            midnight_s(known.begin + first),
            midnight_s(known.begin + end) + 3600,
            event_s,
            bool(sure.any() and first + int(sure.argmax()) < known.days - 1),
        )


# Labels -------------------------------------------------------------------------------------


def labelled(
    known: Known, *kinds: Kind, minutes: int, late_min: int = 15, channel: str = "fume"
) -> Iterator[Episode]:
    """It must be found where so many minutes of it lie in business hours, and where the monitor
    reports what shows it."""
    for s in known.of(*kinds):
        at_s = known.open_at(s.monitor, s.start_s, s.end_s)
        reports = known.fleet.reports[INDEX[channel], s.monitor]
        must = bool(reports and len(at_s) >= minutes and s.start_s >= known.start_s)
        event_s = int(at_s[0]) if len(at_s) else s.start_s
        late_s = late_min * 60 + int(known.fleet.refresh_s[s.monitor])
        yield Episode(s.monitor, s.start_s, s.end_s + late_s, event_s, must, cause=s.kind.value)


def silences(known: Known) -> Iterator[Episode]:
    """Half an hour of silence within one meal, or a day of it at any time."""
    for s in known.of(*SILENT):
        at_s = known.open_at(s.monitor, s.start_s, s.end_s)
        meals = np.split(at_s, np.flatnonzero(np.diff(at_s) > 60) + 1)
        long = next((meal for meal in meals if len(meal) >= 33), None)
        longest = max(len(meal) for meal in meals)
        if longest >= 27 or s.end_s - s.start_s >= 23 * 3600:
            event_s = s.start_s if long is None else int(long[0])
            must = long is not None and s.start_s >= known.start_s
            yield Episode(s.monitor, s.start_s, s.end_s + 120, event_s, must, cause=s.kind.value)


def outages(known: Known, rule: Any) -> Iterator[Episode]:
    """Half of a group's open sites are silent at once, whatever silenced each. The alert is of the
    group's first monitor."""
    silent = np.zeros_like(known.sees)
    for s in known.of(*SILENT):
        silent[s.monitor, known.minutes(s)] = True
    is_open = np.tile(known.is_open, (1, known.days))
    for members in _groups(known, rule.by):
        open_now = is_open[members].sum(axis=0)
        quiet = (silent[members] & is_open[members]).sum(axis=0)
        may = (quiet >= rule.at_least - 1) & (quiet >= 0.8 * rule.share * open_now)
        sure = (quiet >= rule.at_least + 2) & (quiet >= 1.3 * rule.share * open_now)
        for _, first, end in runs(may[None, :], gap=60):
            must = int(sure[first:end].sum()) >= _minutes(rule.silent_for) + 15
            event_s = known.start_s + (first + int(sure[first:end].argmax())) * 60
            until_s = known.start_s + (end + 60) * 60
            yield Episode(members[0], known.start_s + first * 60, until_s, event_s, must)


def _groups(known: Known, by: str) -> Iterator[list[int]]:
    members: dict[str, list[int]] = {}
    for monitor, outlet in enumerate(known.fleet.outlets):
        name = outlet.vendor.name if by == "vendor" else outlet.sites[0].street
        members.setdefault(name, []).append(monitor)
    yield from members.values()


def repeated(known: Known, rule: Any, rules: Sequence[Common]) -> Iterator[Episode]:
    """What the named rules are about happened so often within so long."""
    wanted = [r for r in rules if r.id in rule.rules and r.kind in TRUTH]
    within, least = int(rule.within.total_seconds()), rule.at_least
    times: dict[int, set[int]] = {}
    maybe: dict[int, set[int]] = {}
    for one in wanted:
        for e in TRUTH[one.kind](known, one, rules):
            key = int(e.event_s) if rule.count == "alerts" else midnight_s(_day(e.event_s))
            maybe.setdefault(e.monitor, set()).add(key)
            if e.must:
                times.setdefault(e.monitor, set()).add(key)
    for monitor, own in maybe.items():
        sure = crowded(sorted(times.get(monitor, ())), least, within)
        for start_s, end_s in crowded(sorted(own), least, within):
            found = [s for s in sure if start_s <= s[0] <= end_s]
            event_s = found[0][0] if found else start_s
            must = bool(found) and rule.count == "days"
            yield Episode(monitor, start_s, end_s + DAY_S, event_s, must)


def _day(at_s: int) -> int:
    return int(day_of(np.array([at_s]))[0])


# What each kind of rule is held against ------------------------------------------------------


def _threshold(known: Known, rule: Any, rules: Sequence[Common]) -> Iterator[Episode]:
    if rule.channel != "fume":
        return iter(())
    if rule.below is not None:
        return labelled(known, Kind.BLOCKED_PROBE, minutes=int(_minutes(rule.window)) + 25)
    if rule.when.fan_on is not None and rule.when.purifier_on is not None:
        return labelled(known, Kind.BYPASS, minutes=35, channel="purifier_on")
    return claimed(known, claim_of(rule))


def _validity(known: Known, rule: Any, rules: Sequence[Common]) -> Iterator[Episode]:
    return (missing_days if rule.of == "open" else invalid_days)(known, rule.below)


def _minutes(duration: timedelta) -> float:
    return duration / timedelta(minutes=1)


Maker = Callable[[Known, Any, Sequence[Common]], Iterator[Episode]]
TRUTH: Final[Mapping[str, Maker]] = {
    "threshold": _threshold,
    "linkage": lambda k, r, _: labelled(
        k, Kind.PURIFIER_OFF, minutes=int(_minutes(r.at_least)) + 4, channel="purifier_on"
    ),
    "absence": lambda k, r, _: silences(k),
    "trend": lambda k, r, _: crossings(k, int(_minutes(r.horizon))),
    "flatline": lambda k, r, _: labelled(k, Kind.STUCK, minutes=int(_minutes(r.at_least)) + 45),
    "jump": lambda k, r, _: jumps(k, r.times, r.at_least.number * LIMIT_MG_M3),
    "outage": lambda k, r, _: outages(k, r),
    "deterioration": lambda k, r, _: deteriorations(k, _SOON_DAYS),
    "baseline": lambda k, r, _: tired(k, r.below),
    "validity": _validity,
    "linkage_rate": lambda k, r, _: unlinked_days(k, r.below),
    "recurrence": repeated,
    "mismatch": lambda k, r, _: iter(()),
    "complaint": lambda k, r, _: iter(()),
}
"""Of kinds that are not here (a cleaning is due by the calendar) nothing can be false."""
