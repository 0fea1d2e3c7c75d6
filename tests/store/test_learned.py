"""What was learned comes back as it was, for the daemon and for people."""

from dataclasses import fields

import numpy as np

from fumewatch.core.learned import GAPS, NO_MINUTE, QUARTERS, Learned
from fumewatch.core.reading import INDEX, MEASURED, MISSING
from fumewatch.core.roster import NEVER
from fumewatch.store import Database, learned
from fumewatch.store.wire import from_us, to_us
from tests.store.build import NOON, at

MINUTE = 60_000_000
NOW = to_us(NOON) // MINUTE
FUME = INDEX["fume"]


def some(monitors: int, seed: int = 0) -> Learned:
    """Of monitors 1 and on: each channel known or not."""
    rng = np.random.default_rng(seed)
    shape = (len(MEASURED), monitors)
    known = rng.random(shape) < 0.8
    known[:, 0] = False
    heard = known.any(axis=0)
    return Learned(
        period=np.where(known, rng.integers(1, 16, shape), 0).astype(np.int16),
        is_learned=known & (rng.random(shape) < 0.5),
        gaps=(rng.integers(0, 2**16, (*shape, GAPS)) * known[..., None]).astype(np.uint16),
        value=np.where(known & (rng.random(shape) < 0.8), 820, MISSING).astype(np.int32),
        changed_at=np.where(known & (rng.random(shape) < 0.8), NOW - 5, NO_MINUTE),
        seen_at=np.where(known, NOW, NO_MINUTE),
        interval=heard.astype(np.int16) * 5,
        presence_gaps=(rng.integers(0, 9, (monitors, GAPS)) * heard[:, None]).astype(np.uint16),
        sampling=(rng.integers(0, 256, (monitors, QUARTERS)) * heard[:, None]).astype(np.uint8),
        days=heard.astype(np.uint8) * 7,
        today=(rng.random((monitors, QUARTERS)) < 0.5) & heard[:, None],
    )


def save(database: Database, as_of: int, told: Learned) -> None:
    with database.transaction() as conn:
        learned.save(conn, as_of, [told])


def assert_stored(database: Database, as_of: int, expected: Learned) -> None:
    with database.transaction() as conn:
        found_at, found = learned.load(conn, len(expected))
    assert found_at == as_of
    for field in fields(Learned):
        both = getattr(found, field.name), getattr(expected, field.name)
        np.testing.assert_array_equal(*both, err_msg=field.name, strict=True)


def test_what_was_learned_comes_back(database: Database) -> None:
    assert_stored(database, NEVER, Learned.nothing(3))
    with database.transaction() as conn:
        assert len(learned.load(conn)[1]) == 0
        assert learned.of_monitor(conn, 1) is None
    save(database, to_us(NOON), some(30))
    assert_stored(database, to_us(NOON), some(30))


def test_what_is_saved_takes_the_place_of_all_before(database: Database) -> None:
    for moment, told in enumerate(
        (
            some(20, seed=1),
            some(30, seed=2),
            some(10, seed=3),
            Learned.nothing(10),
        )
    ):
        save(database, to_us(at(moment)), told)
        assert_stored(database, to_us(at(moment)), told)


def test_two_saves_in_one_transaction(database: Database) -> None:
    with database.transaction() as conn:
        learned.save(conn, 0, [some(9, seed=1)])
        learned.save(conn, MINUTE, [some(9, seed=2)])
    assert_stored(database, MINUTE, some(9, seed=2))


def test_parts_are_of_monitors_one_after_the_other(database: Database) -> None:
    both = some(9, seed=1), some(7, seed=2)
    joined = {}
    for field in fields(Learned):
        columns = [getattr(part, field.name) for part in both]
        by_channel = len(columns[0]) == len(MEASURED) and columns[0].shape[1:2] == (9,)
        joined[field.name] = np.concatenate(columns, axis=1 if by_channel else 0)
    with database.transaction() as conn:
        learned.save(conn, MINUTE, both)
    assert_stored(database, MINUTE, Learned(**joined))


def test_rows_that_stay_are_not_written_again(database: Database) -> None:
    versions = "select monitor_id, channel, ctid::text, xmin::text from learned order by 1, 2"
    save(database, 0, some(9))
    with database.transaction() as conn:
        before = conn.execute(versions).fetchall()
    told = some(9)
    row, channel = before[0][:2]
    told.value[channel, row] += 1
    save(database, MINUTE, told)
    with database.transaction() as conn:
        after = conn.execute(versions).fetchall()
    assert [old == new for old, new in zip(before, after, strict=True)].count(False) == 1
    assert before[0] != after[0]


def test_of_one_monitor_for_the_page(database: Database) -> None:
    told = Learned.nothing(3)
    told.period[FUME, 2], told.is_learned[FUME, 2], told.seen_at[FUME, 2] = 11, True, NOW
    told.changed_at[FUME, 2] = NOW - 5
    told.interval[2], told.days[2], told.sampling[2, 48] = 1, 3, 255
    save(database, to_us(NOON), told)
    with database.transaction() as conn:
        learned.derive(conn, {1: "no row of this one", 2: "0.2·nmhc + 0.8·pm"})
    save(database, to_us(NOON), told)  # leaves it as it is
    with database.transaction() as conn:
        found = learned.of_monitor(conn, 2)
    assert found is not None
    assert found.channels == (
        learned.ChannelLearned("fume", 11, True, from_us((NOW - 5) * MINUTE)),
    )
    assert (found.interval_minutes, found.days, found.derived) == (1, 3, "0.2·nmhc + 0.8·pm")
    assert [quarter for quarter, share in enumerate(found.sampling) if share] == [48]
