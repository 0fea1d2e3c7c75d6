"""The jobs, each run once by hand."""

import uuid
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fumewatch.jobs import jobs
from fumewatch.store import Database, daemons, dead_letters
from fumewatch.store.daemons import Daemon
from fumewatch.store.dead_letters import DeadLetter

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
KEEP = timedelta(days=400)


def test_what_nobody_needs_any_more_goes_in_time(database: Database):
    for at in (NOW, NOW - 2 * KEEP):
        with database.transaction() as conn:
            daemons.beat(conn, Daemon(uuid.uuid4(), "host", 1, "0", at, at, False, {}, {}))
            dead_letters.add(conn, [DeadLetter(at, "a/topic", b"", "not_json", "")])
    for job in jobs(ZoneInfo("Asia/Shanghai"), KEEP):
        job.run(database, NOW)
    with database.transaction() as conn:
        assert conn.execute("select heartbeat_at from daemon").fetchall() == [(NOW,)]
        assert conn.execute("select received_at from dead_letter").fetchall() == [(NOW,)]
