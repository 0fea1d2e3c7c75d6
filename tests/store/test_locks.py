"""The advisory locks: those that SQL takes are those that Python knows."""

import re
import threading
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from fumewatch import store
from fumewatch.store.leader import Leader
from fumewatch.store.locks import Lock

MIGRATIONS = Path(store.__file__).parent / "migrations"
TAKEN = re.compile(r"pg_advisory_xact_lock\((?:x'([0-9A-F]+)'::bigint|(\d+))\)")


@pytest.mark.parametrize(
    ("file", "lock"), [("0006_record.sql", Lock.RECORD), ("0007_care.sql", Lock.DAYS)]
)
def test_a_migration_takes_the_lock_that_is_its_own(file: str, lock: Lock) -> None:
    found = TAKEN.findall((MIGRATIONS / file).read_text())
    assert {int(hex_, 16) if hex_ else int(number) for hex_, number in found} == {lock}


def test_who_stores_readings_and_who_records_do_not_wait_for_each_other(database_url: str) -> None:
    with closing(Leader(database_url)) as leader, psycopg.connect(database_url) as storing:
        assert leader.try_lead()
        assert leader.may_store(storing)
        recorded = threading.Event()
        thread = threading.Thread(target=_record, args=(database_url, recorded))
        thread.start()
        assert recorded.wait(30)
        thread.join()


def _record(url: str, done: threading.Event) -> None:
    with psycopg.connect(url) as conn:
        conn.execute("select append_to_record(1, null, null, 'x')")
        done.set()
