"""Fresh and held values: DOMAIN §5's noodle shop, and others."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from fumewatch.core.fresh import (
    LONGEST_GAP,
    NOT_KNOWN,
    UNKNOWN,
    Cells,
    Freshness,
    Trail,
    held_minutes,
    learned_interval,
    learned_period,
    settle,
    settle_state,
    whole_minutes,
)
from fumewatch.core.reading import MISSING

SETTINGS = Freshness()
Series = Sequence[int | None]


@dataclass(frozen=True)
class Found:
    """Of several monitors: which minutes are fresh, and what the period was learned to be."""

    fresh: NDArray[np.bool_]
    period: NDArray[np.int16]
    learned: NDArray[np.bool_]


def find_all(monitors: Sequence[Series], settings: Freshness = SETTINGS) -> Found:
    """Twice: the first time teaches the period. A minute is None, a value, or MISSING: several."""
    cells = cells_of(monitors)
    m = len(monitors)
    gaps = np.zeros((LONGEST_GAP + 1, m), np.uint16)
    once = np.ones(m, np.int16)
    settle(cells, None, 0, Trail.empty(m), once, once, gaps)
    period, learned = learned_period(gaps, settings)
    again = cells_of(monitors)
    settle(again, None, 0, Trail.empty(m), period, once, None)
    return Found(again.fresh, period, learned)


def cells_of(monitors: Sequence[Series]) -> Cells:
    cells = Cells.empty(len(monitors[0]), len(monitors))
    for column, series in enumerate(monitors):
        for minute, value in enumerate(series):
            if value is not None:
                is_mixed = value == MISSING
                cells.count[minute, column] = 1 + is_mixed
                cells.total[minute, column] = 3 if is_mixed else value
                cells.top[minute, column] = 2 if is_mixed else value
    return cells


def find(series: Series, settings: Freshness = SETTINGS) -> Found:
    return find_all([series], settings)


def shown(found: Found, column: int = 0) -> str:
    """One letter a minute."""
    return "".join("F" if fresh else "." for fresh in found.fresh[:, column])


def every(period: int, minutes: int) -> list[int | None]:
    """A monitor that sends each minute and measures every so many."""
    return [100 + minute // period for minute in range(minutes)]


@pytest.mark.parametrize("period", [1, 2, 5, 10, 11, 15])
def test_the_refresh_period_is_learned(period: int) -> None:
    found = find(every(period, 75))
    assert (found.period[0], found.learned[0]) == (period, True)
    assert shown(found) == "F" * 75


def test_the_noodle_shop_refreshes_every_ten_to_eleven_minutes() -> None:
    series = [value for n, length in enumerate([10, 11, 10, 11, 11, 10]) for value in [n] * length]
    found = find(series)
    assert found.period[0] == 11
    assert shown(found) == "F" * 63


def test_a_value_repeated_beyond_the_refresh_period_is_held() -> None:
    found = find([*every(10, 40), *[200] * 35])
    assert shown(found) == "F" * 50 + "." * 25


def test_a_value_held_since_before_the_window_is_fresh_only_at_its_start() -> None:
    assert shown(find([700] * 75)) == "F" * 12 + "." * 63


def test_a_value_that_comes_back_the_same_after_a_gap_is_held() -> None:
    series = [*every(1, 20), *[119] * 10, *[None] * 10, *[119] * 20]
    assert shown(find(series)) == "F" * 20 + "." * 40


def test_another_value_after_a_gap_is_fresh() -> None:
    assert shown(find([5, None, None, 6])) == "F..F"


def test_a_minute_in_which_values_differ_is_fresh() -> None:
    assert shown(find([*every(1, 8), 107, MISSING, MISSING])) == "F" * 8 + ".FF"


def test_a_value_that_came_out_the_same_twice_hardly_moves_the_period() -> None:
    series = every(1, 40)
    series[10] = series[9]
    series[25] = series[24]
    found = find(series)
    assert found.period[0] == 1
    assert shown(found).count(".") == 2


def test_a_pause_is_no_refresh_period() -> None:
    """Sampling windows: ten minutes' refresh, half an hour's pause."""
    found = find([*every(10, 30), *[900] * 30, *every(10, 15)])
    assert (found.period[0], found.learned[0]) == (10, True)


def test_until_it_is_learned_the_period_is_the_default() -> None:
    found = find([1, 1, 1, 2, 2, 2, 2])
    assert (found.period[0], found.learned[0]) == (12, False)


@pytest.mark.parametrize(
    ("settings", "period"),
    [
        (Freshness(floor=timedelta(minutes=3)), 3),
        (Freshness(min_gaps=99, default=timedelta(minutes=7)), 7),
        (Freshness(quantile=1.0), 4),
    ],
)
def test_settings(settings: Freshness, period: int) -> None:
    series = [1, 2, 3, 4, 5, 6, 6, 6, 6, 7, 8, 9]
    assert find(series, settings).period[0] == period


def test_a_monitor_that_sends_every_ten_minutes_is_fresh_when_it_sends() -> None:
    series = [minute if minute % 10 == 0 else None for minute in range(75)]
    assert shown(find(series)) == "".join("F" if m % 10 == 0 else "." for m in range(75))


@pytest.mark.parametrize("longer", ["default", "floor"])
def test_no_period_is_longer_than_the_ceiling(longer: str) -> None:
    with pytest.raises(ValidationError, match="must not be longer than ceiling"):
        Freshness.model_validate({longer: "20m"})


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 1), (60, 1), (61, 2), (600, 10)])
def test_minutes_are_rounded_up(seconds: int, minutes: int) -> None:
    assert whole_minutes(timedelta(seconds=seconds)) == minutes


def plain(series: Sequence[int | None]) -> str:
    """The definition of fresh.py's docstring, written down minute by minute."""
    changes, last, first = [], None, None
    for minute, value in enumerate(series):
        if value is None:
            continue
        if first is None:
            first = minute
        elif value != last or value == MISSING:
            changes.append(minute)
        last = value
    starts = changes if first is None else [first, *changes]
    gaps = sorted(b - a for a, b in pairwise(starts) if b - a <= 15)
    period = gaps[-(-len(gaps) * 3 // 4) - 1] if len(gaps) >= 3 else 12
    return "".join(
        "F" if value is not None and any(0 <= minute - s < period for s in starts) else "."
        for minute, value in enumerate(series)
    )


@given(
    st.lists(
        st.tuples(st.none() | st.sampled_from([1, 2, MISSING]), st.integers(1, 20)), max_size=30
    )
)
def test_the_columns_say_what_the_definition_says(runs: list[tuple[int | None, int]]) -> None:
    series = [value for value, length in runs for _ in range(length)][:120] or [None]
    assert shown(find(series)) == plain(series)


@given(st.lists(st.lists(st.none() | st.integers(0, 2), min_size=30, max_size=30), max_size=6))
def test_monitors_do_not_mind_each_other(monitors: list[list[int | None]]) -> None:
    series = monitors or [[1] * 30]
    together = find_all(series)
    for number, one in enumerate(series):
        assert shown(together, number) == shown(find(one))


@given(
    st.lists(st.none() | st.sampled_from([1, 2, 3, MISSING]), min_size=2, max_size=60),
    st.data(),
)
def test_in_one_piece_or_in_many_it_is_the_same(
    series: list[int | None], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(1, len(series) - 1))
    whole, pieces = cells_of([series]), cells_of([series])
    period, interval = np.array([4], np.int16), np.array([3], np.int16)
    one, other = Trail.empty(1), Trail.empty(1)
    settle(whole, None, 0, one, period, interval, None)
    first, second = (pieces.take(rows, slice(None)) for rows in (slice(0, cut), slice(cut, None)))
    settle(first, None, 0, other, period, interval, None)
    settle(second, first, cut, other, period, interval, None)
    for a, b in zip(whole.columns(), pieces.columns(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [c.tolist() for c in one.columns()] == [c.tolist() for c in other.columns()]


def test_a_reading_stands_for_its_sending_interval() -> None:
    cells = cells_of([[7, None, None, None, 8, None, None, None, None, None, None]])
    interval = np.array([4], np.int16)
    settle(cells, None, 0, Trail.empty(1), np.array([4], np.int16), interval, None)
    assert cells.count[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
    assert cells.total[:8, 0].tolist() == [7] * 4 + [8] * 4
    assert cells.covered[:, 0].tolist() == [False, True, True, True] * 2 + [False] * 3
    assert shown(Found(cells.fresh, interval, interval > 0)) == "FFFFFFFF..."


@pytest.mark.parametrize(
    ("gaps", "interval"),
    [({1: 50}, 1), ({5: 50}, 5), ({5: 40, 1: 5, 10: 3}, 5), ({5: 5}, 1), ({30: 50}, 1), ({}, 1)],
)
def test_the_sending_interval_is_the_median_gap(gaps: dict[int, int], interval: int) -> None:
    counted = np.zeros((LONGEST_GAP + 1, 1), np.uint16)
    for gap, times in gaps.items():
        counted[gap] = times
    assert learned_interval(counted, timedelta(minutes=15)).tolist() == [interval]


def test_the_first_value_after_one_that_is_not_known_is_held() -> None:
    cells, trail = cells_of([[5, 5, 6]]), Trail.empty(1)
    trail.value[:] = UNKNOWN
    settle(cells, None, 0, trail, np.array([12], np.int16), np.ones(1, np.int16), None)
    assert cells.fresh[:, 0].tolist() == [False, False, True]


def test_a_state_is_known_for_an_hour() -> None:
    cells = cells_of([[1, *[None] * 70]])
    settle_state(cells, None, 0, Trail.empty(1), np.ones(1, np.int16))
    known = cells.known[:, 0]
    assert (known[:60] == 1).all()
    assert (known[60:] == NOT_KNOWN).all()
    assert cells.fresh[:, 0].sum() == 1


def test_held_minutes_of_one_series() -> None:
    series = [*every(10, 40), *[200] * 35]
    value, present = np.array(series, np.int32), np.ones(75, np.bool_)
    assert held_minutes(value, present, SETTINGS).tolist() == [False] * 50 + [True] * 25
