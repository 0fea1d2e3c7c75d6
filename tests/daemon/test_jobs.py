"""The jobs, each run once by hand."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED
from structlog.testing import capture_logs

from fumewatch import metrics
from fumewatch.config.tree import RetentionSettings
from fumewatch.core.access import FORGOTTEN_AFTER, Role
from fumewatch.core.device import DeviceAggregate, DeviceEvent, EventKind, Interval
from fumewatch.core.integrity import Integrity
from fumewatch.jobs import Job, jobs, scheduler
from fumewatch.store import Database, accounts, daemons, dead_letters, devices, monitors, sessions
from fumewatch.store.accounts import INVITED_FOR, KEPT_AFTER_END
from fumewatch.store.daemons import Daemon
from fumewatch.store.dead_letters import DeadLetter
from fumewatch.store.wire import to_us

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LONG = timedelta(days=800)
JOBS = {job.name: job for job in jobs(ZoneInfo("Asia/Shanghai"), RetentionSettings, Integrity)}


def test_what_nobody_needs_any_more_goes_in_time(database: Database):
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1")])
    for at in (NOW, NOW - LONG):
        with database.transaction() as conn:
            devices.add(
                conn,
                [
                    (1, DeviceEvent(EventKind.LOG, to_us(at), {"Info": "x"})),
                    (1, DeviceAggregate(Interval.HOUR, to_us(at), 0, mean=1)),
                ],
                at,
            )
            daemons.beat(conn, Daemon(uuid.uuid4(), "host", 1, "0", at, at, False, {}, {}))
            dead_letters.add(conn, [DeadLetter(at, "a/topic", b"", "not_json", "")])
            conn.execute("insert into day_done (day) values (%s)", [at])
    for job in JOBS.values():
        job.run(database, NOW)
    with database.transaction() as conn:
        assert conn.execute("select heartbeat_at from daemon").fetchall() == [(NOW,)]
        assert conn.execute("select received_at from dead_letter").fetchall() == [(NOW,)]
        assert conn.execute("select received_at from device_event").fetchall() == [(NOW,)]
        assert conn.execute("select received_at from device_aggregate").fetchall() == [(NOW,)]
        assert conn.execute("select day from day_done").fetchall() == [(NOW.date(),)]


@pytest.mark.parametrize(("leads", "left"), [(True, (1, 1, 1)), (False, (2, 2, 2))])
def test_logins_that_count_no_more_go_by_the_clock(
    database: Database, leads: bool, left: tuple[int, int, int]
):
    """By the scheduler itself: at once when a daemon starts, whoever leads."""
    second = timedelta(seconds=1)
    with database.transaction() as conn:
        for name, extra in (("old", second), ("new", -second)):
            account = accounts.add(conn, name, Role.VIEWER, "test", NOW)
            accounts.invite(conn, account, "test", NOW - INVITED_FOR - extra)
            sessions.start(conn, account, "192.0.2.1", "test", NOW - KEPT_AFTER_END - extra)
            sessions.count_failure(conn, name, "192.0.2.1", NOW - FORGOTTEN_AFTER - extra)
    runs = run_once(database, JOBS["prune_logins"], lambda: leads)
    with database.transaction() as conn:
        found = conn.execute(
            "select (select count(*) from invitation), (select count(*) from session),"
            " (select count(*) from login_failure)"
        ).fetchone()
    assert (runs, found) == (1, left)


def run_once(database: Database, job: Job, leads: Callable[[], bool]) -> int:
    """In a started scheduler; how often it ran."""
    done = threading.Event()
    runs = 0

    def note(_: object) -> None:
        nonlocal runs
        runs += 1
        done.set()

    schedule = scheduler((job,), database, ZoneInfo("Asia/Shanghai"), lambda: NOW, leads)
    schedule.add_listener(note, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    schedule.start()
    try:
        assert done.wait(30)
    finally:
        schedule.shutdown()
    return runs


@pytest.mark.parametrize(
    ("settle", "minutes"), [("1m", 1), ("90s", 1), ("4m", 4), ("15m", 5), ("2h", 5)]
)
def test_comparing_waits_no_longer_than_late_readings_may_take(settle: str, minutes: int):
    table = jobs(ZoneInfo("Asia/Shanghai"), RetentionSettings, lambda: Integrity(settle=settle))
    assert {job.minutes for job in table if job.name == "compare_aggregates"} == {minutes}


def test_comparisons_are_counted_by_what_they_came_to(database: Database):
    counter = metrics.COMPARISONS.labels("too few of ours")
    before = counter._value.get()
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1")])
        told = DeviceAggregate(Interval.HOUR, to_us(NOW - timedelta(hours=5)), 0, mean=1000)
        devices.add(conn, [(1, told)], NOW - timedelta(hours=4))
    assert JOBS["compare_aggregates"].run(database, NOW) == {"too few of ours": 1}
    assert JOBS["compare_aggregates"].run(database, NOW) == {}
    assert counter._value.get() == before + 1


def test_a_record_that_was_tampered_with_is_counted_and_told(database: Database):
    assert JOBS["verify_record"].run(database, NOW) == 0
    assert metrics.RECORD_FINDINGS._value.get() == 0
    with database.transaction() as conn:
        monitors.register(conn, [("xuhui", "M1")])
        conn.execute(
            "insert into alert (id, rule, kind, severity, monitor_id, state, opened_at,"
            " breached_at, value, \"limit\") values (gen_random_uuid(), 'x', 'threshold',"
            " 'warning', 1, 'firing', now(), now(), 2, 1)"
        )
    with capture_logs() as logs:
        assert JOBS["verify_record"].run(database, NOW) == 1
    assert metrics.RECORD_FINDINGS._value.get() == 1
    assert [line["log_level"] for line in logs] == ["error"]
    assert "does not stand as its last transition" in logs[0]["findings"][0]


def test_when_the_last_backup_was_made_is_known(database: Database):
    JOBS["look_at_backup"].run(database, NOW)
    assert metrics.BACKUP_AT._value.get() == 0
    with database.transaction() as conn:
        conn.execute("insert into backup_mark (made_at) values (%s)", [NOW])
    JOBS["look_at_backup"].run(database, NOW)
    assert metrics.BACKUP_AT._value.get() == NOW.timestamp()
