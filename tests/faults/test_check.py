"""The checker sees what it is there to see."""

from collections.abc import Callable

import psycopg
import pytest

from tests.faults.check import check
from tests.faults.drill import DURABLE, Scenario, drill
from tests.faults.stage import Stage
from tests.fixtures.reuse import create, drop, new_name

pytestmark = pytest.mark.timeout(300)

_UNLOCK = "set session_replication_role = replica;"  # the triggers that refuse just this
TAMPERED = {
    "a reading is lost": "delete from reading where ctid = (select min(ctid) from reading)",
    "a reading is another": "update reading set fume = fume + 1 where ctid ="
    " (select max(ctid) from reading)",
    "a roll-up counts twice": "update rollup_10m set readings = readings + 1",
    "the latest is an old one": "update monitor_latest set measured_at = measured_at - interval"
    " '1 minute'",
    "a transition is lost": "delete from outbox where transition_id = (select max(id) from"
    " transition); delete from transition where id = (select max(id) from transition)",
    "a transition came late": "update transition set at = at + interval '1 minute'"
    " where id = (select max(id) from transition)",
    "a message is forgotten": "delete from outbox where id = (select max(id) from outbox"
    " where receiver = 'duty')",
    "a message was never sent": "update outbox set idempotency_key = gen_random_uuid()"
    " where id = (select max(id) from outbox)",
}


@pytest.mark.soak
def test_the_checker_sees_what_was_changed(stage_of: Callable[..., Stage]) -> None:
    stage = stage_of(DURABLE, breaks_server=True)
    drill(stage, Scenario(minutes=6))
    whole, server = stage.database, stage.server
    for what, query in TAMPERED.items():
        with psycopg.connect(server.url(), autocommit=True) as conn:
            stage.hang_up()
            create(conn, name := new_name(), whole)
        stage.url = server.url(name)
        with psycopg.connect(stage.url) as conn:
            conn.execute(f"{_UNLOCK} {query}".encode())
        print(what)
        with pytest.raises(AssertionError):
            check(stage)
        stage.hang_up()
        with psycopg.connect(server.url(), autocommit=True) as conn:
            drop(conn, name)
