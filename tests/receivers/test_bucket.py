from hypothesis import given
from hypothesis import strategies as st

from fumewatch.receivers.bucket import Bucket

LIMITS = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 60).map(float)), min_size=1, max_size=2
)
STEPS = st.lists(st.floats(0, 30), min_size=1, max_size=80)


def times_of(steps: list[float]) -> list[float]:
    now, times = 1000.0, []
    for step in steps:
        now += step
        times.append(now)
    return times


@given(LIMITS, STEPS)
def test_no_window_has_more_than_its_limit(
    limits: list[tuple[int, float]], steps: list[float]
) -> None:
    bucket = Bucket(*limits)
    taken = [now for now in times_of(steps) if not bucket.take(now)]

    for most, seconds in limits:
        assert all(
            sum(begin <= other < begin + seconds for other in taken) <= most for begin in taken
        )


@given(LIMITS, STEPS)
def test_what_it_says_to_wait_is_enough_and_no_more(
    limits: list[tuple[int, float]], steps: list[float]
) -> None:
    bucket, fresh = Bucket(*limits), Bucket(*limits)
    for now in times_of(steps):
        wait = bucket.take(now)
        assert wait == fresh.take(now)
        if wait > 0.001:
            assert bucket.take(now + wait - 0.001) > 0
            assert bucket.take(now + wait + 0.001) == 0
            assert fresh.take(now + wait + 0.001) == 0
            return


def test_twenty_a_minute() -> None:
    bucket = Bucket((20, 60.0))
    assert [bucket.take(float(second)) for second in range(20)] == [0.0] * 20
    assert bucket.take(20.0) == 40.0
    assert bucket.take(60.0) == 0.0  # the first of them is a minute old
    assert bucket.take(60.5) == 0.5


def test_a_burst_is_held_by_the_shorter_window() -> None:
    bucket = Bucket((100, 60.0), (5, 1.0))
    assert [bucket.take(0.0) for _ in range(6)] == [0.0] * 5 + [1.0]


def test_shut_for_a_while_though_there_is_room() -> None:
    bucket = Bucket((20, 60.0))
    bucket.shut(600.0)
    bucket.shut(30.0)
    assert bucket.take(0.0) == 600.0
    assert bucket.take(600.0) == 0.0


def test_without_a_limit_it_may_still_be_shut() -> None:
    bucket = Bucket()
    assert [bucket.take(0.0) for _ in range(1000)] == [0.0] * 1000
    bucket.shut(5.0)
    assert bucket.take(1.0) == 4.0
