"""What the simulated monitors send, held against one real monitor's habits and the labels."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from fumewatch.core.reading import INDEX, MISSING, Readings
from fumewatch.demo.fleet import Fleet, build
from fumewatch.demo.signal import SENTINEL, emit
from fumewatch.demo.situations import (
    OF_MONTHS,
    SILENT,
    Kind,
    Situation,
    fouling,
    opening,
    plan,
    without_overlap,
)

DAY = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # local midnight
DAY_S = int(DAY.timestamp())
FUME, FAN, PURIFIER = INDEX["fume"], INDEX["fan_on"], INDEX["purifier_on"]
HOUR_S = 3600


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return build(150, 3, DAY)


@pytest.fixture(scope="module")
def situations(fleet: Fleet) -> list[Situation]:
    return plan(fleet, DAY, DAY + timedelta(days=1), speed=4)


@pytest.fixture(scope="module")
def quiet_day(fleet: Fleet) -> Readings:
    """One day, each minute, on which nothing goes wrong."""
    return emit(fleet, [], DAY_S, DAY_S + 86400, 60).readings


@pytest.fixture(scope="module")
def day(fleet: Fleet, situations: list[Situation]) -> Readings:
    """The same day with four times as much trouble as usual."""
    return emit(fleet, situations, DAY_S, DAY_S + 86400, 60).readings


def of(readings: Readings, monitor: int) -> Readings:
    """One monitor's readings in order of measuring, doubles left out."""
    one = readings.take(readings.monitor == monitor)
    _, first = np.unique(one.measured_at, return_index=True)
    return one.take(first)


def within(readings: Readings, situation: Situation, lead_s: int = 0) -> NDArray[np.bool_]:
    at_s = readings.measured_at // 1_000_000
    return (
        (readings.monitor == situation.monitor)
        & (at_s >= situation.start_s + lead_s)
        & (at_s < situation.end_s)
    )


def columns(readings: Readings) -> list[bytes]:
    order = np.lexsort((readings.measured_at, readings.monitor))
    sorted_ = readings.take(order)
    return [x.tobytes() for x in (sorted_.monitor, sorted_.measured_at, sorted_.values)]


class TestDeterminism:
    def test_steps_do_not_matter(self, fleet: Fleet, situations: list[Situation]) -> None:
        """A day at once and a day in odd steps are the same readings."""
        noon = DAY_S + 12 * HOUR_S
        whole = emit(fleet, situations, noon, noon + HOUR_S, 60)
        cuts = [noon, noon + 1, noon + 7, noon + 8, noon + 700, noon + HOUR_S]
        parts = [emit(fleet, situations, a, b, 60) for a, b in pairwise(cuts)]
        assert columns(Readings.concatenate([p.readings for p in parts])) == columns(whole.readings)
        assert Counter(f for p in parts for f in p.faults) == Counter(whole.faults)

    def test_a_longer_plan_continues_a_shorter_one(self, fleet: Fleet) -> None:
        short = plan(fleet, DAY, DAY + timedelta(days=1))
        long = plan(fleet, DAY, DAY + timedelta(days=3))
        end_s = DAY_S + 86400
        assert [s for s in long if s.start_s < end_s] == short

    def test_seed_and_only_seed(self) -> None:
        one, same, other = (build(20, seed, DAY) for seed in (1, 1, 2))
        noon = DAY_S + 12 * HOUR_S

        def sent(fleet: Fleet) -> list[bytes]:
            return columns(emit(fleet, [], noon, noon + 600, 60).readings)

        assert sent(one) == sent(same) != sent(other)


