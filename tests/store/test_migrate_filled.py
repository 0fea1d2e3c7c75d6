"""A filled database goes from the fourth schema to today's while others write on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from fumewatch.core import record as chain
from fumewatch.core.errors import StoreUnavailable
from fumewatch.store import migrate, record
from tests.store.test_migrate import NEWEST, make_old

FILL = """
    create table reading_20261123 partition of reading
        for values from ('2026-11-23 00:00+00') to ('2026-11-24 00:00+00');
    insert into site (code, name, district, street) values ('S1', '老面馆', 'xuhui', '漕河泾街道');
    insert into monitor (district, code) select 'xuhui', 'M' || n from generate_series(1, 100) n;
    insert into reading (monitor_id, measured_at, received_at, fume)
    select 1 + n %% 100, '2026-11-23 00:00+00'::timestamptz + n / 100 * interval '1 minute',
        '2026-11-23 00:00+00', n from generate_series(0, %(readings)s - 1) n;
    insert into alert (id, rule, kind, severity, monitor_id, state, opened_at, breached_at,
        resolved_at, value, "limit")
    select md5(n::text)::uuid, 'r' || n %% 9, 'threshold', 'warning', 1 + n %% 100, 'resolved',
        '2026-11-23 00:00+00', '2026-11-23 00:00+00', '2026-11-23 01:00+00', 1.5, 1.0
    from generate_series(1, %(alerts)s) n;
    insert into transition (alert_id, before, after, at, reason, value, evidence)
    select id, s.before, s.after, opened_at + s.n * interval '1 minute', 'breach', 1.5,
        '{"window": "10m", "samples": [1.1, 1.2, 1.3, 1.4, 1.5]}'
    from alert, (values (1, null, 'pending'), (2, 'pending', 'firing'), (3, 'firing', 'resolved'))
        s (n, before, after);
    insert into action (alert_id, at, kind, actor, via)
    select id, opened_at, 'acknowledged', 'Li', 'page' from alert;
    insert into told (receiver, alert_id, state, at)
    select 'duty', id, 'resolved', opened_at from alert;
    insert into outbox (idempotency_key, transition_id, thread, receiver, body, state, due_at,
        settled_at, created_at)
    select gen_random_uuid(), id, alert_id, 'duty', '{"alerts": []}', 'sent', at, at, at
    from transition where after <> 'pending';
"""
INGEST = """
    insert into reading (monitor_id, measured_at, received_at, fume)
    select m, '2026-11-23 20:00+00'::timestamptz + %(n)s * interval '1 second', now(), 1
    from generate_series(1, 50) m;
    insert into monitor_latest (monitor_id, measured_at, received_at, unjudged, quality)
    select m, now(), now(), 0, 'N' from generate_series(1, 50) m
    on conflict (monitor_id) do update set measured_at = excluded.measured_at;
"""
EVALUATE = """
    with moved as (
        insert into transition (alert_id, before, after, at, reason, value)
        select id, 'firing', 'resolved', now(), 'clear', 1 from alert limit 5
        returning id, alert_id)
    insert into outbox (idempotency_key, transition_id, thread, receiver, body, due_at, created_at)
    select gen_random_uuid(), id, alert_id, 'duty', '{}', now(), now() from moved;
    insert into told (receiver, alert_id, state, at)
    select 'duty', id, 'firing', now() from alert limit 5
    on conflict (alert_id, receiver, addressee) do update set at = excluded.at;
"""
ANSWER = """
    insert into action (alert_id, at, kind, actor, via)
    select id, now(), 'acknowledged', 'Li', 'page' from alert limit 1
