"""The window: the same readings, in any order and any pieces, give the same view."""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fumewatch.core.fresh import Freshness
from fumewatch.core.lessons import Lessons
from fumewatch.core.reading import INDEX, Readings
from fumewatch.core.recollection import in_parts, remember
from fumewatch.core.roster import NEVER
from fumewatch.core.view import MINUTE, View, iso
from fumewatch.core.window import HOUR, Window
from tests.core.scene import NOON, ZONE, micros, place, readings, roster_of

FUME, FAN = INDEX["fume"], INDEX["fan_on"]
NOW = micros(NOON)
LAST = NOW // MINUTE  # the minute that begins at NOON: the first that is not over
SHORT = 10  # minutes of the longest rule


def window(
    start: int = LAST - 60, most: int = 120, depths: Mapping[int, int] = MappingProxyType({})
) -> Window:
    it = Window([FUME, FAN], SHORT, Lessons(Freshness(), ZoneInfo(ZONE), [FUME]), most, depths)
    it.begin(start)
    return it


def settle(it: Window, until: int) -> None:
    """Hour by hour, and not more at a time than it may."""
    while (at := it.settled_to) < until:
        it.settle(min(until, at + it.most, at // HOUR * HOUR + HOUR))


def view(of: Window, *ids: int, instants: int = 1) -> View:
    return of.view(np.array(ids or [0], np.int32), roster_of(place(0)), instants)


def fume(minutes_ago: float, value: float | None, monitor: int = 0) -> Readings:
    """0.5: in the last minute that is over at NOON."""
    return readings([(monitor, NOW - round(minutes_ago * MINUTE), {"fume": value})])


def state(of: Window, *ids: int) -> list[object]:
    """All that a view shows, in a form that compares."""
    seen = view(of, *ids)
    columns = [
        getattr(seen.channel(channel), name)
        for channel in (FUME, FAN)
        for name in ("count", "total", "top", "fresh", "age")
    ]
    known = np.nan_to_num(seen.channel(FAN).known, nan=-1.0)
    return [column.tolist() for column in (*columns, known, seen.last_measured)]


def test_a_minute_keeps_how_many_their_sum_and_the_largest() -> None:
    it = window()
    for value in (0.5, 0.9, 0.7):
        it.add(fume(0.5, value))
    settle(it, LAST)
    minutes = view(it).channel(FUME)
    assert (minutes.count[-1, 0], minutes.total[-1, 0], minutes.top[-1, 0]) == (3, 2100, 900)
    assert minutes.count.sum() == 3


def test_a_minute_is_seen_when_it_is_over() -> None:
    it = window()
    it.add(Readings.concatenate([fume(0.5, 1.0), fume(-0.5, 2.0)]))
    settle(it, LAST)
    seen = view(it)
    assert seen.channel(FUME).total[-1, 0] == 1000
    assert (seen.now.tolist(), seen.last_measured.tolist()) == ([NOW], [[NOW - MINUTE // 2]])
    settle(it, LAST + 1)
    assert view(it).channel(FUME).total[-1, 0] == 2000
    assert view(it).times(slice(-1, None)) == [iso(LAST * MINUTE)]


def test_each_instant_has_its_own_last_reading() -> None:
    it = window(LAST - 3)
    it.add(Readings.concatenate([fume(2.5, 1.0), fume(0.5, 2.0)]))
    settle(it, LAST)
    seen = view(it, instants=3)
    assert seen.now.tolist() == [NOW - 2 * MINUTE, NOW - MINUTE, NOW]
    early, late = NOW - 5 * MINUTE // 2, NOW - MINUTE // 2
    assert seen.last_measured[:, 0].tolist() == [early, early, late]


def test_columns_are_shifted_and_old_minutes_forgotten() -> None:
    it = window(most=1)
    it.add(fume(0.5, 1.0))
    for minute in range(LAST - 59, LAST + 500):
        it.settle(minute)
    assert not view(it).channel(FUME).present.any()
    assert view(it).last_measured.tolist() == [[NOW - MINUTE // 2]]


def test_what_is_older_than_the_columns_only_counts_as_seen() -> None:
    it = window()
    settle(it, LAST)
    it.add(fume(500, 9.0, monitor=1))
    assert it.take_late().tolist() == []
    seen = view(it, 0, 1)
    assert not seen.channel(FUME).present[:, 1].any()
    assert np.isnan(seen.channel(FUME).known[:, 1]).all()
    assert seen.last_measured[0, 1] == NOW - 500 * MINUTE


@pytest.mark.parametrize(("quality", "unjudged"), [("N", 1), ("F", 0), ("n", 0)])
def test_what_is_not_to_be_judged_stays_out(quality: str, unjudged: int) -> None:
    sent = readings([(0, NOW - 1, {"fume": 50.0, "fan_on": 1})], quality)
    sent.unjudged[:] = unjudged
    it = window()
    it.add(sent)
    settle(it, LAST)
    seen = view(it)
    assert not seen.channel(FUME).present.any()
    assert seen.channel(FAN).present.any() == (quality == "N")
    assert seen.last_measured[0, 0] == NOW - 1_000_000  # to the second


def test_it_grows_with_the_monitors_and_keeps_what_it_had() -> None:
    it = window()
    it.add(fume(1.5, 1.0, monitor=3))
    it.add(fume(1.5, 2.0, monitor=5000))
    settle(it, LAST)
    seen = view(it, 3, 4, 5000)
    assert seen.channel(FUME).total[-2].tolist() == [1000, 0, 2000]
    at = NOW - 3 * MINUTE // 2
    assert seen.last_measured[0].tolist() == [at, NEVER, at]


def test_who_came_late_is_named_once() -> None:
    it = window()
    settle(it, LAST)
    it.add(Readings.concatenate([fume(0.5, 1.0, 3), fume(1.5, 1.0, 1), fume(2.5, 1.0, 3)]))
    it.saw(np.array([2], np.int32), np.array([NOW], np.int64))
    assert it.take_late().tolist() == [1, 3]
    assert it.take_late().tolist() == []


def heard(of: Window, monitor: int, minutes_ago: float) -> None:
    at = NOW - round(minutes_ago * MINUTE)
    of.heard(np.array([monitor], np.int32), np.array([at], np.int64))


def test_the_latest_heartbeat_counts_and_is_no_reading() -> None:
    it = window()
    settle(it, LAST)
    heard(it, 300, 1)
    heard(it, 300, 5)
    seen = view(it, 0, 300)
    assert seen.last_heard.tolist() == [NEVER, NOW - MINUTE]
    assert seen.last_measured.tolist() == [[NEVER, NEVER]]
    assert it.take_late().tolist() == []


def test_nothing_added_changes_nothing() -> None:
    it = window()
    it.add(Readings.empty())
    it.heard(np.empty(0, np.int32), np.empty(0, np.int64))
    settle(it, LAST)
    assert view(it).last_heard.tolist() == [NEVER]
    assert not view(it).channel(FUME).present.any()


def test_after_a_restart_a_value_that_was_there_before_is_held() -> None:
    it = window()
    it.saw(np.array([0], np.int32), np.array([NOW - 90 * MINUTE], np.int64))
    it.forget_values()
    for ago in range(10):
        it.add(Readings.concatenate([fume(ago + 0.5, 1.0), fume(ago + 0.5, 1.0, monitor=1)]))
    settle(it, LAST)
    fresh = view(it, 0, 1).channel(FUME).fresh
    assert fresh.any(axis=0).tolist() == [False, True]


def test_ten_thousand_monitors_fit() -> None:
    it = Window(range(6), 60, Lessons(Freshness(), ZoneInfo(ZONE), range(6)), most=16)
    it.make_room(10_000)
    assert it.nbytes < 65e6


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
Sent = list[tuple[int, int, dict[str, float | None]]]


@given(st.lists(rows, max_size=60), st.randoms(use_true_random=False), st.integers(1, 7))
def test_the_order_the_batches_and_the_steps_do_not_matter(
    sent: Sent, random: object, size: int
) -> None:
    one, many = window(), window(most=5)
    one.add(readings(sent))
    settle(one, LAST + 6)
    shuffled = list(sent)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    for start in range(0, len(shuffled), size):
        many.add(readings(shuffled[start : start + size]))
    for minute in range(LAST - 60, LAST + 6, 3):
        many.settle(minute + 3)
    assert state(one, 0, 1, 2, 3) == state(many, 0, 1, 2, 3)


@settings(max_examples=25)
@given(st.lists(rows, max_size=60), st.integers(1, 7))
def test_late_readings_land_where_they_would_have_in_time(sent: Sent, size: int) -> None:
    """Nothing is learned within the hour, so all is as if they had come in time."""
    one, late = window(LAST - 58), window(LAST - 58)
    one.add(readings(sent))
    settle(one, LAST - 1)
    settle(late, LAST - 1)
    for start in range(0, len(sent), size):
        late.add(readings(sent[start : start + size]))
        if start % 2:
            late.take_late()
    late.take_late()
    one.take_late()
    assert state(one, 0, 1, 2, 3) == state(late, 0, 1, 2, 3)


@settings(max_examples=30)
@given(st.lists(rows, max_size=40))
def test_a_monitor_looks_the_same_alone_and_among_others(sent: Sent) -> None:
    it = window()
    it.add(readings(sent))
    settle(it, LAST)
    together, apart = view(it, 0, 2, 3), view(it, 2)
    for channel in (FUME, FAN):
        both = (together.channel(channel), apart.channel(channel))
        assert both[0].fresh[:, 1].tolist() == both[1].fresh[:, 0].tolist()
        assert both[0].total[:, 1].tolist() == both[1].total[:, 0].tolist()


@pytest.mark.parametrize("steps", [1, 5])
def test_a_value_is_known_for_an_hour_though_its_minute_is_not_kept(steps: int) -> None:
    it = window(most=5)
    it.add(fume(54.5, 1.5))
    for minute in range(LAST - 60, LAST, steps):
        it.settle(minute + steps)
    known = view(it).channel(FUME).known[:, 0]
    assert known[:-1].tolist() == [1.5] * (SHORT - 1)
    for minute in range(LAST, LAST + 10, steps):
        it.settle(minute + steps)
    known = view(it).channel(FUME).known[:, 0]
    assert (known[:5] == 1.5).all()
    assert np.isnan(known[5:]).all()


SHALLOW = {FUME: 3, FAN: 5}


@settings(max_examples=40)
@given(st.lists(rows, max_size=60), st.lists(rows, max_size=20), st.integers(1, 7))
def test_a_shallow_channel_shows_the_same_as_far_as_it_goes(
    sent: Sent, late: Sent, size: int
) -> None:
    """Late readings too, where they land in what it keeps."""
    late = [row for row in late if row[1] >= NOW - 2 * MINUTE]
    seen = []
    for it in (window(most=5), window(most=5, depths=SHALLOW)):
        it.add(readings(sent))
        for minute in range(LAST - 60, LAST, 5):
            it.settle(minute + 5)
        for start in range(0, len(late), size):
            it.add(readings(late[start : start + size]))
        it.take_late()
        shown = view(it, 0, 1, 2, 3)
        columns = [
            getattr(shown.channel(channel), name)[-SHALLOW[channel] :]
            for channel in SHALLOW
            for name in (*("count", "total", "top", "present"), *("fresh", "age", "covered"))
        ]
        known = [shown.channel(channel).known[-depth:] for channel, depth in SHALLOW.items()]
        seen.append(
            [column.tolist() for column in (*columns, *(np.nan_to_num(k, nan=-1.0) for k in known))]
        )
    assert seen[0] == seen[1]


@settings(max_examples=60)
@given(st.lists(rows, max_size=20), st.lists(rows, max_size=10), st.integers(1, 7))
def test_what_comes_later_than_all_minutes_kept_is_known_as_if_they_were(
    sent: Sent, late: Sent, size: int
) -> None:
    seen = []
    for minutes in (SHORT, SHORT + 60):
        it = Window([FUME], minutes, Lessons(Freshness(), ZoneInfo(ZONE), [FUME]), 5)
        it.begin(LAST - 60)
        it.add(readings(sent))
        for minute in range(LAST - 60, LAST, 5):
            it.settle(minute + 5)
        for start in range(0, len(late), size):
            it.add(readings(late[start : start + size]))
            it.take_late()
        it.settle(LAST + 5)
        known = view(it, 0, 1, 2, 3).channel(FUME).known[-SHORT:]
        seen.append(np.nan_to_num(known, nan=-1.0).tolist())
    assert seen[0] == seen[1]


def test_what_is_older_than_a_channel_goes_back_lands_in_the_others() -> None:
    it = window(most=5, depths={FUME: 4, FAN: 10})
    settle(it, LAST)
    it.add(readings([(0, NOW - 17 * MINUTE // 2, {"fume": 1.0, "fan_on": 1.0})]))
    assert it.take_late().tolist() == [0]
    seen = view(it)
    assert not seen.channel(FUME).present.any()
    assert seen.channel(FAN).present[:, 0].tolist() == [False] + [True] + [False] * 8
    assert len(seen.channel(FUME).present) == 4


def test_times_are_utc() -> None:
    assert iso(NOW) == datetime(2026, 11, 23, 4, tzinfo=UTC).isoformat()


def test_a_day_that_ended_before_a_restart_does_not_end_again() -> None:
    """Else each restart after midnight halves what was learned, and counts the day twice."""
    midnight = micros(datetime(2026, 11, 22, 16, tzinfo=UTC)) // MINUTE
    first = window(midnight - 120)
    first.add(
        readings(
            [(0, (midnight - 120 + m) * MINUTE, {"fume": 0.3 + m % 7 / 100}) for m in range(180)]
        )
    )
    settle(first, midnight + 60)
    learned = next(in_parts(first))
    again = window(midnight - 30)
    remember(again, learned, midnight + 60, midnight - 30)
    settle(again, midnight + 60)
    kept = next(in_parts(again))
    assert kept.gaps.tolist() == learned.gaps.tolist()
    assert kept.days.tolist() == learned.days.tolist()
    assert kept.sampling.tolist() == learned.sampling.tolist()
