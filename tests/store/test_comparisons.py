"""Devices' own means against ours, end to end: readings, roll-ups, the job."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fumewatch.config.tree import RetentionSettings
from fumewatch.core.device import DeviceAggregate, Interval
from fumewatch.core.integrity import Comparison, Integrity, Outcome
from fumewatch.core.reading import INDEX, Readings
from fumewatch.core.rollup import Rollup
from fumewatch.jobs import compare_aggregates, jobs
from fumewatch.store import Database, comparisons, devices, monitors, readings, rollups
from fumewatch.store.wire import to_us
from tests.fixtures.database import on_engines
from tests.store.build import at, batch, reading

pytestmark = on_engines("plain")

SHANGHAI = ZoneInfo("Asia/Shanghai")
SETTINGS = Integrity()
HOUR, DAY, MINUTES = Interval.HOUR, Interval.DAY, Interval.MINUTES
LATER = 10_000.0
"""Minutes from noon: all has settled."""


@pytest.fixture
def scene(database: Database) -> "Scene":
    """Monitors 1 and 2."""
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1"), ("xuhui", "M2")])
    return Scene(database)


class Scene:
    """Minutes are from noon of the 23rd, UTC: 20:00 in Shanghai."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.rollup = Rollup(SHANGHAI)

    def measured(self, rows: Readings, received: float) -> None:
        with self.database.transaction() as conn:
            added = readings.add(conn, rows, at(received))
        self.rollup.add(added)
        delta = self.rollup.drain({})
        with self.database.transaction() as conn:
            assert rollups.flush(conn, delta, at(received))

    def told(self, *facts: DeviceAggregate, received: float = 60, monitor: int = 1) -> None:
        with self.database.transaction() as conn:
            devices.add(conn, [(monitor, fact) for fact in facts], at(received))

    def compare(self, now: float = LATER) -> dict[str, int]:
        return compare_aggregates(SETTINGS, self.database, at(now))

    def found(self) -> list[tuple[Any, ...]]:
        """(outcome, our mean, our count) by monitor, interval, start and channel."""
        query = """
            select outcome, our_mean, our_count from device_aggregate
            order by monitor_id, interval, start, channel
        """
        with self.database.transaction() as conn:
            return conn.execute(query).fetchall()


def minutely(first: float, last: float, fume: int, step: float = 1, **more: Any) -> Readings:
    """Readings from minute `first` up to `last`."""
    minutes = [first + step * n for n in range(int((last - first) / step))]
    return batch(*(reading(1, minute, fume=fume, **more) for minute in minutes))


def own(mean: int, start: float = 0, interval: Interval = HOUR, **more: Any) -> DeviceAggregate:
    fields = {"channel": INDEX["fume"], "mean": mean} | more
    return DeviceAggregate(interval, to_us(at(start)), **fields)


@pytest.mark.parametrize(
    ("told", "outcome"),
    [
        pytest.param(own(820), ("agrees", 820, 60), id="the hour"),
        pytest.param(own(500), ("differs", 820, 60), id="another mean"),
        pytest.param(own(500, quality="D"), ("not judged", None, None), id="flagged"),
        pytest.param(own(1500, channel=INDEX["pm"]), ("agrees", 1500, 60), id="another channel"),
        pytest.param(
            own(500, channel=INDEX["nmhc"]), ("too few of ours", None, 0), id="we have no such"
        ),
        pytest.param(own(820, 5), ("not our ten minutes", None, None), id="from 12:05 on"),
        pytest.param(own(820, -60), ("too few of ours", None, 0), id="the hour before"),
        pytest.param(own(820, 20), ("too few of ours", 820, 40), id="four of six ten minutes"),
        pytest.param(own(820, 10), ("agrees", 820, 50), id="five of six ten minutes"),
        pytest.param(own(820, -480, DAY), ("too few of ours", 820, 60), id="an hour of a day"),
        pytest.param(
            own(820, 0, MINUTES), ("not our ten minutes", None, None), id="of what length"
        ),
        pytest.param(
            own(820, 60 * 24 * 30_000), ("not our ten minutes", None, None), id="in the year 2109"
        ),
    ],
)
def test_an_outcome(scene: Scene, told: DeviceAggregate, outcome: Any) -> None:
    scene.measured(minutely(0, 60, 820, pm=1500), received=60)
    scene.told(told)
    assert sum(scene.compare().values()) == 1
    assert scene.found() == [outcome]


def test_a_day_is_compared_with_its_144_ten_minutes(scene: Scene) -> None:
    scene.measured(minutely(-480, 960, 820, step=10), received=960)
    scene.measured(minutely(960, 2400, 5000, step=10), received=2400)
    scene.told(own(800, -480, DAY))
    assert scene.compare() == {"agrees": 1}
    assert scene.found() == [("agrees", 820, 144)]