"""


@dataclass(slots=True)
class Writer:
    """What a daemon of the earlier release does, again and again; how long each took, and broke."""

    url: str
    statement: str
    took: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        with psycopg.connect(self.url) as conn:
            conn.prepare_threshold = None
            while not stop.wait(0.005):
                started = time.monotonic()
                try:
                    self._write(conn)
                except psycopg.Error as error:
                    conn.rollback()
                    self.broken.append(str(error))
                self.took.append(time.monotonic() - started)

    def _write(self, conn: psycopg.Connection[Any]) -> None:
        for statement in self.statement.split(";\n"):
            conn.execute(statement.replace("%(n)s", str(len(self.took))))
        conn.commit()


@contextmanager
def writing(url: str) -> Iterator[list[Writer]]:
    writers = [Writer(url, statement) for statement in (INGEST, EVALUATE, ANSWER)]
    stop = threading.Event()
    threads = [threading.Thread(target=writer.run, args=[stop]) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield writers
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def fill(url: str, readings: int, alerts: int) -> None:
    make_old(url, "0004")
    with psycopg.connect(url) as conn:
        filled = FILL.replace("%(readings)s", str(readings)).replace("%(alerts)s", str(alerts))
        conn.execute(filled.replace("%%", "%"))


@pytest.mark.parametrize(
    ("readings", "alerts"), [(10_000, 1000), pytest.param(100_000, 10_000, marks=pytest.mark.soak)]
)
def test_writers_go_on_meanwhile(empty_database_url: str, readings: int, alerts: int) -> None:
    fill(empty_database_url, readings, alerts)
    with writing(empty_database_url) as writers:
        while not all(writer.took for writer in writers):
            time.sleep(0.01)
        started = time.monotonic()
        assert migrate.upgrade(empty_database_url) == ("0004", NEWEST)
        took = time.monotonic() - started
    longest = max(max(writer.took) for writer in writers)
    written = sum(len(writer.took) for writer in writers)
    print(f"upgrade {took:.1f} s; {written} transactions meanwhile, the longest {longest:.2f} s")
    assert [writer.broken for writer in writers] == [[], [], []]
    assert longest < 5  # 0.1 to 0.4 s here; a machine that does other things too may take longer
    with psycopg.connect(empty_database_url) as conn:
        head = record.head(conn)
        assert (
            head.seq
            == conn.execute(
                "select (select count(*) from transition) + (select count(*) from action)"
            ).fetchall()[0][0]
        )
        assert list(chain.verify(record.entries(conn, head.seq))) == []


def test_a_table_in_use_is_waited_for_without_holding_up_who_writes_to_it(
    empty_database_url: str,
) -> None:
    fill(empty_database_url, 100, 10)
    answers: list[Any] = []
    upgrade = threading.Thread(target=lambda: answers.append(migrate.upgrade(empty_database_url)))
    with psycopg.connect(empty_database_url) as report:
        report.execute("select count(*) from action")  # until it ends, nobody may alter that
        upgrade.start()
        with writing(empty_database_url) as writers:
            until = time.monotonic() + 3 * migrate.LOCK_MS / 1000
            while time.monotonic() < until:
                time.sleep(0.01)
        assert answers == []
    upgrade.join()
    assert answers == [("0004", NEWEST)]
    assert all(len(writer.took) > 3 for writer in writers)
    assert [writer.broken for writer in writers] == [[], [], []]


def test_a_table_that_stays_locked_is_given_up_and_nothing_is_half_done(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(empty_database_url, 100, 10)
    monkeypatch.setattr(migrate, "_LOCK_TRIES", 2)
    monkeypatch.setattr(migrate, "_PAUSE_SECONDS", 0.01)
    with psycopg.connect(empty_database_url) as report:
        report.execute("lock table transition in access exclusive mode")
        with pytest.raises(StoreUnavailable, match="keep its tables locked"):
            migrate.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        assert migrate.revision(conn) in ("0004", "0005")
    assert migrate.upgrade(empty_database_url)[1] == NEWEST


def test_an_index_that_was_left_half_built_is_built_anew(empty_database_url: str) -> None:
    """As a kill in the midst of `create index concurrently` leaves it."""
    make_old(empty_database_url, "0006")
    with psycopg.connect(empty_database_url) as conn:
        conn.execute("create index told_resolved on told (at) where state = 'resolved'")
        half = "update pg_index set indisvalid = false where indexrelid = 'told_resolved'::regclass"
        conn.execute(half)
    assert migrate.upgrade(empty_database_url) == ("0006", NEWEST)
    with psycopg.connect(empty_database_url) as conn:
        valid = "select indisvalid from pg_index where indexrelid = 'told_resolved'::regclass"
        assert conn.execute(valid).fetchall() == [(True,)]
