"""Series in a compact notation."""

import re
from math import nan

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fumewatch.core.series import LONGEST, Series, flags, measured, state


def read(series: Series) -> list[float | None]:
    return [None if value != value else float(value) for value in series.values]


@pytest.mark.parametrize(
    ("text", "values", "anew"),
    [
        ("0.4", [0.4], "a"),
        ("0.4x3", [0.4] * 3, "aaa"),
        ("=0.4x3", [0.4] * 3, "..."),
        ("_ _x2", [None] * 3, "..."),
        ("0.4+0.05x3", [0.4, 0.45, 0.5], "aaa"),
        ("1.5-0.5x4", [1.5, 1, 0.5, 0], "aaaa"),
        ("-5-.5x2", [-5, -5.5], "aa"),
        ("=1+0.1x2", [1, 1.1], ".."),
        ("0.1+0.1x10", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], "a" * 10),
        ("  0.4\n\t1.3x2  _ =2 ", [0.4, 1.3, 1.3, None, 2], "aaa.."),
        ("0x2", [0, 0], "aa"),
    ],
)
def test_measured_series(text: str, values: list[float | None], anew: str) -> None:
    found = measured(text)
    assert read(found) == values
    assert "".join("a" if each else "." for each in found.anew) == anew


@pytest.mark.parametrize(
    ("text", "values"),
    [("on", [1]), ("offx2 on", [0, 0, 1]), ("onx2 _x2 off", [1, 1, None, None, 0])],
)
def test_series_of_states(text: str, values: list[float | None]) -> None:
    found = state(text)
    assert read(found) == values
    assert not found.anew.any()


@pytest.mark.parametrize(
    ("text", "k", "values", "anew"),
    [
        ("1x2", 4, [1, 1, None, None], "aa.."),
        ("1x4", 2, [1, 1], "aa"),
        ("1x*", 3, [1, 1, 1], "aaa"),
        ("2 =1x*", 4, [2, 1, 1, 1], "a..."),
        ("2 _x*", 3, [2, None, None], "a.."),
        ("1x*", 0, [], ""),
    ],
)
def test_a_series_is_as_long_as_the_test(
    text: str, k: int, values: list[float | None], anew: str
) -> None:
    found = measured(text).stretched(k)
    assert read(found) == values
    assert "".join("a" if each else "." for each in found.anew) == anew


@pytest.mark.parametrize(("text", "least"), [("1x2", 2), ("1x*", 0), ("2x3 1x*", 3), ("_", 1)])
def test_what_goes_on_does_not_make_a_test_longer(text: str, least: int) -> None:
    assert measured(text).least == least


@pytest.mark.parametrize(
    ("text", "k", "letters"),
    [("N", 3, "NNN"), ("Dx2", 4, "DDNN"), ("N Dx*", 4, "NDDD"), ("Nx9 M", 3, "NNN")],
)
def test_flags(text: str, k: int, letters: str) -> None:
    assert flags(text).stretched(k) == letters


@pytest.mark.parametrize(
    ("reader", "text", "told"),
    [
        (measured, "", "is empty; write items like 0.4x10 with blanks between them"),
        (measured, "0.4y10", 'item 1 "0.4y10", column 1: no number'),
        (measured, "0.4x10  1,3", 'item 2 "1,3", column 9: no number'),
        (measured, "\n0.4x10\n 0.5 oops\n", 'item 3 "oops", line 3, column 6: no number'),
        (measured, "0.4 1.3×12", 'item 2 "1.3×12", column 5: no number'),
        (measured, "٣x2", "no number"),
        (measured, "1e3", "no number"),
        (measured, "nan", "no number"),
        (measured, "on", "no number"),
        (measured, "=_", "no number"),
        (measured, "1.x2", "no number"),
        (measured, "0.4x0", 'item 1 "0.4x0", column 1: x1 to x100000: so many values'),
        (measured, "0.4x100001", "x1 to x100000"),
        (measured, "0.4x99999999999999999999", "x1 to x100000"),
        (measured, "1x100000 1", "more than 100,000 values"),
        (measured, "0.4+0.1", "how many steps? Write 0.4+0.1x10 for ten values"),
        (measured, "0.4+0.1x*", "x* repeats one value to the end"),
        (measured, "0.4x* 1", 'item 1 "0.4x*", column 1: x* repeats one value to the end'),
        (measured, "a" * 60, f'item 1 "{"a" * 24}...", column 1'),
        (state, "1", "a state is on, off"),
        (state, "=onx2", "a state is on, off"),
        (state, "on+1x2", "a state is on, off"),
        (flags, "NN", "a data flag is one letter"),
        (flags, "_", "a data flag is one letter"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(reader, text: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        reader(text)


thousandths = st.integers(-99_999, 99_999).map(lambda n: n / 1000)
items = st.one_of(
    st.tuples(thousandths, st.integers(1, 9)).map(lambda it: (f"{it[0]}x{it[1]}", [it[0]] * it[1])),
    st.tuples(thousandths, thousandths.filter(bool), st.integers(1, 9)).map(
        lambda it: (f"{it[0]}{it[1]:+}x{it[2]}", [it[0] + i * it[1] for i in range(it[2])])
    ),
    st.integers(1, 9).map(lambda n: (f"_x{n}", [nan] * n)),
)


@given(st.lists(items, min_size=1, max_size=8))
def test_items_follow_one_another(written: list[tuple[str, list[float]]]) -> None:
    found = measured(" ".join(text for text, _ in written))
    expected = [value for _, values in written for value in values]
    np.testing.assert_allclose(found.values, expected, atol=1e-9)
    assert found.least == len(found.values)


@given(st.text(alphabet="0123456789.+-=x*_on f\n", max_size=12))
@example("100001")
@example("1 -100001x*")
def test_any_text_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        found = measured(text)
    except ValueError as error:
        told = str(error)
        assert re.match(r"item \d+ |is empty|more than", told), told
    else:
        assert 0 < len(found.values) <= LONGEST