@pytest.mark.parametrize(("step", "count"), [(1, 60), (5, 12), (10, 6)])
def test_who_sends_rarely_is_compared_as_well(scene: Scene, step: int, count: int) -> None:
    scene.measured(minutely(0, 60, 820, step=step), received=60)
    scene.told(own(500))
    scene.compare()
    assert scene.found() == [("differs", 820, count)]


def test_values_that_are_not_judged_are_not_ours(scene: Scene) -> None:
    scene.measured(batch(minutely(0, 60, 820), minutely(0.5, 60.5, 9000, quality="D")), received=61)
    scene.told(own(820))
    scene.compare()
    assert scene.found() == [("agrees", 820, 60)]


@pytest.mark.parametrize(
    ("starts", "outcomes"),
    [
        pytest.param([0, 10, 20], ["agrees"] * 3, id="ten minutes apart"),
        pytest.param([0, 5, 10, 15], ["not our ten minutes"] * 4, id="every five"),
        pytest.param([0, 30], ["not our ten minutes"] * 2, id="every thirty"),
        pytest.param([1, 11, 21], ["not our ten minutes"] * 3, id="beside our bounds"),
    ],
)
def test_minutes_are_compared_where_they_are_ten(
    scene: Scene, starts: list[float], outcomes: list[str]
) -> None:
    scene.measured(minutely(0, 60, 820), received=60)
    scene.told(*(own(820, start, MINUTES) for start in starts))
    scene.compare()
    assert [outcome for outcome, *_ in scene.found()] == outcomes


@pytest.mark.parametrize(
    ("received", "now", "is_due"),
    [
        pytest.param(60, 74, False, id="late readings may come"),
        pytest.param(60, 75, True, id="a quarter of an hour after its end"),
        pytest.param(300, 314, False, id="it came late itself"),
        pytest.param(300, 315, True, id="and a quarter of an hour after that"),
        pytest.param(10, 60, False, id="it is not over yet"),
    ],
)
def test_it_waits_for_late_readings(
    scene: Scene, received: float, now: float, is_due: bool
) -> None:
    scene.told(own(820), received=received)
    assert bool(scene.compare(now)) is is_due


def test_readings_that_came_late_count(scene: Scene) -> None:
    scene.measured(minutely(0, 30, 820), received=30)
    scene.told(own(820))
    scene.measured(minutely(30, 60, 820), received=70)
    assert scene.compare(75) == {"agrees": 1}


def test_a_recount_gives_the_same(scene: Scene, database: Database) -> None:
    scene.measured(minutely(0, 60, 820), received=60)
    with database.transaction() as conn:
        conn.execute("update rollup_10m set fume_sum = 1")
        rollups.repair(conn, at(-60), at(120), SHANGHAI)
    scene.told(own(820))
    assert scene.compare() == {"agrees": 1}


def test_what_did_not_agree_is_compared_again_after_the_nights_recount(
    scene: Scene, database: Database
) -> None:
    scene.measured(minutely(0, 30, 820), received=30)
    scene.told(own(820), own(400, channel=INDEX["pm"]), own(820, -60))
    scene.measured(minutely(-60, 0, 9000), received=80)
    assert scene.compare(100) == {"too few of ours": 2, "differs": 1}
    scene.measured(minutely(30, 60, 820), received=200)
    assert scene.compare(300) == {}, "nobody looks again by day"
    night = next(
        job
        for job in jobs(SHANGHAI, RetentionSettings, lambda: SETTINGS)
        if job.name == "repair_rollups"
    )
    night.run(database, at(600))
    assert scene.compare(605) == {"agrees": 1, "too few of ours": 1, "differs": 1}
    night.run(database, at(5000))
    assert scene.compare(5005) == {}, "after two days it stays"


def test_newer_values_are_compared_anew(scene: Scene) -> None:
    scene.measured(minutely(0, 60, 820), received=60)
    scene.told(own(500))
    assert scene.compare() == {"differs": 1}
    scene.told(own(810), received=90)
    assert scene.compare() == {"agrees": 1}
    assert scene.compare() == {}


def test_what_came_anew_meanwhile_is_not_settled(scene: Scene, database: Database) -> None:
    scene.told(own(500))
    with database.transaction() as conn:
        (one,) = comparisons.due(conn, at(LATER), 10)
    scene.told(own(600), received=90)
    with database.transaction() as conn:
        comparisons.record(conn, [(one, Comparison(Outcome.AGREES, 500, 1))], at(LATER))
    assert scene.found() == [(None, None, None)]


def test_a_run_takes_so_many_and_the_oldest_first(scene: Scene, database: Database) -> None:
    for n in range(5):
        scene.told(own(500, 60 * n), received=400 - n)
    with database.transaction() as conn:
        some = comparisons.due(conn, at(LATER), 2)
    assert [one.start for one in some] == [at(240), at(180)]


def test_monitors_are_kept_apart(scene: Scene) -> None:
    scene.measured(minutely(0, 60, 820), received=60)
    scene.told(own(820))
    scene.told(own(820), monitor=2)
    scene.compare()
    assert scene.found() == [("agrees", 820, 60), ("too few of ours", None, 0)]
