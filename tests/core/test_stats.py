"""Line and test against scipy and pymannkendall, and what must hold of them whatever the values."""

import warnings
from typing import Any

import numpy as np
import pymannkendall
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.arrays import Numbers
from fumewatch.core.stats import (
    find_trend,
    inflation,
    kendall,
    median,
    off,
    persistence,
    theil_sen,
)
from fumewatch.core.stats.order import ranks

NAN = float("nan")
near = pytest.approx


@st.composite
def series(draw: st.DrawFn) -> tuple[Numbers, Numbers]:
    """(at [d], values [d, n]) with gaps, of few distinct values or of many."""
    d, n = draw(st.integers(2, 28)), draw(st.integers(1, 4))
    most = draw(st.sampled_from([1, 3, 50_000]))
    cell = st.one_of(st.integers(0, most), st.integers(0, most), st.none())
    cells = draw(st.lists(cell, min_size=d * n, max_size=d * n))
    steps = draw(st.lists(st.integers(1, 3), min_size=d, max_size=d))
    values = np.array([NAN if cell is None else cell / 1000 for cell in cells])
    return np.cumsum(steps).astype(np.float64), values.reshape(d, n)


def columns(at: Numbers, values: Numbers) -> list[tuple[int, Numbers, Numbers]]:
    """Those with two values or more, without their gaps."""
    known = ~np.isnan(values)
    every = [(c, at[known[:, c]], values[known[:, c], c]) for c in range(values.shape[1])]
    return [column for column in every if len(column[1]) > 1]


