"""The window: the same readings in any order give the same view."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fumewatch.core.reading import INDEX, Readings
from fumewatch.core.roster import NEVER
from fumewatch.core.view import MINUTE, View, iso
from fumewatch.core.window import AHEAD, Window
from tests.core.scene import NOON, micros, place, readings, roster_of

FUME, FAN = INDEX["fume"], INDEX["fan_on"]
NOW = micros(NOON)
LAST = NOW // MINUTE
SHORT = 10  # minutes of the longest rule


def window(monitors: int = 4) -> Window:
    return Window([FUME, FAN], SHORT, monitors=monitors)


def view(of: Window, *ids: int, now: int = NOW) -> View:
    return of.view(np.array(ids or [0], np.int32), now, roster_of(place(0)))


def fume(minutes_ago: float, value: float | None, monitor: int = 0) -> Readings:
    return readings([(monitor, NOW - round(minutes_ago * MINUTE), {"fume": value})])


def state(of: Window, *ids: int, now: int = NOW) -> list[object]:
    """All that a view shows, in a form that compares."""
    seen = view(of, *ids, now=now)
    channels = [seen.channel(channel) for channel in (FUME, FAN)]
    return [
        [c.count.tolist(), c.total.tolist(), c.top.tolist(), c.freshness.fresh.tolist()]
        for c in channels
    ] + [seen.last_measured.tolist()]


def test_a_minute_keeps_how_many_their_sum_and_the_largest() -> None:
    it = window()
    for value in (0.5, 0.9, 0.7):
        it.add(fume(1, value))
    minutes = view(it).channel(FUME)
    assert (minutes.count[-2, 0], minutes.total[-2, 0], minutes.top[-2, 0]) == (3, 2100, 900)
    assert minutes.count.sum() == 3


def test_a_view_ends_in_the_minute_of_now() -> None:
    it = window()
    it.add(fume(0, 1.0))
    assert view(it).channel(FUME).present[-1, 0]
    assert view(it, now=NOW + MINUTE).channel(FUME).present[-2, 0]
    assert view(it).times(1) == [iso(LAST * MINUTE)]


def test_a_later_view_does_not_show_old_minutes_as_new() -> None:
    it = window()
    for ago in range(it.depth + AHEAD):
        it.add(fume(ago, 1.0))
    assert not view(it, now=NOW + it.depth * MINUTE).channel(FUME).present.any()


def test_what_is_older_than_the_ring_only_counts_as_seen() -> None:
    it = window()
    it.add(fume(0, 1.0))
    it.add(fume(500, 9.0, monitor=1))
    seen = view(it, 0, 1)
    assert not seen.channel(FUME).present[:, 1].any()
    assert seen.last_measured[1] == NOW - 500 * MINUTE


def test_a_fast_clock_does_not_push_out_the_others() -> None:
    it = window()
    it.add(fume(it.depth - 1, 1.0))
    it.add(fume(-AHEAD, 1.0, monitor=1))
    seen = view(it, 0, 1)
    assert seen.channel(FUME).present[0].tolist() == [True, False]
    assert not seen.channel(FUME).present[:, 1].any()
    later = view(it, 0, 1, now=NOW + AHEAD * MINUTE)
    assert later.channel(FUME).present[-1].tolist() == [False, True]


@pytest.mark.parametrize(("quality", "unjudged"), [("N", 1), ("F", 0), ("n", 0)])
def test_what_is_not_to_be_judged_stays_out(quality: str, unjudged: int) -> None:
    sent = readings([(0, NOW, {"fume": 50.0, "fan_on": 1})], quality)
    sent.unjudged[:] = unjudged
    it = window()
    it.add(sent)
    seen = view(it)
    assert not seen.channel(FUME).present.any()
    assert seen.channel(FAN).present.any() == (quality == "N")
    assert seen.last_measured[0] == NOW


def test_it_grows_with_the_monitors_and_keeps_what_it_had() -> None:
    it = window(monitors=0)
    it.add(fume(1, 1.0, monitor=3))
    it.add(fume(1, 2.0, monitor=5000))
    seen = view(it, 3, 4, 5000)
    assert seen.channel(FUME).total[-2].tolist() == [1000, 0, 2000]
    assert seen.last_measured.tolist() == [NOW - MINUTE, NEVER, NOW - MINUTE]


def test_touched_names_each_monitor_once() -> None:
    it = window()
    it.add(Readings.concatenate([fume(0, 1.0, 3), fume(1, 1.0, 1), fume(2, 1.0, 3)]))
    it.saw(np.array([2], np.int32), np.array([NOW], np.int64))
    assert it.touched().tolist() == [1, 3]
    assert it.touched().tolist() == []


def heard(of: Window, monitor: int, minutes_ago: float) -> None:
    at = NOW - round(minutes_ago * MINUTE)
    of.heard(np.array([monitor], np.int32), np.array([at], np.int64))


def test_the_latest_heartbeat_counts_and_is_no_reading() -> None:
    it = window(monitors=0)
    heard(it, 300, 1)
    heard(it, 300, 5)
    seen = view(it, 0, 300)
    assert seen.last_heard.tolist() == [NEVER, NOW - MINUTE]
    assert seen.last_measured.tolist() == [NEVER, NEVER]
    assert it.touched().tolist() == []


def test_no_heartbeats_at_all_are_fine() -> None:
    it = window(monitors=0)
    it.heard(np.empty(0, np.int32), np.empty(0, np.int64))
    assert view(it).last_heard.tolist() == [NEVER]


def test_nothing_added_changes_nothing() -> None:
    it = window()
    it.add(Readings.empty())
    assert it.touched().tolist() == []
    assert not view(it).channel(FUME).present.any()


def test_ten_thousand_monitors_fit() -> None:
    it = Window(range(6), 60, monitors=10_000)
    size = sum(column.nbytes for column in (it._count, it._total, it._top))
    assert size < 90e6


rows = st.tuples(
    st.integers(0, 3),
    st.integers(NOW - 40 * MINUTE, NOW + 5 * MINUTE),
    st.fixed_dictionaries(
        {
            "fume": st.none() | st.sampled_from([0.1, 0.5, 1.5]),
            "fan_on": st.none() | st.sampled_from([0.0, 1.0]),
        }
    ),
)


@given(st.lists(rows, max_size=60), st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_order_and_the_batches_do_not_matter(
    sent: list[tuple[int, int, dict[str, float | None]]], random: object, size: int
) -> None:
    one, many = window(), window(monitors=0)
    one.add(readings(sent))
    shuffled = list(sent)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for start in range(0, len(shuffled), size):
        many.add(readings(shuffled[start : start + size]))
    for now in (NOW, NOW + 3 * MINUTE):
        assert state(one, 0, 1, 2, 3, now=now) == state(many, 0, 1, 2, 3, now=now)
    assert one.touched().tolist() == many.touched().tolist()


@given(st.lists(rows, max_size=40))
def test_a_monitor_looks_the_same_alone_and_among_others(
    sent: list[tuple[int, int, dict[str, float | None]]],
) -> None:
    it = window()
    it.add(readings(sent))
    together, apart = state(it, 0, 2, 3), state(it, 2)
    assert [row[1:2] for row in together[0][3]] == apart[0][3]  # type: ignore[index]


def test_times_are_utc() -> None:
    assert iso(NOW) == (datetime(2026, 11, 23, 4, tzinfo=UTC) + timedelta(seconds=30)).isoformat()
