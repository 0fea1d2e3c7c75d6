"""A fleet over weeks: what its kitchens do, what is labelled, and whether the readings show it."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from fumewatch.core.reading import INDEX, MISSING, Readings
from fumewatch.demo.course import MOST_FOULED, Course
from fumewatch.demo.fleet import Fleet
from fumewatch.demo.flue import flue
from fumewatch.demo.months import live_through, midnight_s, troubles
from fumewatch.demo.signal import SENTINEL, emit
from fumewatch.demo.situations import OF_MONTHS, SILENT, Kind, Situation

FIRST, DAYS = date(2026, 3, 2), 60
BEGIN = (FIRST - date(1970, 1, 1)).days
SLOW = (Kind.FOULING, Kind.CLEANING, Kind.STEP)
FUME, PURIFIER_A = INDEX["fume"], INDEX["purifier_current"]


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return live_through(60, 11, FIRST, DAYS)


@pytest.fixture(scope="module")
def course(fleet: Fleet) -> Course:
    assert fleet.course
    return fleet.course


@pytest.fixture(scope="module")
def labels(fleet: Fleet) -> list[Situation]:
    return troubles(fleet, FIRST, DAYS)


def day(fleet: Fleet, labels: Sequence[Situation], number: int) -> Readings:
    start_s = midnight_s(BEGIN + number)
    return emit(fleet, labels, start_s, start_s + 86400, 60).readings


def good(values: NDArray[np.int32]) -> NDArray[np.float64]:
    return np.where((values == MISSING) | (values == SENTINEL), np.nan, values / 1000)


def test_seed_and_only_seed(fleet: Fleet, labels: list[Situation]) -> None:
    assert troubles(live_through(60, 11, FIRST, DAYS), FIRST, DAYS) == labels
    assert troubles(live_through(60, 12, FIRST, DAYS), FIRST, DAYS) != labels


class TestCourse:
    def test_fouling_rises_from_cleaning_to_cleaning(self, course: Course) -> None:
        for monitor, cleanings in enumerate(course.cleanings):
            inside = [c - course.first for c in cleanings if 0 < c - course.first < course.days]
            rise = np.diff(course.fouled[monitor])
            assert np.all(course.fouled[monitor, inside] == 0)
            assert np.all(np.delete(rise, np.array(inside, int) - 1) >= 0)
        assert 0.9 < course.fouled.max() <= MOST_FOULED

    def test_the_first_cleaning_is_before_the_first_day(self, course: Course) -> None:
        assert all(own[0] < course.first for own in course.cleanings)

    def test_the_ledger_has_most_cleanings(self, course: Course) -> None:
        kept = sum(map(len, course.recorded)) / sum(map(len, course.cleanings))
        assert 0.75 <= kept < 0.95
        assert all(
            set(written) <= set(own)
            for written, own in zip(course.recorded, course.cleanings, strict=True)
        )

    def test_days_resemble_the_day_before(self, course: Course) -> None:
        """Autocorrelation of 0.3 to 0.5, deviation of 8 to 15 %."""
        wander = np.log(course.clean / course.usual)
        together = [np.corrcoef(w[:-1], w[1:])[0, 1] for w in wander]
        assert 0.25 <= np.mean(together) <= 0.5
        assert 0.09 <= wander.std() <= 0.14

    def test_a_step_stays(self, course: Course) -> None:
        assert course.steps
        for monitor, at, factor in course.steps:
            week = course.usual[monitor].reshape(-1)[: at - course.first]
            after = course.usual[monitor, at - course.first :]
            if len(week) >= 14 and len(after) >= 14:
                assert after[:14].mean() / week[-14:].mean() == pytest.approx(factor, rel=0.1)

    def test_who_rests_neither_cooks_nor_runs_the_fan(self, fleet: Fleet, course: Course) -> None:
        during = ~course.is_open[:, BEGIN - course.first :][:, :DAYS]
        number = int(during.sum(axis=0).argmax())
        closed, today = during[:, number], day(fleet, [], number)
        fan = today.values[INDEX["fan_on"]]
        assert closed.any()
        assert not np.any(fan[closed[today.monitor] & (fan != MISSING)])
        dinner = today.measured_at > (midnight_s(BEGIN + number) + 18 * 3600) * 1_000_000
        assert np.nanmax(good(today.values[FUME, closed[today.monitor] & dinner])) < 0.1


class TestLabels:
    def test_what_only_months_have_occurs(self, labels: list[Situation]) -> None:
        assert {s.kind for s in labels} >= OF_MONTHS | {Kind.FOULING, Kind.POWER_CUT, Kind.FAULT}

    def test_no_two_overlap_but_the_slow_ones(self, labels: list[Situation]) -> None:
        for monitor in {s.monitor for s in labels}:
            own = [s for s in labels if s.monitor == monitor and s.kind not in SLOW]
            assert all(one.end_s <= other.start_s for one, other in pairwise(own))

    def test_some_pull_the_plug_again_and_again(self, labels: list[Situation]) -> None:
        often = Counter(s.monitor for s in labels if s.kind is Kind.POWER_CUT)
        assert max(often.values()) >= 8

    def test_night_cuts_lie_outside_business_hours(
        self, fleet: Fleet, labels: list[Situation]
    ) -> None:
        for s in (s for s in labels if s.kind is Kind.NIGHT_CUT):
            opens, closes = fleet.spans[s.monitor, 0, 0] * 60, fleet.spans[s.monitor, 1, 1] * 60
            night = (s.start_s - midnight_s(BEGIN)) // 86400 * 86400 + midnight_s(BEGIN)
            assert s.start_s >= night + closes or s.end_s <= night + opens

    def test_an_outage_takes_all_of_a_vendor(self, fleet: Fleet, labels: list[Situation]) -> None:
        outages = [s for s in labels if s.kind is Kind.VENDOR_OUTAGE]
        for start_s in {s.start_s for s in outages}:
            silent = {s.monitor for s in outages if s.start_s == start_s}
            vendor = fleet.outlets[min(silent)].vendor
            assert silent == {m for m, o in enumerate(fleet.outlets) if o.vendor is vendor}

    def test_fouling_is_a_current_under_70_percent(
        self, fleet: Fleet, labels: list[Situation]
    ) -> None:
        number = 40
        today, noon_s = day(fleet, [], number), midnight_s(BEGIN + number) + 43200
        for monitor in np.flatnonzero(fleet.reports[PURIFIER_A]).tolist():
            amps = good(today.values[PURIFIER_A, today.monitor == monitor])
            share = np.nanmedian(amps[amps > 0]) / fleet.purifier_a[monitor] if any(amps > 0) else 1
            is_labelled = any(
                s.monitor == monitor and s.kind is Kind.FOULING and s.start_s <= noon_s < s.end_s
                for s in labels
            )
            assert is_labelled == (share < 0.7) or abs(share - 0.7) < 0.02

    def test_silent_means_silent(self, fleet: Fleet, labels: list[Situation]) -> None:
        silent = next(s for s in labels if s.kind in SILENT and s.kind is not Kind.BUFFERED)
        number = (silent.start_s - midnight_s(BEGIN)) // 86400
        today = day(fleet, labels, number)
        at_s = today.measured_at // 1_000_000
        own = today.monitor == silent.monitor
        assert not np.any(own & (at_s >= silent.start_s) & (at_s < silent.end_s))


def test_a_monitor_tells_the_mean_since_its_last_refresh(fleet: Fleet) -> None:
    """Of each make, as well as an instrument of 3 % can."""
    today = day(fleet, [], 3)
    for slow in (True, False):
        monitor = int(np.flatnonzero((fleet.refresh_s > 120) == slow)[0])
        own = today.take(today.monitor == monitor)
        period, first = int(fleet.refresh_s[monitor]), int(fleet.refresh_at_s[monitor])
        at_s = own.measured_at // 1_000_000
        shown_s = (at_s - first) // period * period + first
        start, end = midnight_s(BEGIN + 3) + fleet.spans[monitor, 1] * 60
        cooks = np.flatnonzero((shown_s - period > start + 1800) & (at_s < end - 3600))
        told = good(own.values[FUME, cooks])
        moments = shown_s[cooks][:, None] - np.arange(5, period, 10)
        who = np.full(moments.size, monitor)
        true = flue(fleet, [], who, moments.ravel()).reshape(moments.shape).mean(axis=1)
        error = (told / true - 1)[~np.isnan(told)]
        assert abs(error.mean()) < 0.02
        assert error.std() < 0.06


def test_most_kitchens_stay_below_the_limit_and_some_do_not(fleet: Fleet) -> None:
    at_s = midnight_s(BEGIN) + np.arange(0, DAYS * 86400, 600)
    n = len(fleet)
    fume = flue(fleet, [], np.repeat(np.arange(n), len(at_s)), np.tile(at_s, n)).reshape(n, -1)
    over = (fume > 1.1).any(axis=1).mean()
    assert 0.05 < over < 0.5