@settings(max_examples=40, deadline=None)
@given(series(), st.sampled_from([0.8, 0.95, 0.99]))
def test_the_line_is_that_of_scipy(drawn: tuple[Numbers, Numbers], confidence: float) -> None:
    line = theil_sen(*drawn, confidence)
    for c, at, values in columns(*drawn):
        known = scipy.stats.theilslopes(values, at, confidence, method="joint")
        found = (line.slope[c], line.intercept[c], line.low[c], line.high[c])
        expected = (known.slope, known.intercept, known.low_slope, known.high_slope)
        assert found == near(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(series())
def test_the_test_is_that_of_pymannkendall(drawn: tuple[Numbers, Numbers]) -> None:
    test = kendall(drawn[1])
    for c, _, values in columns(*drawn):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # it divides by 0 where all are equal
            known = pymannkendall.original_test(values)
        found = (test.s[c], test.variance[c], test.tau[c], test.z[c], test.p[c])
        assert found == near((known.s, known.var_s, known.Tau, known.z, known.p), abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(series())
def test_ranks_and_medians_are_those_of_scipy_and_numpy(drawn: tuple[Numbers, Numbers]) -> None:
    values = drawn[1]
    expected = scipy.stats.rankdata(values, axis=0, nan_policy="omit")
    np.testing.assert_array_equal(ranks(values), expected)
    known = ~np.isnan(values).all(axis=0)
    np.testing.assert_allclose(median(values)[known], np.nanmedian(values[:, known], axis=0))
    assert np.isnan(median(values)[~known]).all()


@settings(max_examples=20, deadline=None)
@given(series())
def test_a_series_is_judged_alone_as_among_others(drawn: tuple[Numbers, Numbers]) -> None:
    at, values = drawn
    before = values.copy()
    among = find_trend(at, values)
    for c in range(values.shape[1]):
        alone = find_trend(at, values[:, c : c + 1])
        assert alone.line.slope[0] == near(among.line.slope[c], nan_ok=True)
        assert alone.line.low[0] == near(among.line.low[c], nan_ok=True)
        assert alone.kendall.p[0] == near(among.kendall.p[c], nan_ok=True)
    np.testing.assert_array_equal(values, before)


@settings(max_examples=20, deadline=None)
@given(series())
def test_upside_down_it_falls(drawn: tuple[Numbers, Numbers]) -> None:
    at, values = drawn
    up, down = find_trend(at, values), find_trend(at, -values)
    np.testing.assert_allclose(down.line.slope, -up.line.slope, atol=1e-9)
    np.testing.assert_allclose(down.line.low, -up.line.high, atol=1e-9)
    np.testing.assert_allclose(down.kendall.s, -up.kendall.s)


@pytest.mark.parametrize(
    "values",
    [[NAN] * 5, [NAN, 1.0, NAN, NAN, NAN], [0.5]],
    ids=["nothing", "one value", "one day"],
)
def test_too_few_values_give_no_number(values: list[float]) -> None:
    column, at = np.array(values)[:, None], np.arange(float(len(values)))
    trend = find_trend(at, column)
    numbers: Any = (trend.line.slope, trend.line.low, trend.kendall.s, trend.kendall.p)
    assert np.isnan(np.concatenate(numbers)).all()


def test_many_columns_are_taken_some_at_a_time() -> None:
    rng = np.random.default_rng(1)
    at, values = np.arange(9.0), rng.normal(size=(9, 2500))
    line = theil_sen(at, values)
    for c in (0, 1023, 1024, 2499):
        assert line.slope[c] == theil_sen(at, values[:, c : c + 1]).slope[0]
    assert theil_sen(at, values[:, :0]).slope.shape == (0,)


@pytest.mark.parametrize(
    ("r", "size", "expected"),
    [(0.0, 28, 1.0), (0.5, 2, 1.5), (0.5, 3, 1 + 2 * (0.5 * 2 / 3 + 0.25 / 3)), (0.5, 10**6, 3.0)],
)
def test_inflation(r: float, size: int, expected: float) -> None:
    assert inflation(np.array([r]), np.array([size]))[0] == near(expected, rel=1e-4)


def autocorrelated(r: float, days: int, n: int) -> Numbers:
    """[days, n] of variance 1, each day r times the one before and something new."""
    noise = np.random.default_rng(4).normal(size=(days + 30, n))
    values = noise.copy()
    for i in range(1, len(values)):
        values[i] = r * values[i - 1] + np.sqrt(1 - r * r) * noise[i]
    return values[30:]


@pytest.mark.parametrize(("days", "within"), [(14, 0.17), (28, 0.1)])
@pytest.mark.parametrize("r", [0.0, 0.3, 0.5, 0.7])
def test_the_autocorrelation_of_what_a_line_leaves_is_found(
    r: float, days: int, within: float
) -> None:
    """On average; as it stands, one finds 0.2 for 0.5 in 14 days."""
    values, at = autocorrelated(r, days, 1000), np.arange(float(days))
    residuals = off(at, values, theil_sen(at, values).slope)
    assert float(persistence(residuals).mean()) == near(r, abs=within)


@pytest.mark.parametrize("days", [7, 14, 28])
@pytest.mark.parametrize("r", [0.0, 0.3, 0.5])
def test_days_alike_are_no_trend(r: float, days: int) -> None:
    """Two-sided at 5 %, so 2.5 % should rise; it is 1 % to 4 % here, up to 11 % as it stands."""
    values, at = autocorrelated(r, days, 4000), np.arange(float(days))
    trend = find_trend(at, values)
    rising = np.mean((trend.kendall.p < 0.05) & (trend.kendall.s > 0))
    assert 0.005 < rising < 0.05
    if r == 0.5:
        plain = kendall(values)
        assert np.mean((plain.p < 0.05) & (plain.s > 0)) > 1.5 * rising


def test_the_bounds_hold_the_slope() -> None:
    at = np.arange(28.0)
    for r in (0.0, 0.5):
        line = find_trend(at, autocorrelated(r, 28, 1000) + 0.05 * at[:, None]).line
        assert np.mean((line.low <= 0.05) & (line.high >= 0.05)) > 0.9


def test_a_clear_rise_is_found_in_spite_of_a_day_out_of_the_way() -> None:
    at = np.arange(28.0)
    values = autocorrelated(0.3, 28, 500) * 0.05 + 0.02 * at[:, None]
    values[5] = 30.0
    trend = find_trend(at, values)
    assert np.mean((trend.kendall.p < 0.05) & (trend.line.low > 0)) > 0.95
    assert np.median(trend.line.slope) == near(0.02, abs=0.002)
