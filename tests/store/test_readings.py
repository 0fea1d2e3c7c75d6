"""Readings in and out of a real database, on every engine."""

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fumewatch.core.merge import Added, unique
from fumewatch.core.reading import CHANNELS, MISSING, Readings
from fumewatch.store import Database, readings
from tests.fixtures.database import on_engines
from tests.store.build import NOON, at, batch, reading, told

pytestmark = on_engines("plain", "timescaledb")

FULL = {channel.name: 1 if channel.is_state else 100 + i for i, channel in enumerate(CHANNELS)}


def add(database: Database, rows: Readings, newest: readings.Newest | None = None) -> Added:
    with database.transaction() as conn:
        return readings.add(conn, rows, NOON, newest)


def stored(database: Database) -> list[tuple]:
    with database.transaction() as conn:
        return told(batch(*readings.since(conn, NOON - timedelta(days=400))))


def test_what_goes_in_comes_out(database: Database) -> None:
    rows = batch(
        reading(1, 0, **FULL),
        reading(2, 0, fume=820),
        reading(2, 1, "D", fume=-5, fan_on=0),
        reading(1, -1, unjudged=3, temperature=-12000, pm=1),
        reading(3, 0),
    )
    assert told(add(database, rows).fresh) == told(rows)
    assert stored(database) == told(rows)


def test_nothing_in_nothing_out(database: Database) -> None:
    assert len(add(database, Readings.empty())) == 0
    assert stored(database) == []


@pytest.mark.parametrize("remembers", [True, False])
def test_a_redelivered_batch_is_not_new(database: Database, remembers: bool) -> None:
    newest = readings.Newest() if remembers else None
    rows = batch(*[reading(m, t, **FULL) for m in (1, 2) for t in range(5)])
    assert len(add(database, rows, newest)) == 10
    assert len(add(database, rows, newest)) == 0
    assert stored(database) == told(rows)


def test_a_conflicting_duplicate_changes_nothing(database: Database) -> None:
    add(database, reading(fume=820))
    assert len(add(database, reading(fume=999))) == 0
    assert stored(database) == told(reading(fume=820))


def test_a_second_frame_fills_only_what_is_missing(database: Database) -> None:
    add(database, reading(fume=820, fan_on=1))
    added = add(database, reading(fume=999, pm=5, purifier_on=1))
    assert told(added.fresh) == told(reading(pm=5, purifier_on=1))
    assert told(added.before) == told(reading(fume=820, fan_on=1))
    assert told(added.after) == told(reading(fume=820, fan_on=1, pm=5, purifier_on=1))
    assert stored(database) == told(added.after)


def test_frames_of_one_instant_in_one_batch(database: Database) -> None:
    added = add(database, batch(reading(fume=820), reading(pm=5), reading(fume=1)))
    assert told(added.fresh) == told(reading(fume=820, pm=5))
    assert len(added.after) == 0


def test_memory_behind_the_truth(database: Database) -> None:
    """Another process stored a batch that this one's memory says must be new."""
    newest = readings.Newest()
    add(database, reading(1, 0, fume=1), newest)
    add(database, batch(reading(1, 1, fume=2), reading(1, 2, fume=3)))
    added = add(database, batch(reading(1, 1, pm=9), reading(1, 3, fume=4)), newest)
    assert told(added.fresh) == told(batch(reading(1, 1, pm=9), reading(1, 3, fume=4)))
    assert [row[1] for row in stored(database)] == [0, 1, 2, 3]


def test_memory_ahead_of_the_truth(database: Database) -> None:
    newest = readings.Newest()
    with database.transaction() as conn:
        readings.add(conn, reading(1, 0, fume=1), NOON, newest)
        conn.rollback()
    assert len(add(database, reading(1, 0, fume=1), newest)) == 1


def test_late_rows_find_their_day(database: Database) -> None:
    """Days nobody has made a partition for, over a gap of months, in one batch."""
    rows = batch(*[reading(1, -day * 1440, fume=day) for day in (0, 1, 2, 90, 380)])
    newest = readings.Newest()
    assert len(add(database, rows, newest)) == 5
    assert len(add(database, rows, newest)) == 0
    assert stored(database) == told(rows)


def test_of_one_monitor(database: Database) -> None:
    add(database, batch(*[reading(m, t, fume=t) for m in (1, 2) for t in range(4)]))
    with database.transaction() as conn:
        rows = readings.of_monitor(conn, 2, at(1), at(3))
    assert told(rows) == told(batch(reading(2, 1, fume=1), reading(2, 2, fume=2)))


@pytest.mark.parametrize(("configured", "then"), [("1", "200"), ("0", "0"), ("300", "300")])
def test_one_monitor_is_read_ahead_of(database: Database, configured: str, then: str) -> None:
    """In this transaction only; and never where the server's system cannot, or knows better."""
    with database.transaction() as conn:
        usual = conn.execute("show effective_io_concurrency").fetchone()
    with database.transaction() as conn:
        conn.execute("select set_config('effective_io_concurrency', %s, true)", [configured])
        readings.of_monitor(conn, 2, at(1), at(3))
        assert conn.execute("show effective_io_concurrency").fetchone() == (then,)
    with database.transaction() as conn:
        assert conn.execute("show effective_io_concurrency").fetchone() == usual


def test_more_rows_than_one_part(database: Database) -> None:
    many = Readings(
        np.arange(25_000, dtype=np.int32),
        np.full(25_000, reading().measured_at[0]),
        np.random.default_rng(1).integers(0, 9, (len(CHANNELS), 25_000)).astype(np.int32),
        np.full(25_000, ord("N"), np.uint8),
        np.zeros(25_000, np.int16),
    )
    add(database, many)
    with database.transaction() as conn:
        parts = list(readings.since(conn, NOON))
    assert [len(part) for part in parts] == [10_000, 10_000, 5_000]
    assert told(batch(*parts)) == told(many)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.lists(
            st.builds(
                lambda m, t, q, channels: reading(m, t, q, **channels),
                st.integers(1, 3),
                st.integers(0, 3),
                st.sampled_from("NND"),
                st.dictionaries(st.sampled_from(["fume", "pm", "fan_on"]), st.integers(0, 1)),
            ),
            max_size=5,
        ),
        max_size=5,
    )
)
def test_any_batches_leave_the_rows_that_one_batch_would(
    database: Database, batches: list[list[Readings]]
) -> None:
    with database.transaction() as conn:
        conn.execute("delete from reading")
    newest = readings.Newest()
    added = Added.concatenate(
        [
            Added.only_new(Readings.empty()),
            *[add(database, batch(*rows), newest) for rows in batches],
        ]
    )
    whole = unique(batch(*[row for rows in batches for row in rows]))
    with database.transaction() as conn:
        found = unique(batch(*readings.since(conn, NOON)))
    assert (found.monitor == whole.monitor).all()
    assert (found.measured_at == whole.measured_at).all()
    assert (found.judged() == whole.judged()).all()
    assert (added.fresh.judged() != MISSING).sum() == (whole.judged() != MISSING).sum()
    assert len(added) - len(added.after) == len(whole)