class TestQuietDay:
    def test_98_percent_of_the_minutes_are_present(self, fleet: Fleet, quiet_day: Readings) -> None:
        present = sum(len(of(quiet_day, m)) for m in range(len(fleet))) / (len(fleet) * 1440)
        assert 0.98 <= present <= 0.99

    def test_holding_monitors_refresh_every_10_to_11_minutes_while_cooking(
        self, fleet: Fleet, quiet_day: Readings
    ) -> None:
        runs = [r for m in np.flatnonzero(fleet.holds) for r in cooking_runs(fleet, quiet_day, m)]
        assert 9 <= np.median(runs) <= 11
        assert np.percentile(runs, 99) <= 12, "the real one's longest hold while cooking"

    def test_others_refresh_each_minute(self, fleet: Fleet, quiet_day: Readings) -> None:
        runs = [r for m in np.flatnonzero(~fleet.holds) for r in cooking_runs(fleet, quiet_day, m)]
        assert np.percentile(runs, 99) <= 2

    def test_holding_monitors_hold_for_hours_between_sessions(
        self, fleet: Fleet, quiet_day: Readings
    ) -> None:
        """From the end of dinner to next day's lunch one value; from lunch to dinner another."""
        for monitor in np.flatnonzero(fleet.holds)[:20]:
            one = of(quiet_day, monitor)
            minute = (one.measured_at // 60_000_000 - DAY_S // 60).astype(int)
            lunch_end, dinner_start = fleet.spans[monitor, 0, 1], fleet.spans[monitor, 1, 0]
            between = (minute > lunch_end + 20) & (minute < dinner_start - 20)
            assert len(np.unique(clean(one.values[FUME, between]))) == 1

    def test_natural_fume_is_under_the_limit_and_skewed(self, quiet_day: Readings) -> None:
        fume = clean(quiet_day.values[FUME]) / 1000
        median, most = np.median(fume), fume.max()
        assert 0.02 <= median <= 0.2
        assert 0.5 <= np.percentile(fume, 95) < most <= 0.8

    def test_the_purifier_runs_with_the_fan(self, quiet_day: Readings) -> None:
        fan, purifier = quiet_day.values[FAN], quiet_day.values[PURIFIER]
        known = fan != MISSING
        assert np.array_equal(fan[known], purifier[known])

    def test_fouling_lowers_the_purifiers_current(self, fleet: Fleet, quiet_day: Readings) -> None:
        """Labelled monitors, and only they, stand under 70 % of a clean purifier's current."""
        labelled = {s.monitor for s in fouling(fleet, DAY_S) if s.start_s < DAY_S}
        amps = quiet_day.values[INDEX["purifier_current"]]
        for monitor in np.flatnonzero(fleet.reports[INDEX["purifier_current"]]).tolist():
            running = (quiet_day.monitor == monitor) & (amps > 0)
            share = np.median(amps[running]) / 1000 / fleet.purifier_a[monitor]
            assert (share < 0.705) == (monitor in labelled) or abs(share - 0.7) < 0.02
        assert labelled


class TestLabels:
    """What is labelled shows in the readings, and nothing else does."""

    def test_every_kind_occurs(self, fleet: Fleet) -> None:
        week = plan(fleet, DAY, DAY + timedelta(days=7), speed=4)
        faults = emit(fleet, week, DAY_S, DAY_S + 86400, 60).faults
        found = {s.kind for s in [*week, *faults, *fouling(fleet, DAY_S)]}
        assert found == set(Kind) - OF_MONTHS

    @pytest.mark.parametrize(
        ("kind", "channel", "low", "high"),
        [
            (Kind.EXCEEDANCE, "fume", 1.0, 2.2),
            (Kind.SEVERE, "fume", 2.0, 5.0),
            (Kind.NEAR_LIMIT, "fume", 0.89, 1.0),
            (Kind.BYPASS, "fume", 0.3, 0.9),
            (Kind.BYPASS, "fan_on", 0, 0),
            (Kind.BYPASS, "purifier_on", 0, 0),
            (Kind.PURIFIER_OFF, "purifier_on", 0, 0),
            (Kind.PURIFIER_OFF, "purifier_current", 0, 0),
            (Kind.BLOCKED_PROBE, "fume", 0.0, 0.02),
            (Kind.OVER_RANGE, "fume", 30, 80),
            (Kind.EDITED, "fume", 0.5, 0.9),
        ],
    )
    def test_shows(
        self,
        fleet: Fleet,
        situations: list[Situation],
        day: Readings,
        kind: Kind,
        channel: str,
        low: float,
        high: float,
    ) -> None:
        """Once the monitor has refreshed, each value is between low and high."""
        scale = 1 if channel.endswith("_on") else 1000
        seen = 0
        for situation in situations:
            lead_s = int(fleet.refresh_s[situation.monitor]) if channel == "fume" else 0
            rows = within(day, situation, lead_s)
            if situation.kind is kind and is_daytime(fleet, situation):
                values = clean(day.values[INDEX[channel], rows]) / scale
                assert np.all((values >= low) & (values <= high)), situation
                seen += len(values)
        assert seen > 0

    def test_nothing_unlabelled_exceeds(
        self, fleet: Fleet, situations: list[Situation], day: Readings
    ) -> None:
        high = day.values[FUME] > 850
        for situation in situations:
            high &= ~held_within(fleet, day, situation)
        assert not high.any()

    def test_nothing_unlabelled_runs_without_a_purifier(
        self, situations: list[Situation], day: Readings
    ) -> None:
        bare = (day.values[FAN] == 1) & (day.values[PURIFIER] == 0)
        for situation in situations:
            if situation.kind is Kind.PURIFIER_OFF:
                bare &= ~within(day, situation)
        assert not bare.any()

    def test_rising_rises(self, fleet: Fleet, situations: list[Situation], day: Readings) -> None:
        slopes = []
        for s in (s for s in situations if s.kind is Kind.RISING and is_daytime(fleet, s)):
            rows = within(day, s, int(fleet.refresh_s[s.monitor]))
            fume = np.where(day.values[FUME] == SENTINEL, np.nan, day.values[FUME])[rows]
            good = ~np.isnan(fume)
            slopes.append(np.polyfit(day.measured_at[rows][good] / 6e7, fume[good], 1)[0])
        assert slopes
        assert min(slopes) > 5, "thousandths a minute"

    def test_stuck_monitors_repeat_one_value(
        self, situations: list[Situation], day: Readings
    ) -> None:
        stuck = [s for s in situations if s.kind is Kind.STUCK]
        assert stuck
        for situation in stuck:
            values = clean(day.values[FUME, within(day, situation)])
            assert len(np.unique(values)) <= 1

    def test_faulty_monitors_say_so(self, situations: list[Situation], day: Readings) -> None:
        flagged = day.quality == ord("D")
        labelled = np.zeros(len(day), bool)
        for situation in (s for s in situations if s.kind is Kind.FAULT):
            labelled |= within(day, situation)
        assert flagged.any()
        assert np.array_equal(flagged, labelled)

    def test_cut_off_monitors_are_silent_and_buffers_come_late(self, fleet: Fleet) -> None:
        start_s = DAY_S + 11 * HOUR_S
        cut = Situation(0, Kind.POWER_CUT, start_s, start_s + 600)
        lost = Situation(1, Kind.BUFFERED, start_s, start_s + 600)
        during = emit(fleet, [cut, lost], start_s, start_s + 600, 60)
        after = emit(fleet, [cut, lost], start_s + 600, start_s + 610, 60)
        assert not np.isin([0, 1], during.readings.monitor).any()
        late = after.readings.monitor == 1
        early = after.readings.measured_at < (start_s + 600) * 1e6
        assert np.count_nonzero(early[late]) >= 8
        assert not early[~late].any()
        assert np.all(after.sent_s[late] >= start_s + 600)

    def test_instants_are_labelled_one_by_one(self, fleet: Fleet) -> None:
        emission = emit(fleet, [], DAY_S, DAY_S + 86400, 60)
        told = Counter(s.kind for s in emission.faults)
        readings = emission.readings
        keys = np.stack([readings.monitor, readings.measured_at // 1_000_000])
        distinct = np.unique(keys, axis=1).shape[1]
        assert told[Kind.DUPLICATE] == len(readings) - distinct
        assert told[Kind.GAP] == len(fleet) * 1440 - distinct
        assert told[Kind.MALFORMED] == len(emission.broken)
        with_sentinel = np.unique(keys[:, (readings.values == SENTINEL).any(axis=0)], axis=1)
        assert told[Kind.SENTINEL] == with_sentinel.shape[1]


class TestOpening:
    def test_a_third_is_in_trouble_and_no_two_overlap(self) -> None:
        fleet = build(200, 1, DAY, cooking=True)
        first = opening(fleet, DAY)
        assert 60 <= len({s.monitor for s in first}) <= 80
        assert len(first) == len({s.monitor for s in first})
        together = without_overlap(first, plan(fleet, DAY, DAY + timedelta(hours=3), speed=2))
        assert set(first) <= set(together)
        assert_apart(together)

    def test_some_are_back_within_a_minute(self) -> None:
        scene = opening(build(200, 1, DAY, cooking=True), DAY)
        back = [s for s in scene if s.kind in SILENT and DAY_S < s.end_s < DAY_S + 45]
        assert len(back) >= 4


def assert_apart(situations: Sequence[Situation]) -> None:
    for monitor in {s.monitor for s in situations}:
        own = sorted((s.start_s, s.end_s) for s in situations if s.monitor == monitor)
        assert all(end <= start for (_, end), (start, _) in pairwise(own))


def clean(values: NDArray[np.int32]) -> NDArray[np.int32]:
    return values[(values != MISSING) & (values != SENTINEL)]


def is_daytime(fleet: Fleet, situation: Situation) -> bool:
    """Wholly within its session: afterwards a holding monitor shows what was before."""
    minutes = [(t - DAY_S) // 60 for t in (situation.start_s, situation.end_s)]
    return any(
        start <= minutes[0] and minutes[1] <= end for start, end in fleet.spans[situation.monitor]
    )


def held_within(fleet: Fleet, readings: Readings, situation: Situation) -> NDArray[np.bool_]:
    """Rows that may show a value measured in the situation: until the next one is measured."""
    at_s = readings.measured_at // 1_000_000
    refresh_s = int(fleet.refresh_s[situation.monitor])
    ends = (start * 60 + DAY_S for start, _ in fleet.spans[situation.monitor])
    next_session_s = min((t for t in ends if t > situation.end_s), default=DAY_S + 86400)
    in_session = any(
        situation.end_s + refresh_s < end * 60 + DAY_S and situation.start_s >= start * 60 + DAY_S
        for start, end in fleet.spans[situation.monitor]
    )
    holds = fleet.holds[situation.monitor] and not in_session
    until_s = next_session_s + refresh_s if holds else situation.end_s + refresh_s
    return (readings.monitor == situation.monitor) & (at_s >= situation.start_s) & (at_s < until_s)


def cooking_runs(fleet: Fleet, readings: Readings, monitor: int) -> list[int]:
    """Minutes for which the monitor's fume kept one value, within its dinner."""
    one = of(readings, monitor)
    minute = (one.measured_at // 60_000_000 - DAY_S // 60).astype(int)
    start, end = fleet.spans[monitor, 1]
    rows = (minute >= start + 30) & (minute < end)
    fume, when = one.values[FUME, rows], minute[rows]
    good = fume != SENTINEL
    changes = np.flatnonzero(np.diff(fume[good])) + 1
    return np.diff(when[good][changes]).tolist()
