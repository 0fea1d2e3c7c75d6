"""The chained record: what is in it, and what it finds when somebody has tampered."""

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from fumewatch.core.alert import Reason, State, Transition
from fumewatch.core.record import Head, Trouble, verify
from fumewatch.store import Connection, Database, actions, alerts, migrate, photos, record
from fumewatch.store.photos import Photo
from tests.store.build import NOON, at
from tests.store.test_actions import done, ids
from tests.store.test_alerts import alert, opened

__all__ = ["ids"]

JPEG = Photo(uuid.UUID(int=7), "image/jpeg", b"\xff\xd8 a purifier", 640, 480)


@pytest.fixture
def filled(database: Database, ids: list[uuid.UUID]) -> Database:
    """Two transitions, two actions, a photo, in this order; notes that a naive join would mix."""
    with database.transaction() as conn:
        first = actions.record(conn, done(ids[0], "acknowledged", note="1:a|油烟\n"))
        photos.add(conn, first.id, [JPEG])
        actions.record(conn, done(ids[1], "acknowledged", detail={"empty": "", "none": None}))
    return database


def findings(database: Database, noted: Head | None = None) -> list[tuple[Trouble, int | None]]:
    with database.transaction() as conn:
        upto = record.head(conn).seq
        found = [*verify(record.entries(conn, upto), noted), *record.beside(conn)]
    return [(each.trouble, each.seq) for each in found]


@pytest.fixture
def tamper(database_url: str) -> Iterator[Callable[[str], None]]:
    """As one who owns the database: past every trigger."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("set session_replication_role = replica")
        yield lambda statement: conn.execute(statement)


def test_what_is_stored_is_recorded_and_verified(filled: Database) -> None:
    with filled.transaction() as conn:
        entries = list(record.entries(conn, 99))
        head = record.head(conn)
    kinds = [entry.of.split()[0] for entry in entries]
    assert kinds == ["transition", "transition", "action", "photo", "action"]
    assert head == Head(5, entries[-1].hash)
    assert findings(filled, head) == []
    assert Head.parse(str(head)) == head


def test_an_empty_record_is_in_order(database: Database) -> None:
    assert findings(database) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("update action set actor = 'Wang' where id = (select min(id) from action)",
            [(Trouble.CHANGED, 3)]),
        ("update transition set value = 'NaN' where id = (select max(id) from transition)",
            [(Trouble.CHANGED, 2)]),
        ("""update transition set evidence = evidence || '{"mean": 0.9}'
            where id = (select min(id) from transition)""", [(Trouble.CHANGED, 1)]),
        ("update photo set content = content || '\\x00'", [(Trouble.CHANGED, 4)]),
        ("update action set at = at - interval '1 microsecond'",
            [(Trouble.CHANGED, 3), (Trouble.CHANGED, 5)]),
        ("delete from photo", [(Trouble.GONE, 4)]),
        ("delete from record where seq = 3", [(Trouble.CUT, 4), (Trouble.UNRECORDED, None)]),
        ("update record set hash = sha256('') where seq = 3",
            [(Trouble.CHANGED, 3), (Trouble.CHANGED, 4)]),
        ("""insert into action (alert_id, at, kind, actor, via)
            select alert_id, at, kind, 'Wang', via from action limit 1""",
            [(Trouble.UNRECORDED, None)]),
        ("""update alert set state = 'resolved', resolved_at = opened_at
            where id = (select id from alert limit 1)""", [(Trouble.STATE, None)]),
    ],
)  # fmt: skip
def test_tampering_is_found(
    filled: Database, tamper: Callable[[str], None], statement: str, found: list[object]
) -> None:
    tamper(statement)
    assert findings(filled) == found


def test_a_head_that_was_noted_shows_a_chain_cut_short_or_rewritten(
    filled: Database, tamper: Callable[[str], None]
) -> None:
    with filled.transaction() as conn:
        noted = record.head(conn)
    tamper("delete from record where seq = 5")
    tamper("delete from action where id = (select max(id) from action)")
    assert findings(filled) == []
    assert findings(filled, noted) == [(Trouble.SHORTER, None)]
    assert findings(filled, Head(4, noted.hash)) == [(Trouble.REWRITTEN, 4)]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from record",
        "update record set hash = ''",
        "truncate record",
        "delete from photo",
        "update photo set width = 1",
    ],
)
def test_the_record_is_append_only(filled: Database, database_url: str, statement: str) -> None:
    with psycopg.connect(database_url) as conn, pytest.raises(psycopg.errors.IntegrityError):
        conn.execute(statement)


def test_writers_at_once_make_one_chain(database: Database, ids: list[uuid.UUID]) -> None:
    firing = alert(1, id=ids[0], state=State.FIRING, opened_at=at(0), fired_at=at(0))

    def transitions(n: int) -> None:
        for k in range(10):
            again = replace(firing, value=float(n + k))
            with database.transaction() as conn:
                alerts.save(conn, [Transition(again, State.FIRING, at(k), Reason.BREACHED)] * 3)

    def acts(n: int) -> None:
        for k in range(10):
            with database.transaction() as conn:
                actions.append(conn, [done(ids[1], "note", note=f"{n} {k}")])

    threads = [
        threading.Thread(target=work, args=[n]) for n in range(3) for work in (transitions, acts)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.transaction() as conn:
        assert record.head(conn).seq == 2 + 90 + 30
    assert findings(database) == []


def test_rows_from_before_are_recorded_in_the_order_of_their_time(
    empty_database_url: str,
) -> None:
    migrate._run_alembic(empty_database_url, "0005")
    with psycopg.connect(empty_database_url) as conn:
        _old_rows(conn)
    migrate.upgrade(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        entries = list(record.entries(conn, 99))
        assert [entry.of.split()[0] for entry in entries] == ["transition", "action", "transition"]
        assert list(verify(entries)) == []
        assert list(record.beside(conn)) == []


def _old_rows(conn: Connection) -> None:
    conn.execute("insert into monitor (district, code) values ('xuhui', 'M1')")
    pending = alert(1)
    firing = replace(pending, state=State.FIRING, fired_at=at(5))
    alerts.save(conn, [opened(pending)])
    alerts.save(conn, [Transition(firing, State.PENDING, NOON + timedelta(hours=1), Reason.HELD)])
    conn.execute(
        "insert into action (alert_id, at, kind, actor, via) values (%s, %s, %s, %s, %s)",
        [pending.id, at(9), "acknowledged", "Li Wei", "link"],
    )
