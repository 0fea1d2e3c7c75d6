"""Facts of days: what goes in comes out, a day can be written again."""

from datetime import date

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch.core.days import FIELDS, DayFacts, day_number
from fumewatch.core.reading import CHANNELS, INDEX
from fumewatch.store import Database, day_facts

DAY = day_number(date(2026, 11, 23))
VALUES = ("median", "peak")
NEVER_KNOWN = ("temperature", "humidity", "velocity", "fan_on", "purifier_on")


def ids(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def facts(monitors: int, seed: int = 0) -> DayFacts:
    """One day of each: values of whole thousandths of the channels of which days are known."""
    rng = np.random.default_rng(seed)
    shape = (len(CHANNELS), 1, monitors)
    columns = {}
    for name in FIELDS:
        if name in VALUES:
            values = rng.integers(-100, 10_000, shape) / 1000
            values[[INDEX[other] for other in NEVER_KNOWN]] = np.nan
            values[rng.random(shape) < 0.3] = np.nan
            columns[name] = values
        elif name == "counted":
            columns[name] = rng.integers(0, 1441, shape).astype(np.int32)
            columns[name][[INDEX[other] for other in NEVER_KNOWN]] = 0
        else:
            columns[name] = rng.integers(0, 1441, shape[1:]).astype(np.int32)
    return DayFacts(**columns)


def assert_same(found: DayFacts, expected: DayFacts) -> None:
    for name in FIELDS:
        both = getattr(found, name), getattr(expected, name)
        np.testing.assert_array_equal(*both, err_msg=name, strict=True)


def part(of: DayFacts, days: slice, monitors: list[int]) -> DayFacts:
    return DayFacts(*(getattr(of, name)[..., days, :][..., monitors] for name in FIELDS))


def save(database: Database, day: int, monitors: np.ndarray, told: DayFacts) -> None:
    with database.transaction() as conn:
        day_facts.save(conn, day, monitors, told)


def load(database: Database, monitors: np.ndarray, last: int, days: int) -> DayFacts:
    with database.transaction() as conn:
        return day_facts.load(conn, monitors, last, days)


def test_days_come_back_in_order_and_gaps_are_empty(database: Database) -> None:
    save(database, DAY, ids(2, 7), facts(2, seed=1))
    save(database, DAY - 2, ids(7, 2), facts(2, seed=2))
    found = load(database, ids(7, 9, 2), DAY, 3)
    assert_same(part(found, slice(2, 3), [2, 0]), facts(2, seed=1))
    assert_same(part(found, slice(0, 1), [0, 2]), facts(2, seed=2))
    for nothing in (part(found, slice(1, 2), [0, 1, 2]), part(found, slice(0, 3), [1])):
        assert not nothing.readings.any()
        assert not nothing.counted.any()
        assert np.isnan(nothing.median).all()


def test_a_day_written_again_replaces_what_it_names(database: Database) -> None:
    save(database, DAY, ids(1, 2), facts(2, seed=1))
    finer = facts(1, seed=2)
    finer.median[:] += 0.0004
    save(database, DAY, ids(2), finer)
    found = load(database, ids(1, 2), DAY, 1)
    assert_same(part(found, slice(0, 1), [0]), part(facts(2, seed=1), slice(0, 1), [0]))
    assert_same(part(found, slice(0, 1), [1]), facts(1, seed=2))  # in whole thousandths


def test_many_monitors_are_read_whole(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_facts, "_FEW", 1)
    save(database, DAY, ids(1, 2, 3), facts(3))
    assert_same(load(database, ids(3, 1), DAY, 1), part(facts(3), slice(0, 1), [2, 0]))


@given(st.lists(st.integers(1, 2**31 - 2), max_size=30, unique=True), st.integers(0, 99))
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_saved_is_loaded(database: Database, monitors: list[int], seed: int) -> None:
    some = ids(*monitors)
    save(database, DAY, some, facts(len(some), seed))
    assert_same(load(database, some, DAY, 1), facts(len(some), seed))


def test_which_days_are_complete(database: Database) -> None:
    with database.transaction() as conn:
        day_facts.mark_done(conn, [DAY, DAY - 1, DAY - 5])
        day_facts.mark_done(conn, [DAY])
        assert day_facts.done(conn, DAY - 3) == [DAY - 1, DAY]
        day_facts.unmark(conn, [DAY])
        assert day_facts.done(conn, DAY - 9) == [DAY - 5, DAY - 1]


def test_old_days_go_bit_by_bit(database: Database) -> None:
    for day in (DAY - 1, DAY):
        save(database, day, ids(1, 2, 3), facts(3))
    with database.transaction() as conn:
        day_facts.mark_done(conn, [DAY - 1, DAY])
        assert [day_facts.drop_before(conn, date(2026, 11, 23), 2) for _ in range(3)] == [2, 1, 0]
        assert day_facts.done(conn, 0) == [DAY]
    assert load(database, ids(1, 2, 3), DAY, 2).readings.any(axis=1).tolist() == [False, True]
