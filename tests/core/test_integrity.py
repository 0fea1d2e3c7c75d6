"""A device's own mean against ours: as a table, and what holds for any numbers."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.device import Interval
from fumewatch.core.integrity import Comparison, Integrity, Ours, Outcome, Own, compare
from fumewatch.core.reading import INDEX, MEASURED

USUAL = Integrity()
FUME = INDEX["fume"]
HOUR = Own(Interval.HOUR, FUME, 1000)


def ours(mean: int, count: int = 60, buckets: int = 6) -> Ours:
    return Ours(mean * count, count, buckets)


@pytest.mark.parametrize(
    ("own", "our", "outcome"),
    [
        pytest.param(HOUR, ours(1000), "agrees", id="the same"),
        pytest.param(HOUR, ours(900), "agrees", id="10 % of the larger"),
        pytest.param(HOUR, ours(899), "differs", id="more than 10 %"),
        pytest.param(HOUR, ours(1111), "agrees", id="ours is the larger"),
        pytest.param(HOUR, ours(1112), "differs", id="ours is larger still"),
        pytest.param(replace(HOUR, mean=10), ours(60), "agrees", id="0.05 mg/m³ is nothing"),
        pytest.param(replace(HOUR, mean=10), ours(61), "differs", id="0.051 is something"),
        pytest.param(replace(HOUR, mean=-5000), ours(-5400), "agrees", id="below zero"),
        pytest.param(replace(HOUR, mean=-5000), ours(5000), "differs", id="the sign counts"),
        pytest.param(HOUR, ours(1000, 50, 5), "agrees", id="five of six ten minutes"),
        pytest.param(HOUR, ours(9000, 40, 4), "too few of ours", id="four of six"),
        pytest.param(HOUR, ours(9000, 60, 4), "too few of ours", id="however many readings"),
        pytest.param(HOUR, ours(1000, 6, 6), "agrees", id="a reading every ten minutes"),
        pytest.param(HOUR, Ours(), "too few of ours", id="none of ours"),
        pytest.param(
            replace(HOUR, interval=Interval.DAY), ours(1000, 108, 108), "agrees", id="a day"
        ),
        pytest.param(
            replace(HOUR, interval=Interval.DAY), ours(1, 107, 107), "too few of ours", id="a gap"
        ),
        pytest.param(
            replace(HOUR, interval=Interval.MINUTES), ours(880, 1, 1), "differs", id="ten minutes"
        ),
        pytest.param(replace(HOUR, quality="D"), ours(9000), "not judged", id="flagged D"),
        pytest.param(replace(HOUR, mean=None), ours(9000), "not judged", id="no mean"),
        pytest.param(
            replace(HOUR, channel=INDEX["fan_on"]), ours(9000), "not judged", id="a state"
        ),
        pytest.param(
            replace(HOUR, is_aligned=False), ours(9000), "not our ten minutes", id="from 12:05 on"
        ),
        pytest.param(
            replace(HOUR, is_aligned=False, quality="D"), ours(1000), "not judged", id="both"
        ),
    ],
)
def test_an_outcome(own: Own, our: Ours, outcome: str) -> None:
    assert compare(own, our, USUAL).outcome == outcome


def test_the_numbers_that_an_outcome_rests_on() -> None:
    assert compare(HOUR, Ours(1501, 2, 6), USUAL) == Comparison(Outcome.DIFFERS, 750, 2)
    assert compare(HOUR, ours(7, 1, 1), USUAL) == Comparison(Outcome.TOO_FEW, 7, 1)
    assert compare(HOUR, Ours(), USUAL) == Comparison(Outcome.TOO_FEW, None, 0)
    assert compare(replace(HOUR, quality="D"), ours(7), USUAL) == Comparison(Outcome.NOT_JUDGED)


def test_a_district_may_be_stricter_or_more_patient() -> None:
    strict = Integrity(tolerance=0, floor=0, min_coverage=1)
    assert compare(HOUR, ours(1001), strict).outcome is Outcome.DIFFERS
    assert compare(HOUR, ours(1000, 50, 5), strict).outcome is Outcome.TOO_FEW
    patient = Integrity(tolerance=0.5, min_coverage=0.1)
    assert compare(HOUR, ours(501, 1, 1), patient).outcome is Outcome.AGREES


numbers = st.integers(-(2**31) + 1, 2**31 - 1)
settings = st.builds(
    Integrity, tolerance=st.floats(0, 0.99), floor=st.floats(0, 5), min_coverage=st.floats(0.01, 1)
)
channels = st.sampled_from(MEASURED)


@given(numbers, channels, settings, st.integers(1, 2000))
def test_a_mean_agrees_with_itself(
    mean: int, channel: int, settings: Integrity, count: int
) -> None:
    own = Own(Interval.HOUR, channel, mean)
    assert compare(own, ours(mean, count), settings).outcome is Outcome.AGREES


@given(numbers, numbers, channels, settings)
def test_it_does_not_matter_whose_mean_is_whose(
    one: int, other: int, channel: int, settings: Integrity
) -> None:
    there = compare(Own(Interval.HOUR, channel, one), ours(other), settings)
    back = compare(Own(Interval.HOUR, channel, other), ours(one), settings)
    assert there.outcome is back.outcome


@given(st.sampled_from(Interval), st.integers(0, 144), settings)
def test_more_coverage_never_makes_it_too_few(
    interval: Interval, buckets: int, settings: Integrity
) -> None:
    own = Own(interval, FUME, 1000)
    found = [compare(own, ours(1000, 60, n), settings).outcome for n in (buckets, buckets + 1)]
    assert found != [Outcome.AGREES, Outcome.TOO_FEW]
