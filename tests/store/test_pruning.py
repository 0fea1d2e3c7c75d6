"""What is old goes, what is needed or the record stays, and no clock that jumped takes anything."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from fumewatch import jobs
from fumewatch.config.tree import RetentionSettings
from fumewatch.core.integrity import Integrity
from fumewatch.store import Connection, Database, dead_letters, partitions, pruning, readings
from fumewatch.store.dead_letters import DeadLetter
from tests.fixtures.database import on_every_engine
from tests.store.build import NOON, at, batch, reading

DAY = timedelta(days=1)
SHANGHAI = ZoneInfo("Asia/Shanghai")
DROP_OLD = next(
    job for job in jobs.jobs(SHANGHAI, RetentionSettings, Integrity) if job.name == "drop_old"
)
ALERTS = """
    insert into monitor (district, code) values ('xuhui', 'M1');
    insert into alert (id, rule, kind, severity, monitor_id, state, opened_at, breached_at, value,
        "limit")
    values ('00000000-0000-0000-0000-000000000001', 'a', 'threshold', 'info', 1, 'resolved',
            now(), now(), 1, 1),
        ('00000000-0000-0000-0000-000000000002', 'b', 'threshold', 'info', 1, 'firing',
            now(), now(), 1, 1);
"""


def add_message(
    conn: Connection, number: int, settled_at: datetime | None, merged_into: int | None = None
) -> None:
    state = "merged" if merged_into else "sent" if settled_at else "due"
    conn.execute(
        "insert into outbox (idempotency_key, thread, receiver, body, due_at, created_at, state,"
        " settled_at, merged_into) values (gen_random_uuid(), gen_random_uuid(), %s, '{}', now(),"
        " now(), %s, %s, %s)",
        [str(number), state, settled_at, merged_into],
    )


def add_told(conn: Connection, alert: int, receiver: str, state: str, at: datetime) -> None:
    conn.execute(
        "insert into told (receiver, alert_id, state, at) values (%s, %s, %s, %s)",
        [receiver, f"00000000-0000-0000-0000-{alert:012}", state, at],
    )


def left(conn: Connection, table: str, column: str) -> list[str]:
    return [value for (value,) in conn.execute(f"select {column} from {table} order by 1")]


def measured(conn: Connection, *reached: datetime) -> None:
    """One monitor each whose newest reading is of then."""
    for n, moment in enumerate(reached, 1):
        conn.execute("insert into monitor (district, code) values ('xuhui', %s)", [f"M{n}"])
        conn.execute(
            "insert into monitor_latest (monitor_id, measured_at, received_at, unjudged, quality)"
            " values (%s, %s, %s, 0, 'N')",
            [n, moment, moment],
        )


def test_messages_go_once_they_are_settled_and_old(database: Database) -> None:
    with database.transaction() as conn:
        for number, settled in enumerate([at(-1), at(-2), at(1), None], 1):
            add_message(conn, number, settled)
        assert [pruning.messages(conn, NOON, 1) for _ in range(3)] == [1, 1, 0]
        assert left(conn, "outbox", "receiver") == ["3", "4"]


def test_a_message_that_others_were_merged_into_goes_after_them(database: Database) -> None:
    with database.transaction() as conn:
        add_message(conn, 1, at(-9))
        add_message(conn, 2, at(1), merged_into=1)
        assert pruning.messages(conn, NOON, 9) == 0
        assert [pruning.messages(conn, at(2), 9) for _ in range(3)] == [1, 1, 0]


def test_who_was_told_of_an_end_is_forgotten_and_of_a_beginning_never(database: Database) -> None:
    with database.transaction() as conn:
        conn.execute(ALERTS)
        for alert, receiver, state, moment in (
            (1, "old", "resolved", at(-1)),
            (1, "new", "resolved", at(1)),
            (1, "believes it fires", "firing", at(-1)),
            (2, "it fires again", "resolved", at(-1)),
        ):
            add_told(conn, alert, receiver, state, moment)
        assert pruning.told(conn, NOON, 9) == 1
        assert left(conn, "told", "receiver") == ["believes it fires", "it fires again", "new"]


def test_of_devices_means_the_findings_stay(database: Database) -> None:
    with database.transaction() as conn:
        conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
        conn.execute(
            "insert into device_aggregate (monitor_id, start, interval, channel, received_at,"
            " compared_at, outcome) select 1, now(), 'hour', outcome, now(), at, outcome from"
            " unnest(%s::text[], %s::timestamptz[]) t (outcome, at)",
            [
                ["agrees", "differs", "too few of ours", "not judged"],
                [at(-1), at(-1), at(-1), at(1)],
            ],
        )
        assert pruning.agreeing_means(conn, NOON, 9) == 2
        assert left(conn, "device_aggregate", "outcome") == ["differs", "not judged"]


@pytest.mark.parametrize(
    ("reached", "trusted"),
    [
        ((), NOON),
        ((NOON,), NOON),
        ((NOON - 30 * DAY,), NOON - 29 * DAY),
        ((NOON + DAY,), NOON),
        ((NOON - 300 * DAY,) * 90 + (NOON,) * 10, NOON),  # most are long gone
        ((NOON - 300 * DAY,) * 20 + (NOON,), NOON - 299 * DAY),  # one clock is wrong, with ours
    ],
)
def test_how_far_the_clock_is_trusted(
    database: Database, reached: tuple[datetime, ...], trusted: datetime
) -> None:
    with database.transaction() as conn:
        measured(conn, *reached)
        assert pruning.trusted_now(conn, NOON) == trusted


@on_every_engine
def test_a_clock_that_jumped_two_years_ahead_drops_nothing(database: Database, engine: str) -> None:
    with database.transaction() as conn:
        measured(conn, NOON)
        readings.add(conn, batch(*[reading(1, -1440 * 40 * n, fume=n) for n in range(12)]), NOON)
        add_message(conn, 1, NOON)
        dead_letters.add(conn, [DeadLetter(NOON, "a/topic", b"", "not_json", "")])
    DROP_OLD.run(database, NOON + 730 * DAY)
    with database.transaction() as conn:
        assert len(batch(*readings.since(conn, NOON - 999 * DAY))) == 11  # but the one of 440 days
        assert len(left(conn, "outbox", "id") + left(conn, "dead_letter", "id")) == 2
        conn.execute("update monitor_latest set measured_at = %s", [NOON + 730 * DAY])
    DROP_OLD.run(database, NOON + 730 * DAY)
    with database.transaction() as conn:
        assert len(batch(*readings.since(conn, NOON - 999 * DAY))) == 0
        assert left(conn, "outbox", "id") + left(conn, "dead_letter", "id") == []


def test_a_replayed_letter_is_looked_at_for_a_week(database: Database) -> None:
    with database.transaction() as conn:
        dead_letters.add(conn, [DeadLetter(NOON, t, b"", "not_json", "") for t in "ab"])
        conn.execute("update dead_letter set replayed_at = %s where topic = 'a'", [NOON])
    for days, expected in ((6, ["a", "b"]), (8, ["b"]), (91, [])):
        DROP_OLD.run(database, NOON + days * DAY)
        with database.transaction() as conn:
            assert left(conn, "dead_letter", "topic") == expected


def test_days_in_use_are_left_to_the_next_run(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "DROP_TRIES", 2)
    monkeypatch.setattr(jobs, "DROP_PAUSE_SECONDS", 0.01)
    with database.transaction() as conn:
        partitions.ensure(conn, [NOON.date() - 500 * DAY])
    with database.transaction() as report:
        report.execute("select count(*) from reading")
        assert DROP_OLD.run(database, NOON) == 0
    assert DROP_OLD.run(database, NOON) == 2


def test_clearing_away_goes_by_indexes(database: Database, brand_new: None) -> None:
    with database.transaction() as conn:
        conn.execute("set enable_seqscan = off")
        for statement in (pruning._MESSAGES, pruning._TOLD, pruning._AGREEING, pruning._STREETS):
            plan = conn.execute(f"explain {statement}", [NOON, 1000]).fetchall()
            assert not [line for (line,) in plan if "Seq Scan" in line and "alert" not in line]
