"""What a day's minutes come to."""

import numpy as np
import pytest

from fumewatch.core.daybook import Daybook
from fumewatch.core.days import DayFacts
from fumewatch.core.reading import INDEX
from tests.core.scene import USUAL, Monitor, Series, place, roster_of, wavering, window_of

FUME = INDEX["fume"]
near = pytest.approx


def day_of(monitor: Monitor, minutes: int = 60) -> DayFacts:
    """Of a day of so many minutes, up to noon; all of them in business hours."""
    window = window_of(monitor, depth=2 * minutes)
    view = window.view(np.array([0], np.int32), roster_of(place()), minutes)
    book = Daybook([INDEX[name] for name in {*USUAL, *monitor}], monitors=1)
    book.add(view, window.had_readings(minutes)[:, :1])
    return book.facts()


@pytest.mark.parametrize(
    ("fume", "expected"),
    [
        pytest.param(wavering(0.2, 60), 0.2, id="steady"),
        pytest.param(
            wavering(0.2, 30) + wavering(1.2, 10) + wavering(0.2, 20), 1.2, id="ten minutes"
        ),
        pytest.param(
            wavering(0.2, 30) + wavering(1.2, 5) + wavering(0.2, 25), 0.7, id="five of ten"
        ),
        pytest.param([None] * 57 + wavering(1.2, 3), 1.2, id="three minutes are enough"),
        pytest.param([None] * 58 + wavering(1.2, 2), None, id="two are not"),
        pytest.param([None] * 60, None, id="nothing"),
    ],
)
def test_the_peak_is_the_highest_mean_of_ten_minutes(fume: Series, expected: float | None) -> None:
    found = day_of({"fume": fume, "fan_on": [1.0] * 60}).peak[FUME, 0, 0]
    assert found == near(np.nan if expected is None else expected, abs=0.015, nan_ok=True)


def test_a_peak_is_of_cooking_minutes_as_the_median_is() -> None:
    fan = [1.0] * 30 + [0.0] * 30
    facts = day_of({"fume": wavering(0.2, 30) + wavering(3.0, 30), "fan_on": fan})
    assert facts.median[FUME, 0, 0] == near(0.2, abs=0.015)
    assert facts.peak[FUME, 0, 0] == near(0.2, abs=0.015)
    assert facts.counted[FUME, 0, 0] == 30


def test_valid_minutes_of_business_hours() -> None:
    gap = [0.2] * 40 + [None] * 20
    facts = day_of({"fume": gap, "fan_on": [1.0] * 60})
    assert (facts.open[0, 0], facts.valid_open[0, 0], facts.valid[0, 0]) == (60, 40, 40)
