"""Fresh and held values: DOMAIN §5's noodle shop, and others."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fumewatch.core.fresh import Fresh, Freshness, find_fresh, whole_minutes
from fumewatch.core.reading import MISSING

SETTINGS = Freshness()


def find(series: Sequence[int | None], settings: Freshness = SETTINGS) -> Fresh:
    """Of one monitor; a minute is None or a value."""
    present = np.array([[value is not None] for value in series])
    value = np.array([[MISSING if value is None else value] for value in series], np.int32)
    return find_fresh(present, value, settings)


def shown(found: Fresh) -> str:
    """One letter a minute."""
    return "".join("F" if fresh else "." for fresh in found.fresh[:, 0])


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
    gaps = sorted(b - a for a, b in pairwise(changes) if b - a <= 15)
    period = gaps[-(-len(gaps) * 3 // 4) - 1] if len(gaps) >= 3 else 12
    starts = changes if first is None else [first, *changes]
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
    value = np.array([[MISSING if x is None else x for x in one] for one in series], np.int32).T
    together = find_fresh(value != MISSING, value, SETTINGS)
    for number, one in enumerate(series):
        assert together.fresh[:, number].tolist() == find(one).fresh[:, 0].tolist()
