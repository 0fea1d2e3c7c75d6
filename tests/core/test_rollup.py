"""Roll-ups: what batches add up to is what all rows count to."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

from fumewatch.core.merge import Added, merge
from fumewatch.core.reading import MISSING, Readings
from fumewatch.core.rollup import ADDITIVE, HIGHEST, Rollup, RollupDelta, Sums
from tests.store.build import batch, reading, told

SHANGHAI = ZoneInfo("Asia/Shanghai")


def line(sums: Sums, row: int = 0) -> dict[str, int]:
    """What is not zero or missing, by name."""
    values = zip(
        (*ADDITIVE, *HIGHEST), [*sums.additive[:, row], *sums.highest[:, row]], strict=True
    )
    return {name: int(value) for name, value in values if value not in (0, MISSING)}


def drained(*rows: Readings, streets: dict[int, tuple[str, str]] | None = None) -> RollupDelta:
    rollup = Rollup(SHANGHAI)
    for row in rows:
        rollup.add(Added.only_new(row))
    return rollup.drain(streets or {})


def test_what_is_counted() -> None:
    delta = drained(
        batch(
            reading(fume=800, fan_on=1, purifier_on=1),
            reading(minutes=1, fume=300, pm=5, fan_on=1, purifier_on=0),
            reading(minutes=2, fan_on=1),
            reading(minutes=3, fan_on=0, purifier_on=1),
            reading(minutes=4, quality="D", fume=9000, fan_on=1),
            reading(minutes=5, unjudged=1, fume=31000, pm=7),
        )
    )
    assert line(delta.ten_minutes) == {
        "readings": 6,
        "valid": 5,
        "fan_on": 3,
        "linkage_known": 2,
        "linkage_on": 1,
        "fume_n": 2,
        "fume_sum": 1100,
        "fume_max": 800,
        "pm_n": 2,
        "pm_sum": 12,
        "pm_max": 7,
    }


def test_a_row_that_gains_a_channel_counts_once() -> None:
    rollup = Rollup(SHANGHAI)
    before = reading(fume=800, fan_on=1)
    rollup.add(Added.only_new(before))
    rollup.add(merge(before, reading(purifier_on=1, pm=5)))
    assert line(rollup.drain({}).ten_minutes) == {
        "readings": 1,
        "valid": 1,
        "fan_on": 1,
        "linkage_known": 1,
        "linkage_on": 1,
        "fume_n": 1,
        "fume_sum": 800,
        "fume_max": 800,
        "pm_n": 1,
        "pm_sum": 5,
        "pm_max": 5,
    }


def test_ten_minutes_days_and_streets() -> None:
    """Noon UTC is 20:00 in Shanghai: four hours later a day begins there."""
    delta = drained(
        batch(*[reading(m, t, fume=1) for m in (1, 2, 3) for t in (0, 9.9, 10, 240)]),
        streets={1: ("xuhui", "Tianlin"), 2: ("xuhui", "Tianlin"), 9: ("xuhui", "Caohejing")},
    )
    assert delta.ten_minutes.additive[0].tolist() == [2, 1, 1] * 3
    assert delta.days.key.tolist() == [1, 1, 2, 2, 3, 3]
    assert delta.days.additive[0].tolist() == [3, 1] * 3
    days = {datetime.fromtimestamp(us / 1e6, UTC) for us in delta.days.start.tolist()}
    assert days == {datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)}
    assert [delta.street_names[k] for k in delta.streets.key] == [("xuhui", "Tianlin")] * 3
    assert delta.streets.additive[0].tolist() == [4, 2, 2]


def test_the_newest_reading_of_each_monitor() -> None:
    delta = drained(
        batch(reading(1, 5, fume=5), reading(1, 3, fume=3), reading(2, 0, pm=1)),
        reading(1, 4, fume=4),
    )
    assert told(delta.latest) == told(batch(reading(1, 5, fume=5), reading(2, 0, pm=1)))


def test_nothing_gives_nothing() -> None:
    delta = drained(Readings.empty())
    assert [len(x) for x in (delta.ten_minutes, delta.days, delta.streets, delta.latest)] == [0] * 4


def test_more_rows_than_wait_at_a_time() -> None:
    rng = np.random.default_rng(1)
    rollup = Rollup(SHANGHAI)
    size = 5_000
    for i in range(40):
        values = np.full((10, size), MISSING, np.int32)
        values[0] = rng.integers(0, 5000, size)
        at = np.full(size, reading(minutes=i % 3).measured_at[0])
        monitor = np.arange(size, dtype=np.int32)
        quality = np.full(size, ord("N"), np.uint8)
        rows = Readings(monitor, at, values, quality, np.zeros(size, np.int16))
        rollup.add(Added.only_new(rows))
    assert rollup.drain({}).ten_minutes.additive[0].tolist() == [40] * size
