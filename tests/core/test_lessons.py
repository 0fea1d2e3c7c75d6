"""What is learned of monitors: when they sample, how often they send, over days."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from fumewatch.core.engine import Engine
from fumewatch.core.fresh import Freshness
from fumewatch.core.lessons import Lessons
from fumewatch.core.mix import find_mixes
from fumewatch.core.reading import CHANNELS, INDEX, MISSING, Readings
from fumewatch.core.recollection import in_parts, remember
from fumewatch.core.view import MINUTE
from fumewatch.core.window import Window
from tests.core.scene import micros, place, readings, roster_of, rule_of

FUME = INDEX["fume"]
DAY = 1440
RULE = rule_of(kind="threshold", channel="fume", above=99.0)


def at_work(days: int, zone: str, first: int = 10, last: int = 14) -> Engine:
    """A monitor that measures anew each minute from `first` to `last` o'clock, else repeats."""
    begins = datetime(2026, 11, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    minute = np.arange(days * DAY)
    clock = minute % DAY
    changes = (clock >= first * 60) & (clock < last * 60)
    values = np.full((len(CHANNELS), len(minute)), MISSING, np.int32)
    values[FUME] = np.cumsum(changes) % 97 + 100
    n = len(minute)
    at = micros(begins) + minute * MINUTE
    flags = np.full(n, ord("N"), np.uint8)
    sent = Readings(np.zeros(n, np.int32), at, values, flags, np.zeros(n, np.int16))
    engine = Engine([RULE], Freshness(), roster_of(place()), ZoneInfo(zone))
    engine.add(sent)
    engine.advance(micros(begins + timedelta(days=days)) + 60 * MINUTE)
    return engine


@pytest.mark.parametrize("zone", ["Asia/Shanghai", "Europe/Berlin"])
def test_the_hours_in_which_it_measures_are_learned_in_three_days(zone: str) -> None:
    engine = at_work(3, zone)
    begins = micros(datetime(2026, 11, 4, tzinfo=ZoneInfo(zone)).astimezone(UTC)) // MINUTE
    clock = np.arange(DAY)
    active = engine.lessons.is_sampling(begins + clock, slice(0, 1))[:, 0]
    assert active.tolist() == ((clock >= 600) & (clock < 840)).tolist()


def test_until_then_every_hour_counts() -> None:
    engine = at_work(2, "Asia/Shanghai")
    assert engine.lessons.days[0] == 2
    minutes = engine.window.settled_to + np.arange(DAY)
    assert engine.lessons.is_sampling(minutes, slice(0, 1)).all()


def test_older_days_count_half_as_much() -> None:
    lessons = Lessons(Freshness(), ZoneInfo("Asia/Shanghai"), [FUME])
    lessons.make_room(1)
    lessons.gaps[FUME][10, 0] = 40
    midnight = micros(datetime(2026, 11, 3, 16, tzinfo=UTC)) // MINUTE
    lessons.learn(midnight - 60)
    assert lessons.gaps[FUME][10, 0] == 40
    lessons.learn(midnight)
    assert (lessons.gaps[FUME][10, 0], lessons.period[FUME][0]) == (20, 10)


def test_what_was_learned_survives_being_written_down() -> None:
    engine = at_work(3, "Asia/Shanghai")
    kept = next(in_parts(engine.window))
    lessons = Lessons(Freshness(), ZoneInfo("Asia/Shanghai"), [FUME])
    window = Window([FUME], 10, lessons)
    begins = engine.window.settled_to
    window.begin(begins)
    remember(window, kept, begins, begins)
    again = next(in_parts(window))
    for name in ("period", "is_learned", "gaps", "interval", "presence_gaps", "sampling", "days"):
        theirs, ours = getattr(kept, name), getattr(again, name)
        np.testing.assert_array_equal(ours, theirs, err_msg=name)
    assert again.value[0, 0] == kept.value[0, 0]
    assert again.changed_at[0, 0] == kept.changed_at[0, 0]


def test_a_value_that_changed_after_the_window_begins_is_not_known_there() -> None:
    engine = at_work(1, "Asia/Shanghai", first=0, last=24)
    window = Window([FUME], 10, Lessons(Freshness(), ZoneInfo("Asia/Shanghai"), [FUME]))
    begins = engine.window.settled_to - 90
    window.begin(begins)
    remember(window, next(in_parts(engine.window)), engine.window.settled_to, begins)
    assert window.trails[FUME].value[0] == MISSING + 1


@pytest.mark.parametrize(
    ("weights", "noise", "told"),
    [
        ((0.8, 0.2, 0.0), 0.0, "fume = 0.80 * pm + 0.20 * nmhc"),
        ((0.5, 0.0, 0.0), 0.0, "fume = 0.50 * pm"),
        ((0.5, 0.1, 40.0), 0.0, "fume = 0.50 * pm + 0.10 * nmhc + 0.040"),
        ((0.8, 0.2, 0.0), 20.0, None),
        ((0.0, 0.0, 0.0), 0.0, None),
    ],
)
def test_an_exact_mix_of_other_channels_is_found(
    weights: tuple[float, float, float], noise: float, told: str | None
) -> None:
    rng = np.random.default_rng(1)
    pm, nmhc = rng.integers(100, 2000, (200, 1)), rng.integers(500, 6000, (200, 1))
    mixed = weights[0] * pm + weights[1] * nmhc + weights[2] + noise * rng.standard_normal((200, 1))
    fume, there = np.rint(mixed).astype(np.int32), np.ones((200, 1), np.bool_)
    found = find_mixes(fume, pm.astype(np.int32), nmhc.astype(np.int32), there)
    assert found.get(0) == told


def test_a_few_points_lie_on_a_plane_by_chance() -> None:
    rng = np.random.default_rng(1)
    fume, pm, nmhc = (rng.integers(100, 900, (25, 1)).astype(np.int32) for _ in range(3))
    assert find_mixes(fume, pm, nmhc, np.ones((25, 1), np.bool_)) == {}


def test_a_monitor_whose_clock_is_slow_teaches_as_others_do() -> None:
    """Its readings come three minutes after their minute was judged, each five minutes."""
    engine = Engine([RULE], Freshness(), roster_of(place(), place(1)), ZoneInfo("Asia/Shanghai"))
    begins = micros(datetime(2026, 11, 2, 16, tzinfo=UTC))
    engine.begin(begins)
    for minute in range(26 * 60):
        rows = []
        if minute % 5 == 0:
            value = 0.1 + minute // 10 % 7 / 100
            late = begins + (minute - 3) * MINUTE
            rows = [(0, begins + minute * MINUTE, {"fume": value}), (1, late, {"fume": value})]
            engine.add(readings([row for row in rows if row[1] >= begins]))
        engine.advance(begins + (minute + 1) * MINUTE)
        engine.again()
    lessons = engine.lessons
    assert lessons.interval[:2].tolist() == [5, 5]
    assert lessons.period[FUME][:2].tolist() == [10, 10]
    assert lessons.days[:2].tolist() == [1, 1]
