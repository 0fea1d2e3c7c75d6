"""A step is named a step, a line a line, and noise neither."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.arrays import Numbers
from fumewatch.core.stats import Shape, find_step

NAN = float("nan")
AT = np.arange(28.0)
near = pytest.approx


def noisy(course: Numbers, n: int = 500) -> Numbers:
    """[d, n]: the course in noise of standard deviation 1."""
    noise = np.random.default_rng(6).normal(size=(len(course), n))
    values: Numbers = noise + course[:, None]
    return values


def share(values: Numbers) -> dict[Shape, float]:
    shapes = find_step(np.arange(float(len(values))), values).shape
    return {shape: float(np.mean(shapes == shape)) for shape in Shape}


def stepping(row: int, size: float, days: int = 28) -> Numbers:
    return np.where(np.arange(days) < row, 0.0, size)


@pytest.mark.parametrize("days", [7, 10, 14, 28])
def test_noise_has_no_step(days: int) -> None:
    found = share(noisy(np.zeros(days)))
    assert found[Shape.STEP] + found[Shape.STEP_AND_LINE] < 0.05
    assert found[Shape.LEVEL] > 0.93


@pytest.mark.parametrize(("rise", "wrong"), [(5, 0.12), (10, 0.06), (30, 0.06)])
@pytest.mark.parametrize("days", [10, 14, 28])
def test_a_line_is_no_step(days: int, rise: float, wrong: float) -> None:
    """`rise` over all days, in standard deviations."""
    found = share(noisy(np.linspace(0, rise, days)))
    assert found[Shape.STEP] + found[Shape.STEP_AND_LINE] < wrong


@pytest.mark.parametrize("noise", [0.03, 0.1, 0.3])
def test_what_gets_worse_faster_and_faster_is_no_step(noise: float) -> None:
    """From 0 to 3, by the square of the days."""
    found = share(noisy(3 * (AT / 27) ** 2 / noise))
    assert found[Shape.STEP] + found[Shape.STEP_AND_LINE] < 0.25


@pytest.mark.parametrize("row", [7, 14, 20])
def test_a_bend_is_found_where_it_is(row: int) -> None:
    step = find_step(AT, noisy(1.5 * np.maximum(AT - row, 0)))
    assert np.mean(step.bend > 0) > 0.85
    assert abs(np.median(step.bend[step.bend > 0]) - row) <= 1


@pytest.mark.parametrize(
    ("row", "size", "least"),
    [(14, 3, 0.8), (14, 5, 0.95), (14, -5, 0.95), (24, 5, 0.95), (4, 5, 0.95), (20, 4, 0.9)],
)
def test_a_step_is_found_where_it_is(row: int, size: float, least: float) -> None:
    step = find_step(AT, noisy(stepping(row, size)))
    close = step.found & (abs(step.row - row) <= 1)
    assert np.mean(close) > least
    assert np.median((step.after - step.before)[close]) == near(size, abs=0.5)


@pytest.mark.parametrize("size", [5, 30, 1000])
def test_days_out_of_the_way_are_no_step(size: float) -> None:
    """One on either side, or the last two: a step would be three."""
    apart = stepping(10, size) - stepping(11, size) + stepping(20, -size) - stepping(21, -size)
    assert np.mean(find_step(AT, noisy(apart)).found) < 0.05
    assert np.mean(find_step(AT, noisy(stepping(26, size))).found) < 0.2


def test_an_unrecorded_cleaning_is_a_step_down_between_two_lines() -> None:
    saw = np.where(AT < 14, AT / 14 * 6, (AT - 14) / 14 * 6)
    step = find_step(AT, noisy(saw))
    found = step.found & (abs(step.row - 14) <= 1)
    assert np.mean(found) > 0.9
    assert np.mean(step.shape[found] == Shape.STEP_AND_LINE) > 0.9
    assert np.median((step.after - step.before)[found]) == near(-6, abs=0.7)


@pytest.mark.parametrize(
    ("values", "shape", "row"),
    [
        pytest.param([1.0] * 28, Shape.LEVEL, 0, id="always the same"),
        pytest.param(list(AT), Shape.LINE, 0, id="a clean line"),
        pytest.param(list(np.maximum(AT - 9, 0)), Shape.BENT_LINE, 0, id="a clean bend"),
        pytest.param(list(stepping(9, 2.0)), Shape.STEP, 9, id="a clean step"),
        pytest.param(list(AT + stepping(9, 20)), Shape.STEP_AND_LINE, 9, id="both"),
        pytest.param([0.0] * 25 + [9.0] * 3, Shape.STEP, 25, id="three days ago"),
        pytest.param([0.0, 0.1] * 12 + [9.0] * 4, Shape.STEP, 24, id="far off, four days ago"),
        pytest.param([0.0] * 12 + [9.0] + [0.0] * 15, Shape.LEVEL, 0, id="one day out of the way"),
        pytest.param([0, 0, 0, 9, 9, 9], Shape.LEVEL, 0, id="six values are too few"),
        pytest.param([NAN] * 28, Shape.LEVEL, 0, id="nothing known"),
        pytest.param(
            [0.0] * 10 + [NAN] * 6 + [5.0] * 12, Shape.STEP, 16, id="told by the day after a gap"
        ),
    ],
)
def test_clean_series(values: list[float], shape: Shape, row: int) -> None:
    column = np.array(values, np.float64)[:, None]
    step = find_step(np.arange(float(len(column))), column)
    assert (Shape(step.shape[0]), int(step.row[0])) == (shape, row)
    assert bool(step.found[0]) == (row > 0) == bool(np.isfinite(step.gain[0]))


def test_the_levels_of_a_step_are_told_as_they_are_at_it() -> None:
    step = find_step(AT, (AT * 0.1 + stepping(14, -2.0))[:, None])
    assert step.before[0] == near(1.4)
    assert step.after[0] == near(-0.6)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 5000)), min_size=1, max_size=28),
    st.sampled_from([0.1, 3.0, 40.0]),
    st.sampled_from([-3.0, 0.0, 100.0]),
)
def test_unit_and_zero_do_not_matter(cells: list[int | None], scale: float, zero: float) -> None:
    values = np.array([NAN if cell is None else cell / 1000 for cell in cells])[:, None]
    at = np.arange(float(len(values)))
    step, other = find_step(at, values), find_step(at, values * scale + zero)
    if not np.isfinite(step.gain[0]) or step.gain[0] > 1e-3:
        assert step.row[0] == other.row[0]
    if step.found[0]:
        assert min(step.row[0], len(values) - step.row[0]) >= 3
        assert not np.isnan(values[step.row[0], 0])


@pytest.mark.parametrize(("penalty", "found"), [(0.5, 0.5), (3.0, 0.05), (20.0, 0.0)])
def test_a_penalty_makes_steps_rare(penalty: float, found: float) -> None:
    steps = find_step(AT, noisy(np.zeros(28)), penalty).found
    assert abs(np.mean(steps) - found) <= max(found * 0.9, 0)
